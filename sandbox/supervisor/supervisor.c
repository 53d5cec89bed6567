/* PID 1 of a sandbox container: runs one command after another and reports plain facts. It judges nothing. What it is
   asked, and what it answers, stands in frames.h.

   The end of stdin ends the supervisor, and with it the container, also in the middle of a command: it does not
   outlive the judge.

   Between commands every process is killed and every writable directory emptied; if that fails, the answer says
   `dirty` and the container must not be used again. The commands run under the supervisor's own uid, so what keeps
   them from it is: PID 1 takes no signal without a handler, PR_SET_DUMPABLE 0 (no ptrace, no /proc/1/fd), and the
   seccomp profile (no prlimit, priority or affinity calls on others). */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "command.h"
#include "fault.h"
#include "folders.h"
#include "frames.h"
#include "meter.h"
#include "program.h"
#include "starter.h"

static Frame request, loaded; /* the files of `loaded` are its fields 1, 3, ... (names) and 2, 4, ... (contents) */
static Command command;

static void load(void) {
    program_close();
    Frame old = loaded;
    loaded = request;
    request = old;
    answer_begin("loaded");
    answer_send();
}

static bool is_path_of(Bytes name, const char *exe) {
    return strncmp(exe, "./", 2) == 0 && strlen(exe + 2) == name.size && memcmp(exe + 2, name.data, name.size) == 0;
}

/* Fresh copies for every command: the one before could write to its own. The file that is run is not copied: the answer
   is a descriptor of it. */
static int lay_out(const char *exe) {
    int program = NO_PROGRAM;
    for (size_t i = 1; i + 1 < loaded.count; i += 2) {
        if (is_path_of(loaded.fields[i], exe)) program = program_open(loaded.fields[i + 1]);
        else folders_put(loaded.fields[i], loaded.fields[i + 1]);
    }
    return program;
}

static void answer(Facts facts, Bytes kept) {
    const char *killed = command.killed ? command.killed : "";
    answer_begin("done");
    answer_field((Bytes){(const uint8_t *)&facts, sizeof facts});
    answer_field((Bytes){(const uint8_t *)killed, strlen(killed)});
    capture_answer(&command.out.capture);
    capture_answer(&command.err.capture);
    answer_field(kept);
    answer_send();
}

static void run(void) {
    static Buffer kept;
    Job job = job_of(&request);
    int program = lay_out((const char *)job.argv.data);
    command_run(&command, &job, program);
    Facts facts = command_facts(&command);
    folders_keep(job.keep, job.limits.keep_bytes, &kept);
    facts.dirty = !folders_wipe();
    answer(facts, (Bytes){kept.data, kept.size});
}

static void serve(void) {
    while (frame_read(&request)) {
        if (frame_is(&request, "seal", 2)) answer_seal(request.fields[1]);
        else if (frame_is(&request, "load", 1)) load();
        else if (frame_is(&request, "run", 6)) run();
        /* else a word to a dialogue that has just ended */
    }
}

static void wake(int signal) { (void)signal; }

/* SIGCHLD comes only while the supervisor waits for news, and to have a handler is what makes it come. */
static void set_signals(void) {
    struct sigaction action = {.sa_handler = wake};
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    sigaction(SIGCHLD, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

int main(void) {
    if (getpid() != 1) die("only for PID 1 of a container: it kills all that it can reach");
    starter_open();
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) die("prctl(PR_SET_DUMPABLE)");
    set_signals();
    meter_open("/sys/fs/cgroup");
    folders_open();
    folders_wipe();
    serve();
}
