/* key_store: the accepted keys of this node, /run/ssm-bridge/keys/ACCOUNT (core/accepted_key). sshd reads them as the
 * user who logs in, so the folders may be passed and the files read by everybody; only root writes. */
#ifndef SSM_HOST_USERCTL_KEY_STORE_H
#define SSM_HOST_USERCTL_KEY_STORE_H

#include "pam_ssm/core/accepted_key.h"
#include "pam_ssm/userctl/node.h"

/* No keys where there is no file. ERR_DENIED, ERR_SYSTEM, ERR_MEMORY with words. */
enum err key_store_read(const struct node *node, const char *account, struct accepted_keys *ret_keys,
                        struct text *ret_why) SSM_MUST_USE;

/* Removes the file when there are no keys. */
enum err key_store_write(const struct node *node, const char *account, const struct accepted_keys *keys,
                         struct text *ret_why) SSM_MUST_USE;

/* Takes what has expired out of all files. */
enum err key_store_sweep(const struct node *node, struct text *ret_why) SSM_MUST_USE;

/* As ssh-keygen -l shows it. */
enum err key_store_fingerprint(const struct accepted_key *key,
                               char ret_fingerprint[PUBLIC_KEY_FINGERPRINT]) SSM_MUST_USE;

/* The text of expiry-time. OpenSSH knows UTC there from 9.1 on; what is older takes it for the node's local time. */
enum err key_store_put_expiry(struct accepted_key *key, struct text *ret_why) SSM_MUST_USE;

#endif
