/* credential_store: the access keys that ssm-lab knows, made afresh at every start, and the ones it hands to agents. */
#ifndef SSM_LAB_CREDENTIAL_STORE_H
#define SSM_LAB_CREDENTIAL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "proxy/core/chance.h"

struct credential {
    char access_key_id[24];
    char secret_access_key[44];
    char session_token[512]; /* "": a permanent key */
    char principal[200];     /* ARN of who signs */
    char session_name[64];   /* first part of the ids of its sessions */
    char node_id[64];        /* of an agent's credentials; "" for people */
    bool is_denied;          /* valid, but not allowed to start sessions */
    bool is_expired;
};

struct credential_store; /* owned by its creator */

/* Kinds of keys that people use; one of each is made at the start. */
enum credential_kind {
    CREDENTIAL_PERMANENT,
    CREDENTIAL_TEMPORARY,
    CREDENTIAL_EXPIRED,
    CREDENTIAL_DENIED,
    CREDENTIAL_KIND_COUNT
};

enum err credential_store_new(struct chance *chance, struct credential_store **ret_store) SSM_MUST_USE;
void credential_store_free(struct credential_store *store);

const struct credential *credential_store_of_kind(const struct credential_store *store, enum credential_kind kind);

/* NULL when unknown. */
const struct credential *credential_store_find(const struct credential_store *store, const char *access_key_id);

/* Fresh temporary credentials for the agent of a node; earlier ones stay good. The result is borrowed. */
enum err credential_store_issue(struct credential_store *store, const char *node_id,
                                const struct credential **ret_credential) SSM_MUST_USE;

/* `len` characters of [a-z0-9], for ids. ret_text has room for len + 1. */
void credential_store_random_text(struct chance *chance, size_t len, char *ret_text);

#endif
