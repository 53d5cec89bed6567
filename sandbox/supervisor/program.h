/* The program's file among those that were loaded, as a descriptor that can be run and read. Nobody can ever write to it,
   so that one copy serves all commands. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "buffer.h"

/* Made at the first call; what its owner can change all the same is as it was. */
int program_open(Bytes content);

/* Other files are loaded. */
void program_close(void);

#endif
