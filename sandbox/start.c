/* Turns into a command: `start CPU_S STACK_BYTES EXE ARGV...`, for the supervisor, with the command's pipes as 0 to 2.

   EXE is a path, a name to look for in PATH, or `-` for the program that is open as descriptor 5. The command runs in a
   second process, whose number goes to descriptor 3: CLONE_PARENT makes it the supervisor's own child, and unlike one
   that the supervisor forks it begins with the memory high-water mark of this small program and not with an
   interpreter's. It waits for a byte on descriptor 4; without one it ends.
   Exit code 127 with a line on stderr if the command cannot be started.

   It runs once a test, and a C library takes longer to begin than all of this: there is none. */
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/sched.h>

enum { STDERR = 2, REPORT = 3, GO = 4, PROGRAM = 5, SIGCHLD = 17, ENOENT = 2, EACCES = 13, ENOTDIR = 20, PATH_BYTES = 4096 };

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
static long kernel(long number, long a, long b, long c, long d, long e) {
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return number;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl begin\n");
static long kernel(long number, long a, long b, long c, long d, long e) {
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d, x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
#else
#error "the sandbox runs on x86-64 and on 64-bit ARM"
#endif

static long length(const char *text) {
    long count = 0;
    while (text[count]) count++;
    return count;
}

static unsigned long number(const char *digits) {
    unsigned long value = 0;
    while (*digits >= '0' && *digits <= '9') value = 10 * value + (unsigned long)(*digits++ - '0');
    return value;
}

static long say(const char *text) { return kernel(__NR_write, STDERR, (long)text, length(text), 0, 0); }

static void limit(int resource, unsigned long soft, unsigned long hard) {
    unsigned long both[2] = {soft, hard};
    kernel(__NR_prlimit64, 0, resource, (long)both, 0, 0);
}

static int die_first_when_memory_ends(void) {
    long fd = kernel(__NR_openat, AT_FDCWD, (long)"/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0, 0);
    return fd >= 0 && kernel(__NR_write, fd, (long)"1000", 4, 0, 0) == 4;
}

static long become(const char *path, char **argv, char **env) {
    return -kernel(__NR_execve, (long)path, (long)argv, (long)env, 0, 0);
}

/* Tries one folder of PATH after the other; returns the last error that says something. */
static long search(const char *name, char **argv, char **env) {
    char path[PATH_BYTES];
    const char *folders = "";
    long error = ENOENT;
    for (char **one = env; *one; one++)
        if ((*one)[0] == 'P' && (*one)[1] == 'A' && (*one)[2] == 'T' && (*one)[3] == 'H' && (*one)[4] == '=') folders = *one + 5;
    while (*folders) {
        long used = 0;
        while (folders[used] && folders[used] != ':' && used < PATH_BYTES / 2) path[used] = folders[used], used++;
        folders += folders[used] ? used + 1 : used;
        path[used++] = '/';
        for (long i = 0; used < PATH_BYTES; i++) {
            path[used++] = name[i];
            if (!name[i]) break;
        }
        if (path[used - 1]) return ENOENT;
        long failed = become(path, argv, env);
        if (failed != ENOENT && failed != ENOTDIR) error = failed;
        if (failed != ENOENT && failed != ENOTDIR && failed != EACCES) break;
    }
    return error;
}

static int has_slash(const char *name) {
    while (*name && *name != '/') name++;
    return *name == '/';
}

static int command(char **argv, char **env) {
    for (int fd = REPORT; fd <= PROGRAM; fd++) kernel(__NR_fcntl, fd, F_SETFD, FD_CLOEXEC, 0, 0);
    kernel(__NR_setsid, 0, 0, 0, 0, 0);
    unsigned long cpu_s = number(argv[1]), stack = number(argv[2]);
    limit(RLIMIT_CPU, cpu_s, cpu_s + 1);
    limit(RLIMIT_STACK, stack, stack);
    long error = 0;
    if (die_first_when_memory_ends() && (error = -kernel(__NR_chdir, (long)"/w", 0, 0, 0, 0)) == 0) {
        char byte;
        if (kernel(__NR_read, GO, (long)&byte, 1, 0, 0) != 1) return 0;
        const char *exe = argv[3];
        if (exe[0] == '-' && !exe[1]) exe = "/proc/self/fd/5";
        error = has_slash(exe) ? become(exe, argv + 4, env) : search(exe, argv + 4, env);
    }
    say("cannot start ");
    say(argv[4]);
    say(error == ENOENT ? ": no such file\n" : error == EACCES ? ": permission denied\n" : ": the kernel refuses\n");
    return 127;
}

__attribute__((used, noreturn)) void begin(long *stack) {
    char **argv = (char **)(stack + 1), **env = argv + stack[0] + 1;
    long code = 126;
    if (stack[0] >= 5) {
        int pid = (int)kernel(__NR_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
        code = pid == 0 ? command(argv, env) : kernel(__NR_write, REPORT, (long)&pid, sizeof pid, 0, 0) != sizeof pid;
    }
    for (;;) kernel(__NR_exit_group, code, 0, 0, 0, 0);
}
