#include "job.h"

#include "fault.h"

enum { LIMITS, KEEP, INPUT, ARGV, ENV };

static bool are_texts(Bytes bytes) { return bytes.size && bytes.data[bytes.size - 1] == '\0'; }

Job job_of(const Frame *request) {
    const Bytes *fields = request->fields;
    Job job = {.keep = fields[KEEP], .input = fields[INPUT], .argv = fields[ARGV], .env = fields[ENV]};
    errno = 0;
    if (fields[LIMITS].size != sizeof job.limits) die("other limits than expected");
    if (!are_texts(job.argv) || !are_texts(job.env)) die("a command without its texts");
    memcpy(&job.limits, fields[LIMITS].data, sizeof job.limits);
    return job;
}
