#include "program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"

static int program = -1;
static const uint8_t *its_bytes;

static int sealed(Bytes content) {
    char path[32];
    int fd = memfd_create("solution", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) die("a file in memory");
    bytes_write(content, fd);
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) die("sealing a program");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int readable = open(path, O_RDONLY | O_CLOEXEC); /* what is open for writing cannot be run */
    if (readable < 0) die("a sealed program");
    close(fd);
    return readable;
}

int program_open(Bytes content) {
    if (its_bytes != content.data) {
        program_close();
        program = sealed(content);
        its_bytes = content.data;
    }
    if (fchmod(program, 0755) != 0 || futimens(program, (struct timespec[2]){{0, 0}, {0, 0}}) != 0) die("a program");
    return program;
}

void program_close(void) {
    if (program >= 0) close(program);
    program = -1;
    its_bytes = NULL;
}
