#include "starter.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"

enum { MOST_TEXT = 1 << 14, MOST_WORDS = 256, FAILED = 127 };

/* What a process must know before it is told to go; unlike a request it is there after a fork. */
typedef struct {
    uint64_t cpu_s, stack_bytes;
    int program;
    size_t argv_size, env_size;
    char text[MOST_TEXT];
} Recipe;

static Recipe recipe;
static bool is_repeated; /* the last job was that of `recipe`, and so was the one before */
static Started ahead;    /* pid 0: none */

static void write_recipe(const Job *job, int program, Recipe *into) {
    const Limits *limits = &job->limits;
    errno = 0;
    if (job->argv.size > MOST_TEXT || job->env.size > MOST_TEXT - job->argv.size) die("a command that is too long");
    into->cpu_s = (limits->cpu_ns + SECOND_NS - 1) / SECOND_NS + 1; /* the backstop; the supervisor's measure comes first */
    into->stack_bytes = limits->stack_bytes;
    into->program = program;
    into->argv_size = job->argv.size;
    into->env_size = job->env.size;
    memcpy(into->text, job->argv.data, job->argv.size);
    memcpy(into->text + job->argv.size, job->env.data, job->env.size);
}

static bool is_same(const Recipe *a, const Recipe *b) {
    return a->cpu_s == b->cpu_s && a->stack_bytes == b->stack_bytes && a->program == b->program &&
           a->argv_size == b->argv_size && a->env_size == b->env_size &&
           memcmp(a->text, b->text, a->argv_size + a->env_size) == 0;
}

/* Points at each of the texts, which end with a zero byte. */
static void split(char *text, size_t size, char **words) {
    size_t count = 0;
    for (char *end = text + size; text < end && count < MOST_WORDS - 1; text += strnlen(text, (size_t)(end - text)) + 1)
        words[count++] = text;
    words[count] = NULL;
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

static bool die_first_when_memory_ends(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, "1000", 4) == 4;
}

static void become(char **argv, char **env) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", recipe.program);
    if (recipe.program != NO_PROGRAM) execve(path, argv, env);
    else if (strchr(argv[0], '/')) execve(argv[0], argv, env);
    else {
        environ = env; /* whose PATH counts */
        execvp(argv[0], argv);
    }
}

/* In the new process. Every descriptor but its first three closes when it becomes a program. */
static _Noreturn void command(const int pipes[3], int go) {
    static char *argv[MOST_WORDS], *env[MOST_WORDS];
    char byte;
    split(recipe.text, recipe.argv_size, argv);
    split(recipe.text + recipe.argv_size, recipe.env_size, env);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else its own /proc is not its own; nobody is there who could look into it */
    for (int fd = 0; fd < 3; fd++) dup2(pipes[fd], fd);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); /* they all have it: a second lock on that door */
    default_signals();
    setsid();
    limit(RLIMIT_CPU, recipe.cpu_s, recipe.cpu_s + 1);
    limit(RLIMIT_STACK, recipe.stack_bytes, recipe.stack_bytes);
    errno = 0;
    if (die_first_when_memory_ends() && chdir("/w") == 0) {
        if (read(go, &byte, 1) != 1) _exit(0);
        become(argv, env);
    }
    const char *reason = errno == ENOENT ? "no such file" : errno == EACCES ? "permission denied" : "the kernel refuses";
    dprintf(2, "cannot start %s: %s\n", argv[0], reason);
    _exit(FAILED);
}

static void make_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0) die("a pipe");
}

static void unblock(int fd) {
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) die("a pipe that does not block");
}

static Started start(void) {
    int in[2], out[2], err[2], go[2];
    make_pipe(in), make_pipe(out), make_pipe(err), make_pipe(go);
    pid_t pid = fork();
    if (pid < 0) die("no process could be started");
    if (pid == 0) {
        close(go[1]);
        command((int[]){in[0], out[1], err[1]}, go[0]);
    }
    close(in[0]), close(out[1]), close(err[1]), close(go[0]);
    unblock(in[1]), unblock(out[0]), unblock(err[0]);
    return (Started){pid, go[1], in[1], out[0], err[0]};
}

static void cancel(Started *started) {
    close(started->gate), close(started->in), close(started->out), close(started->err);
    waitpid(started->pid, NULL, 0);
}

void starter_forget(void) {
    if (ahead.pid) cancel(&ahead);
    ahead.pid = 0;
    is_repeated = false;
    recipe.argv_size = 0; /* which is the same as no other: it names a program by a descriptor's number */
}

Started starter_start(const Job *job, int program) {
    static Recipe wanted;
    write_recipe(job, program, &wanted);
    is_repeated = is_same(&wanted, &recipe);
    if (!is_repeated) {
        starter_forget();
        recipe = wanted;
    }
    Started found = ahead.pid ? ahead : start();
    ahead.pid = 0;
    return found;
}

void starter_start_ahead(void) {
    if (is_repeated) ahead = start();
}

void starter_go(Started *started) {
    if (write(started->gate, "!", 1) != 1) die("a process that does not wait");
    close(started->gate);
}
