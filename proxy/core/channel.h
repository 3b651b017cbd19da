/* channel: the engine of one data channel, without I/O.
 *
 * Websocket messages, local bytes, transport up and down, and the time go in; frames, local bytes and the next deadline
 * come out, pulled by the caller; nothing calls back. All state is one flat block without pointers into itself: a test
 * may copy it with memcpy and compare it (the hash is borrowed and holds nothing between two calls). Nothing is
 * allocated after construction, but within the parsing of a JSON text.
 *
 * What it promises: a byte that it has acknowledged is delivered once, in order, or the channel ends with an error that
 * says so; a byte that it has taken is delivered to the agent once, or the same. It is bounded everywhere: a send
 * window in messages and bytes, a reorder store, an output ring, a ring of acknowledgements.
 *
 * One round of the caller's loop:
 *     message from the websocket, while channel_wants_message   -> channel_receive
 *     local bytes, while channel_wants_input                    -> channel_write
 *     channel_tick, at channel_deadline_us or later; after any pause it comes before channel_output_consume
 *     channel_take_frame until empty, while the websocket has room
 *     channel_output, channel_output_consume
 * until channel_is_finished; then channel_result.
 *
 * A shell has more: its terminal's size (channel_resize), a second stream of output (channel_output_is_stderr), an
 * exit code, and encryption where the session document asks for it. Then the channel asks for a data key
 * (channel_wants_key), which the caller gets from KMS (channel_give_key); from there on nothing that the program reads
 * or writes passes in the clear. The TerminateSession flag means nothing to the agent of a shell: channel_end leaves
 * that session to the API.
 *
 * Source of the protocol: amazon-ssm-agent and session-manager-plugin; where those go wrong (duplicates that are not
 * acknowledged again, resending the head only, data before the handshake's end) the rule here is stated beside the
 * code. */
#ifndef SSM_PROXY_CORE_CHANNEL_H
#define SSM_PROXY_CORE_CHANNEL_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/sha256.h"
#include "proxy/core/chance.h"
#include "proxy/core/instant.h"
#include "proxy/core/session_crypt.h"

enum channel_state {
    CHANNEL_WAITING,     /* for the HandshakeRequest, or a shell's first output */
    CHANNEL_ASKING,      /* a shell's agent is silent: it has been sent the terminal's size; see channel_shell.c */
    CHANNEL_KEYING,      /* asked for encryption; for the caller's data key */
    CHANNEL_CHALLENGE,   /* answered; for the proof that the agent has the same key */
    CHANNEL_HANDSHAKE,   /* answered; for HandshakeComplete */
    CHANNEL_SETTLING,    /* complete; for the first output or 200 ms, before which the agent throws input away */
    CHANNEL_OPEN,        /* data flows */
    CHANNEL_DRAINING,    /* ending: what was taken is still to be acknowledged */
    CHANNEL_TERMINATING, /* the TerminateSession flag is under way */
    CHANNEL_CLOSED,      /* output may still be waiting; see channel_is_finished */
    CHANNEL_STATE_COUNT
};

/* What the session is for, which the session document has to be made for, too. */
enum channel_purpose {
    CHANNEL_FOR_TUNNEL,  /* its bytes are those of one connection to the port: type Port, as AWS-StartSSHSession */
    CHANNEL_FOR_STREAMS, /* they are smux's frames (core/smux): type Port with properties of type LocalPortForwarding */
    CHANNEL_FOR_SHELL    /* they are a program's: Standard_Stream, InteractiveCommands, NonInteractiveCommands */
};

struct channel_config {
    enum channel_purpose purpose;
    uint32_t send_messages;       /* send window */
    uint32_t send_bytes;          /* send window, wire forms */
    uint32_t recv_messages;       /* reorder store */
    uint32_t recv_payload_bytes;  /* largest payload that the reorder store takes */
    uint32_t ack_messages;        /* acknowledgements owed, or remembered for a resume */
    uint32_t output_bytes;        /* output ring; at least the largest payload */
    uint32_t safe_payload_bytes;  /* of the messages that we make: what every gateway takes; at least 21 */
    uint32_t payload_bytes;       /* wanted: more than that once a message of this size has come through; not a shell */
    int64_t request_timeout_us;   /* from the first transport up to the HandshakeRequest; a shell has 1.5 s more */
    int64_t handshake_timeout_us; /* from there to HandshakeComplete */
};

/* 1 KiB payloads, 1400 of them in flight: 28 MB/s at a round trip of 50 ms, in what 14 MB for all leave. The reorder
 * store takes what may still come behind a gap, which for OpenSSH is its window of 2 MiB, twice, for messages that are
 * not full: what does not fit comes again at ten messages a second. Memory that is never needed is never touched. */
struct channel_config channel_config_default(void);

struct channel;

/* `hash` is borrowed for the life of the channel. */
enum err channel_new(const struct channel_config *config, struct chance chance, struct sha256 *hash,
                     struct channel **ret_channel) SSM_MUST_USE;
void channel_free(struct channel **channel); /* usable with AUTO() */
/* Bytes of the flat block. */
size_t channel_size(const struct channel *channel);

/* A websocket is open and OpenDataChannel has been sent on it. After the first time, this is a resumed session:
 * whatever was in flight is sent again, and so are the last acknowledgements (the agent repeats what they were for, ten
 * messages a second, and the acknowledgement of a message that it no longer holds is ignored). */
void channel_transport_up(struct channel *channel, struct instant now);
void channel_transport_down(struct channel *channel, struct instant now);

/* May the next websocket message be handed in? When false, leave it in the socket: the peer is to feel it. */
bool channel_wants_message(const struct channel *channel);
/* `wire` is one whole websocket message. A message that breaks the protocol ends the channel. */
void channel_receive(struct channel *channel, struct bytes wire, struct instant now);

bool channel_wants_input(const struct channel *channel);
/* Takes local bytes, as many as there is room for; returns how many. */
size_t channel_write(struct channel *channel, struct bytes input, struct instant now);
/* Local input is over. Output goes on until it has been quiet for 2 s, counted from the last acknowledgement of input
 * or a resume if that came later; then the session is terminated. */
void channel_write_eof(struct channel *channel, struct instant now);

/* End now: drain, TerminateSession flag, its acknowledgement; within 4 s. Safe to repeat. */
void channel_end(struct channel *channel, struct instant now);
/* The reader of our output is gone: output is thrown away from here on (still acknowledged, so that the end is clean).
 */
void channel_discard_output(struct channel *channel);
/* Closed at once, for a reason outside the channel; the session is left to the TerminateSession call. */
void channel_abort(struct channel *channel, enum err err, const char *reason);

/* The next frame, binary, for the websocket; empty when there is none now. Borrowed until the next call. */
struct bytes channel_take_frame(struct channel *channel, struct instant now);

/* The length of what channel_take_frame would give, or a little more; 0 when there is none. */
size_t channel_next_frame_len(struct channel *channel);

/* Would channel_take_frame give one? */
bool channel_has_frame(const struct channel *channel);

/* Output in order, a contiguous piece; empty when there is none. Borrowed until the next call that changes the channel.
 */
struct bytes channel_output(const struct channel *channel);
void channel_output_consume(struct channel *channel, size_t len);
/* Is it what the program wrote to standard error? Of a session that keeps the two apart. */
bool channel_output_is_stderr(const struct channel *channel);

/* In mono_us; INSTANT_NEVER when only input can change something. */
int64_t channel_deadline_us(const struct channel *channel);
/* Hand in what has arrived first: after a long pause of the whole process, time alone would judge wrongly. */
void channel_tick(struct channel *channel, struct instant now);

enum channel_state channel_state(const struct channel *channel);
/* Closed, and no output is left. */
bool channel_is_finished(const struct channel *channel);

/* ---- a shell's own ---- */

/* The size of its terminal, 80 by 24 until then; safe to repeat. */
void channel_resize(struct channel *channel, uint16_t columns, uint16_t rows, struct instant now);

/* Does the program have a terminal? Known once the state is beyond CHANNEL_KEYING. */
bool channel_has_terminal(const struct channel *channel);

/* The data key of an encrypted session, of which KMS is to be asked; borrowed from the channel. */
struct channel_key_wish {
    const char *key_id;
    const char *challenge; /* to be part of the encryption context; NULL: there is none */
};

/* In CHANNEL_KEYING. The agent waits for the answer for 15 s. */
bool channel_wants_key(const struct channel *channel, struct channel_key_wish *ret_wish);
/* `crypt` is borrowed for the life of the channel; `ciphertext` is CiphertextBlob in base64. A key that cannot be had
 * ends the channel: channel_abort. */
void channel_give_key(struct channel *channel, struct session_crypt *crypt, const char *ciphertext, struct instant now);
/* Is everything encrypted that the program reads and writes? */
bool channel_is_encrypted(const struct channel *channel);

struct channel_result {
    enum err err;         /* ERR_OK: ended as it should */
    const char *reason;   /* words about err, or of the peer; borrowed from the channel; never NULL */
    bool is_unanswered;   /* the agent never began: it may have dropped the session, as just after its own start */
    bool is_session_over; /* the peer knows; otherwise end the session through the API */
    bool has_exit_code;   /* the agent told the program's exit code, as sessions of NonInteractiveCommands do */
    int64_t exit_code;
};
/* Meaningful once closed. */
struct channel_result channel_result(const struct channel *channel);

/* A text of the session document for the person, once; NULL when there is none (any more). Borrowed. */
const char *channel_take_customer_message(struct channel *channel);

/* Of a session for streams, once it is open: does the agent want to hear from us (smux_keep_alive)? Newer ones do not,
 * and it would keep an idle session from the end that its owner wants for it. */
bool channel_wants_keep_alive(const struct channel *channel);

/* Has the agent failed to connect to the port, once more than it was asked about? Of a session for streams: it stays
 * open, and the agent ends the stream; which one, it does not say. A tunnel's session is over then. */
bool channel_take_port_failure(struct channel *channel);

struct channel_counters {
    uint64_t messages_received;
    uint64_t duplicates;
    uint64_t dropped; /* no room, or a digest that disagrees: to be sent again by the peer */
    uint64_t digest_failures;
    uint64_t messages_sent; /* sequenced ones, first transmissions */
    uint64_t resends;
    uint32_t send_limit;    /* messages in flight, at last */
    uint32_t payload_bytes; /* of one message, at last */
    int64_t smoothed_rtt_us;
};
struct channel_counters channel_counters(const struct channel *channel);

/* How far the session has come, to be compared with an earlier value: it grows with every message of ours that is
 * acknowledged for the first time, oldest first, and with every one that comes in its turn. */
uint64_t channel_progress(const struct channel *channel);

/* Invariants; for tests, fuzzers and debug builds. */
bool channel_check(const struct channel *channel);

#endif
