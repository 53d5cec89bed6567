#include "frames.h"

#include <sys/uio.h>
#include <unistd.h>

#include "fault.h"

enum { STAGE = 1 << 16, MOST_PARTS = 32, ANSWER = 1 };

static uint8_t stage[STAGE]; /* what is read from stdin, but not yet part of a frame: from `begin` to `end` */
static size_t begin, end;
static Buffer seal;

static struct {
    uint32_t lengths[1 + MOST_PARTS]; /* the first is their count */
    struct iovec parts[1 + MOST_PARTS];
    size_t used;
} out;

static size_t read_some(void *to, size_t most) {
    ssize_t got;
    do got = read(JUDGE, to, most);
    while (got < 0 && errno == EINTR);
    if (got < 0) die("reading a request");
    return (size_t)got;
}

/* What is long does not go through the stage. */
static bool take(uint8_t *to, size_t size) {
    while (size) {
        size_t got = end - begin;
        if (got == 0 && size >= STAGE) {
            if ((got = read_some(to, size)) == 0) return false;
        } else if (got == 0) {
            begin = 0;
            if ((end = read_some(stage, STAGE)) == 0) return false;
            continue;
        } else {
            got = got < size ? got : size;
            memcpy(to, stage + begin, got);
            begin += got;
        }
        to += got;
        size -= got;
    }
    return true;
}

bool frame_begun(void) { return begin < end; }

bool frame_read(Frame *frame) {
    uint32_t count, lengths[MOST_FIELDS];
    size_t total = 0;
    if (!take((uint8_t *)&count, sizeof count)) return false;
    if (count == 0 || count > MOST_FIELDS) die("a request of too many fields");
    if (!take((uint8_t *)lengths, count * sizeof *lengths)) return false;
    for (size_t i = 0; i < count; i++) total += lengths[i];
    buffer_empty(&frame->text);
    const uint8_t *data = buffer_grow(&frame->text, total);
    if (!take(frame->text.data, total)) return false;
    frame->count = count;
    for (size_t i = 0; i < count; data += lengths[i++]) frame->fields[i] = (Bytes){data, lengths[i]};
    return true;
}

bool frame_is(const Frame *frame, const char *kind, size_t fields) {
    const Bytes *first = &frame->fields[0];
    return frame->count >= fields && first->size == strlen(kind) && memcmp(first->data, kind, first->size) == 0;
}

void answer_seal(Bytes bytes) {
    buffer_empty(&seal);
    buffer_add(&seal, bytes.data, bytes.size);
}

void answer_begin(const char *kind) {
    out.lengths[0] = 0;
    out.used = 1;
    answer_field((Bytes){(const uint8_t *)kind, strlen(kind)});
    answer_field((Bytes){seal.data, seal.size});
}

void answer_field(Bytes bytes) {
    if (out.lengths[0] == MOST_PARTS) die("an answer of too many fields");
    out.lengths[++out.lengths[0]] = 0;
    answer_more(bytes);
}

void answer_more(Bytes bytes) {
    uint32_t *length = &out.lengths[out.lengths[0]];
    if (out.used > MOST_PARTS || bytes.size > UINT32_MAX - *length) die("an answer of too many parts or bytes");
    *length += (uint32_t)bytes.size;
    out.parts[out.used++] = (struct iovec){(void *)(uintptr_t)bytes.data, bytes.size};
}

void answer_send(void) {
    struct iovec *part = out.parts, *end = out.parts + out.used;
    out.parts[0] = (struct iovec){out.lengths, (1 + out.lengths[0]) * sizeof *out.lengths};
    while (part < end) {
        ssize_t sent = writev(ANSWER, part, (int)(end - part));
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) die("writing an answer");
        size_t left = (size_t)sent;
        while (part < end && left >= part->iov_len) left -= part++->iov_len;
        if (part < end) *part = (struct iovec){(uint8_t *)part->iov_base + left, part->iov_len - left};
    }
}
