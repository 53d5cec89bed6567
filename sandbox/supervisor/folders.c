#include "folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"

enum { WORK, TEMPORARY, FOLDERS };

static DIR *folders[FOLDERS];

void folders_open(void) {
    folders[WORK] = opendir("/w");
    folders[TEMPORARY] = opendir("/tmp");
    if (!folders[WORK] || !folders[TEMPORARY]) die("the writable directories");
}

static struct dirent *next(DIR *folder) {
    struct dirent *entry;
    do entry = readdir(folder);
    while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
    return entry;
}

/* Names that the command chose stand in the way of a few numbers at most. */
static bool lift(int from, const char *name, int to) {
    static unsigned long number;
    char fresh[32];
    for (int tries = 0; tries < 1 << 16; tries++) {
        snprintf(fresh, sizeof fresh, "%lu", number++);
        if (renameat(from, name, to, fresh) == 0) return true;
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR) return false;
    }
    return false;
}

/* Folders in a folder are moved up beside it instead of entered: neither depth nor descriptors run out. */
static bool remove_folder(int top, const char *name) {
    if (fchmodat(top, name, 0700, 0) != 0) return false;
    int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) return false;
    bool moved = false;
    for (struct dirent *entry; (entry = next(folder));) {
        if (unlinkat(fd, entry->d_name, 0) == 0) {
            moved = true;
        } else if (errno == EISDIR && fchmodat(fd, entry->d_name, 0700, 0) == 0) {
            moved = lift(fd, entry->d_name, top) || moved;
        }
    }
    closedir(folder);
    return unlinkat(top, name, AT_REMOVEDIR) == 0 || moved;
}

/* Whether it is empty at last; goes on as long as something could be removed or moved up. */
static bool empty(DIR *folder) {
    for (;;) {
        bool found = false, moved = false;
        rewinddir(folder);
        for (struct dirent *entry; (entry = next(folder));) {
            found = true;
            if (unlinkat(dirfd(folder), entry->d_name, 0) == 0 ||
                (errno == EISDIR && remove_folder(dirfd(folder), entry->d_name)))
                moved = true;
        }
        if (!found || !moved) return !found;
    }
}

/* Nodes that are everybody's to write to, of which anybody may set the times to now: a mark for the next program. They
   are all of one age again; where that is refused, nobody else can do it either. */
static void age_devices(void) {
    static const char *const nodes[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
                                        "/dev/pts/ptmx"};
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) utimensat(AT_FDCWD, nodes[i], NULL, 0);
}

bool folders_wipe(void) {
    age_devices();
    bool work = empty(folders[WORK]), temporary = empty(folders[TEMPORARY]);
    return work && temporary;
}

void folders_put(const char *name, int from, size_t size) {
    int fd = openat(dirfd(folders[WORK]), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    if (fd < 0) die("a file of the program");
    for (off_t at = 0; (size_t)at < size;)
        if (sendfile(fd, from, &at, size - (size_t)at) <= 0) die("writing a file");
    close(fd);
}

void folders_keep(Bytes name, uint64_t most, Buffer *into) {
    char path[NAME_MAX + 1];
    struct stat status;
    buffer_empty(into);
    if (name.size == 0) return;
    errno = 0;
    if (name.size >= sizeof path) die("a name that is too long");
    memcpy(path, name.data, name.size);
    path[name.size] = '\0';
    int fd = openat(dirfd(folders[WORK]), path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        uint64_t size = (uint64_t)status.st_size, wanted = size < most ? size : most, got = 0;
        uint8_t *data = buffer_grow(into, wanted);
        for (ssize_t piece = 1; got < wanted && piece > 0; got += (uint64_t)(piece > 0 ? piece : 0))
            piece = pread(fd, data + got, wanted - got, (off_t)(size - wanted + got));
        buffer_cut(into, got);
    }
    close(fd);
}
