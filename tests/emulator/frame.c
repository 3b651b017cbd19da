#include "tests/emulator/frame.h"

#include <string.h>

#define FIN 0x80u
#define CONTINUATION 0x00u
#define BINARY 0x02u
#define LARGEST_HEADER 10u
#define MOST_FRAGMENTS 5u

/* A server's frame is not masked: FIN and opcode, then the length. */
static size_t put_header(uint8_t *at, uint8_t first, size_t len)
{
    at[0] = first;
    if (len < 126) {
        at[1] = (uint8_t)len;
        return 2;
    }
    if (len < 65536) {
        at[1] = 126;
        at[2] = (uint8_t)(len >> 8);
        at[3] = (uint8_t)len;
        return 4;
    }
    at[1] = 127;
    bytes_put_be64(at + 2, len);
    return LARGEST_HEADER;
}

static size_t put_one(uint8_t *at, uint8_t first, struct bytes payload)
{
    size_t header_len = put_header(at, first, payload.len);
    memcpy(at + header_len, payload.data, payload.len);
    return header_len + payload.len;
}

bool frame_put(struct byte_queue *queue, struct bytes message)
{
    uint8_t *room = byte_queue_reserve(queue, message.len + LARGEST_HEADER);
    if (room == NULL) {
        return false;
    }
    byte_queue_commit(queue, put_one(room, FIN | BINARY, message));
    return true;
}

bool frame_put_fragments(struct byte_queue *queue, struct bytes message, struct chance *chance)
{
    uint8_t *room = byte_queue_reserve(queue, message.len + MOST_FRAGMENTS * LARGEST_HEADER);
    if (room == NULL) {
        return false;
    }
    size_t count = 2 + (size_t)chance_below(chance, MOST_FRAGMENTS - 1), written = 0, done = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        size_t len = is_last ? message.len - done : (size_t)chance_below(chance, message.len - done + 1);
        uint8_t first = (uint8_t)((is_last ? FIN : 0u) | (i == 0 ? BINARY : CONTINUATION));
        written += put_one(room + written, first, bytes_of(message.data + done, len));
        done += len;
    }
    byte_queue_commit(queue, written);
    return true;
}

size_t frame_len(const uint8_t *frame)
{
    size_t len = frame[1] & 127u;
    return len == 126 ? 4 + ((size_t)frame[2] << 8 | frame[3]) : len == 127 ? 10 + bytes_get_be64(frame + 2) : 2 + len;
}
