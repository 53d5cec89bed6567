/* The container's own cgroup counters, version 1 or 2. What an engine does not offer reads as 0. Their files are opened
   once: they are read several times a test, and to open one costs more than to read it. */
#ifndef METER_H
#define METER_H

#include <stdbool.h>
#include <stdint.h>

/* `cgroup`: the folder they are shown in. */
void meter_open(const char *cgroup);

/* CPU time of all processes that ever ran in the container, less the supervisor's own. */
int64_t meter_cpu_ns(void);

/* What all processes but the supervisor hold now, shared memory and files of theirs included. */
int64_t meter_memory_bytes(void);

/* The most that everything in the container ever held, the kernel's own and cached files included; 0: it is not known. */
int64_t meter_peak_bytes(void);

/* What of all that is held now no command holds: the supervisor's, the kernel's, cached files. */
int64_t meter_beside_bytes(void);

/* The same less the supervisor's, which may be much now and little later. */
int64_t meter_kernel_bytes(void);

/* Processes killed for lack of memory so far: of the container's, or of the machine's. */
int64_t meter_oom_kills(void);

/* Whether the container's own memory has run out before; a kill without it is not the command's fault. */
bool meter_ran_out(void);

#endif
