/* How the supervisor ends when it cannot go on: the container is lost, and the judge reads the last line of stderr. */
#ifndef FAULT_H
#define FAULT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline _Noreturn void die(const char *what) {
    dprintf(2, errno ? "supervisor: %s: %s\n" : "supervisor: %s\n", what, strerror(errno));
    exit(1);
}

#endif
