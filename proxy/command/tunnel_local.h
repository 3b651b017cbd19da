/* tunnel_local: the local side of a tunnel: where its bytes come from and go to. `connect` has standard input and
 * output there (stdio_side), `shell` these and standard error, as a terminal if they are one (shell_side), `forward`
 * connections over smux (forward_side). What it wants of the loop are its own loop sources. */
#ifndef SSM_PROXY_COMMAND_TUNNEL_LOCAL_H
#define SSM_PROXY_COMMAND_TUNNEL_LOCAL_H

#include "common/text.h"
#include "proxy/core/channel.h"

/* None of these waits. They are called in this order, in every turn; `begin` once before. */
struct tunnel_local {
    void *context; /* what all of them get */
    /* The data channel is open, and nothing more will be asked of the person. NULL: nothing to do then. */
    void (*begin)(void *context);
    /* Local bytes into the channel, as many as it wants (channel_wants_input); their end (channel_write_eof), too. */
    void (*take_input)(void *context, struct channel *channel, struct instant now);
    /* Output of the channel to its reader, as much as goes (channel_output, channel_output_consume). Not while a
     * companion holds it. */
    void (*take_output)(void *context, struct channel *channel, struct instant now);
    /* Nobody is there any more: what still comes is thrown away, and the session ended. */
    bool (*is_over)(const void *context);
    /* What the next wait is to wake up for. `is_held`: take_output will not be called. */
    void (*watch)(void *context, const struct channel *channel, bool is_held);
    /* When it wants to be called again at the latest; NULL: its sources alone matter. */
    int64_t (*deadline_us)(const void *context);
    /* Once, after the last turn: what went wrong here, which is then why the tunnel ended, whatever became of the
     * connection. With words; `ret_why` is empty before. */
    enum err (*judge)(const void *context, struct text *ret_why);
};

#endif
