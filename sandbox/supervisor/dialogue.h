/* A command that another program talks to while it runs, by way of the judge. Its idle time without a word of either
   side, in which it does not work either, ends it; once the other has ended, whatever it does. */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include "command.h"

void dialogue_begin(Command *command);

/* One frame of the judge. */
void dialogue_hear(Command *command);

/* The command's stdout, passed on as soon as it is written. */
void dialogue_said(const Command *command, Bytes words);

/* At every look at the meter: the reason to end it, or NULL. */
const char *dialogue_look(Command *command, int64_t now);

_Noreturn void judge_is_gone(void);

#endif
