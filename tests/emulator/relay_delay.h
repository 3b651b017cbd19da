/* relay_delay: messages of a session that arrive later than they could: the delay, duplicate and reorder faults, and
 * acknowledgements on their way to a real agent. In order of their arrival time. */
#ifndef SSM_LAB_RELAY_DELAY_H
#define SSM_LAB_RELAY_DELAY_H

#include "tests/emulator/session.h"

/* Of acknowledgements to a real agent; see relay_from_client. */
#define RELAY_ACK_DELAY_US 5000u

/* Copies the message; dropped beyond LAB_LIMIT_DELAYED_BYTES. relay_deliver_delayed gets it when its time has come. */
void relay_delay_add(struct session *session, bool is_to_agent, struct bytes message, uint64_t delay_us);
void relay_delay_free(struct session *session);

/* Provided by relay.c. */
void relay_deliver_delayed(struct session *session, bool is_to_agent, struct bytes message);

#endif
