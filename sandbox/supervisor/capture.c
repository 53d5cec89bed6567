#include "capture.h"

#include <string.h>

#include "frames.h"

static size_t least(uint64_t a, uint64_t b) { return (size_t)(a < b ? a : b); }

void capture_begin(Capture *capture, uint64_t limit) {
    buffer_empty(&capture->head);
    if (capture->tail.size == 0) buffer_grow(&capture->tail, TAIL_BYTES);
    capture->limit = limit;
    capture->total = capture->past = 0;
}

static void feed_tail(Capture *capture, const uint8_t *data, size_t size) {
    while (size) {
        size_t at = capture->past % TAIL_BYTES, piece = least(size, TAIL_BYTES - at);
        memcpy(capture->tail.data + at, data, piece);
        capture->past += piece;
        data += piece;
        size -= piece;
    }
}

void capture_feed(Capture *capture, const uint8_t *data, size_t size) {
    size_t first = least(size, capture->limit - capture->head.size);
    capture->total += size;
    buffer_add(&capture->head, data, first);
    feed_tail(capture, data + first, size - first);
}

void capture_answer(const Capture *capture) {
    const uint8_t *tail = capture->tail.data;
    size_t at = capture->past % TAIL_BYTES;
    answer_field((Bytes){capture->head.data, capture->head.size});
    if (capture->past > TAIL_BYTES) answer_more((Bytes){tail + at, TAIL_BYTES - at});
    answer_more((Bytes){tail, capture->past > TAIL_BYTES ? at : (size_t)capture->past});
}
