/* The files that every command finds in /w. They are kept where nobody can ever write to them, so that one copy of the
   program serves all commands, and never in the supervisor's own memory, see starter.c. */
#ifndef FILES_H
#define FILES_H

#include "frames.h"

/* Those of a `load`, instead of the ones before; false where the judge is gone. */
bool files_load(const Frame *request);

/* Fresh copies for a command: the one before could write to its own. The file that is run, `exe`, is not copied: the
   answer is a descriptor of it, which can be run and read, or NO_PROGRAM if `exe` is none of them. */
int files_lay_out(const char *exe);

/* What they take in memory, all copies together: no command's doing. */
int64_t files_bytes(void);

/* The same without the copies in /w, which the next command does not find. */
int64_t files_held_bytes(void);

#endif
