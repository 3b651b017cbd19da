/* agent_core_state: the inside of agent_core, shared by its files: agent_core.c (states, target, link, time),
 * agent_core_input.c (the receive loop), agent_core_shell.c (programs, encryption) and agent_core_copy.c (for tests
 * that explore).
 */
#ifndef SSM_LAB_AGENT_CORE_STATE_H
#define SSM_LAB_AGENT_CORE_STATE_H

#include "tests/emulator/agent_core.h"
#include "tests/emulator/agent_crypt.h"
#include "tests/emulator/agent_sender.h"

enum agent_state {
    STATE_NEW,
    STATE_HANDSHAKE,
    STATE_CHALLENGE,  /* of an encrypted session: waiting for the client's answer */
    STATE_COMPLETING, /* HandshakeComplete is out, but input does not count yet */
    STATE_DIALING,
    STATE_OPEN,
    STATE_TARGET_GONE, /* port forwarding: the next input dials again */
    STATE_REDIALING,
    STATE_DRAINING, /* waiting for the last acknowledgements */
    STATE_CRASHED,
    STATE_REPORTING,
    STATE_OVER
};

enum receive_loop { LOOP_RUNS, LOOP_BLOCKED, LOOP_DEAD };

/* Work that follows the acknowledgement of the message that caused it. */
enum sequel {
    SEQUEL_NONE,
    SEQUEL_ENCRYPTION,
    SEQUEL_HANDSHAKE_COMPLETE,
    SEQUEL_HANDSHAKE_FAILED,
    SEQUEL_TERMINATE,
    SEQUEL_DISCONNECT
};

struct pending_ack {
    uint64_t end; /* of its payload in the stream to the target */
    int64_t sequence_number;
    struct uuid message_id;
};

struct agent_core {
    struct agent_ports ports;
    void *owner;
    char session_id[128];
    char *properties;
    enum agent_session_type session_type;
    bool separates_output;
    uint8_t rest[3]; /* of output: what may be the beginning of a character */
    size_t rest_len;
    char *kms_key_id; /* NULL: not encrypted */
    char kms_challenge[25];
    bool requires_challenge, has_acknowledged_challenge;
    char *ciphertext_key; /* as the client has sent it; NULL: it has not */
    struct agent_crypt crypt;
    struct byte_queue opened;     /* one input, decrypted */
    const char *customer_message; /* of HandshakeComplete, as it stands in JSON */
    struct agent_timing timing;
    bool reconnects, skips_handshake, multiplexes;
    bool is_multiplexed, keeps_alive;
    char forbidden_host[256]; /* "": none */
    enum agent_state state;
    enum receive_loop receive_loop;
    enum sequel sequel;
    bool is_link_up, is_paused, has_response;
    struct agent_sender sender;
    struct sequence_store ahead;
    int64_t expected;
    struct byte_queue pending_acks; /* of struct pending_ack */
    uint64_t target_total;          /* bytes given to target_write since the last dial */
    struct byte_queue held; /* the message that waits for a second dial, or for what is before it to be written */
    uint64_t started_us, state_due_us, next_resend_us;
    const char *final_status;
    char output[1024];
    struct agent_counters counters;
};

/* The session plugin is done: the target is closed, and what is unacknowledged gets a last chance. */
void agent_core_end(struct agent_core *core, const char *final_status, const char *output, struct agent_time now);

/* `state` is STATE_DIALING or STATE_REDIALING. */
void agent_core_dial(struct agent_core *core, enum agent_state state);

void agent_core_complete_handshake(struct agent_core *core, struct agent_time now);

/* pause_publication, and everything that clears it. */
void agent_core_set_paused(struct agent_core *core, bool is_paused, struct agent_time now);

static inline bool agent_core_is_shell(const struct agent_core *core)
{
    return core->session_type != AGENT_SESSION_PORT;
}

bool agent_core_needs_handshake(const struct agent_core *core);

/* After the response: asks for the data key, and challenges the client. */
void agent_core_begin_encryption(struct agent_core *core, struct agent_time now);

/* Both for PAYLOAD_SIZE and for input to a program without terminal. False: it is not what it should be. */
bool agent_core_take_size(struct agent_core *core, struct bytes payload);
void agent_core_take_interrupts(struct agent_core *core, struct bytes payload);

/* What is still kept back of the output. */
void agent_core_flush_output(struct agent_core *core, struct agent_time now);

#endif
