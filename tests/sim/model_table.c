#include "tests/sim/model_table.h"

#include <stdlib.h>

#define SLOTS_FIRST 1024u

/* Entries fill at most half of the slots. */
static void allocate(struct model_table *table, uint32_t slot_count)
{
    free(table->slots);
    table->slots = calloc(slot_count, sizeof *table->slots);
    table->entries = realloc(table->entries, slot_count / 2 * sizeof *table->entries);
    table->slot_count = slot_count;
    if (table->slots == NULL || table->entries == NULL) {
        abort();
    }
}

static uint32_t *find_slot(struct model_table *table, struct model_key key)
{
    uint32_t at = (uint32_t)key.half[0] % table->slot_count;
    while (table->slots[at] != 0) {
        const struct model_key *found = &table->entries[table->slots[at] - 1].key;
        if (found->half[0] == key.half[0] && found->half[1] == key.half[1]) {
            break;
        }
        at = (at + 1) % table->slot_count;
    }
    return &table->slots[at];
}

static void grow(struct model_table *table)
{
    allocate(table, table->slot_count * 2);
    for (uint32_t i = 0; i < table->count; i++) {
        *find_slot(table, table->entries[i].key) = i + 1;
    }
}

void model_table_init(struct model_table *table)
{
    *table = (struct model_table){0};
    allocate(table, SLOTS_FIRST);
}

void model_table_free(struct model_table *table)
{
    free(table->slots);
    free(table->entries);
    *table = (struct model_table){0};
}

uint32_t model_table_add(struct model_table *table, struct model_key key, bool *ret_is_new)
{
    uint32_t *slot = find_slot(table, key);
    *ret_is_new = *slot == 0;
    if (*slot != 0) {
        return *slot - 1;
    }
    if (table->count == table->slot_count / 2) {
        grow(table);
        slot = find_slot(table, key);
    }
    table->entries[table->count] = (struct model_entry){.key = key, .parent = MODEL_NO_STATE, .fair = MODEL_NO_STATE};
    *slot = ++table->count;
    return table->count - 1;
}
