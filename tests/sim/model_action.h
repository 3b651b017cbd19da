/* model_action: what may happen next. First, in the order of their rank, what happens when nobody disturbs; then the
 * adversary's actions, each of which costs something of its budget. */
#ifndef SSM_TESTS_MODEL_ACTION_H
#define SSM_TESTS_MODEL_ACTION_H

#include "tests/sim/model_world.h"

/* Number of actions; the fair ones come first. */
extern const unsigned model_action_count;
extern const unsigned model_action_fair_count;

const char *model_action_name(unsigned action);
/* The action of that name; model_action_count when there is none. */
unsigned model_action_by_name(const char *name);

bool model_action_is_enabled(const struct model_world *world, unsigned action);
/* Needs an enabled one. */
void model_action_apply(struct model_world *world, unsigned action);

/* What an undisturbed network does next: the first fair action that is enabled; model_action_count when nothing is. */
unsigned model_action_fair(const struct model_world *world);

#endif
