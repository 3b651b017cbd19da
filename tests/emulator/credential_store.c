#include "tests/emulator/credential_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/lab_limits.h"

struct credential_store {
    struct chance *chance;
    struct credential *list[LAB_LIMIT_CREDENTIALS];
    size_t count;
    size_t next_issued; /* slot that the next agent's credentials take once the table is full */
};

static void random_from(struct chance *chance, const char *alphabet, size_t len, char *ret_text)
{
    size_t size = strlen(alphabet);
    for (size_t i = 0; i < len; i++) {
        ret_text[i] = alphabet[chance_below(chance, size)];
    }
    ret_text[len] = '\0';
}

void credential_store_random_text(struct chance *chance, size_t len, char *ret_text)
{
    random_from(chance, "abcdefghijklmnopqrstuvwxyz0123456789", len, ret_text);
}

static void fill_keys(struct chance *chance, const char *prefix, bool has_token, struct credential *credential)
{
    /* AWS: 20 characters, of base32 after the prefix; secrets of 40, of base64; tokens of several hundred. */
    char id[17];
    random_from(chance, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16, id);
    snprintf(credential->access_key_id, sizeof credential->access_key_id, "%s%s", prefix, id);
    random_from(chance, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 40,
                credential->secret_access_key);
    if (has_token) {
        char *token = credential->session_token;
        strcpy(token, "IQoJb3JpZ2luX2Vj");
        random_from(chance, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 400,
                    token + strlen(token));
        strcat(token, "==");
    }
}

static void credential_free(struct credential *credential)
{
    json_decref(credential->policy);
    free(credential);
}

static struct credential *add(struct credential_store *store, const char *prefix, bool has_token)
{
    struct credential *credential = calloc(1, sizeof *credential);
    if (credential == NULL) {
        return NULL;
    }
    fill_keys(store->chance, prefix, has_token, credential);
    if (store->count < LAB_LIMIT_CREDENTIALS) {
        store->list[store->count++] = credential;
        return credential;
    }
    size_t slot = store->next_issued < CREDENTIAL_KIND_COUNT ? CREDENTIAL_KIND_COUNT : store->next_issued;
    credential_free(store->list[slot]);
    store->list[slot] = credential;
    store->next_issued = (slot + 1) % LAB_LIMIT_CREDENTIALS;
    return credential;
}

static enum err add_person(struct credential_store *store, enum credential_kind kind)
{
    bool is_temporary = kind == CREDENTIAL_TEMPORARY || kind == CREDENTIAL_EXPIRED;
    struct credential *credential = add(store, is_temporary ? "ASIA" : "AKIA", is_temporary);
    if (credential == NULL) {
        return ERR_MEMORY;
    }
    const char *name = kind == CREDENTIAL_DENIED ? "lab-denied" : "lab-user";
    snprintf(credential->session_name, sizeof credential->session_name, "%s", name);
    snprintf(credential->principal, sizeof credential->principal,
             is_temporary ? "arn:aws:sts::111122223333:assumed-role/lab-role/%s" : "arn:aws:iam::111122223333:user/%s",
             name);
    snprintf(credential->role, sizeof credential->role, "%s", is_temporary ? "lab-role" : "");
    credential->is_expired = kind == CREDENTIAL_EXPIRED;
    credential->is_denied = kind == CREDENTIAL_DENIED;
    return ERR_OK;
}

enum err credential_store_new(struct chance *chance, struct credential_store **ret_store)
{
    struct credential_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return ERR_MEMORY;
    }
    store->chance = chance;
    for (enum credential_kind kind = 0; kind < CREDENTIAL_KIND_COUNT; kind++) {
        enum err err = add_person(store, kind);
        if (err != ERR_OK) {
            credential_store_free(store);
            return err;
        }
    }
    *ret_store = store;
    return ERR_OK;
}

void credential_store_free(struct credential_store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < store->count; i++) {
        credential_free(store->list[i]);
    }
    free(store);
}

const struct credential *credential_store_of_kind(const struct credential_store *store, enum credential_kind kind)
{
    return store->list[kind];
}

const struct credential *credential_store_find(const struct credential_store *store, const char *access_key_id)
{
    for (size_t i = 0; i < store->count; i++) {
        if (strcmp(store->list[i]->access_key_id, access_key_id) == 0) {
            return store->list[i];
        }
    }
    return NULL;
}

static void set_role(struct credential *credential, const char *role, const char *session_name)
{
    snprintf(credential->role, sizeof credential->role, "%s", role);
    snprintf(credential->session_name, sizeof credential->session_name, "%s", session_name);
    snprintf(credential->principal, sizeof credential->principal, "arn:aws:sts::111122223333:assumed-role/%s/%s", role,
             session_name);
}

enum err credential_store_issue(struct credential_store *store, const char *node_id,
                                const struct credential **ret_credential)
{
    struct credential *credential = add(store, "ASIA", true);
    if (credential == NULL) {
        return ERR_MEMORY;
    }
    snprintf(credential->node_id, sizeof credential->node_id, "%s", node_id);
    set_role(credential, "lab-node-role", node_id);
    *ret_credential = credential;
    return ERR_OK;
}

enum err credential_store_issue_role(struct credential_store *store, const struct credential_grant *grant,
                                     const struct credential **ret_credential)
{
    struct credential *credential = add(store, "ASIA", true);
    if (credential == NULL) {
        return ERR_MEMORY;
    }
    set_role(credential, grant->role, grant->session_name);
    credential->expires_unix_s = grant->expires_unix_s;
    credential->is_denied = grant->is_denied;
    *ret_credential = credential;
    return ERR_OK;
}

enum err credential_store_issue_user(struct credential_store *store, const char *name, const json_t *policy,
                                     const struct credential **ret_credential)
{
    struct credential *credential = add(store, "AKIA", false);
    if (credential == NULL) {
        return ERR_MEMORY;
    }
    snprintf(credential->session_name, sizeof credential->session_name, "%s", name);
    snprintf(credential->principal, sizeof credential->principal, "arn:aws:iam::111122223333:user/%s", name);
    credential->policy = json_deep_copy(policy);
    *ret_credential = credential;
    return credential->policy == NULL ? ERR_MEMORY : ERR_OK;
}

bool credential_store_is_expired(const struct credential *credential, time_t now)
{
    return credential->is_expired || (credential->expires_unix_s != 0 && now >= credential->expires_unix_s);
}

void credential_store_expire_issued(struct credential_store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        store->list[i]->is_expired = store->list[i]->is_expired || store->list[i]->expires_unix_s != 0;
    }
}
