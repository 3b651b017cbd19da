/* login_key: the key of one login through `connect --key`: which one it is, and that the node accepts it before the
 * server's first byte is handed on. A companion of the session: pushed beside StartSession; a push that fails is the
 * session's failure. EC2 Instance Connect's keys are good for 60 seconds: where the server speaks late, the key is
 * pushed once more. */
#ifndef SSM_PROXY_COMMAND_LOGIN_KEY_H
#define SSM_PROXY_COMMAND_LOGIN_KEY_H

#include "proxy/command/key_push.h"
#include "proxy/command/key_ring.h"
#include "proxy/command/node_session.h"

/* Zero-initialised means "no key is wanted". */
struct login_key {
    struct companion companion;
    enum key_way way;
    const char *user;
    struct key_ring ring;
    struct key_ring_login login; /* holds its slot until the login must be over */
    bool has_login;
    const struct node_session *session; /* whose output waits */
    struct key_push *push;              /* under way */
    bool is_accepted;                   /* by the node, at accepted_us */
    int64_t accepted_us;
    bool is_released; /* output flows, since released_us */
    int64_t released_us;
    char why_memory[2048]; /* of companion.err */
};

/* Reads --key and USER, the third argument, and chooses the key. After an error, which has been said in one line,
 * login_key_close is safe. `session` is borrowed. */
enum err login_key_open(struct login_key *key, const struct options *options,
                        const struct node_session *session) SSM_MUST_USE;

/* node_session_want.before_start: begins to push the key to the node, for a struct login_key. */
enum err login_key_start(void *context, struct node_access *access) SSM_MUST_USE;

/* `client`: NULL where none was opened. Safe on a zeroed one. */
void login_key_close(struct login_key *key, struct client *client);

#endif
