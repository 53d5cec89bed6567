#include <cmath>
#include <cstdio>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
double modified(const char* path) {
    struct stat found;
    return stat(path, &found) ? 0 : found.st_mtim.tv_sec + 1e-9 * found.st_mtim.tv_nsec;
}
// What an inode keeps beside bytes, mode and times; and the times of what is everybody's.
int main() {
    struct statx own;
    int fd = open("/proc/self/exe", O_RDONLY);
    if (!statx(AT_FDCWD, "/proc/self/exe", 0, STATX_BASIC_STATS, &own) && own.stx_attributes & STATX_ATTR_NODUMP) puts("seen");
    unsigned long long hint = 0;
    if (fcntl(fd, 1035 /* F_GET_RW_HINT */, &hint) == 0 && hint) puts("hint seen");
    if (std::abs(modified("/dev/null") - modified("/dev/zero")) > 0.02) puts("time seen");
    long flags = 0x40;  // FS_NODUMP_FL
    ioctl(fd, 0x40086602 /* FS_IOC_SETFLAGS */, &flags);
    struct { unsigned flags, size, extents, project, cow; char padding[8]; } attributes = {0x80, 0, 0, 77, 0, {}};
    ioctl(fd, 0x401c5820 /* FS_IOC_FSSETXATTR */, &attributes);
    hint = 3;
    fcntl(fd, 1036 /* F_SET_RW_HINT */, &hint);
    usleep(50000);
    utimensat(AT_FDCWD, "/dev/null", nullptr, 0);
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 3;
    printf("%lld\n", a + b);
}
