/* key_way: the ways in which a node comes to accept a public key for a minute or two, and what goes through them. User
 * and key enter a parameter only when they are what its pattern says: the text of AWS-RunShellScript is a script of
 * root's.
 *
 *     instance-connect      SendSSHPublicKey of EC2 Instance Connect; EC2 instances alone
 *     send-command          Run Command with our document ssm-bridge-accept-key (sshd-config/ssm-documents)
 *     AWS-RunShellScript    Run Command with that document, and the same command in it; never taken by auto, as whoever
 *                           may do that is root on the node
 *     auto                  instance-connect for an EC2 instance, and send-command where that is refused; send-command
 *                           for other nodes */
#ifndef SSM_PROXY_CORE_KEY_WAY_H
#define SSM_PROXY_CORE_KEY_WAY_H

#include "common/json_view.h"
#include "common/text.h"

enum key_way {
    KEY_WAY_NONE,
    KEY_WAY_INSTANCE_CONNECT,
    KEY_WAY_SEND_COMMAND,
    KEY_WAY_RUN_SHELL_SCRIPT,
    KEY_WAY_AUTO,
};

#define KEY_WAY_DOCUMENT "ssm-bridge-accept-key" /* of send-command */

/* LoginGraceTime of sshd_config(5): how long a login may take. */
#define KEY_WAY_SECONDS 120

/* The words above, and "none". ERR_USAGE. */
enum err key_way_read(const char *word, enum key_way *ret_way) SSM_MUST_USE;
const char *key_way_word(enum key_way way);

/* What to begin with; KEY_WAY_NONE: this node has no such way (a container has none at all). */
enum key_way key_way_first(enum key_way wanted, const char *node_id);

/* What to go on with after `tried` has failed with `err`; KEY_WAY_NONE: nothing. */
enum key_way key_way_next(enum key_way wanted, enum key_way tried, enum err err);

/* May that account's name be handed to that way, not auto? */
bool key_way_takes_user(enum key_way way, const char *user);

/* One whole key of one line, "TYPE BASE64". */
bool key_way_takes_key(const char *public_key);

/* Of Run Command: the document's name, and its parameters, an object of lists of strings. User and key are taken by the
 * way. ERR_MEMORY. The caller drops it. */
const char *key_way_document(enum key_way way);
enum err key_way_parameters(enum key_way way, const char *user, const char *public_key,
                            json_t **ret_parameters) SSM_MUST_USE;

#endif
