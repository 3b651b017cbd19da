#include "tests/emulator/fault_interval.h"

#include <stdlib.h>

#include "tests/emulator/outage.h"
#include "tests/emulator/relay.h"

struct interval {
    struct lab *lab;
    struct loop_timer timer;
    const int64_t *every_ms;
    void (*strike)(struct lab *lab);
    void (*end)(struct lab *lab); /* when it is switched off; may be NULL */
};

enum { DROP_CLIENT, DROP_AGENT, CLOSE_CLIENT, PUBLICATION_STORM, INTERVAL_COUNT };

struct fault_intervals {
    struct interval all[INTERVAL_COUNT];
};

static void close_clients(struct lab *lab)
{
    outage_close_clients(lab, (int)lab->faults.close_code);
}

/* Either word to either side, as chance has it: pauses come twice, and starts without a pause. */
static void storm(struct lab *lab)
{
    for (struct session *at = lab->sessions->first; at != NULL; at = at->next) {
        relay_publish(at, false, chance_below(&lab->chance, 2) == 0);
        relay_publish(at, true, chance_below(&lab->chance, 2) == 0);
    }
}

static void calm(struct lab *lab)
{
    for (struct session *at = lab->sessions->first; at != NULL; at = at->next) {
        relay_publish(at, false, true);
        relay_publish(at, true, true);
    }
}

static void arm(struct interval *interval)
{
    uint64_t due_us = event_loop_now_us() + (uint64_t)*interval->every_ms * 1000u;
    event_loop_arm(interval->lab->loop, &interval->timer, due_us);
}

static void expired(void *owner, uint64_t now_us)
{
    struct interval *interval = owner;
    (void)now_us;
    interval->strike(interval->lab);
    arm(interval);
}

void fault_interval_update(struct fault_intervals *intervals)
{
    for (struct interval *at = intervals->all; at < intervals->all + INTERVAL_COUNT; at++) {
        bool was_armed = at->timer.is_armed;
        event_loop_disarm(at->lab->loop, &at->timer);
        if (*at->every_ms > 0) {
            arm(at);
        } else if (was_armed && at->end != NULL) {
            at->end(at->lab);
        }
    }
}

enum err fault_interval_new(struct lab *lab, struct fault_intervals **ret_intervals)
{
    struct fault_intervals *intervals = calloc(1, sizeof *intervals);
    const struct fault_settings *faults = &lab->faults;
    if (intervals == NULL) {
        return ERR_MEMORY;
    }
    struct interval *all = intervals->all;
    all[DROP_CLIENT] = (struct interval){.every_ms = &faults->drop_client_every_ms, .strike = outage_drop_clients};
    all[DROP_AGENT] = (struct interval){.every_ms = &faults->drop_agent_every_ms, .strike = outage_drop_agents};
    all[CLOSE_CLIENT] = (struct interval){.every_ms = &faults->close_client_every_ms, .strike = close_clients};
    all[PUBLICATION_STORM] =
        (struct interval){.every_ms = &faults->publication_storm_every_ms, .strike = storm, .end = calm};
    for (size_t i = 0; i < INTERVAL_COUNT; i++) {
        all[i].lab = lab;
        all[i].timer = (struct loop_timer){.expired = expired, .owner = &all[i]};
    }
    *ret_intervals = intervals;
    return ERR_OK;
}

void fault_interval_free(struct fault_intervals *intervals)
{
    for (size_t i = 0; intervals != NULL && i < INTERVAL_COUNT; i++) {
        event_loop_disarm(intervals->all[i].lab->loop, &intervals->all[i].timer);
    }
    free(intervals);
}
