/* model_state: what makes two worlds the same, and what must be true of each. */
#ifndef SSM_TESTS_MODEL_STATE_H
#define SSM_TESTS_MODEL_STATE_H

#include "tests/sim/model_world.h"

/* The first half of a SHA-256 over everything that can influence what happens later: with a million states, two that
 * differ have the same key with a probability of 10^-26. Left out are: message ids, counters, words for the person,
 * estimates (which the model holds constant); moments count as their distance from now, as far as they are still
 * compared with anything. */
struct model_key {
    uint64_t half[2];
};

struct model_key model_state_key(const struct model_world *world);

/* Invariants of both sides and between them; a broken one is the world's failure. */
void model_state_check(struct model_world *world);

enum model_end {
    MODEL_END_NONE,     /* it goes on */
    MODEL_END_WHOLE,    /* ended well, everything arrived on both ends */
    MODEL_END_CLOSED,   /* the server closed before it had read everything: all that it wrote arrived */
    MODEL_END_ASKED,    /* a signal ended it */
    MODEL_END_GIVEN_UP, /* ended well, but the last output is missing; when that is no failure, see model_check.c
                         */
    MODEL_END_ERROR,    /* the channel reported an error */
    MODEL_END_COUNT
};

const char *model_end_name(enum model_end end);

/* A last state that broke a promise is the world's failure. */
enum model_end model_state_end(struct model_world *world);

#endif
