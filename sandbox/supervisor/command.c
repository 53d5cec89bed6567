#include "command.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "dialogue.h"
#include "fault.h"
#include "files.h"
#include "meter.h"

enum { WORK_NS = 5 * 1000 * 1000, MIB = 1 << 20, OF_KERNEL = 256 };
enum { POLL_NS = 20 * 1000 * 1000, STARVED_FACTOR = 4, CHUNK = 1 << 16, MOST_WATCHED = 4 };

static void close_end(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

void command_close_if_fed(Command *command) {
    if (command->pending.size == 0 && !command->more) close_end(&command->in);
}

static void feed(Command *command) {
    size_t most = command->pending.size < CHUNK ? command->pending.size : CHUNK;
    ssize_t written = most ? write(command->in, command->pending.data, most) : 0;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) return close_end(&command->in); /* a program need not read its input */
    command->pending.data += written;
    command->pending.size -= (size_t)written;
    command_close_if_fed(command);
}

static void hear_stream(Command *command, Stream *stream) {
    static uint8_t data[CHUNK];
    ssize_t got = read(stream->fd, data, CHUNK);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return close_end(&stream->fd);
    capture_feed(&stream->capture, data, (size_t)got);
    if (command->talks && stream == &command->out) dialogue_said(command, (Bytes){data, (size_t)got});
}

/* How long a process was ready to run and did not; 0 where the kernel does not count them. */
static int64_t waited_ns(const char *pid) {
    char path[64], text[128];
    long long waited = 0;
    snprintf(path, sizeof path, "/proc/%.20s/schedstat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    close(fd);
    return sscanf(text, "%*u %lld", &waited) == 1 ? waited : 0;
}

static void begin(Command *command, const Job *job, const Pipes *pipes) {
    command->job = job;
    command->in = pipes->in[1];
    command->out.fd = pipes->out[0];
    command->err.fd = pipes->err[0];
    capture_begin(&command->out.capture, job->limits.output_bytes);
    capture_begin(&command->err.capture, TAIL_BYTES / 4);
    command->pending = job->input;
    command->talks = command->more = job->limits.idle_ns > 0;
    command->killed = NULL;
    command->ended = false;
    command->status = 0;
    command->peak_bytes = 0;
    command->own_waited_then_ns = command->talks ? waited_ns("1") : 0;
    command->cpu_then_ns = meter_cpu_ns();
    command->oom_then = meter_oom_kills();
    command->peak_then_bytes = meter_peak_bytes();
    command->cpu_worked_ns = command->cpu_then_ns;
    command->began_ns = command->looked_ns = command->worked_ns = clock_ns(CLOCK_MONOTONIC);
    if (command->talks) dialogue_begin(command);
}

/* Waits for news: of the pipes, of the judge, or of a process that has died, which interrupts it. */
static void pump(Command *command) {
    struct pollfd watched[MOST_WATCHED] = {
        {.fd = command->out.fd, .events = POLLIN},
        {.fd = command->err.fd, .events = POLLIN},
        {.fd = command->pending.size ? command->in : -1, .events = POLLOUT},
        {.fd = JUDGE, .events = command->talks ? POLLIN : 0}, /* else only its end is news */
    };
    struct timespec patience = {0, POLL_NS};
    sigset_t none;
    sigemptyset(&none);
    if (command->talks && frame_begun()) return dialogue_hear(command);
    if (ppoll(watched, MOST_WATCHED, &patience, &none) <= 0) return;
    if (watched[0].revents) hear_stream(command, &command->out);
    if (watched[1].revents) hear_stream(command, &command->err);
    if (watched[2].revents) feed(command);
    if (command->talks && watched[3].revents) dialogue_hear(command);
    else if (watched[3].revents) judge_is_gone();
}

/* Collects what has died, orphans too; false once there is no child left at all. */
static bool reap(Command *command) {
    struct rusage usage;
    int status;
    pid_t pid;
    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        int64_t peak = usage.ru_maxrss * 1024;
        if (peak > command->peak_bytes) command->peak_bytes = peak;
        if (pid != command->pid) continue;
        command->ended = true;
        command->status = status;
    }
    return pid == 0;
}

int64_t command_starved_ns(const Command *command) {
    int64_t longest = 0, most = (STARVED_FACTOR - 1) * (int64_t)command->job->limits.wall_ns;
    /* Each word of a dialogue goes through the supervisor, and waits where that does. */
    int64_t own = command->talks ? waited_ns("1") - command->own_waited_then_ns : 0;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        if (!isdigit((unsigned char)entry->d_name[0]) || strcmp(entry->d_name, "1") == 0) continue;
        int64_t waited = waited_ns(entry->d_name);
        longest = waited > longest ? waited : longest;
    }
    if (processes) closedir(processes);
    return longest + own < most ? longest + own : most;
}

static bool is_over_wall(const Command *command, int64_t now) {
    int64_t wall = now - command->began_ns, limit = (int64_t)command->job->limits.wall_ns;
    if (command->talks) wall -= dialogue_waited_ns(command, now);
    return wall > limit && wall - command_starved_ns(command) > limit;
}

/* A process that can run, or that waits for a disk. */
static bool is_at_work(const char *pid) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t got = read(fd, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    close(fd);
    const char *name_end = strrchr(text, ')');
    return name_end && (strncmp(name_end, ") R", 3) == 0 || strncmp(name_end, ") D", 3) == 0);
}

static bool is_any_at_work(void) {
    bool found = false;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && !found && (entry = readdir(processes));)
        found = isdigit((unsigned char)entry->d_name[0]) && strcmp(entry->d_name, "1") != 0 && is_at_work(entry->d_name);
    if (processes) closedir(processes);
    return found;
}

/* One that waits for what never comes. */
static bool is_stuck(Command *command, int64_t now) {
    int64_t most = (int64_t)command->job->limits.quiet_ns, cpu_ns = most ? meter_cpu_ns() : 0;
    if (most && cpu_ns - command->cpu_worked_ns > WORK_NS) {
        command->worked_ns = now;
        command->cpu_worked_ns = cpu_ns;
    }
    if (most == 0 || now - command->worked_ns <= most) return false;
    if (is_any_at_work()) command->worked_ns = now;
    return now - command->worked_ns > most;
}

/* What measurements of the whole container may be wrong by: the kernel counts in batches, and its own tables grow with
   what is held. */
static int64_t doubt_bytes(int64_t held) { return meter_peak_bytes() ? 2 * MIB + held / OF_KERNEL : 0; }

static void note_held(Command *command, int64_t held) {
    held -= doubt_bytes(held);
    command->peak_bytes = held > command->peak_bytes ? held : command->peak_bytes;
}

/* What was held together for less time than lies between two looks, the files in both directories included. */
static void note_peak(Command *command) {
    int64_t peak = meter_peak_bytes();
    if (peak > command->peak_then_bytes) note_held(command, peak - meter_beside_bytes() - files_bytes());
}

bool command_hides_later(const Command *command) {
    int64_t most = (int64_t)command->job->limits.memory_bytes, peak = meter_peak_bytes();
    return most && peak > most && peak - meter_kernel_bytes() - files_held_bytes() > most + doubt_bytes(most);
}

/* The limit that is first seen passed is the cause. */
static void look_at_meter(Command *command, int64_t now) {
    note_held(command, meter_memory_bytes() - files_bytes());
    if (meter_oom_kills() > command->oom_then) command->killed = "memory";
    else if (meter_cpu_ns() - command->cpu_then_ns > (int64_t)command->job->limits.cpu_ns) command->killed = "cpu";
    else if (is_over_wall(command, now)) command->killed = "wall";
    else if (is_stuck(command, now)) command->killed = "idle";
    else if (command->talks) command->killed = dialogue_look(command, now);
}

static bool is_over_output(const Command *command) {
    uint64_t most = command->job->limits.output_bytes;
    return command->out.capture.total > most || command->err.capture.total > most;
}

static void enforce(Command *command) {
    int64_t now = clock_ns(CLOCK_MONOTONIC);
    if (is_over_output(command)) {
        command->killed = "output";
    } else if (now - command->looked_ns >= POLL_NS) {
        command->looked_ns = now;
        answer_flush(); /* of the commands before: this one is slower than they were */
        look_at_meter(command, now);
    }
}

/* From PID 1 this reaches every other process in the container; repeated until none is left to reap. Each of them is
   its child, or the child of one, or becomes its child: where there is no child, there is nobody. */
static void kill_all(Command *command) {
    siginfo_t info;
    while (reap(command)) {
        kill(-1, SIGKILL);
        waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
    }
}

/* What still lies in a pipe; no writer lives, so it ends, if only once the kernel has found what was sent to nobody. */
static void hear_out(Command *command, Stream *stream) {
    while (stream->fd >= 0) {
        struct pollfd watched = {.fd = stream->fd, .events = POLLIN};
        poll(&watched, 1, POLL_NS / 1000000);
        hear_stream(command, stream);
    }
}

static void drain(Command *command) {
    close_end(&command->in);
    hear_out(command, &command->out);
    hear_out(command, &command->err);
    if (!command->killed && is_over_output(command)) command->killed = "output";
}

void command_run(Command *command, const Job *job, int program) {
    Pipes pipes = starter_pipes();
    begin(command, job, &pipes);
    feed(command); /* what fits lies there before it asks for it */
    command->pid = starter_start(job, program, &pipes);
    while (!command->ended && !command->killed) {
        pump(command);
        reap(command);
        if (!command->ended) enforce(command);
    }
    command->wall_ns = clock_ns(CLOCK_MONOTONIC) - command->began_ns;
    kill_all(command);
    drain(command);
    note_peak(command);
}

Facts command_facts(const Command *command) {
    int status = command->status;
    int64_t cpu_ns = meter_cpu_ns() - command->cpu_then_ns, oom_kills = meter_oom_kills() - command->oom_then;
    return (Facts){
        .exit_code = WIFSIGNALED(status) ? -1 : WEXITSTATUS(status),
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .cpu_ns = cpu_ns > 0 ? cpu_ns : 0,
        .wall_ns = command->wall_ns,
        .oom_kills = oom_kills,
        .evicted = oom_kills > 0 && !meter_ran_out(),
        .peak_bytes = command->peak_bytes,
        .stdout_bytes = (int64_t)command->out.capture.total,
        .stderr_bytes = (int64_t)command->err.capture.total,
    };
}
