/* credential_store: the access keys that ssm-lab knows, made afresh at every start, and the ones it hands to agents. */
#ifndef SSM_LAB_CREDENTIAL_STORE_H
#define SSM_LAB_CREDENTIAL_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/err.h"
#include "proxy/core/chance.h"

struct credential {
    char access_key_id[24];
    char secret_access_key[44];
    char session_token[512]; /* "": a permanent key */
    char principal[200];     /* ARN of who signs */
    char session_name[65];   /* first part of the ids of its sessions */
    char role[65];           /* "": an IAM user's key */
    char node_id[64];        /* of an agent's credentials; "" for people */
    json_t *policy;          /* of somebody who may do only what it says, see permission.h; NULL: everybody else */
    bool is_denied;          /* valid, but not allowed to start sessions */
    bool is_expired;         /* whatever the clock says */
    time_t expires_unix_s;   /* on the service's clock; 0: never */
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

/* What a session of a role gets. */
struct credential_grant {
    const char *role, *session_name; /* up to 64 characters each */
    time_t expires_unix_s;
    bool is_denied;
};

/* Fresh temporary credentials of a role, as STS gives them. The result is borrowed. */
enum err credential_store_issue_role(struct credential_store *store, const struct credential_grant *grant,
                                     const struct credential **ret_credential) SSM_MUST_USE;

/* A permanent key of a user who may do what the policy says, which was checked. The result is borrowed. */
enum err credential_store_issue_user(struct credential_store *store, const char *name, const json_t *policy,
                                     const struct credential **ret_credential) SSM_MUST_USE;

/* At the time `now`. */
bool credential_store_is_expired(const struct credential *credential, time_t now);

/* All that were issued to roles of people expire. */
void credential_store_expire_issued(struct credential_store *store);

/* `len` characters of [a-z0-9], for ids. ret_text has room for len + 1. */
void credential_store_random_text(struct chance *chance, size_t len, char *ret_text);

#endif
