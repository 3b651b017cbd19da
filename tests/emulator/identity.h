/* identity: what the services behind AWS's credential chain keep in ssm-lab: the MFA device, the issuer of web identity
 * tokens, IAM Identity Center, and how often each service was called. */
#ifndef SSM_LAB_IDENTITY_H
#define SSM_LAB_IDENTITY_H

#include <jansson.h>

#include "tests/emulator/lab.h"
#include "tests/emulator/mfa_device.h"
#include "tests/emulator/web_identity.h"

struct metadata;
struct sso;

#define IDENTITY_MFA_SERIAL "arn:aws:iam::" LAB_ACCOUNT ":mfa/lab-user"

/* Requests that reached an operation, whatever came of them. */
struct identity_counters {
    uint64_t assume_role, assume_role_with_web_identity, get_caller_identity;
};

struct identity {
    struct mfa_device mfa;
    struct web_identity web;
    struct sso *sso;
    struct metadata *metadata;
    char web_identity_token_file[440];
    struct identity_counters counters;
};

/* Writes the web identity token into the lab's state_dir. */
enum err identity_new(struct lab *lab, struct identity **ret_identity) SSM_MUST_USE;
/* Removes that file, too, when the directory is the lab's own. */
void identity_free(struct lab *lab, struct identity *identity);

/* For its owner alone, in place of what was there. */
enum err identity_write_file(const char *path, const char *content) SSM_MUST_USE;

/* The member "identity" of the ready line. */
json_t *identity_describe(const struct lab *lab);

/* GET and POST of /lab/identity. `object` is the body of a POST, NULL for GET. The caller owns the answer; an HTTP
 * status other than 200 comes with {"error":...}. */
json_t *identity_control(struct lab *lab, json_t *object, int *ret_status);

#endif
