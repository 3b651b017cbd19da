/* peer: one websocket at the gateway, from its first message to its end. Messages come in whole (fragments joined);
 * messages go out through a queue of ready-made frames, many per write.
 *
 * The memory belongs to the connection: peer_new at the upgrade, peer_free when libwebsockets says that it is gone.
 * Whoever holds a peer (a session, a node) is told first, through gateway_peer_lost. */
#ifndef SSM_LAB_PEER_H
#define SSM_LAB_PEER_H

#include "tests/emulator/byte_queue.h"
#include "tests/emulator/lab.h"

enum peer_channel { PEER_DATA, PEER_CONTROL };

/* Who is at the other end: the first text message tells. */
enum peer_role { PEER_UNKNOWN, PEER_CLIENT, PEER_AGENT };

struct peer {
    struct lab *lab;
    struct lws *wsi;
    enum peer_channel channel;
    enum peer_role role;
    char id[256];         /* of the path: session id or node id */
    bool is_signed;       /* the upgrade carried a good signature: an agent's */
    char signed_node[64]; /* of whose credentials; "" for a person's */
    void *bound;          /* struct session or struct node, once accepted */
    struct byte_queue out;
    struct byte_queue partial; /* fragments of a message */
    bool is_full;              /* out has been above the high mark and not yet below the low one */
    bool is_reading;
    bool is_writable_requested;
    bool is_closing;                  /* once everything is out */
    bool is_dead;                     /* refused or dropped: nothing more is heard or said */
    int close_code;                   /* 0: no Close frame */
    struct loop_timer deadline;       /* of its first message, and of its going */
    struct loop_timer kernel_is_full; /* look again then */
    uint64_t kernel_wait_us;
    uint64_t queued_since_us;     /* since when there is something in out */
    struct peer *next, *previous; /* of all, in the lab */
};

/* `id` longer than the room is refused with ERR_TOO_LONG. */
enum err peer_new(struct lab *lab, struct lws *wsi, enum peer_channel channel, const char *id,
                  struct peer **ret_peer) SSM_MUST_USE;
void peer_free(struct peer *peer);

/* Queues one binary message. Beyond the hard limit of the queue it is dropped, as a network would. */
void peer_send(struct peer *peer, struct bytes message);
/* No room: whoever feeds this peer should stop. */
bool peer_is_full(const struct peer *peer);
void peer_set_reading(struct peer *peer, bool is_reading);

/* Ends it with a Close frame once the queue is out, or at once and without a word. */
void peer_close(struct peer *peer, int code);
void peer_drop(struct peer *peer);
/* As peer_drop, but once the queue is out. */
void peer_hang_up(struct peer *peer);
/* Every websocket there is, control channels and those without a first message included. */
void peer_drop_all(struct lab *lab);

/* libwebsockets' turn: a piece of a message has come (returns false to hang up), or there is room to write (-1 closes).
 */
bool peer_receive(struct peer *peer, struct bytes piece);
int peer_writable(struct peer *peer);

#endif
