#include "dialogue.h"

#include "clock.h"
#include "fault.h"
#include "meter.h"

enum { WORK_NS = 5 * 1000 * 1000 }; /* of CPU: more than waiting takes */

/* Two that have an answer for each other for ever are no rightful dialogue. */
static const int64_t MOST_WAITED_NS = 120 * (int64_t)SECOND_NS;

static Frame word;
static Buffer heard; /* for the command, which has not read it yet */
static int64_t sign_ns, cpu_then_ns;
static int64_t waited_ns, waits_since_ns; /* for the other, by answers that have come; since then, or its last word */
static int looks_since_close;

_Noreturn void judge_is_gone(void) {
    errno = 0;
    die("the judge is gone");
}

static void add_pending(Command *command, Bytes words) {
    static Buffer joined;
    buffer_empty(&joined);
    buffer_add(&joined, command->pending.data, command->pending.size);
    buffer_add(&joined, words.data, words.size);
    command->pending = (Bytes){joined.data, joined.size};
    Buffer old = heard;
    heard = joined;
    joined = old;
}

void dialogue_begin(Command *command) {
    sign_ns = command->began_ns;
    cpu_then_ns = command->cpu_then_ns;
    looks_since_close = 0;
    waited_ns = 0;
    waits_since_ns = command->began_ns; /* the other may have the first word */
}

/* As long as someone hears it. What goes on alone has no more than its idle time. */
static void sign_of_life(const Command *command, int64_t now) {
    if (command->more) sign_ns = now;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* What it says without an answer begins the wait anew, so that no amount of talk is a wait; one without an answer is no
   longer than its idle time, whatever it does meanwhile. */
int64_t dialogue_waited_ns(const Command *command, int64_t now) {
    int64_t waits = command->more ? least(now - waits_since_ns, (int64_t)command->job->limits.idle_ns) : 0;
    return least(waited_ns + waits, MOST_WAITED_NS);
}

static void note_answer(const Command *command, int64_t now) {
    if (command->more) waited_ns = least(waited_ns + now - waits_since_ns, MOST_WAITED_NS);
    waits_since_ns = now;
    sign_of_life(command, now);
}

void dialogue_hear(Command *command) {
    if (!frame_head(&word) || !frame_rest(&word)) judge_is_gone();
    if (frame_is(&word, "hear", 1) && command->in >= 0) {
        add_pending(command, word.fields[0]);
        note_answer(command, clock_ns(CLOCK_MONOTONIC));
    } else if (frame_is(&word, "hush", 0)) {
        note_answer(command, clock_ns(CLOCK_MONOTONIC));
        command->more = false;
        command_close_if_fed(command);
    }
}

void dialogue_said(const Command *command, Bytes words) {
    waits_since_ns = clock_ns(CLOCK_MONOTONIC);
    sign_of_life(command, waits_since_ns);
    answer_begin("said");
    answer_field(words);
    answer_send();
    answer_flush();
}

/* Not at once: stdout closes a moment before a process ends, and its end is the more telling news. */
static void tell_silence(const Command *command) {
    if (command->out.fd < 0 && ++looks_since_close == 2) {
        answer_begin("silent");
        answer_send();
        answer_flush();
    }
}

/* A program that computes is not idle. */
static void note_work(const Command *command, int64_t now) {
    int64_t cpu_ns = meter_cpu_ns();
    if (cpu_ns - cpu_then_ns > WORK_NS) {
        sign_of_life(command, now);
        cpu_then_ns = cpu_ns;
    }
}

const char *dialogue_look(Command *command, int64_t now) {
    int64_t most = (int64_t)command->job->limits.idle_ns;
    tell_silence(command);
    note_work(command, now);
    int64_t idle = now - sign_ns;
    return idle > most && idle - command_starved_ns(command) > most ? "idle" : NULL;
}
