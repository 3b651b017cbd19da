/* relay_fault: what the faults do to the messages between client and agent, and to their connections: loss, delay,
 * duplication, reordering, corruption, truncation, and connections that end after so many messages. Chances come from
 * the laboratory's generator. */
#ifndef SSM_LAB_RELAY_FAULT_H
#define SSM_LAB_RELAY_FAULT_H

#include "tests/emulator/session.h"

/* One message on its way: relay_deliver gets it, now, later, twice, changed or never. */
void relay_fault_pass(struct session *session, bool is_to_agent, struct bytes message, uint64_t delay_us);

/* A message has passed on the client's or the agent's connection, in either direction: was it the connection's last? */
void relay_fault_count_client(struct session *session);
void relay_fault_count_agent(struct session *session);

/* Provided by relay.c. */
void relay_deliver(struct session *session, bool is_to_agent, struct bytes message);

#endif
