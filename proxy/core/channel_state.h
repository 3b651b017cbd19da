/* channel_state: what the files of the channel share, and nobody else includes. */
#ifndef SSM_PROXY_CORE_CHANNEL_STATE_H
#define SSM_PROXY_CORE_CHANNEL_STATE_H

#include "proxy/core/ack_queue.h"
#include "proxy/core/agent_message.h"
#include "proxy/core/byte_ring.h"
#include "proxy/core/channel.h"
#include "proxy/core/control_message.h"
#include "proxy/core/recv_window.h"
#include "proxy/core/send_pace.h"
#include "proxy/core/send_window.h"

/* Whether the path takes payloads over safe_payload_bytes: see channel_probe.c. */
enum channel_probe { PROBE_NONE, PROBE_UNDER_WAY, PROBE_ANSWERED, PROBE_FAILED };

struct channel {
    struct channel_config config;
    struct sha256 *hash;
    struct chance chance;
    enum channel_state state;
    int64_t state_deadline_us;
    bool is_up;
    bool was_up;
    bool is_discarding; /* nobody reads our output any more */
    bool has_eof;       /* of local input */
    bool has_answer;    /* the server behind the port has shown itself */
    bool has_customer_message;
    uint32_t port_failures; /* of streams; not taken yet */
    bool is_unanswered;
    bool is_session_over;       /* the peer knows */
    int64_t quiet_since_us;     /* last output, acknowledgement, end of input, resume or opening */
    int64_t first_data_us;      /* first data sent; INSTANT_NEVER before */
    int64_t highest_seen;       /* number of an output_stream_data, whether taken or dropped; -1 before */
    int64_t terminate_sequence; /* number of the TerminateSession flag; -1 before */
    enum channel_probe probe;
    bool has_sent_large;    /* on this connection, and nothing was acknowledged since */
    uint32_t large_losses;  /* of connections in a row, at that point */
    int64_t probe_sequence; /* while UNDER_WAY: its number */
    struct shell {
        uint16_t columns;
        uint16_t rows;
        bool is_size_due;      /* to be sent as soon as the agent takes input */
        bool is_heard;         /* ASKING: the agent has acknowledged the size */
        bool is_output_stderr; /* what the output ring holds; meaningless when it is empty */
        bool has_exit_code;
        int64_t exit_code;
        struct session_crypt *crypt; /* borrowed; NULL: in the clear */
        uint32_t nonce_prefix;       /* of every nonce; drawn once a key */
        uint64_t nonce_count;        /* the rest of the next one */
        struct handshake_request request;
    } shell;
    struct rtt rtt;
    struct send_pace pace;
    struct channel_counters counters;
    enum err err; /* with reason: the result, once closed */
    char reason[512];
    char customer_message[512];
    uint8_t ack_frame[AGENT_MESSAGE_HEADER_LEN + 256];
    struct ack_queue acks;
    struct send_window send;
    struct recv_window recv;
    struct byte_ring output;
    size_t size; /* of this struct and the memory of its windows and ring behind it */
};

void channel_state_enter(struct channel *channel, enum channel_state state, int64_t deadline_us);

/* Into CHANNEL_CLOSED; nothing when it is closed already. */
void channel_state_finish(struct channel *channel, enum err err, const char *reason, bool is_session_over);

/* SETTLING to OPEN. */
void channel_state_open(struct channel *channel, struct instant now);

/* Puts one sequenced message into the send window, encrypted where that is due; false when it is full. */
bool channel_state_send(struct channel *channel, enum payload_type type, struct bytes payload, struct instant now);

/* Into TERMINATING: the flag goes behind everything that was taken. */
void channel_state_terminate(struct channel *channel, struct instant now);

/* Hands on what the reorder store holds in order, while the output ring has room. */
void channel_state_deliver(struct channel *channel, struct instant now);

/* The largest payload of data now. */
uint32_t channel_probe_payload_bytes(const struct channel *channel);
/* `input_len` local bytes wait: is it time to find out? */
void channel_probe_begin(struct channel *channel, size_t input_len, struct instant now);
/* Gives large payloads up; nothing when no probe is under way. */
void channel_probe_fail(struct channel *channel, struct instant now);
/* Messages have expired; the probe may be one that nobody answers. */
void channel_probe_expire(struct channel *channel, struct instant now);
void channel_probe_sent(struct channel *channel, size_t frame_len);
void channel_probe_acknowledged(struct channel *channel, int64_t sequence);
void channel_probe_lost_transport(struct channel *channel, struct instant now);

/* Would `len` bytes of output be taken now? */
static inline bool channel_state_has_room(const struct channel *channel, size_t len)
{
    return channel->is_discarding || len <= byte_ring_room(&channel->output);
}

/* A shell's: see channel_shell.c. */

static inline bool channel_shell_is(const struct channel *channel)
{
    return channel->config.purpose == CHANNEL_FOR_SHELL;
}

/* What encryption adds to a payload of data. */
static inline size_t channel_shell_overhead(const struct channel *channel)
{
    return channel->shell.crypt != NULL ? SESSION_CRYPT_OVERHEAD : 0;
}

/* Would a payload be taken now? The ring holds one stream of output at a time, so that their order stays. */
bool channel_shell_may_deliver(const struct channel *channel, uint32_t payload_type, size_t len);
/* In place of `payload` what it means, decrypted where that is due. False: the channel is closed. */
bool channel_shell_open_payload(struct channel *channel, uint32_t payload_type, struct bytes *payload);
/* `payload` into `ret_wire`, which has room for it and the overhead. */
enum err channel_shell_seal(struct channel *channel, struct bytes payload, uint8_t *ret_wire) SSM_MUST_USE;
void channel_shell_answer_challenge(struct channel *channel, struct bytes payload, struct instant now);
void channel_shell_take_exit_code(struct channel *channel, struct bytes payload);
/* Sends the terminal's size when it is due and can be taken. */
void channel_shell_send_size(struct channel *channel, struct instant now);
/* In WAITING and ASKING. */
void channel_shell_timed_out(struct channel *channel, struct instant now);
void channel_shell_acknowledged(struct channel *channel, int64_t sequence, struct instant now);
void channel_shell_transport_up(struct channel *channel, struct instant now);
void channel_shell_transport_down(struct channel *channel);

#endif
