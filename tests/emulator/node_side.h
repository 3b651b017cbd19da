/* node_side: what the data of a session goes to and comes from, on a built-in node: a TCP connection (node_target),
 * many of them through a multiplexer (node_mux), or a program. One table of functions for each kind; `self` is the
 * thing. Whoever makes it says, through functions of his own, whom it tells that it is open, and that something has
 * happened. */
#ifndef SSM_LAB_NODE_SIDE_H
#define SSM_LAB_NODE_SIDE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/bytes.h"
#include "common/err.h"
#include "proxy/core/agent_message.h"

/* One read. */
struct node_piece {
    ssize_t len; /* 0: the end; -1: an error */
    enum payload_type type;
};

struct node_side {
    /* Answered later, never from within. Opens afresh what was open before. */
    void (*open)(void *self);
    /* Safe to repeat; also gives up opening. What is not written is lost. */
    void (*close)(void *self);
    bool (*is_open)(const void *self);
    /* Queues; and how much of that is still queued, and how much went out since it was opened. */
    void (*write)(void *self, struct bytes bytes);
    size_t (*queued)(const void *self);
    uint64_t (*written)(const void *self);
    /* ERR_UNREACHABLE: writing is broken, and the queue is gone. */
    enum err (*flush)(void *self);
    /* At most `size` bytes; ERR_AGAIN when there are none. */
    enum err (*read)(void *self, uint8_t *buffer, size_t size, struct node_piece *ret_piece);
    /* What to wait for from now on: room if something is to be written, and bytes if the caller would read them. */
    void (*wait)(void *self, bool wants_read);
};

#endif
