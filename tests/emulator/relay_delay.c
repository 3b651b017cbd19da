#include "tests/emulator/relay_delay.h"

#include <stdlib.h>

#include "tests/emulator/lab_limits.h"

struct delayed {
    struct delayed *next;
    uint64_t due_us;
    bool is_to_agent;
    size_t len;
    uint8_t message[];
};

struct relay_delay {
    struct session *session;
    struct delayed *first, *last;
    size_t bytes;
    struct loop_timer timer;
};

static void expired(void *owner, uint64_t now_us)
{
    struct relay_delay *delay = owner;
    struct session *session = delay->session;
    /* Delivery can end the session, which frees this. */
    while (session->delay != NULL && delay->first != NULL && delay->first->due_us <= now_us) {
        struct delayed *due = delay->first;
        delay->first = due->next;
        delay->last = due->next == NULL ? NULL : delay->last;
        delay->bytes -= due->len;
        relay_deliver_delayed(session, due->is_to_agent, bytes_of(due->message, due->len));
        free(due);
    }
    if (session->delay != NULL && delay->first != NULL) {
        event_loop_arm(session->lab->loop, &delay->timer, delay->first->due_us);
    }
}

static struct relay_delay *delay_of(struct session *session)
{
    if (session->delay == NULL) {
        session->delay = calloc(1, sizeof *session->delay);
        if (session->delay != NULL) {
            session->delay->session = session;
            session->delay->timer = (struct loop_timer){.expired = expired, .owner = session->delay};
        }
    }
    return session->delay;
}

static void insert(struct relay_delay *delay, struct delayed *message)
{
    struct delayed **place = &delay->first;
    if (delay->last != NULL && delay->last->due_us <= message->due_us) {
        place = &delay->last->next; /* the usual case */
    }
    while (*place != NULL && (*place)->due_us <= message->due_us) {
        place = &(*place)->next;
    }
    message->next = *place;
    *place = message;
    if (message->next == NULL) {
        delay->last = message;
    }
}

void relay_delay_add(struct session *session, bool is_to_agent, struct bytes message, uint64_t delay_us)
{
    struct relay_delay *delay = delay_of(session);
    struct delayed *delayed = NULL;
    if (delay != NULL && delay->bytes + message.len <= LAB_LIMIT_DELAYED_BYTES) {
        delayed = malloc(sizeof *delayed + message.len);
    }
    if (delayed == NULL) {
        session->lab->counters.dropped++;
        return;
    }
    *delayed =
        (struct delayed){.due_us = event_loop_now_us() + delay_us, .is_to_agent = is_to_agent, .len = message.len};
    memcpy(delayed->message, message.data, message.len);
    insert(delay, delayed);
    delay->bytes += message.len;
    if (delay->first == delayed) {
        event_loop_arm(session->lab->loop, &delay->timer, delayed->due_us);
    }
}

void relay_delay_free(struct session *session)
{
    struct relay_delay *delay = session->delay;
    if (delay == NULL) {
        return;
    }
    event_loop_disarm(session->lab->loop, &delay->timer);
    while (delay->first != NULL) {
        struct delayed *next = delay->first->next;
        free(delay->first);
        delay->first = next;
    }
    free(delay);
    session->delay = NULL;
}
