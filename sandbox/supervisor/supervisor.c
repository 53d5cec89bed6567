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
#include "files.h"
#include "folders.h"
#include "frames.h"
#include "meter.h"
#include "starter.h"

static Frame request;
static Command command;

static bool load(void) {
    if (!files_load(&request)) return false;
    answer_begin("loaded");
    answer_send();
    return true;
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
    command_run(&command, &job, files_lay_out((const char *)job.argv.data));
    Facts facts = command_facts(&command);
    folders_keep(job.keep, job.limits.keep_bytes, &kept);
    facts.dirty = !folders_wipe() || command_hides_later(&command);
    answer(facts, (Bytes){kept.data, kept.size});
}

static void serve(void) {
    while (frame_head(&request)) {
        bool loads = frame_is(&request, "load", 0);
        if (!(loads ? load() : frame_rest(&request))) return;
        if (frame_is(&request, "seal", 1)) answer_seal(request.fields[0]);
        else if (frame_is(&request, "run", 5)) run();
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
