/* explain_offline: why a node is not connected, or not found, as far as that can be learnt in a few seconds. */
#ifndef SSM_PROXY_COMMAND_EXPLAIN_OFFLINE_H
#define SSM_PROXY_COMMAND_EXPLAIN_OFFLINE_H

#include "proxy/command/client.h"
#include "proxy/core/target.h"

/* Appends one sentence, the cause and what to do about it, to `text`; nothing when nothing is learnt. Whatever fails on
 * the way leaves no trace: client->why stays as it is. `may_search`: in the regions of the person's profiles as well.
 */
void explain_offline(struct client *client, const char *id, bool may_search, struct text *text);

/* For a target that no node here is: likewise, in which region of the person's profiles there is one. */
void explain_offline_missing(struct client *client, const struct target *target, struct text *text);

#endif
