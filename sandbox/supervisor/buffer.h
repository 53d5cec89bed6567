/* Bytes that grow, in memory that a fork leaves out: it stays cheap however much lies here, and the peak of a new
   process does not begin with it. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *data;
    size_t size;
} Bytes;

typedef struct {
    uint8_t *data;
    size_t size, room;
} Buffer;

/* Where the next `more` bytes go; they count at once. Dies where there is no memory. */
uint8_t *buffer_grow(Buffer *buffer, size_t more);

void buffer_add(Buffer *buffer, const void *data, size_t size);

/* Keeps only the first `size` bytes. */
void buffer_cut(Buffer *buffer, size_t size);

/* Forgets what is in it, and gives memory back if that was much. */
void buffer_empty(Buffer *buffer);

/* The most that all buffers together ever held. */
size_t buffer_most(void);

/* All of them. Dies where that fails. */
void bytes_write(Bytes bytes, int fd);

#endif
