/* Processes that become commands. */
#ifndef STARTER_H
#define STARTER_H

#include <sys/types.h>

#include "job.h"

enum { NO_PROGRAM = -1 };

/* Both ends of a command's pipes; the supervisor's do not block. */
typedef struct {
    int in[2], out[2], err[2];
} Pipes;

/* Before PR_SET_DUMPABLE, after which even its own /proc is not the supervisor's any more. */
void starter_open(void);

Pipes starter_pipes(void);

/* Starts a job's command and closes its ends of the pipes. `program`: a descriptor of what ARGV[0] names, if there is
   one. A command that cannot be started ends with exit code 127 and a line on stderr. */
pid_t starter_start(const Job *job, int program, const Pipes *pipes);

#endif
