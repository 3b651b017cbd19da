/* agent_core: a session worker of amazon-ssm-agent, without I/O, clock or chance of its own: the behaviour that a
 * client meets, sharp edges included. Written from docs/protocol.md; it shares nothing with the client's engine but the
 * agent_message codec. Its caller moves bytes and time:
 *
 *     link:    agent_core_receive <- websocket messages;   ports.send -> websocket messages
 *     target:  agent_core_output  <- bytes read;           ports.target_write -> bytes to write
 *     time:    agent_core_tick at agent_core_deadline
 *
 * What the real agent does, and this does:
 *   - numbers its output from 0, seq 0 being the handshake request, and waits 15 s for the response;
 *   - until the handshake is complete, acknowledges and throws away all other input;
 *   - until the connection to the target stands, leaves input unacknowledged and uncounted;
 *   - acknowledges input after it has been written to the target, once per message; duplicates again; input ahead of
 * its turn when it is stored (100000 messages);
 *   - every 100 ms repeats the oldest unacknowledged message, and only that, when its timeout has passed;
 *   - never checks the digest;
 *   - a second handshake response blocks its receive loop for good, a header length past the end kills it;
 *   - when the target ends, waits up to 2 s for acknowledgements, drops the link, then reports Success;
 *   - when the target refuses, panics: the link drops, and 60 s later the task is reported as Failed;
 *   - the TerminateSession flag is acknowledged and ends it with Success; DisconnectToPort ends an SSH session as
 * Failed;
 *   - for port forwarding in basic mode, a target that closes is dialled again when the next input comes;
 *   - for port forwarding with a client of 1.1.70 or later, what is dialled is a multiplexer, which ends by its own
 * failure alone, and DisconnectToPort is ignored.
 *
 * In sessions of the shell's kinds, whose target is a program, it also
 *   - begins without a handshake, unless the program has no terminal;
 *   - keeps back up to three bytes at the end of output that may begin a character of UTF-8;
 *   - passes on sizes of the terminal, and for a program without one looks for nothing but Ctrl-C and Ctrl-\ in the
 * input;
 *   - acknowledges flags and does nothing;
 *   - says Terminating before it hangs up, and Success whatever the program has returned;
 *   - gives up a program with separate output as soon as it is paused.
 *
 * An encrypted session has the handshake, then a challenge in each direction, 15 s for the answer; from then on Output,
 * StdErr and ExitCode are encrypted, and the client's Output is. What the client sends as Output before there is a key
 * kills the receive loop.
 *
 * After task_complete nothing more happens; agent_core_free is the owner's. Source: docs/protocol.md, 6 to 10.
 */
#ifndef SSM_LAB_AGENT_CORE_H
#define SSM_LAB_AGENT_CORE_H

#include <stdbool.h>

#include "common/bytes.h"
#include "common/err.h"
#include "proxy/core/agent_message.h"
#include "proxy/core/chance.h"

#define AGENT_CORE_VERSION "3.3.0.0"
#define AGENT_CORE_PAYLOAD 1024 /* StreamDataPayloadSize: bytes of one read from the target */

struct agent_time {
    uint64_t mono_us;
    uint64_t unix_ms;
};

/* What the core asks of its owner. Each may be called from within any agent_core_ function; none may call back into
 * the core, except where stated. */
struct agent_ports {
    void (*send)(void *owner, struct bytes message);
    void (*dial)(void *owner);                               /* answer later with agent_core_dialed */
    void (*target_write)(void *owner, struct bytes payload); /* report with agent_core_written */
    void (*target_close)(void *owner);                       /* what is still to be written is discarded */
    void (*link_drop)(void *owner);                          /* the agent hangs up, for good */
    void (*task_complete)(void *owner, const char *final_status, const char *output);
    void (*resize)(void *owner, uint16_t columns, uint16_t rows); /* programs on a terminal alone */
    void (*interrupt)(void *owner, int signal_number);            /* programs without one alone */
    /* KMS's Decrypt, of encrypted sessions alone. `challenge` is the RandomChallenge of the encryption context; NULL:
     * it has none. False with KMS's words in `ret_problem`. */
    bool (*decrypt_key)(void *owner, const char *ciphertext, const char *challenge, uint8_t ret_data_key[64],
                        char ret_problem[512]);
};

enum agent_session_type {
    AGENT_SESSION_PORT,
    AGENT_SESSION_STANDARD_STREAM,
    AGENT_SESSION_INTERACTIVE_COMMANDS,
    AGENT_SESSION_NON_INTERACTIVE_COMMANDS
};

struct agent_counters {
    uint64_t received, duplicates, stored_ahead, dropped, discarded_in_handshake, not_ready;
    uint64_t sent, retransmissions, acknowledged;
    uint64_t terminate_flags;
};

void agent_core_counters_add(struct agent_counters *sum, const struct agent_counters *more);

/* Numbers to change for a test; the real ones by default. */
struct agent_timing {
    uint64_t handshake_timeout_us;   /* 15 s */
    uint64_t crash_report_us;        /* 60 s */
    uint64_t drain_us;               /* 2 s */
    uint64_t complete_flag_delay_us; /* between HandshakeComplete and the moment when input counts; 0 */
};

struct agent_config {
    enum agent_session_type session_type;
    const char *session_id;
    const char *properties;     /* the document's resolved properties, a JSON object; copied */
    bool reconnects;            /* port forwarding in basic mode, not SSH */
    bool multiplexes;           /* port forwarding: many connections, if the client is not too old for it */
    const char *forbidden_host; /* what the target is, when the agent does not forward there; copied; NULL: it does */
    const char *kms_key_id;     /* the session is encrypted; copied; NULL or empty: it is not. Never a Port session */
    bool requires_challenge;    /* Kms.RequireKMSChallengeResponse */
    bool separates_output;      /* a program without terminal, whose stdout and stderr are told apart */
    bool skips_handshake;       /* fault: says nothing at all */
    struct agent_timing timing;
};

struct agent_core;

struct agent_timing agent_core_real_timing(void);

/* `chance` is borrowed for the life of the core. */
enum err agent_core_new(const struct agent_config *config, const struct agent_ports *ports, void *owner,
                        struct chance *chance, struct agent_core **ret_core) SSM_MUST_USE;
void agent_core_free(struct agent_core *core);
/* Puts `to` into the state of `from`, for a test that explores: ports, owner, chance and what the configuration gave
 * stay its own. */
enum err agent_core_copy(const struct agent_core *from, struct agent_core *to) SSM_MUST_USE;
/* Invariants, for tests. */
bool agent_core_check(const struct agent_core *core);

/* The link stands: agent_session_state and the handshake request go out. */
void agent_core_start(struct agent_core *core, struct agent_time now);

/* One websocket message. The caller keeps it back while agent_core_is_blocked. */
void agent_core_receive(struct agent_core *core, struct bytes message, struct agent_time now);

/* The link was lost, or stands again (CreateDataChannel). While it is down, send is not called. */
void agent_core_link_down(struct agent_core *core);
void agent_core_link_up(struct agent_core *core, struct agent_time now);

void agent_core_dialed(struct agent_core *core, bool is_connected, struct agent_time now);
/* One read from the target: 1 to AGENT_CORE_PAYLOAD bytes. Only while agent_core_wants_output. */
void agent_core_output(struct agent_core *core, struct bytes bytes, struct agent_time now);
/* The same of a program without terminal, of this type: PAYLOAD_OUTPUT, PAYLOAD_STDERR or PAYLOAD_EXIT_CODE. */
void agent_core_output_as(struct agent_core *core, enum payload_type type, struct bytes bytes, struct agent_time now);
/* The target closed (is_clean), or reading failed. */
void agent_core_target_ended(struct agent_core *core, bool is_clean, struct agent_time now);
/* So many bytes of target_write, counted from the last dial, have been written. */
void agent_core_written(struct agent_core *core, uint64_t total, struct agent_time now);
/* Writing failed: what was not written is not acknowledged and may come again. */
void agent_core_write_failed(struct agent_core *core, struct agent_time now);

/* Is what is dialed a multiplexer, and does that have to keep itself alive: to be asked at a dial. */
bool agent_core_is_multiplexed(const struct agent_core *core);
bool agent_core_keeps_alive(const struct agent_core *core);
/* A connection of the multiplexer could not be made: the client is told, though not which. */
void agent_core_connect_failed(struct agent_core *core, struct agent_time now);

/* channel_closed on the control channel: the session is cancelled. */
void agent_core_cancel(struct agent_core *core, struct agent_time now);

void agent_core_tick(struct agent_core *core, struct agent_time now);
/* When to call tick; UINT64_MAX: not needed. */
uint64_t agent_core_deadline(const struct agent_core *core);

/* May the target be read: its connection stands, and nothing pauses the agent. */
bool agent_core_wants_output(const struct agent_core *core);
/* The receive loop is inside a dial (port forwarding), or waits for the target to take what precedes a flag: messages
 * wait, and the caller keeps them. */
bool agent_core_is_blocked(const struct agent_core *core);
/* The receive loop is dead or blocked for good: nothing is read from the link any more. */
bool agent_core_is_deaf(const struct agent_core *core);
bool agent_core_is_over(const struct agent_core *core);

/* Messages that the client has not acknowledged. */
size_t agent_core_unacknowledged(const struct agent_core *core);

const struct agent_counters *agent_core_counters(const struct agent_core *core);

#endif
