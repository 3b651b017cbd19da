/* node_session: one session on a node, from StartSession to its end; a verb brings the local side of its tunnel.
 *
 * A verb of one session:
 *     err = node_session_run(&session, &access, &want);     begins, turns till it is over, and begins again
 *     ... report ...
 *     node_session_end(&session);                           whatever happened
 * A verb of several, all of one node:
 *     TRY(node_session_begin(&session, &access, &want));    the tunnels that are open go on meanwhile
 *     while (!node_session_is_over(&session)) TRY(node_access_turn(&access, session.tunnel.was_open));
 *     err = node_session_finish(&session);
 *     node_session_end(&session); */
#ifndef SSM_PROXY_COMMAND_NODE_SESSION_H
#define SSM_PROXY_COMMAND_NODE_SESSION_H

#include "proxy/command/node_access.h"
#include "proxy/command/tunnel.h"
#include "proxy/core/ssm_api.h"

#define NODE_SESSION_NAME_SIZE (NODE_ACCESS_NAME_SIZE + LIMIT_HOST + 32)

/* What a session is to be; what it points to is borrowed. */
struct node_session_want {
    const char *label;         /* stands behind the node's name in every line: "port 22" */
    const char *document_name; /* unless --document-name says another */
    bool takes_alias_document; /* or the alias does, whose document is one for ssh */
    const struct ssm_api_parameter *parameters;
    size_t parameter_count;
    enum channel_purpose purpose;
    struct tunnel_local local;
    /* The node is known (access->choice.id), and StartSession comes next: what goes on beside it joins access->client
     * here. Called again before another session for the same want. With words in client.why. NULL: nothing to do. */
    enum err (*before_start)(void *context, struct node_access *access);
    void *context; /* of before_start */
};

/* Zero-initialised means "none". Stays where it is from node_session_begin to node_session_end. */
struct node_session {
    struct node_access *access; /* NULL before the beginning */
    struct node_session_want want;
    char name[NODE_SESSION_NAME_SIZE]; /* as node_session_put_name has it, once it has begun */
    struct ssm_api_session session;    /* session_id is "" when there is none to end */
    struct stream stream;
    struct sha256 *hash;
    struct channel *channel;
    struct tunnel tunnel;
    bool is_unbegun; /* the agent never began the session, or the gateway let it go first: another one may do better */
    bool was_open;   /* a tunnel has carried bytes, or could have */
};

/* From nothing to a tunnel that turns of the client carry on: credentials, the node, StartSession beside the connection
 * to the gateway, --wait where the node is not connected. With words in access->client.why. */
enum err node_session_begin(struct node_session *session, struct node_access *access,
                            const struct node_session_want *want) SSM_MUST_USE;

bool node_session_is_over(const struct node_session *session);

/* How it ended, once it is over; with words in access->client.why. The tunnel is closed. ERR_INTERRUPTED: by a signal.
 * Afterwards node_session_may_begin_again tells whether the agent had simply not begun (for some seconds after its own
 * start it drops new sessions), and another session is worth its while: node_session_end, then node_session_begin. */
enum err node_session_finish(struct node_session *session) SSM_MUST_USE;
bool node_session_may_begin_again(const struct node_session *session);
#define NODE_SESSION_TRIES 3 /* with those */

/* All of it. */
enum err node_session_run(struct node_session *session, struct node_access *access,
                          const struct node_session_want *want) SSM_MUST_USE;

/* Whatever happened, the session ends; when that cannot be done now, it stands in its record for the next run. Safe on
 * a zeroed one, and to repeat; access->client.why is cleared. */
void node_session_end(struct node_session *session);

/* "web-1 (i-0123456789abcdef0) port 22", as far as it is known; NODE_SESSION_NAME_SIZE is enough. */
void node_session_put_name(const struct node_access *access, const struct node_session_want *want, struct text *name);

#endif
