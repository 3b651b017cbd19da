/* model_table: the set of states that were reached, and how. */
#ifndef SSM_TESTS_MODEL_TABLE_H
#define SSM_TESTS_MODEL_TABLE_H

#include "tests/sim/model_state.h"

#define MODEL_NO_STATE UINT32_MAX

struct model_entry {
    struct model_key key;
    uint32_t parent; /* MODEL_NO_STATE: the first one */
    uint32_t fair;   /* what follows when nobody disturbs; MODEL_NO_STATE: not explored, or an end */
    uint8_t action;  /* from the parent */
    uint8_t end;     /* enum model_end */
    uint8_t is_known_to_end;
};

struct model_table {
    struct model_entry *entries;
    uint32_t count;
    uint32_t *slots; /* by key: number of the entry + 1; 0: free */
    uint32_t slot_count;
};

void model_table_init(struct model_table *table); /* aborts without memory */
void model_table_free(struct model_table *table);

/* The entry with that key, made if there is none; *ret_is_new says which. */
uint32_t model_table_add(struct model_table *table, struct model_key key, bool *ret_is_new);

#endif
