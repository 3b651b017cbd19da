/* ack_window: which sequence numbers of a session the client has acknowledged: all below a base, and a bitmap above. */
#ifndef SSM_LAB_ACK_WINDOW_H
#define SSM_LAB_ACK_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define ACK_WINDOW_SIZE 131072 /* more than the agent's outgoing buffer, which holds 100000 messages */

struct ack_window {
    int64_t base;  /* all below are acknowledged */
    uint8_t *bits; /* of base .. base + ACK_WINDOW_SIZE - 1, at number % ACK_WINDOW_SIZE; owned */
};

/* Numbers beyond the window, and negative ones, are not remembered. */
void ack_window_add(struct ack_window *window, int64_t sequence_number);
bool ack_window_has(const struct ack_window *window, int64_t sequence_number);
void ack_window_free(struct ack_window *window);

#endif
