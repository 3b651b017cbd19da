/* model_path: a sequence of actions from the first state: replayed, shortened, printed. */
#ifndef SSM_TESTS_MODEL_PATH_H
#define SSM_TESTS_MODEL_PATH_H

#include "tests/sim/model_table.h"

struct model_path {
    uint8_t *actions; /* owned */
    size_t count;
};

void model_path_free(struct model_path *path);

/* How entry `state` was reached, and room for one action more. */
struct model_path model_path_to(const struct model_table *table, uint32_t state);

/* Names of actions between blanks or commas; false at the first unknown one, which is printed. */
bool model_path_parse(const char *text, struct model_path *ret_path);

/* Goes the path (what is not enabled is left out), then on without disturbance to the end. Returns the failure, or
 * NULL; prints each step when told to. */
const char *model_path_replay(const struct model_config *config, struct sha256 *hash, const struct model_path *path,
                              bool is_printed);

/* Leaves out whatever is not needed for a failure. */
void model_path_shorten(const struct model_config *config, struct sha256 *hash, struct model_path *path);

/* The steps for a person, and the command that repeats them. */
void model_path_report(const struct model_config *config, struct sha256 *hash, struct model_path *path);

#endif
