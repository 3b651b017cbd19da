/* node_birth: since when a node is the one that it is: when the instance was launched (EC2), or the hybrid node
 * registered (Systems Manager). Asked for beside other work. Whoever may not ask, or gets no answer within two seconds,
 * goes without: somebody may be waiting for it. */
#ifndef SSM_PROXY_COMMAND_NODE_BIRTH_H
#define SSM_PROXY_COMMAND_NODE_BIRTH_H

#include "proxy/command/client.h"

/* Zero-initialised means "not known, and not asked for". */
struct node_birth {
    char node_id[LIMIT_TARGET + 1];
    int64_t unix_s; /* 0, which is HOST_KEY_CACHE_BORN_UNKNOWN: not known */
    struct api_call *call;
    int64_t deadline_us;
};

/* As client->account, whose credentials are there. `node_id`: "i-..." or "mi-...". */
void node_birth_begin(struct node_birth *birth, struct client *client, const char *node_id);

/* As far as it goes without waiting. */
void node_birth_pump(struct node_birth *birth);
int64_t node_birth_deadline_us(const struct node_birth *birth); /* of the next pump */

/* There may still be an answer. */
static inline bool node_birth_is_asked(const struct node_birth *birth)
{
    return birth->call != NULL;
}

void node_birth_end(struct node_birth *birth); /* safe to repeat */

#endif
