#include "tests/emulator/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/inventory.h"
#include "tests/emulator/node_table.h"

#define LAUNCHED_BEFORE_SECONDS (24 * 3600)

/* Of its console, EC2 keeps so much. */
#define CONSOLE_BYTES (64 * 1024)

/* Last part of the addresses of machines that came later. */
#define FIRST_REPLACEMENT 100
#define LAST_REPLACEMENT 250

struct instance_table {
    struct instance *first, *last;
    unsigned replaced;
};

static const struct {
    enum instance_state state;
    const char *name;
} state_names[] = {
    {INSTANCE_PENDING, "pending"},       {INSTANCE_RUNNING, "running"},   {INSTANCE_SHUTTING_DOWN, "shutting-down"},
    {INSTANCE_TERMINATED, "terminated"}, {INSTANCE_STOPPING, "stopping"}, {INSTANCE_STOPPED, "stopped"},
};

#define STATE_COUNT (sizeof state_names / sizeof state_names[0])

const char *instance_state_name(enum instance_state state)
{
    size_t i = 0;
    while (i < STATE_COUNT - 1 && state_names[i].state != state) {
        i++;
    }
    return state_names[i].name;
}

bool instance_state_parse(const char *name, enum instance_state *ret_state)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (strcmp(state_names[i].name, name) == 0) {
            *ret_state = state_names[i].state;
            return true;
        }
    }
    return false;
}

/* ---- the table ---- */

/* us-east-1, the oldest region, has names of its own. */
static void name_addresses(struct instance *instance, unsigned number, bool has_public_address)
{
    bool is_oldest = strcmp(instance->region, "us-east-1") == 0;
    const char *dot = is_oldest ? "" : ".", *region = is_oldest ? "" : instance->region;
    snprintf(instance->private_ipv4, sizeof instance->private_ipv4, "10.0.0.%u", number);
    snprintf(instance->ipv6, sizeof instance->ipv6, "2001:db8::%u", number);
    snprintf(instance->private_dns, sizeof instance->private_dns, "ip-10-0-0-%u%s%s.%s.internal", number, dot, region,
             is_oldest ? "ec2" : "compute");
    if (has_public_address) {
        snprintf(instance->public_ipv4, sizeof instance->public_ipv4, "203.0.113.%u", number);
        snprintf(instance->public_dns, sizeof instance->public_dns, "ec2-203-0-113-%u%s%s.%s.amazonaws.com", number,
                 dot, region, is_oldest ? "compute-1" : "compute");
    }
}

static enum err add(struct instance_table *table, struct lab *lab, const struct inventory_machine *machine,
                    struct instance **ret_instance)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return ERR_MEMORY;
    }
    instance->lab = lab;
    instance->region = machine->is_elsewhere ? lab->options.other_region : lab->options.region;
    instance->tags = machine->tags;
    instance->state = machine->state;
    instance->launched_at = lab_time(lab) - LAUNCHED_BEFORE_SECONDS;
    snprintf(instance->id, sizeof instance->id, "%s", machine->id);
    snprintf(instance->profile, sizeof instance->profile, "%s", machine->has_profile ? "lab-node-profile" : "");
    name_addresses(instance, machine->number, machine->has_public_address);
    if (table->last == NULL) {
        table->first = instance;
    } else {
        table->last->next = instance;
    }
    table->last = instance;
    *ret_instance = instance;
    return ERR_OK;
}

enum err instance_table_new(struct lab *lab, struct instance_table **ret_table)
{
    struct instance_table *table = calloc(1, sizeof *table);
    const struct inventory_machine *machine = NULL;
    struct instance *instance = NULL;
    if (table == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; lab->options.has_builtin_nodes && (machine = inventory_machine(i)) != NULL; i++) {
        bool is_here = !machine->is_elsewhere || lab->options.other_region != NULL;
        if (machine->kind == INVENTORY_EC2 && is_here && add(table, lab, machine, &instance) != ERR_OK) {
            instance_table_free(table);
            return ERR_MEMORY;
        }
    }
    *ret_table = table;
    return ERR_OK;
}

void instance_table_free(struct instance_table *table)
{
    if (table == NULL) {
        return;
    }
    struct instance *instance = table->first;
    while (instance != NULL) {
        struct instance *next = instance->next;
        event_loop_disarm(instance->lab->loop, &instance->timer);
        free(instance->console);
        free(instance);
        instance = next;
    }
    free(table);
}

struct instance *instance_first(const struct instance_table *table)
{
    return table->first;
}

struct instance *instance_find(const struct instance_table *table, const char *id, const char *region)
{
    struct instance *instance = table->first;
    while (instance != NULL &&
           (strcmp(instance->id, id) != 0 || (region != NULL && strcmp(instance->region, region) != 0))) {
        instance = instance->next;
    }
    return instance;
}

/* ---- what can change ---- */

void instance_set_name(struct instance *instance, const char *name)
{
    struct tag tags[INSTANCE_TAGS] = {{"Name", name}};
    size_t count = name == NULL ? 0 : 1;
    for (const struct tag *at = instance->tags; at != NULL && at->key != NULL && count < INSTANCE_TAGS - 1; at++) {
        if (strcmp(at->key, "Name") != 0) {
            tags[count++] = *at;
        }
    }
    tags[count] = (struct tag){NULL, NULL};
    memcpy(instance->own_tags, tags, sizeof tags);
    instance->tags = instance->own_tags;
    struct node *node = node_table_find(instance->lab->nodes, instance->id);
    if (node != NULL) {
        node->tags = instance->own_tags;
        snprintf(node->name, sizeof node->name, "%s", name == NULL ? "" : name);
    }
}

enum err instance_set_console(struct instance *instance, const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);
    char *copy = text == NULL ? NULL : strdup(len > CONSOLE_BYTES ? text + len - CONSOLE_BYTES : text);
    if (text != NULL && copy == NULL) {
        return ERR_MEMORY;
    }
    free(instance->console);
    instance->console = copy;
    instance->console_at = lab_time(instance->lab);
    return ERR_OK;
}

enum err instance_replace(struct instance *old, struct instance **ret_instance)
{
    struct lab *lab = old->lab;
    char id[24] = "i-";
    for (size_t i = 2; i < 19; i++) {
        id[i] = "0123456789abcdef"[chance_below(&lab->chance, 16)];
    }
    struct inventory_machine machine = {.id = id,
                                        .tags = old->tags,
                                        .number = FIRST_REPLACEMENT + lab->instances->replaced,
                                        .state = INSTANCE_RUNNING,
                                        .has_public_address = old->public_ipv4[0] != '\0',
                                        .has_profile = old->profile[0] != '\0',
                                        .has_registered = true,
                                        .is_elsewhere = old->region != lab->options.region};
    struct instance *instance = NULL;
    if (machine.number > LAST_REPLACEMENT) {
        return ERR_TOO_LONG;
    }
    TRY(add(lab->instances, lab, &machine, &instance));
    TRY(node_table_add_builtin(lab->nodes, &machine, instance->region, lab_time(lab)));
    lab->instances->replaced++;
    instance->launched_at = lab_time(lab);
    instance_set_state(old, INSTANCE_TERMINATED);
    struct node *node = node_table_find(lab->nodes, old->id);
    if (node != NULL) {
        node->is_gone = true;
    }
    *ret_instance = instance;
    return ERR_OK;
}

/* ---- coming and going ---- */

bool instance_has_public_address(const struct instance *instance)
{
    return instance->public_ipv4[0] != '\0' && instance->state == INSTANCE_RUNNING;
}

static void set_agent(struct instance *instance, bool is_running)
{
    struct node *node = node_table_find(instance->lab->nodes, instance->id);
    if (node != NULL && node->has_no_machine == is_running) {
        node->has_no_machine = !is_running;
        node->last_ping_at = lab_time(instance->lab);
    }
}

void instance_set_state(struct instance *instance, enum instance_state state)
{
    event_loop_disarm(instance->lab->loop, &instance->timer);
    instance->state = state;
    set_agent(instance, state == INSTANCE_RUNNING);
}

static void agent_is_up(void *owner, uint64_t now_us)
{
    (void)now_us;
    set_agent(owner, true);
}

static void wait_ms(struct instance *instance, int64_t delay_ms, void (*expired)(void *owner, uint64_t now_us))
{
    instance->timer = (struct loop_timer){.expired = expired, .owner = instance};
    event_loop_arm(instance->lab->loop, &instance->timer, event_loop_now_us() + (uint64_t)delay_ms * 1000u);
}

static void instance_is_up(void *owner, uint64_t now_us)
{
    struct instance *instance = owner;
    (void)now_us;
    instance->state = INSTANCE_RUNNING;
    wait_ms(instance, instance->lab->faults.agent_start_ms, agent_is_up);
}

bool instance_can_start(const struct instance *instance)
{
    return instance->state == INSTANCE_STOPPED || instance->state == INSTANCE_RUNNING ||
           instance->state == INSTANCE_PENDING;
}

void instance_start(struct instance *instance)
{
    if (instance->state != INSTANCE_STOPPED) {
        return;
    }
    instance->state = INSTANCE_PENDING;
    instance->launched_at = lab_time(instance->lab);
    wait_ms(instance, instance->lab->faults.instance_pending_ms, instance_is_up);
}
