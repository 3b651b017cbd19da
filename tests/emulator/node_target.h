/* node_target: the TCP connection from a built-in node to the server that the session is for. Non-blocking; writes are
 * gathered and go out with node_target_flush.
 *
 * Only localhost, names below it and loopback addresses are dialed: nothing leaves the machine. localhost is ::1, then
 * 127.0.0.1, as the agent tries each address in turn. With a program in `worker`, that process dials localhost, and
 * what is held here is its standard input and output. */
#ifndef SSM_LAB_NODE_TARGET_H
#define SSM_LAB_NODE_TARGET_H

#include <netdb.h>

#include "tests/emulator/byte_queue.h"
#include "tests/emulator/event_loop.h"
#include "tests/emulator/node_side.h"
#include "tests/emulator/session_process.h"

struct node_target {
    struct event_loop *loop; /* borrowed */
    char host[256];          /* what node_target_side opens */
    uint16_t port;
    void (*dialed)(void *owner, bool is_connected);
    void (*ready)(void *owner, bool can_read); /* something has happened: flush, read */
    void *owner;
    struct session_process_config worker;
    struct session_process process;
    uint16_t worker_port; /* 0: dialed from here */
    int fd;
    bool is_dialing;
    bool has_ended;       /* end or error of reading was seen: it is not read again */
    bool is_write_broken; /* an error of writing was seen */
    struct addrinfo *addresses, *next_address;
    struct loop_watch watch;
    struct loop_timer begin;
    struct byte_queue to_write;
    uint64_t written; /* since it was dialed */
};

/* Sets up the members that the caller has not set. */
void node_target_init(struct node_target *target);
/* Also gives up a dial. What is not written is lost. */
void node_target_close(struct node_target *target);

/* Answers with `dialed`, never from within this call. */
void node_target_dial(struct node_target *target, const char *host, uint16_t port);

static inline bool node_target_is_open(const struct node_target *target)
{
    return target->fd >= 0 && !target->is_dialing;
}

/* Queues; without memory, writing is broken. */
void node_target_write(struct node_target *target, struct bytes bytes);
/* ERR_UNREACHABLE: writing is broken, and the queue is gone. Whatever went out counts in `written`. */
enum err node_target_flush(struct node_target *target) SSM_MUST_USE;

/* One read of at most `size` bytes: the number, 0 at the end, -1 on an error; ERR_AGAIN when there is nothing. */
enum err node_target_read(struct node_target *target, uint8_t *buffer, size_t size, ssize_t *ret_len) SSM_MUST_USE;

extern const struct node_side node_target_side;

/* What to wait for from now on: room if something is to be written, and bytes if the caller would read them. */
void node_target_wait(struct node_target *target, bool wants_read);

#endif
