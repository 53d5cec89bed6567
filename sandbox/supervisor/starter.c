#include "starter.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"

enum { MOST_TEXT = 1 << 14, MOST_WORDS = 256, FAILED = 127, LITTLE = 1 << 20 };

/* What the new process must know: what the judge sent is not there after a fork. */
static struct {
    uint64_t cpu_s, stack_bytes;
    int program;
    char argv_text[MOST_TEXT], env_text[MOST_TEXT];
    char *argv[MOST_WORDS], *env[MOST_WORDS];
} recipe;

static struct {
    int fd;
    char own[16];
} oom_score;

void starter_open(void) {
    oom_score.fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (oom_score.fd < 0 || read(oom_score.fd, oom_score.own, sizeof oom_score.own - 1) <= 0) die("oom_score_adj");
}

/* A child has its parent's. */
static void set_oom_score(const char *score) {
    if (pwrite(oom_score.fd, score, strlen(score), 0) < 0) die("setting oom_score_adj");
}

static void split(Bytes texts, char *into, char **words) {
    size_t count = 0;
    errno = 0;
    if (texts.size > MOST_TEXT) die("a command that is too long");
    memcpy(into, texts.data, texts.size);
    for (char *text = into; text < into + texts.size; text += strlen(text) + 1) {
        if (count == MOST_WORDS - 1) die("a command of too many words");
        words[count++] = text;
    }
    words[count] = NULL;
}

static void write_recipe(const Job *job, int program) {
    /* The backstop; the measured time comes first. */
    recipe.cpu_s = (job->limits.cpu_ns + SECOND_NS - 1) / SECOND_NS + 1;
    recipe.stack_bytes = job->limits.stack_bytes;
    recipe.program = program;
    split(job->argv, recipe.argv_text, recipe.argv);
    split(job->env, recipe.env_text, recipe.env);
}

static void limit(__rlimit_resource_t resource, uint64_t soft, uint64_t hard) {
    struct rlimit both = {soft, hard};
    setrlimit(resource, &both);
}

static void default_signals(void) {
    sigset_t none;
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become(void) {
    const char *exe = recipe.argv[0];
    if (recipe.program != NO_PROGRAM) fexecve(recipe.program, recipe.argv, recipe.env);
    else if (strchr(exe, '/')) execve(exe, recipe.argv, recipe.env);
    else execvpe(exe, recipe.argv, recipe.env); /* by the container's PATH */
}

/* In the new process, which may still share the supervisor's memory: it only makes calls. Every descriptor but its
   first three closes when it becomes a program. */
static _Noreturn void command(const Pipes *pipes) {
    dup2(pipes->in[0], 0);
    dup2(pipes->out[1], 1);
    dup2(pipes->err[1], 2);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); /* they all have it: a second lock on that door */
    default_signals();
    setpgid(0, 0);
    limit(RLIMIT_CPU, recipe.cpu_s, recipe.cpu_s + 1);
    limit(RLIMIT_STACK, recipe.stack_bytes, recipe.stack_bytes);
    if (chdir("/w") == 0) become();
    const char *reason = errno == ENOENT   ? "no such file"
                         : errno == EACCES ? "permission denied"
                                           : "the kernel refuses";
    dprintf(2, "cannot start %s: %s\n", recipe.argv[0], reason);
    _exit(FAILED);
}

static void make_pipe(int ends[2], int own) {
    if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[own], F_SETFL, O_NONBLOCK) != 0) die("a pipe");
}

Pipes starter_pipes(void) {
    Pipes pipes;
    make_pipe(pipes.in, 1);
    make_pipe(pipes.out, 0);
    make_pipe(pipes.err, 0);
    return pipes;
}

/* The memory high-water mark of a process begins with that of the memory it leaves when it becomes a program. vfork,
   which costs least, lends it the supervisor's, so that is for a supervisor that never held much; a fork has none of
   what it holds, see buffer.h. Until it is a program there is no other process that could look at either. */
static pid_t new_process(const Pipes *pipes) {
    pid_t pid = buffer_most() < LITTLE ? vfork() : fork();
    if (pid == 0) command(pipes);
    return pid;
}

pid_t starter_start(const Job *job, int program, const Pipes *pipes) {
    write_recipe(job, program);
    set_oom_score("1000"); /* when memory ends, it dies first */
    pid_t pid = new_process(pipes);
    if (pid < 0) die("no process could be started");
    set_oom_score(oom_score.own);
    close(pipes->in[0]);
    close(pipes->out[1]);
    close(pipes->err[1]);
    return pid;
}
