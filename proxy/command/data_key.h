/* data_key: gets the data key of an encrypted session from KMS, when its channel asks for one: GenerateDataKey as
 * whoever started the session. A companion of the client; its failure is the session's. */
#ifndef SSM_PROXY_COMMAND_DATA_KEY_H
#define SSM_PROXY_COMMAND_DATA_KEY_H

#include "proxy/command/node_session.h"

/* Zero-initialised means "nothing is wanted yet". Stays where it is from data_key_join to data_key_leave. */
struct data_key {
    struct companion companion;
    struct node_session *session; /* borrowed; its channel is looked at in every turn */
    struct api_call *call;        /* NULL while none is under way */
    struct session_crypt *crypt;  /* NULL before the key is here; the channel's until it goes */
    char why[1280];
};

/* Before StartSession, and again before another session. */
void data_key_join(struct data_key *key, struct node_session *session, struct client *client);
/* After the session's end; the key is wiped. Safe on a zeroed one. */
void data_key_leave(struct data_key *key, struct client *client);

#endif
