/* Frames on stdin (requests) and stdout (answers). A frame is a number of fields: their count, the length of each, and
   then their bytes; numbers are unsigned, of 32 bits, little-endian. The first field names the kind.

   Requests:
     seal, S                          once, first and without an answer: every answer repeats S. A command that could
                                      write into this process's pipes (gVisor of 2022 lets it) still could not forge one
     load, NAME, CONTENT, ...         the files that every later command finds in /w
     run, LIMITS, KEEP, STDIN, ARGV, ENV
                                      LIMITS: eight numbers of 64 bits, as in `Limits` (job.h); KEEP: the name of a file
                                      to bring back, or nothing; ARGV, ENV: each text ends with a zero byte
     hear, BYTES and hush             of a dialogue: more for the command's stdin, and that no more will come
   Answers, of which the second field is S:
     loaded, S                        of a load
     done, S, FACTS, KILLED, STDOUT, STDERR, KEPT
                                      of a run; FACTS: ten signed numbers of 64 bits, as in `Facts` (command.h); KILLED:
                                      why the supervisor ended the command (output, memory, cpu, wall, idle), or nothing
     said, S, BYTES and silent, S     of a dialogue, before its `done`: the command's stdout, and that it has closed it

   A run whose limits have an idle time is a dialogue. Frames from the judge are trusted. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>

#include "buffer.h"

enum { JUDGE = 0, MOST_FIELDS = 256, MOST_KIND = 7 };

typedef struct {
    char kind[MOST_KIND + 1];
    Bytes fields[MOST_FIELDS]; /* those after the kind */
    size_t count;
    Buffer text;
} Frame;

/* The next request: its kind, and the sizes of its other fields. False at the end of stdin, as of all calls that read:
   the judge is gone. */
bool frame_head(Frame *frame);

/* All its other fields. */
bool frame_rest(Frame *frame);

/* Instead, one after another: the next field, or its next bytes, into memory or into a file. */
bool frame_take(void *to, size_t size);
bool frame_move(size_t size, int fd);

/* Whether more has been read already, so that `poll` does not see it. */
bool frame_begun(void);

bool frame_is(const Frame *frame, const char *kind, size_t fields);

/* The seal of all answers to come. */
void answer_seal(Bytes seal);

/* An answer is begun, gets fields, each of which may get more, and is sent. A short one may wait in memory for others,
   or for the moment when the supervisor would wait for the judge: each that is written wakes three other processes. */
void answer_begin(const char *kind);
void answer_field(Bytes bytes);
void answer_more(Bytes bytes);
void answer_send(void);

/* What waits is written. */
void answer_flush(void);

#endif
