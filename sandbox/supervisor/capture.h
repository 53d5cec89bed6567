/* The first bytes of a stream up to a limit, its last 64 KiB, and how many there were. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "buffer.h"

enum { TAIL_BYTES = 64 * 1024 };

typedef struct {
    uint64_t limit, total, past; /* past: bytes that came after the head */
    Buffer head, tail;           /* the tail is a ring */
} Capture;

void capture_begin(Capture *capture, uint64_t limit);

void capture_feed(Capture *capture, const uint8_t *data, size_t size);

/* What is kept, as the next field of the answer. */
void capture_answer(const Capture *capture);

#endif
