/* node_worker: a session of a built-in node: the agent core with a real connection to localhost, many of them through a
 * multiplexer, or a program, and real time.
 * What a session worker process is to the agent. It lives beside the gateway in one process, so that its data channel
 * is a link of function calls; the link can be lost and comes back as the agent's does.
 *
 * Writing to the target is gathered: everything that one network read brought is written in one go by
 * node_worker_flush, and acknowledged when it has been written. */
#ifndef SSM_LAB_NODE_WORKER_H
#define SSM_LAB_NODE_WORKER_H

#include "tests/emulator/agent_core.h"
#include "tests/emulator/event_loop.h"
#include "tests/emulator/node_plug.h"

struct node_worker;

/* The other end of the link. */
struct node_worker_ports {
    void (*send)(void *owner, struct bytes message); /* to the gateway */
    void (*attached)(void *owner, bool is_attached); /* CreateDataChannel and connect; or the agent hung up */
    void (*flow)(void *owner);                       /* node_worker_wants_input has changed */
    void (*task_complete)(void *owner, const char *final_status, const char *output); /* the last call */
    bool (*decrypt_key)(void *owner, const char *ciphertext, const char *challenge, uint8_t ret_data_key[64],
                        char ret_problem[512]); /* as the core's */
};

struct node_worker_config {
    struct agent_config agent; /* texts are copied */
    struct node_plug_config plug;
    bool has_pause;
    uint64_t start_delay_us; /* before it appears */
    uint64_t stuck_us;       /* blocked by its target for so long, it hears no pong and connects anew; 0: never */
};

enum err node_worker_new(const struct node_worker_config *config, const struct node_worker_ports *ports, void *owner,
                         struct event_loop *loop, struct chance *chance, struct node_worker **ret_worker) SSM_MUST_USE;
/* Not from within one of its ports. */
void node_worker_free(struct node_worker *worker);

/* One websocket message from the gateway. */
void node_worker_deliver(struct node_worker *worker, struct bytes message);
/* False: the receive loop does not read; the gateway stops reading its client. */
bool node_worker_wants_input(struct node_worker *worker);
/* Can the gateway take more? When not, the agent is blocked in its write: it does not read the target, and its receive
 * loop stops at the next message that it would have to acknowledge. */
void node_worker_set_room(struct node_worker *worker, bool has_room);

/* The data channel was lost under it, or cannot be made: it comes by itself, when the gateway is there after `away_us`.
 */
void node_worker_lose_link(struct node_worker *worker, uint64_t away_us);
/* channel_closed on the control channel. */
void node_worker_cancel(struct node_worker *worker);

/* To be told of every child that has ended, before it is waited for. */
void node_worker_child_ended(struct node_worker *worker, pid_t pid, int exit_code);

/* Once after each round of the event loop. */
void node_worker_flush(struct node_worker *worker);

/* Bytes on their way to the target, and messages that wait for the receive loop. */
size_t node_worker_queued(const struct node_worker *worker);
const struct agent_counters *node_worker_counters(const struct node_worker *worker);

#endif
