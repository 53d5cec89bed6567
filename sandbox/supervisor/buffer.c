#include "buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"

enum { STEP = 1 << 16, MUCH = 1 << 18, OURS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };

static size_t held, most;

static void make_room(Buffer *buffer, size_t least) {
    if (least > SIZE_MAX / 4) die("a size without sense");
    size_t room = least > 2 * buffer->room ? least : 2 * buffer->room;
    room = (room + STEP - 1) / STEP * STEP;
    void *data = buffer->data ? mremap(buffer->data, buffer->room, room, MREMAP_MAYMOVE)
                              : mmap(NULL, room, PROT_READ | PROT_WRITE, OURS, -1, 0);
    if (data == MAP_FAILED) die("no memory");
    if (madvise(data, room, MADV_DONTFORK) != 0) die("madvise");
    madvise(data, room, MADV_NOHUGEPAGE); /* a short text must not cost 2 MiB; not every kernel knows them */
    buffer->data = data;
    buffer->room = room;
}

uint8_t *buffer_grow(Buffer *buffer, size_t more) {
    if (more > SIZE_MAX / 4) die("a size without sense");
    if (buffer->size + more > buffer->room || !buffer->data) make_room(buffer, buffer->size + more + 1);
    buffer->size += more;
    held += more;
    most = held > most ? held : most;
    return buffer->data + buffer->size - more;
}

void buffer_add(Buffer *buffer, const void *data, size_t size) {
    if (size) memcpy(buffer_grow(buffer, size), data, size);
}

void buffer_cut(Buffer *buffer, size_t size) {
    held -= buffer->size - size;
    buffer->size = size;
}

void buffer_empty(Buffer *buffer) {
    if (buffer->size > MUCH) madvise(buffer->data, buffer->room, MADV_DONTNEED);
    buffer_cut(buffer, 0);
}

size_t buffer_most(void) { return most; }

void bytes_write(Bytes bytes, int fd) {
    while (bytes.size) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) die("writing a file");
        bytes.data += written;
        bytes.size -= (size_t)written;
    }
}
