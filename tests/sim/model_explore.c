#include "tests/sim/model_explore.h"

#include "tests/sim/model_action.h"
#include "tests/sim/model_path.h"

#include <stdlib.h>

struct level {
    struct model_world *world; /* made when first needed, then used again */
    uint32_t state;
    unsigned next_action;
    unsigned fair_action;
};

struct search {
    const struct model_config *config;
    struct sha256 *hash;
    struct model_table table;
    struct level *levels;
    size_t level_count;
    size_t depth; /* of the level that is being explored */
    struct model_figures figures;
};

static struct level *level_at(struct search *search, size_t depth)
{
    if (depth == search->level_count) {
        search->level_count = depth == 0 ? 256 : depth * 2;
        search->levels = realloc(search->levels, search->level_count * sizeof *search->levels);
        if (search->levels == NULL) {
            abort();
        }
        memset(search->levels + depth, 0, (search->level_count - depth) * sizeof *search->levels);
    }
    struct level *level = &search->levels[depth];
    if (level->world == NULL) {
        level->world = model_world_new(search->config, search->hash);
    }
    return level;
}

static void report(struct search *search, uint32_t state, unsigned action)
{
    struct model_path path = model_path_to(&search->table, state);
    if (action < model_action_count) {
        path.actions[path.count++] = (uint8_t)action;
    }
    search->figures.has_failed = true;
    model_path_report(search->config, search->hash, &path);
    model_path_free(&path);
}

/* The world of `level` was reached for the first time: judges it; true when it is to be explored further. */
static bool arrive(struct search *search, struct level *level)
{
    struct model_entry *entry = &search->table.entries[level->state];
    enum model_end end = model_state_end(level->world);
    entry->end = (uint8_t)end;
    search->figures.ends[end]++;
    level->next_action = 0;
    level->fair_action = end == MODEL_END_NONE ? model_action_fair(level->world) : model_action_count;
    if (end == MODEL_END_NONE && level->fair_action == model_action_count) {
        model_world_fail(level->world, "deadlock: nothing can happen any more");
    }
    if (level->world->facts.failure != NULL) {
        report(search, level->state, model_action_count);
        return false;
    }
    return end == MODEL_END_NONE;
}

/* One step from the deepest level. */
static void follow(struct search *search, unsigned action)
{
    level_at(search, search->depth + 1); /* may move the levels */
    struct level *from = &search->levels[search->depth];
    struct level *to = &search->levels[search->depth + 1];
    bool is_new;
    model_world_copy(from->world, to->world);
    model_action_apply(to->world, action);
    model_state_check(to->world);
    search->figures.transitions++;
    if (to->world->facts.failure != NULL) {
        report(search, from->state, action);
        return;
    }
    to->state = model_table_add(&search->table, model_state_key(to->world), &is_new);
    if (action == from->fair_action) {
        search->table.entries[from->state].fair = to->state;
    }
    if (!is_new) {
        return;
    }
    search->table.entries[to->state].parent = from->state;
    search->table.entries[to->state].action = (uint8_t)action;
    if (arrive(search, to)) {
        search->depth++;
        search->figures.depth = search->depth > search->figures.depth ? search->depth : search->figures.depth;
    }
}

/* The next enabled action of the deepest level; model_action_count when there is none left. */
static unsigned next_action(struct level *level)
{
    while (level->next_action < model_action_count) {
        unsigned action = level->next_action++;
        if (model_action_is_enabled(level->world, action)) {
            return action;
        }
    }
    return model_action_count;
}

static void search_all(struct search *search, uint32_t most)
{
    bool is_new;
    struct level *root = level_at(search, 0);
    root->state = model_table_add(&search->table, model_state_key(root->world), &is_new);
    arrive(search, root);
    while (!search->figures.has_failed && search->table.count < most) {
        unsigned action = next_action(&search->levels[search->depth]);
        if (action < model_action_count) {
            follow(search, action);
        } else if (search->depth > 0) {
            search->depth--;
        } else {
            search->figures.is_exhausted = true;
            return;
        }
    }
}

/* Follows what happens undisturbed from one state, up to an end or to a state that is known to have one. A state that
 * was not explored because the search was cut off is left alone. */
static void check_undisturbed(struct search *search, uint32_t state)
{
    struct model_entry *entries = search->table.entries;
    uint64_t steps = 0;
    uint32_t at = state;
    while (!entries[at].is_known_to_end && entries[at].end == MODEL_END_NONE && entries[at].fair != MODEL_NO_STATE) {
        at = entries[at].fair;
        if (++steps > search->table.count) {
            report(search, state, model_action_count);
            return;
        }
    }
    for (at = state; steps > 0; steps--, at = entries[at].fair) {
        entries[at].is_known_to_end = true;
    }
}

static void free_search(struct search *search)
{
    for (size_t i = 0; i < search->level_count; i++) {
        if (search->levels[i].world != NULL) {
            model_world_free(search->levels[i].world);
        }
    }
    free(search->levels);
    model_table_free(&search->table);
}

struct model_figures model_explore(const struct model_config *config, uint32_t most, struct sha256 *hash)
{
    struct search search = {.config = config, .hash = hash};
    model_table_init(&search.table);
    search_all(&search, most);
    for (uint32_t state = 0; state < search.table.count && !search.figures.has_failed; state++) {
        check_undisturbed(&search, state);
    }
    search.figures.states = search.table.count;
    free_search(&search);
    return search.figures;
}
