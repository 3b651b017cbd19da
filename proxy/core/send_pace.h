/* send_pace: how many messages may be in flight.
 *
 * The protocol has no window and no credit, so the sender must find out by itself what the path carries: too little
 * wastes the round trip, too much only stands in buffers on the way and in our memory. As long as the round trip stays
 * near the shortest one seen, the limit grows: doubling each round trip at first, by an eighth after the first setback,
 * and before it in rounds that were long in the mean only (a batch of the peer's, or TCP's own slow start below us).
 * When the round trip rises (a queue is building) it shrinks by an eighth, when a message was lost by half. Messages of
 * large payloads count as several.
 *
 * More than 100 MB/s is worth no memory: 256 messages, and 100 for each millisecond of the shortest round trip, are
 * always enough.
 *
 * A round is the time until the messages that were in flight at its begin are acknowledged. Only rounds in which the
 * limit was in the way say anything about it. */
#ifndef SSM_PROXY_CORE_SEND_PACE_H
#define SSM_PROXY_CORE_SEND_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct send_pace {
    uint32_t limit; /* messages */
    uint32_t max;
    bool is_starting;     /* still doubling */
    bool was_limited;     /* in this round the limit kept something waiting */
    bool had_loss;        /* in this round */
    int64_t round_end;    /* sequence number whose acknowledgement ends the round */
    int64_t round_min_us; /* of this round's samples: the shortest, their sum and number */
    int64_t round_sum_us;
    uint32_t round_count;
    int64_t base_us; /* shortest sample of the current epoch, and of the one before: a route may change */
    int64_t base_before_us;
    int64_t epoch_end_us;
};

struct send_pace send_pace_initial(uint32_t max);

/* `limit` messages are in flight: what comes next has to wait. */
void send_pace_was_limited(struct send_pace *pace);

/* An acknowledgement of a message sent once took `sample_us`; `next` is the number of the next message. */
void send_pace_sample(struct send_pace *pace, int64_t sequence, int64_t sample_us, int64_t next, int64_t now_us);

/* A message had to be sent again. */
void send_pace_lost(struct send_pace *pace);

#endif
