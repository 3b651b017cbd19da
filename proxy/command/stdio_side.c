#include "proxy/command/stdio_side.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define PENDING_SIZE (32 * 1024) /* half of what a pipe holds: two reads empty it */

enum err stdio_side_open(struct stdio_side *side, struct client *client, uint32_t payload_bytes)
{
    *side = (struct stdio_side){.client = client};
    side->pending_size = payload_bytes > PENDING_SIZE ? payload_bytes : PENDING_SIZE;
    side->pending = malloc(side->pending_size);
    if (side->pending == NULL) {
        return ERR_MEMORY;
    }
    TRY(stdio_open(client->loop, STDIN_FILENO, STDIO_READ, &side->in));
    return stdio_open(client->loop, STDOUT_FILENO, STDIO_WRITE, &side->out);
}

void stdio_side_close(struct stdio_side *side)
{
    if (side->client == NULL) {
        return;
    }
    stdio_close(&side->in);
    stdio_close(&side->out);
    free(side->pending);
    *side = (struct stdio_side){0};
}

/* An end of input is an end like others, and so is none from the start; a disk that cannot be read is a failure. */
static void give_up_input(struct stdio_side *side)
{
    side->has_lost_input = side->in.end == STDIO_FAILED && side->in.end_errno != EBADF;
}

/* False: nothing more can be read now. */
static bool read_input(struct stdio_side *side, struct channel *channel, struct instant now)
{
    if (side->in.end != STDIO_OPEN || (side->is_input_dry && !side->in.source.can_read)) {
        return false;
    }
    size_t len;
    enum err err = stdio_read(&side->in, side->pending, side->pending_size, &len);
    side->is_input_dry = err == ERR_AGAIN;
    if (err == ERR_OK) {
        side->pending_at = 0;
        side->pending_len = len;
        return true;
    }
    if (err != ERR_AGAIN) {
        give_up_input(side);
        channel_write_eof(channel, now);
    }
    return false;
}

static void take_input(void *context, struct channel *channel, struct instant now)
{
    struct stdio_side *side = context;
    while (channel_wants_input(channel) && (side->pending_len > 0 || read_input(side, channel, now))) {
        struct bytes pending = bytes_of(side->pending + side->pending_at, side->pending_len);
        size_t taken = channel_write(channel, pending, now);
        side->pending_at += taken;
        side->pending_len -= taken;
    }
}

/* A reader that left is an end like others; a disk that is full is a failure. */
static void give_up_output(struct stdio_side *side, struct channel *channel)
{
    side->has_lost_output = side->out.end == STDIO_FAILED;
    channel_discard_output(channel);
}

static void take_output(void *context, struct channel *channel, struct instant now)
{
    struct stdio_side *side = context;
    (void)now;
    for (;;) {
        struct bytes piece = channel_output(channel);
        if (piece.len == 0) {
            break;
        }
        size_t len;
        enum err err = stdio_write(&side->out, piece, &len);
        if (err == ERR_OK) {
            channel_output_consume(channel, len);
        } else if (err == ERR_AGAIN) {
            break;
        } else {
            give_up_output(side, channel);
        }
    }
}

static bool is_over(const void *context)
{
    return stdio_reader_is_gone(&((const struct stdio_side *)context)->out);
}

static void watch(void *context, const struct channel *channel, bool is_held)
{
    struct stdio_side *side = context;
    bool has_input_room = side->pending_len == 0 && channel_wants_input(channel);
    side->in.source.want_read = side->in.end == STDIO_OPEN && has_input_room;
    side->out.source.want_write = !is_held && channel_output(channel).len > 0;
}

/* A terminal that hangs up fails, too, and says so by its signal. */
static enum err judge(const void *context, struct text *ret_why)
{
    const struct stdio_side *side = context;
    if (side->has_lost_output) {
        text_format(ret_why, "cannot write to standard output: %s", strerror(side->out.end_errno));
        return ERR_SYSTEM;
    }
    if (side->has_lost_input && side->client->signal == 0) {
        text_format(ret_why, "cannot read from standard input: %s", strerror(side->in.end_errno));
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

struct tunnel_local stdio_side_local(struct stdio_side *side)
{
    return (struct tunnel_local){
        .context = side,
        .take_input = take_input,
        .take_output = take_output,
        .is_over = is_over,
        .watch = watch,
        .judge = judge,
    };
}
