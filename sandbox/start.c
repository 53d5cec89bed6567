/* Turns into a command: `start CPU_S STACK_BYTES EXE ARGV...`, for the supervisor, with the command's pipes as 0 to 2.

   EXE is a path, or `-` for the program that is open as descriptor 5. The command runs in a second process, whose
   number goes to descriptor 3: CLONE_PARENT makes it the supervisor's own child, and unlike one that the
   supervisor forks it begins with the memory high-water mark of this small program and not with an interpreter's.
   It waits for a byte on descriptor 4; without one it ends.
   Exit code 127 with a line on stderr if the command cannot be started. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { REPORT = 3, GO = 4, PROGRAM = 5 };

static void limit(int resource, rlim_t soft, rlim_t hard) {
    struct rlimit both = {soft, hard};
    setrlimit(resource, &both);
}

static int die_first_when_memory_ends(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, "1000", 4) == 4;
}

int main(int argc, char **argv, char **env) {
    if (argc < 5) return 126;
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (pid != 0) return write(REPORT, &pid, sizeof pid) != sizeof pid;
    for (int fd = REPORT; fd <= PROGRAM; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
    setsid();
    rlim_t cpu_s = strtoull(argv[1], 0, 10), stack = strtoull(argv[2], 0, 10);
    limit(RLIMIT_CPU, cpu_s, cpu_s + 1);
    limit(RLIMIT_STACK, stack, stack);
    char byte;
    if (die_first_when_memory_ends() && chdir("/w") == 0) {
        if (read(GO, &byte, 1) != 1) return 0;
        if (strcmp(argv[3], "-") == 0)
            execve("/proc/self/fd/5", argv + 4, env);
        else
            execvpe(argv[3], argv + 4, env);
    }
    dprintf(2, "cannot start %s: %s\n", argv[4], strerror(errno));
    return 127;
}
