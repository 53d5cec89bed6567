/* What a `run` request asks for. Its bytes lie in the request's frame. */
#ifndef JOB_H
#define JOB_H

#include "frames.h"

typedef struct {
    uint64_t cpu_ns, wall_ns;
    uint64_t idle_ns;  /* 0 if it is no dialogue */
    uint64_t quiet_ns; /* how long it may use no CPU time; 0 if that does not matter */
    uint64_t output_bytes, stack_bytes, keep_bytes;
    uint64_t memory_bytes; /* what it may hold; nothing ends it for that, but it must be told from what is just less */
} Limits;

typedef struct {
    Limits limits;
    Bytes keep, input, argv, env;
} Job;

Job job_of(const Frame *request);

#endif
