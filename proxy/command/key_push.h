/* key_push: has a node accept a public key for a minute or two, in one of the ways of core/key_way. Nothing waits: pump
 * it once a turn, beside other work. What the service slows down is tried again, with pauses of random length, until
 * the deadline. */
#ifndef SSM_PROXY_COMMAND_KEY_PUSH_H
#define SSM_PROXY_COMMAND_KEY_PUSH_H

#include "proxy/command/client.h"
#include "proxy/command/proxy_options.h"
#include "proxy/core/key_way.h"

/* What it is about; copied. */
struct key_push_want {
    enum key_way way;
    const char *node_id;
    const char *user;
    const char *public_key; /* "TYPE BASE64" */
    int64_t deadline_us;
};

struct key_push; /* not to outlive the client */

/* --key: KEY_WAY_NONE unless given. ERR_USAGE with words. */
enum err key_push_read_way(const struct options *options, enum key_way *ret_way, struct text *ret_why) SSM_MUST_USE;

/* Is that a user that the way can take? ERR_USAGE with words. */
enum err key_push_check_user(enum key_way way, const char *user, struct text *ret_why) SSM_MUST_USE;

/* As client->account, whose credentials are there. With words: ERR_USAGE, the way does not take that user, or leads to
 * no such node; ERR_CONFIG. ERR_MEMORY. */
enum err key_push_start(struct client *client, const struct key_push_want *want, struct key_push **ret_push,
                        struct text *ret_why) SSM_MUST_USE;

/* ERR_AGAIN while it goes on; ERR_OK: the key is accepted. Otherwise why it is not, with words; the same answer again
 * once it is over. */
enum err key_push_pump(struct key_push *push, struct text *ret_why) SSM_MUST_USE;

/* When to pump again although the loop has nothing to say. */
int64_t key_push_deadline_us(const struct key_push *push);

/* Turns the client until it is over. ERR_INTERRUPTED: a signal came. Others as above, with words in client->why. */
enum err key_push_wait(struct client *client, struct key_push *push) SSM_MUST_USE;

/* "EC2 Instance Connect", "Run Command (ssm-bridge-accept-key)": the way that was taken last. */
const char *key_push_through(const struct key_push *push);

/* Cancels what is under way. NULL inside is fine; usable with AUTO(). */
void key_push_free(struct key_push **push);

#endif
