/* connect_key: public keys that EC2 Instance Connect has pushed. An instance's sshd accepts one for one account, for a
 * minute: it lies in connect-keys/NODE/USER below the state directory, in the form of authorized_keys, for a private
 * sshd's AuthorizedKeysFile, and is taken out when its time is over. */
#ifndef SSM_LAB_CONNECT_KEY_H
#define SSM_LAB_CONNECT_KEY_H

#include "tests/emulator/lab.h"

struct connect_key_table; /* owned by the lab */

/* Makes the directory. */
enum err connect_key_table_new(struct lab *lab, struct connect_key_table **ret_table) SSM_MUST_USE;
/* And removes it. */
void connect_key_table_free(struct connect_key_table *table);

/* Where the nodes' directories are. */
const char *connect_key_dir(const struct connect_key_table *table);

/* `node_id`, `user` and `key` were checked: no slash, no line's end. ERR_TOO_LONG: LAB_LIMIT_CONNECT_KEYS are there. */
enum err connect_key_accept(struct connect_key_table *table, const char *node_id, const char *user,
                            const char *key) SSM_MUST_USE;

#endif
