#include "meter.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"

enum { MOST_BYTES = 1 << 14, MOST_PATH = 512 };

typedef struct {
    char text[MOST_BYTES];
} Text;

static int cpu_v1, cpu_v2, events, most_v1, limit_v1, memory, peak, usage, own;

/* -1 if it is not there. */
static int open_in(const char *folder, const char *name) {
    char path[MOST_PATH];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length < MOST_PATH ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static int open_first(const char *folder, const char *name, const char *other) {
    int fd = open_in(folder, name);
    return fd >= 0 ? fd : open_in(folder, other);
}

void meter_open(const char *cgroup) {
    cpu_v1 = open_first(cgroup, "cpuacct/cpuacct.usage", "cpu,cpuacct/cpuacct.usage");
    cpu_v2 = open_in(cgroup, "cpu.stat");
    events = open_first(cgroup, "memory.events", "memory/memory.oom_control");
    most_v1 = open_in(cgroup, "memory/memory.max_usage_in_bytes");
    limit_v1 = open_in(cgroup, "memory/memory.limit_in_bytes");
    memory = open_first(cgroup, "memory.stat", "memory/memory.stat");
    peak = open_first(cgroup, "memory.peak", "memory/memory.max_usage_in_bytes");
    usage = open_first(cgroup, "memory.current", "memory/memory.usage_in_bytes");
    own = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

/* The whole file, as text; empty if it is not there. */
static const char *read_text(int fd, Text *into) {
    ssize_t got = fd < 0 ? 0 : pread(fd, into->text, sizeof into->text - 1, 0);
    into->text[got > 0 ? got : 0] = '\0';
    return into->text;
}

static int64_t number(int fd) {
    Text text;
    return strtoll(read_text(fd, &text), NULL, 10);
}

/* Of a file with one `name number` a line: the number; `other` where there is no such line. */
static int64_t field(const char *text, const char *name, int64_t other) {
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ') return strtoll(line + length, NULL, 10);
    }
    return other;
}

static int64_t time_ns(struct timeval time) { return time.tv_sec * (int64_t)SECOND_NS + time.tv_usec * 1000; }

/* Where there is no counter, what still runs is missed: better than nothing. */
static int64_t all_cpu_ns(void) {
    Text text;
    if (cpu_v1 >= 0) return number(cpu_v1);
    if (cpu_v2 >= 0) return 1000 * field(read_text(cpu_v2, &text), "usage_usec", 0);
    struct rusage children;
    getrusage(RUSAGE_CHILDREN, &children);
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) + time_ns(children.ru_utime) + time_ns(children.ru_stime);
}

int64_t meter_cpu_ns(void) { return all_cpu_ns() - clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

/* Of all processes, the supervisor too. */
static int64_t all_memory_bytes(void) {
    Text text;
    const char *stat = read_text(memory, &text);
    return field(stat, "anon", field(stat, "rss", 0)) + field(stat, "shmem", 0);
}

int64_t meter_peak_bytes(void) { return number(peak); }

int64_t meter_beside_bytes(void) { return number(usage) - meter_memory_bytes(); }

int64_t meter_kernel_bytes(void) { return number(usage) - all_memory_bytes(); }

int64_t meter_memory_bytes(void) {
    Text text;
    int64_t all = all_memory_bytes();
    long long resident = 0, shared = 0;
    if (sscanf(read_text(own, &text), "%*d %lld %lld", &resident, &shared) != 2) return all;
    return all - (resident - shared) * sysconf(_SC_PAGESIZE);
}

int64_t meter_oom_kills(void) {
    Text text;
    return field(read_text(events, &text), "oom_kill", 0);
}

bool meter_ran_out(void) {
    Text text;
    if (most_v1 >= 0 && limit_v1 >= 0) return (double)number(most_v1) > 0.99 * (double)number(limit_v1);
    return field(read_text(events, &text), "oom", 0) > 0;
}
