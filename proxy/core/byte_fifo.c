#include "proxy/core/byte_fifo.h"

#include <stdlib.h>

#define SIZE_MIN (16 * 1024)
#define SIZE_KEPT (64 * 1024) /* when empty: more than that is given back */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Into larger memory, where the bytes begin at 0. */
static enum err grow(struct byte_fifo *fifo, size_t needed)
{
    size_t size = fifo->size > 0 ? fifo->size : SIZE_MIN;
    while (size < needed) {
        size *= 2;
    }
    uint8_t *memory = malloc(size);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    if (fifo->len > 0) {
        size_t until_end = smaller(fifo->len, fifo->size - fifo->head);
        memcpy(memory, fifo->memory + fifo->head, until_end);
        memcpy(memory + until_end, fifo->memory, fifo->len - until_end);
    }
    free(fifo->memory);
    *fifo = (struct byte_fifo){.memory = memory, .size = size, .len = fifo->len};
    return ERR_OK;
}

enum err byte_fifo_put(struct byte_fifo *fifo, struct bytes bytes)
{
    if (bytes.len == 0) {
        return ERR_OK;
    }
    if (fifo->size - fifo->len < bytes.len) {
        TRY(grow(fifo, fifo->len + bytes.len));
    }
    size_t at = (fifo->head + fifo->len) & (fifo->size - 1);
    size_t until_end = smaller(bytes.len, fifo->size - at);
    memcpy(fifo->memory + at, bytes.data, until_end);
    memcpy(fifo->memory, bytes.data + until_end, bytes.len - until_end);
    fifo->len += bytes.len;
    return ERR_OK;
}

struct bytes byte_fifo_front(const struct byte_fifo *fifo)
{
    if (fifo->len == 0) {
        return bytes_of(NULL, 0);
    }
    return bytes_of(fifo->memory + fifo->head, smaller(fifo->len, fifo->size - fifo->head));
}

void byte_fifo_consume(struct byte_fifo *fifo, size_t len)
{
    fifo->len -= len;
    if (fifo->len > 0) {
        fifo->head = (fifo->head + len) & (fifo->size - 1);
    } else if (fifo->size > SIZE_KEPT) {
        byte_fifo_free(fifo);
    } else {
        fifo->head = 0;
    }
}

void byte_fifo_free(struct byte_fifo *fifo)
{
    free(fifo->memory);
    *fifo = (struct byte_fifo){.memory = NULL};
}

bool byte_fifo_check(const struct byte_fifo *fifo)
{
    bool is_power = (fifo->size & (fifo->size - 1)) == 0;
    return is_power && fifo->len <= fifo->size && (fifo->size == 0 || fifo->head < fifo->size) &&
           (fifo->memory == NULL) == (fifo->size == 0);
}
