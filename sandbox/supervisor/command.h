/* One command: fed, listened to, measured, and ended with all that it started. */
#ifndef COMMAND_H
#define COMMAND_H

#include "capture.h"
#include "job.h"
#include "starter.h"

/* What a finished command is answered with. */
typedef struct {
    int64_t exit_code; /* -1 if a signal ended it */
    int64_t signal;    /* 0 if none did */
    int64_t cpu_ns, wall_ns, oom_kills;
    int64_t evicted; /* killed for lack of memory that was the machine's */
    int64_t peak_bytes, stdout_bytes, stderr_bytes;
    int64_t dirty; /* something could not be cleaned up: the container must not be used again */
} Facts;

typedef struct {
    int fd; /* -1 once it is closed */
    Capture capture;
} Stream;

typedef struct {
    const Job *job;
    pid_t pid;
    int in;        /* -1 once it is closed */
    Bytes pending; /* of its input */
    bool more;     /* whether more input may come */
    bool talks;    /* a dialogue */
    Stream out, err;
    const char *killed; /* why, or NULL */
    bool ended;
    int status;
    int64_t peak_bytes, cpu_then_ns, oom_then, peak_then_bytes, own_waited_then_ns, worked_ns, cpu_worked_ns, began_ns, looked_ns, wall_ns;
} Command;

/* Runs it to its end: afterwards no process is left. `program`: as in starter.h. */
void command_run(Command *command, const Job *job, int program);

/* Whether what was held so far would hide that a later command holds more than it may. */
bool command_hides_later(const Command *command);

/* All but `dirty`. */
Facts command_facts(const Command *command);

void command_close_if_fed(Command *command);

/* How long the command waited for a processor that others had: a busy machine is no reason to kill it. */
int64_t command_starved_ns(const Command *command);

#endif
