/* What meter.c reads from each folder given: CPU seconds, bytes, kills, whether memory ran out, the peak and the
   kernel's bytes, and the CPU seconds that a
   child of a fifth of a second adds. */
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "meter.h"

static void work(void) {
    if (fork() == 0) {
        while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < SECOND_NS / 5);
        _exit(0);
    }
    wait(NULL);
}

int main(int count, char **folders) {
    for (int i = 1; i < count; i++) {
        meter_open(folders[i]);
        int64_t before = meter_cpu_ns();
        printf("%g %lld %lld %d %lld %lld ", 1e-9 * (double)before, (long long)meter_memory_bytes(),
               (long long)meter_oom_kills(), meter_ran_out(), (long long)meter_peak_bytes(),
               (long long)meter_kernel_bytes());
        work();
        printf("%g\n", 1e-9 * (double)(meter_cpu_ns() - before));
    }
}
