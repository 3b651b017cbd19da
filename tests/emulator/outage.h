/* outage: connections to the gateway that end, as POST /lab/faults asks for it, and all of them when the gateway
 * restarts. Sessions are the service's: they outlive all of this. */
#ifndef SSM_LAB_OUTAGE_H
#define SSM_LAB_OUTAGE_H

#include <jansson.h>

#include "tests/emulator/lab.h"

struct outage;

enum err outage_new(struct lab *lab, struct outage **ret_outage) SSM_MUST_USE;
void outage_free(struct outage *outage);

/* The actions among the members of `faults`: drop_client_connections, drop_agent_connections, close_client_connections,
 * restart_gateway. False, with nothing done, when restart_gateway is not {"down_ms":N}. */
bool outage_act(struct outage *outage, const json_t *faults);

/* All connections of clients or agents end without a Close frame; those of clients with one. */
void outage_drop_clients(struct lab *lab);
void outage_drop_agents(struct lab *lab);
void outage_close_clients(struct lab *lab, int code);

/* How long the gateway stays away from now on; 0 while it is there. */
uint64_t outage_left_us(const struct outage *outage);

#endif
