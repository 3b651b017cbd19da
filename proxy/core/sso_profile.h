/* sso_profile: what the configuration says about IAM Identity Center.
 *
 *     [profile dev]                                   [profile legacy]
 *     sso_session = corp                              sso_start_url = https://corp.awsapps.com/start
 *     sso_account_id = 111122223333                   sso_region = eu-west-1
 *     sso_role_name = Developer                       sso_account_id = 111122223333
 *                                                     sso_role_name = Developer
 *     [sso-session corp]
 *     sso_start_url = https://corp.awsapps.com/start
 *     sso_region = eu-west-1
 *     sso_registration_scopes = sso:account:access
 *
 * Source: the AWS CLI 2.9 (botocore's SSOProvider and SSOTokenProvider; customizations/sso). */
#ifndef SSM_PROXY_CORE_SSO_PROFILE_H
#define SSM_PROXY_CORE_SSO_PROFILE_H

#include "common/json_view.h"
#include "proxy/core/aws_config.h"

/* Where a person logs in. Everything is borrowed from the struct aws_config. */
struct sso_session {
    const char *name; /* of [sso-session NAME]; NULL: the keys stand in the profile itself */
    const char *start_url;
    const char *region;              /* a valid one */
    const char *registration_scopes; /* "a, b", as written; NULL: none */
};

/* Whose role in which account. */
struct sso_profile {
    const char *name; /* of the profile; borrowed from the caller */
    struct sso_session session;
    const char *account_id;
    const char *role_name;
};

/* A profile with sso_role_name or sso_account_id. ERR_CONFIG with words: something is missing or empty, there is no
 * such sso-session, profile and sso-session contradict each other, or sso_region is no region. */
enum err sso_profile_read(const struct aws_config *config, const char *name, struct sso_profile *ret_profile,
                          struct text *ret_why) SSM_MUST_USE;

/* Where to log in: the named sso-session, or with NULL that of the chosen profile. Neither account nor role is needed.
 * ERR_CONFIG as above. */
enum err sso_profile_read_session(const struct aws_config *config, const char *session_name,
                                  struct sso_session *ret_session, struct text *ret_why) SSM_MUST_USE;

/* sso_registration_scopes as a list of texts, which the caller drops; NULL when there are none at all. ERR_MALFORMED:
 * not UTF-8; ERR_MEMORY. */
enum err sso_profile_scopes(const struct sso_session *session, json_t **ret_scopes) SSM_MUST_USE;

/* Appends a command to copy: "aws sso login --profile dev (without the AWS CLI: ssm-proxy login --profile dev)". */
void sso_profile_put_login(const char *profile_name, struct text *text);

#endif
