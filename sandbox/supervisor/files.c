#include "files.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "folders.h"
#include "starter.h"

enum { MOST_FILES = MOST_FIELDS / 2 };

static struct {
    char name[NAME_MAX + 1];
    size_t bytes;
    int fd;
} files[MOST_FILES];

static size_t count;
static int64_t held, copied; /* bytes: of the files themselves, and of their copies in /w */

static void forget(void) {
    while (count) close(files[--count].fd);
    held = copied = 0;
}

static int seal(int fd) {
    char path[32];
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) die("sealing a file");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int readable = open(path, O_RDONLY | O_CLOEXEC); /* what is open for writing cannot be run */
    if (readable < 0) die("a sealed file");
    close(fd);
    return readable;
}

/* In the order in which they come: a name, and what is in it. */
static bool add(size_t name_bytes, size_t bytes) {
    errno = 0;
    if (name_bytes > NAME_MAX) die("a name that is too long");
    if (!frame_take(files[count].name, name_bytes)) return false;
    files[count].name[name_bytes] = '\0';
    int fd = memfd_create("solution", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) die("a file in memory");
    if (!frame_move(bytes, fd)) return false;
    files[count].bytes = bytes;
    held += (int64_t)bytes;
    files[count++].fd = seal(fd);
    return true;
}

bool files_load(const Frame *request) {
    forget();
    for (size_t i = 0; i + 1 < request->count; i += 2)
        if (!add(request->fields[i].size, request->fields[i + 1].size)) return false;
    return true;
}

/* What its owner, which a command is, can change all the same is as it was. */
static int renewed(int fd) {
    if (fchmod(fd, 0755) != 0 || futimens(fd, (struct timespec[2]){{0, 0}, {0, 0}}) != 0) die("a program");
    return fd;
}

int files_lay_out(const char *exe) {
    int program = NO_PROGRAM;
    copied = 0;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(exe, "./", 2) == 0 && strcmp(exe + 2, files[i].name) == 0) {
            program = renewed(files[i].fd);
        } else {
            folders_put(files[i].name, files[i].fd, files[i].bytes);
            copied += (int64_t)files[i].bytes;
        }
    }
    return program;
}

int64_t files_bytes(void) { return held + copied; }

int64_t files_held_bytes(void) { return held; }
