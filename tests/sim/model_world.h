/* model_world: one state of the model: the client's engine, the lab's agent core, the network between them and the two
 * programs at the ends, all of it copyable.
 *
 * Time stands still while messages move; it moves, in a step of its own, to the next deadline of either side. Both
 * sides' estimates of the round trip stay at their initial values: the model is about order and loss, not about pace.
 * Each side is ticked as soon as its deadline is there, and the client's frames go out as soon as the network has room.
 *
 * Streams are cut into pieces of one size, one message each; byte n of a stream is known, so that what arrives is
 * judged by its content. */
#ifndef SSM_TESTS_MODEL_WORLD_H
#define SSM_TESTS_MODEL_WORLD_H

#include "proxy/core/channel_state.h"
#include "tests/emulator/agent_core_state.h"

#define MODEL_UPLOAD_PIECE 21 /* the least that the channel allows */
#define MODEL_UPLOAD_MAX (16 * MODEL_UPLOAD_PIECE)
#define MODEL_DOWNLOAD_PIECE 96 /* two of them fill the output ring, which must take a HandshakeRequest */
#define MODEL_OUTPUT_BYTES (2 * MODEL_DOWNLOAD_PIECE)
#define MODEL_CAPACITY_MAX 12
#define MODEL_WIRE_MAX 384
#define MODEL_SILENCE_US (3 * 1000 * 1000) /* longer than each side's 2 s of patience */

/* How often the adversary may do what. */
struct model_budget {
    uint8_t losses;
    uint8_t repeats;
    uint8_t overtakes;
    uint8_t delays;   /* time passes although something else could happen */
    uint8_t silences; /* 3 s of it, in which whatever is sent is lost */
    uint8_t client_disconnects;
    uint8_t agent_disconnects;
};

enum model_close {
    MODEL_CLOSE_NEVER,
    MODEL_CLOSE_SERVED, /* the server has read and written everything */
    MODEL_CLOSE_ANY     /* at any moment */
};

struct model_config {
    const char *name;
    const char *what;
    uint32_t send_messages;
    uint32_t recv_messages;
    uint32_t ack_messages;
    uint32_t capacity;          /* messages in flight in one direction */
    uint32_t upload_messages;   /* pieces */
    uint32_t download_messages; /* pieces */
    enum model_close closes;    /* the server */
    bool has_eof;               /* local input ends once everything is written */
    bool may_end;               /* a signal ends the tunnel at any moment */
    bool may_refuse;            /* the server may be absent */
    bool is_large;              /* payloads of two pieces, once the channel has found out that they get through */
    bool endures;               /* the faults are too few for an error */
    struct model_budget budget;
};

enum model_link {
    MODEL_LINK_UP,
    MODEL_LINK_LOSING,  /* down; what is sent to that side is lost */
    MODEL_LINK_KEEPING, /* down; it waits */
    MODEL_LINK_GONE     /* for good: the agent has hung up */
};

struct model_message {
    size_t len;
    uint8_t wire[MODEL_WIRE_MAX];
};

struct model_queue {
    uint32_t count;
    struct model_message messages[MODEL_CAPACITY_MAX]; /* the oldest first */
};

/* Everything but the two sides and the network. */
struct model_facts {
    int64_t now_us;
    int64_t sign_us; /* of life, the last one while the channel was open: see model_world_note_sign */
    struct model_budget left;
    uint32_t written;    /* bytes of the upload that the channel took */
    uint32_t uploaded;   /* bytes that the agent wrote to the server */
    uint32_t read;       /* of these, bytes that the server has read */
    uint32_t served;     /* pieces that the server wrote */
    uint32_t downloaded; /* bytes that reached the reader */
    int64_t seen;        /* highest number of a sequenced message that was handed to the client; -1 before */
    enum model_link client_link;
    enum model_link agent_link;
    bool is_silent; /* within a silence */
    bool is_dialing;
    bool is_target_open;
    bool is_over;        /* the agent has reported the end to the service */
    bool is_told;        /* channel_closed is in flight or has arrived */
    bool has_output;     /* that report has words */
    bool has_ended;      /* by a signal */
    const char *failure; /* NULL: none */
};

struct model_world {
    const struct model_config *config;
    struct sha256 *hash; /* borrowed */
    struct channel *channel;
    struct agent_core *agent;
    struct chance chance; /* message ids of the agent */
    struct model_facts facts;
    struct model_queue to_client;
    struct model_queue to_agent;
};

/* The first state: both links up, the agent has begun. Aborts without memory, as everything here does. */
struct model_world *model_world_new(const struct model_config *config, struct sha256 *hash);
void model_world_free(struct model_world *world);
void model_world_copy(const struct model_world *from, struct model_world *to);

struct instant model_world_client_time(const struct model_world *world);
struct agent_time model_world_agent_time(const struct model_world *world);

/* Output came or was read, all input was acknowledged, it ended, a link came back: a reason to stay for another 2 s. */
void model_world_note_sign(struct model_world *world);

/* The first failure stays. */
void model_world_fail(struct model_world *world, const char *what);

/* After each action: ticks what is due, and moves the client's frames onto the network. */
void model_world_settle(struct model_world *world);

/* INSTANT_NEVER when time changes nothing any more. */
int64_t model_world_deadline_us(const struct model_world *world);

/* Into the network, if there is room and somebody to receive it. */
void model_world_carry(struct model_world *world, struct model_queue *queue, struct bytes wire);
struct model_message model_queue_remove(struct model_queue *queue, uint32_t at);

/* Byte `at` of a stream. */
static inline uint8_t model_upload_byte(size_t at)
{
    return (uint8_t)(at % 251 + 1);
}

static inline uint8_t model_download_byte(size_t at)
{
    return (uint8_t)(at * 7 % 253 + 2);
}

#endif
