/* inventory: the machines that ssm-lab has from the start: what people named and tagged, whether EC2 knows them,
 * whether an agent on them has ever registered. All of them are this machine. */
#ifndef SSM_LAB_INVENTORY_H
#define SSM_LAB_INVENTORY_H

#include <stdbool.h>

#include "tests/emulator/instance.h"

enum inventory_kind {
    INVENTORY_EC2,
    INVENTORY_HYBRID, /* registered with an activation; EC2 does not know it */
    INVENTORY_ECS     /* a container: a target of StartSession, and in no list */
};

struct inventory_machine {
    const char *id;
    const struct tag *tags;
    enum inventory_kind kind;
    unsigned number; /* last part of its addresses: 10.0.0.N, 203.0.113.N, 2001:db8::N */
    enum instance_state state;
    bool has_public_address, has_profile;
    bool has_registered; /* an agent has: Systems Manager knows it */
    bool is_agent_lost;  /* the machine runs, its agent does not */
    bool is_elsewhere;   /* in the other region */
};

/* NULL at the end. */
const struct inventory_machine *inventory_machine(size_t index);

#endif
