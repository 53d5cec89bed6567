#include "frames.h"

#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"

enum { STAGE = 1 << 16, MOST_PARTS = 32, ANSWER = 1, SHORT = 1 << 12, WAIT_NS = 5 * 1000 * 1000 };

static uint8_t stage[STAGE]; /* what is read from stdin, but not yet part of a frame: from `begin` to `end` */
static size_t begin, end;
static Buffer seal;

static struct {
    uint32_t lengths[1 + MOST_PARTS]; /* the first is their count */
    struct iovec parts[1 + MOST_PARTS];
    size_t used;
} out;

static Buffer waiting; /* answers that are not written yet */
static int64_t waiting_since_ns;

static size_t read_some(void *to, size_t most) {
    ssize_t got;
    answer_flush();
    do got = read(JUDGE, to, most);
    while (got < 0 && errno == EINTR);
    if (got < 0) die("reading a request");
    return (size_t)got;
}

static bool fill_stage(void) {
    begin = 0;
    end = read_some(stage, STAGE);
    return end > 0;
}

static size_t staged(size_t most) { return end - begin < most ? end - begin : most; }

/* What is long does not go through the stage. */
bool frame_take(void *into, size_t size) {
    for (uint8_t *to = into; size;) {
        size_t got = staged(size);
        memcpy(to, stage + begin, got);
        begin += got;
        if (got == 0 && size >= STAGE) {
            if ((got = read_some(to, size)) == 0) return false;
        } else if (got == 0 && !fill_stage()) {
            return false;
        }
        to += got;
        size -= got;
    }
    return true;
}

bool frame_move(size_t size, int fd) {
    while (size) {
        size_t got = staged(size);
        if (got == 0 && !fill_stage()) return false;
        bytes_write((Bytes){stage + begin, got}, fd);
        begin += got;
        size -= got;
    }
    return true;
}

bool frame_begun(void) { return begin < end; }

bool frame_head(Frame *frame) {
    uint32_t count, lengths[1 + MOST_FIELDS];
    errno = 0;
    if (!frame_take(&count, sizeof count)) return false;
    if (count == 0 || count > 1 + MOST_FIELDS) die("a request of too many fields");
    if (!frame_take(lengths, count * sizeof *lengths)) return false;
    if (lengths[0] > MOST_KIND) die("a request of an unknown kind");
    frame->kind[lengths[0]] = '\0';
    frame->count = count - 1;
    for (size_t i = 0; i < frame->count; i++) frame->fields[i] = (Bytes){NULL, lengths[1 + i]};
    return frame_take(frame->kind, lengths[0]);
}

bool frame_rest(Frame *frame) {
    size_t total = 0;
    for (size_t i = 0; i < frame->count; i++) total += frame->fields[i].size;
    buffer_empty(&frame->text);
    uint8_t *data = buffer_grow(&frame->text, total);
    if (!frame_take(data, total)) return false;
    for (size_t i = 0; i < frame->count; data += frame->fields[i++].size) frame->fields[i].data = data;
    return true;
}

bool frame_is(const Frame *frame, const char *kind, size_t fields) {
    return frame->count >= fields && strcmp(frame->kind, kind) == 0;
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

/* All of it, and the parts are used up. */
static void write_parts(struct iovec *part, const struct iovec *end) {
    while (part < end) {
        ssize_t sent = writev(ANSWER, part, (int)(end - part));
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) die("writing an answer");
        size_t left = (size_t)sent;
        while (part < end && left >= part->iov_len) left -= part++->iov_len;
        if (part < end) *part = (struct iovec){(uint8_t *)part->iov_base + left, part->iov_len - left};
    }
}

void answer_flush(void) {
    bytes_write((Bytes){waiting.data, waiting.size}, ANSWER);
    buffer_empty(&waiting);
}

void answer_send(void) {
    size_t total = 0;
    int64_t now = clock_ns(CLOCK_MONOTONIC);
    out.parts[0] = (struct iovec){out.lengths, (1 + out.lengths[0]) * sizeof *out.lengths};
    for (size_t i = 0; i < out.used; i++) total += out.parts[i].iov_len;
    if (waiting.size == 0) waiting_since_ns = now;
    if (total > SHORT) {
        answer_flush();
        write_parts(out.parts, out.parts + out.used);
    } else {
        for (size_t i = 0; i < out.used; i++) buffer_add(&waiting, out.parts[i].iov_base, out.parts[i].iov_len);
        if (now - waiting_since_ns > WAIT_NS) answer_flush();
    }
}
