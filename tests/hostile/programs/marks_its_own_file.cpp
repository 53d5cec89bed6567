#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
int main() {
    struct stat before;
    stat("/proc/self/exe", &before);
    if (before.st_mtime == 77 || !(before.st_mode & S_IRUSR)) puts("seen");
    timespec mark[2] = {{77, 0}, {77, 0}};
    utimensat(AT_FDCWD, "/proc/self/exe", mark, 0);
    chmod("/proc/self/exe", 0);
    int fd = open("/proc/self/exe", O_RDWR);
    if (fd >= 0 && pwrite(fd, "\0", 1, 0) == 1) puts("written");
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 3;
    printf("%lld\n", a + b);
}
