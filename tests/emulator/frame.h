/* frame: websocket frames of a server, ready to be written. Source: RFC 6455, 5.2 and 5.4. */
#ifndef SSM_LAB_FRAME_H
#define SSM_LAB_FRAME_H

#include "proxy/core/chance.h"
#include "tests/emulator/byte_queue.h"

/* Appends one binary message: in one frame, or in two to five frames of random sizes, empty ones among them. False,
 * with nothing appended, without memory. */
bool frame_put(struct byte_queue *queue, struct bytes message);
bool frame_put_fragments(struct byte_queue *queue, struct bytes message, struct chance *chance);

/* Of a frame that was appended, with its header. */
size_t frame_len(const uint8_t *frame);

#endif
