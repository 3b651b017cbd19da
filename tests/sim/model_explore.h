/* model_explore: every state that a configuration can reach, depth first. */
#ifndef SSM_TESTS_MODEL_EXPLORE_H
#define SSM_TESTS_MODEL_EXPLORE_H

#include "tests/sim/model_state.h"

struct model_figures {
    uint64_t states;
    uint64_t transitions;
    uint64_t depth; /* of the search: the longest way that it went */
    uint64_t ends[MODEL_END_COUNT];
    bool is_exhausted; /* every reachable state was seen */
    bool has_failed;
};

/* Checks each state and each end, that something can always happen, and that from each state an undisturbed network
 * leads to an end. Stops at `most` states. A failure is printed: the shortened way to it, and how to repeat it. */
struct model_figures model_explore(const struct model_config *config, uint32_t most, struct sha256 *hash);

#endif
