/* The two directories that a command can write to. */
#ifndef FOLDERS_H
#define FOLDERS_H

#include <stdbool.h>

#include "buffer.h"

void folders_open(void);

/* Empties both; false if something could not be removed. */
bool folders_wipe(void);

/* Puts a new file into the working directory: the first `size` bytes of `from`. */
void folders_put(const char *name, int from, size_t size);

/* The end of a file the command made (a compiler's output), read by name and never through a link. */
void folders_keep(Bytes name, uint64_t most, Buffer *into);

#endif
