/* web_identity: JSON Web Tokens of an identity provider that the lab's account trusts, as EKS writes them for a service
 * account. Signed with HMAC (HS256), since issuer and verifier are one here. */
#ifndef SSM_LAB_WEB_IDENTITY_H
#define SSM_LAB_WEB_IDENTITY_H

#include <stdint.h>
#include <time.h>

#include "common/err.h"
#include "proxy/core/chance.h"
#include "tests/emulator/service_error.h"

#define WEB_IDENTITY_ISSUER "https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
#define WEB_IDENTITY_AUDIENCE "sts.amazonaws.com"
#define WEB_IDENTITY_SUBJECT "system:serviceaccount:lab:bastion"
#define WEB_IDENTITY_TOKEN_SIZE 1024

struct web_identity {
    uint8_t key[32];
};

struct web_identity web_identity_new(struct chance *chance);

/* A token of these claims; NULL stands for the right issuer or audience. */
struct web_identity_claims {
    const char *issuer, *audience;
    time_t issued_unix_s, expires_unix_s;
};
enum err web_identity_token(const struct web_identity *identity, const struct web_identity_claims *claims,
                            char ret_token[WEB_IDENTITY_TOKEN_SIZE]) SSM_MUST_USE;

/* ERR_CREDENTIALS with STS's error. */
enum err web_identity_check(const struct web_identity *identity, const char *token, time_t now,
                            struct service_error *ret_error) SSM_MUST_USE;

#endif
