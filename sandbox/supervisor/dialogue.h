/* A command that another program talks to while it runs, by way of the judge. Its idle time without a word of either
   side, in which it does not work either, ends it; once the other has ended, whatever it does. Its wall limit is for
   time of its own: that in which it waited for the other does not count. */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include "command.h"

void dialogue_begin(Command *command);

/* One frame of the judge. */
void dialogue_hear(Command *command);

/* The command's stdout, passed on as soon as it is written. */
void dialogue_said(const Command *command, Bytes words);

/* How long it has waited for the other: from its last word to each answer, and since its last word if none has come. */
int64_t dialogue_waited_ns(const Command *command, int64_t now);

/* At every look at the meter: the reason to end it, or NULL. */
const char *dialogue_look(Command *command, int64_t now);

_Noreturn void judge_is_gone(void);

#endif
