/* stdio_side: standard input and output as the local side of a tunnel. */
#ifndef SSM_PROXY_COMMAND_STDIO_SIDE_H
#define SSM_PROXY_COMMAND_STDIO_SIDE_H

#include "proxy/command/client.h"
#include "proxy/command/tunnel_local.h"
#include "proxy/edge/stdio.h"

/* Zero-initialised means "not open". */
struct stdio_side {
    struct client *client; /* borrowed */
    struct stdio_stream in;
    struct stdio_stream out;
    uint8_t *pending; /* read from stdin, not taken by the channel yet */
    size_t pending_size;
    size_t pending_at;
    size_t pending_len;
    bool is_input_dry;    /* the last read found nothing; nothing is there until the loop says so */
    bool has_lost_input;  /* standard input could not be read: its end is not the end of what was to be sent */
    bool has_lost_output; /* standard output could not be written, for another reason than that nobody reads it */
};

/* `payload_bytes`: the largest payload of a message of the channel. Afterwards stdio_side_close is due, whatever this
 * returns. */
enum err stdio_side_open(struct stdio_side *side, struct client *client, uint32_t payload_bytes) SSM_MUST_USE;

/* Standard input and output are as they were before. Safe on a zeroed one. */
void stdio_side_close(struct stdio_side *side);

/* Good while the side is open and stays where it is. Its judge gives ERR_SYSTEM: standard input could not be read, or
 * standard output not be written. */
struct tunnel_local stdio_side_local(struct stdio_side *side);

#endif
