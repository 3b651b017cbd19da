#include "tests/emulator/role.h"

#include <ctype.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "tests/emulator/lab.h"

#define HOUR 3600

static const struct role roles[] = {
    {"lab-role", ROLE_TRUSTS_USERS | ROLE_TRUSTS_ROLES, NULL, false, 12 * HOUR, false},
    {"lab-external-role", ROLE_TRUSTS_USERS, "lab-external-id", false, 12 * HOUR, false},
    {"lab-mfa-role", ROLE_TRUSTS_USERS, NULL, true, 12 * HOUR, false},
    {"lab-chained-role", ROLE_TRUSTS_ROLES, NULL, false, 12 * HOUR, false},
    {"lab-short-role", ROLE_TRUSTS_USERS, NULL, false, HOUR, false},
    {"lab-denied-role", ROLE_TRUSTS_USERS, NULL, false, HOUR, true},
    {"lab-web-role", ROLE_TRUSTS_WEB_IDENTITY, NULL, false, 12 * HOUR, false},
    {"AWSReservedSSO_LabAccess_0123456789abcdef", ROLE_TRUSTS_SERVICES, NULL, false, 12 * HOUR, false},
    {"AWSReservedSSO_LabReadOnly_0123456789abcdef", ROLE_TRUSTS_SERVICES, NULL, false, 12 * HOUR, true},
    {"lab-instance-role", ROLE_TRUSTS_SERVICES, NULL, false, 12 * HOUR, false},
    {"lab-task-role", ROLE_TRUSTS_SERVICES, NULL, false, 12 * HOUR, false},
};

#define ROLE_COUNT (sizeof roles / sizeof roles[0])

const struct role *role_find(const char *name)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (strcmp(roles[i].name, name) == 0) {
            return &roles[i];
        }
    }
    return NULL;
}

bool role_of_arn(const char *arn, const struct role **ret_role)
{
    static const char prefix[] = "arn:aws:iam::", middle[] = ":role/";
    if (strncmp(arn, prefix, strlen(prefix)) != 0) {
        return false;
    }
    const char *account = arn + strlen(prefix);
    size_t digits = strspn(account, "0123456789");
    if (digits != 12 || strncmp(account + digits, middle, strlen(middle)) != 0) {
        return false;
    }
    const char *path = account + digits + strlen(middle), *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    bool is_ours = strncmp(account, LAB_ACCOUNT, digits) == 0 && slash == NULL;
    *ret_role = is_ours ? role_find(name) : NULL;
    return name[0] != '\0';
}

void role_unique_id(const char *prefix, const char *name, char ret_id[22])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)name, strlen(name), digest);
    memcpy(ret_id, prefix, 4);
    for (size_t i = 4; i < 21; i++) {
        ret_id[i] = alphabet[digest[i] % 32];
    }
    ret_id[21] = '\0';
}

static json_t *describe(const struct role *role)
{
    char arn[128];
    snprintf(arn, sizeof arn, "arn:aws:iam::%s:role/%s", LAB_ACCOUNT, role->name);
    return json_pack("{s:s,s:s?,s:b,s:i,s:b}", "arn", arn, "external_id", role->external_id, "needs_mfa",
                     role->needs_mfa, "max_seconds", role->max_seconds, "denied", role->is_denied);
}

json_t *role_describe_all(void)
{
    json_t *all = json_object();
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        json_object_set_new(all, roles[i].name, describe(&roles[i]));
    }
    return all;
}

enum err role_issue(struct credential_store *store, const struct role *role, const char *session_name,
                    time_t expires_unix_s, const struct credential **ret_credential)
{
    struct credential_grant grant = {role->name, session_name, expires_unix_s, role->is_denied};
    return credential_store_issue_role(store, &grant, ret_credential);
}
