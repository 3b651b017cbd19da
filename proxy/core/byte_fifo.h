/* byte_fifo: bytes in, bytes out, in memory that grows with what waits and is given back when nothing does. Whoever
 * puts bytes in bounds them. */
#ifndef SSM_PROXY_CORE_BYTE_FIFO_H
#define SSM_PROXY_CORE_BYTE_FIFO_H

#include "common/bytes.h"
#include "common/err.h"

/* Zero-initialised means "empty". */
struct byte_fifo {
    uint8_t *memory; /* owned; a ring */
    size_t size;     /* of it: 0 or a power of two */
    size_t head;     /* next byte out */
    size_t len;
};

/* ERR_MEMORY: nothing was put in. */
enum err byte_fifo_put(struct byte_fifo *fifo, struct bytes bytes) SSM_MUST_USE;

/* The next contiguous piece; empty only when the fifo is. Borrowed until the next change. */
struct bytes byte_fifo_front(const struct byte_fifo *fifo);

/* `len` is at most what byte_fifo_front gave. */
void byte_fifo_consume(struct byte_fifo *fifo, size_t len);

void byte_fifo_free(struct byte_fifo *fifo); /* empty afterwards */

bool byte_fifo_check(const struct byte_fifo *fifo);

#endif
