/* sim_session: one simulated session: the client's engine and the lab's agent core, over a network that delays, loses,
 * repeats and reorders, with links that break, all of it chosen by a seed, under a virtual clock.
 *
 * Loss up to 30 %, repetition up to 10 %, delay up to 5 s each way, up to 32 ms of it different from message to
 * message, up to five disconnects of either link; every tenth network is calm. Half of the clients want large payloads,
 * and half of their gateways close when one comes. */
#ifndef SSM_TESTS_SIM_SESSION_H
#define SSM_TESTS_SIM_SESSION_H

#include "common/sha256.h"

/* Of one session or many. */
struct sim_tally {
    uint64_t sessions;
    uint64_t whole; /* both streams arrived byte for byte */
    uint64_t bad;   /* neither whole nor ended by a reported error; each was printed */
    uint64_t disconnects;
    uint64_t most_disconnects; /* of one session */
    uint64_t overtaken;        /* the most messages of one direction that overtook one */
    int64_t delay_us;          /* the longest one */
};

struct sim_session;

/* Memory for one session after the other, to be freed with free(); NULL without. */
struct sim_session *sim_session_new(void);

/* Prints the session when it is bad, or always when verbose. */
struct sim_tally sim_session_run(struct sim_session *session, uint64_t seed, struct sha256 *hash, bool is_verbose);

void sim_tally_add(struct sim_tally *sum, const struct sim_tally *more);

#endif
