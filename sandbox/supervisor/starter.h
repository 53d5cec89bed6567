/* Processes that become commands.

   They are forked, not vforked: the memory high-water mark of a process begins with that of the memory it leaves when
   it becomes a program, and vfork would lend it the supervisor's. A fork copies next to nothing, see buffer.h. */
#ifndef STARTER_H
#define STARTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "job.h"

enum { NO_PROGRAM = -1 };

/* It waits for a word to become the command; the ends of its three pipes do not block. */
typedef struct {
    pid_t pid;
    int gate, in, out, err;
} Started;

/* The process of a job: the one that was started ahead if it fits. `program`: a descriptor of what ARGV[0] names. */
Started starter_start(const Job *job, int program);

/* Lets it become the command. */
void starter_go(Started *started);

/* What was run twice will most likely be run again: its process is started before it is asked for. */
void starter_start_ahead(void);

/* Ends what was started ahead. */
void starter_forget(void);

#endif
