/* What a `run` request asks for. Its bytes lie in the request's frame. */
#ifndef JOB_H
#define JOB_H

#include "frames.h"

typedef struct {
    uint64_t cpu_ns, wall_ns, idle_ns, output_bytes, stack_bytes, keep_bytes; /* idle_ns: 0 if it is no dialogue */
} Limits;

typedef struct {
    Limits limits;
    Bytes keep, input, argv, env;
} Job;

Job job_of(const Frame *request);

#endif
