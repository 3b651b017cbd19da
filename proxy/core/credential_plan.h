/* credential_plan: what a profile says about where its credentials come from, without asking anyone: the roles to
 * assume, and the source that the first of them is assumed with.
 *
 *     [profile prod]                          roles[0] = prod, what is wanted in the end
 *     role_arn = arn:aws:iam::2:role/prod
 *     source_profile = hub
 *     [profile hub]                           roles[1] = hub, assumed before it
 *     role_arn = arn:aws:iam::1:role/hub
 *     source_profile = me
 *     [profile me]                            the base: keys of the profile me
 *     aws_access_key_id = ...
 *
 * Without role_arn there are no roles, and the base is what the profile uses. A role of a web identity token needs no
 * base and is the last in the list.
 *
 * The order in which a source is looked for is the AWS CLI's: environment (not with --profile, still with
 * AWS_PROFILE), role_arn, web identity, IAM Identity Center, keys of the credentials file, credential_process, keys of
 * the config file, the container's endpoint, the instance's. A source profile's is the same from web identity to the
 * config file, where it has keys of its own or no role_arn.
 * Source: the AWS CLI 2.9's botocore (credentials: create_credential_resolver, AssumeRoleProvider,
 * AssumeRoleWithWebIdentityProvider, CanonicalNameCredentialSourcer). */
#ifndef SSM_PROXY_CORE_CREDENTIAL_PLAN_H
#define SSM_PROXY_CORE_CREDENTIAL_PLAN_H

#include "proxy/core/aws_config.h"
#include "proxy/core/aws_credentials.h"

/* How to assume a role. All borrowed from the struct aws_config; NULL where nothing is configured. */
struct credential_role {
    const char *profile; /* that the role stands in */
    const char *role_arn;
    const char *external_id;
    const char *role_session_name;
    const char *mfa_serial;
    const char *web_identity_token_file; /* not NULL: of a web identity; then there is neither external id nor MFA */
    int64_t duration_seconds;            /* 0: the service's default */
};

struct credential_plan {
    struct credential_role roles[LIMIT_ROLE_CHAIN]; /* the one that is wanted first */
    size_t role_count;
    enum aws_credentials_source base; /* AWS_CREDENTIALS_NONE: there are no credentials */
    const char *base_profile;         /* that the base is configured in */
};

/* ERR_NO_CREDENTIALS with words: the configuration makes no sense (a loop, half of a configuration, a source profile
 * that is not there or has nothing). A base that may turn out to have nothing when it is asked is no failure here. */
enum err credential_plan_make(const struct aws_config *config, struct credential_plan *ret_plan,
                              struct text *ret_why) SSM_MUST_USE;

#endif
