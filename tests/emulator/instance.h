/* instance: the EC2 instances of ssm-lab: what EC2 knows of a machine, beside what Systems Manager knows of it
 * (node.h). The table is filled at the start and keeps its order; what replaces a machine comes last. */
#ifndef SSM_LAB_INSTANCE_H
#define SSM_LAB_INSTANCE_H

#include "tests/emulator/lab.h"
#include "tests/emulator/tag.h"

/* The codes are EC2's. */
enum instance_state {
    INSTANCE_PENDING = 0,
    INSTANCE_RUNNING = 16,
    INSTANCE_SHUTTING_DOWN = 32,
    INSTANCE_TERMINATED = 48,
    INSTANCE_STOPPING = 64,
    INSTANCE_STOPPED = 80
};

#define INSTANCE_TAGS 8

struct instance {
    struct lab *lab;
    char id[24];
    const char *region;                 /* borrowed from the options */
    const struct tag *tags;             /* borrowed, or own_tags */
    struct tag own_tags[INSTANCE_TAGS]; /* of one that has another name than at the start; values borrowed */
    char *console;                      /* what it has written; owned; NULL: nothing yet */
    time_t console_at;
    enum instance_state state;
    char private_ipv4[16], ipv6[40], private_dns[80];
    char public_ipv4[16], public_dns[100]; /* "": none */
    char profile[64];                      /* name of the instance profile; "": none */
    time_t launched_at;
    struct loop_timer timer; /* the next step of a start */
    struct instance *next;
};

struct instance_table; /* owned by the lab */

enum err instance_table_new(struct lab *lab, struct instance_table **ret_table) SSM_MUST_USE;
void instance_table_free(struct instance_table *table);

struct instance *instance_first(const struct instance_table *table);
/* NULL when that region (NULL: any) has no such instance. */
struct instance *instance_find(const struct instance_table *table, const char *id, const char *region);

/* "pending", "running", ... */
const char *instance_state_name(enum instance_state state);
/* False when there is no state of that name. */
bool instance_state_parse(const char *name, enum instance_state *ret_state);

/* An instance that is not running shows no public address: EC2 gives it back at the stop, and another at the start. */
bool instance_has_public_address(const struct instance *instance);

/* Its agent follows: connected while the instance runs, gone otherwise. */
void instance_set_state(struct instance *instance, enum instance_state state);

/* Its node follows. `name` is borrowed; NULL: it has none. */
void instance_set_name(struct instance *instance, const char *name);
/* The last 64 KiB of `text` are what GetConsoleOutput has from now on; NULL: nothing. */
enum err instance_set_console(struct instance *instance, const char *text) SSM_MUST_USE;
/* It is terminated, and Systems Manager has forgotten it; a new machine, with a managed node of its own, has its tags.
 */
enum err instance_replace(struct instance *old, struct instance **ret_instance) SSM_MUST_USE;

/* Stopped; running and pending ones, too, which stay as they are. */
bool instance_can_start(const struct instance *instance);
/* Pending now, running after instance_pending_ms, its agent connected agent_start_ms later (see fault.h). */
void instance_start(struct instance *instance);

#endif
