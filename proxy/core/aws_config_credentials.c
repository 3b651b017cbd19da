/* The order of the AWS CLI's credential chain, and the sources that need neither a process nor the network. */
#include "proxy/core/aws_config.h"

/* --profile turns the environment off, AWS_PROFILE does not. */
static bool reads_environment(const struct aws_config *config)
{
    return !text_is_given(config->input.flags.profile);
}

enum aws_credentials_source aws_config_credentials_source(const struct aws_config *config)
{
    const struct aws_profile *profile = &config->profile;
    bool environment = reads_environment(config);
    bool has_token_file = aws_config_get(config, "web_identity_token_file") != NULL;
    if (environment && aws_config_variable(config, "AWS_ACCESS_KEY_ID") != NULL) {
        return AWS_CREDENTIALS_ENVIRONMENT;
    }
    if (aws_config_get(config, "role_arn") != NULL && !has_token_file) {
        return AWS_CREDENTIALS_ASSUME_ROLE;
    }
    if ((environment && aws_config_variable(config, "AWS_WEB_IDENTITY_TOKEN_FILE") != NULL) ||
        text_is_given(aws_config_get(config, "web_identity_token_file"))) {
        return AWS_CREDENTIALS_WEB_IDENTITY;
    }
    if (aws_config_get(config, "sso_role_name") != NULL || aws_config_get(config, "sso_account_id") != NULL) {
        return AWS_CREDENTIALS_SSO;
    }
    if (aws_profile_get_from_credentials(profile, "aws_access_key_id") != NULL) {
        return AWS_CREDENTIALS_SHARED_FILE;
    }
    if (aws_config_get(config, "credential_process") != NULL) {
        return AWS_CREDENTIALS_PROCESS;
    }
    if (aws_profile_get_from_config(profile, "aws_access_key_id") != NULL) {
        return AWS_CREDENTIALS_CONFIG_FILE;
    }
    bool is_container = aws_config_variable(config, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
                        aws_config_variable(config, "AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL;
    return is_container ? AWS_CREDENTIALS_CONTAINER : AWS_CREDENTIALS_NONE;
}

/* Three values and the words for them. */
struct keys {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL: none */
    const char *secret_name;   /* of the second, as the person wrote it */
};

static const char *first_filled(const char *first, const char *second)
{
    return text_is_given(first) ? first : second;
}

static struct keys keys_of_environment(const struct aws_config *config)
{
    return (struct keys){
        .access_key_id = aws_config_variable(config, "AWS_ACCESS_KEY_ID"),
        .secret_access_key = aws_config_variable(config, "AWS_SECRET_ACCESS_KEY"),
        .session_token = first_filled(aws_config_variable(config, "AWS_SECURITY_TOKEN"),
                                      aws_config_variable(config, "AWS_SESSION_TOKEN")),
        .secret_name = "AWS_SECRET_ACCESS_KEY",
    };
}

/* All of them out of one file: botocore does not put a pair together from two. */
static struct keys keys_of_file(const struct aws_profile *profile,
                                const char *(*get)(const struct aws_profile *profile, const char *key))
{
    const char *legacy_token = get(profile, "aws_security_token");
    return (struct keys){
        .access_key_id = get(profile, "aws_access_key_id"),
        .secret_access_key = get(profile, "aws_secret_access_key"),
        .session_token = legacy_token != NULL ? legacy_token : get(profile, "aws_session_token"),
        .secret_name = "aws_secret_access_key",
    };
}

static enum err use_keys(struct keys keys, const char *place, enum aws_credentials_source source,
                         struct aws_credentials *ret_credentials, struct text *ret_why)
{
    if (!text_is_given(keys.access_key_id) || !text_is_given(keys.secret_access_key)) {
        text_format(ret_why, "half a pair of keys in %s: an access key id without %s", place, keys.secret_name);
        return ERR_NO_CREDENTIALS;
    }
    enum err err = aws_credentials_set(ret_credentials, keys.access_key_id, keys.secret_access_key, keys.session_token);
    if (err == ERR_MALFORMED || err == ERR_TOO_LONG) {
        text_format(ret_why, "the keys in %s cannot be right: a key or the token %s", place,
                    err == ERR_TOO_LONG ? "is too long" : "has blanks, control or non-ASCII characters");
        return ERR_NO_CREDENTIALS;
    }
    TRY(err);
    ret_credentials->source = source;
    return ERR_OK;
}

/* ---- what cannot be resolved here ---- */

/* The variables that the command sets are read only without --profile. */
static enum err not_resolved(const struct aws_config *config, const char *source, struct text *ret_why)
{
    text_format(ret_why,
                "profile \"%s\" gets its credentials from %s, which this version does not resolve itself; run: ",
                config->profile_name, source);
    text_put(ret_why, "eval \"$(aws configure export-credentials --profile ");
    text_put_shell_word(ret_why, config->profile_name);
    text_put(ret_why, " --format env)\"");
    if (!reads_environment(config)) {
        text_put(ret_why, " and leave --profile out");
    }
    return ERR_NO_CREDENTIALS;
}

static enum err none_found(const struct aws_config *config, struct text *ret_why)
{
    bool has_stray_secret = reads_environment(config) && aws_config_variable(config, "AWS_SECRET_ACCESS_KEY") != NULL;
    if (has_stray_secret) {
        text_put(ret_why, "half a pair of keys in the environment: AWS_SECRET_ACCESS_KEY without AWS_ACCESS_KEY_ID");
        return ERR_NO_CREDENTIALS;
    }
    text_format(ret_why, "%s%s has no keys in %s or %s; run aws configure",
                reads_environment(config) ? "AWS_ACCESS_KEY_ID is not set and profile " : "profile ",
                config->profile_name, config->input.credentials.path, config->input.config.path);
    return ERR_NO_CREDENTIALS;
}

enum err aws_config_credentials(const struct aws_config *config, struct aws_credentials *ret_credentials,
                                struct text *ret_why)
{
    const struct aws_profile *profile = &config->profile;
    enum aws_credentials_source source = aws_config_credentials_source(config);
    switch (source) {
    case AWS_CREDENTIALS_ENVIRONMENT:
        return use_keys(keys_of_environment(config), "the environment", source, ret_credentials, ret_why);
    case AWS_CREDENTIALS_SHARED_FILE:
        return use_keys(keys_of_file(profile, aws_profile_get_from_credentials), config->input.credentials.path, source,
                        ret_credentials, ret_why);
    case AWS_CREDENTIALS_CONFIG_FILE:
        return use_keys(keys_of_file(profile, aws_profile_get_from_config), config->input.config.path, source,
                        ret_credentials, ret_why);
    case AWS_CREDENTIALS_ASSUME_ROLE:
        return not_resolved(config, "role_arn", ret_why);
    case AWS_CREDENTIALS_WEB_IDENTITY:
        return not_resolved(config, "a web identity token", ret_why);
    case AWS_CREDENTIALS_SSO:
        return not_resolved(config, "IAM Identity Center (sso_role_name)", ret_why);
    case AWS_CREDENTIALS_PROCESS:
        return not_resolved(config, "credential_process", ret_why);
    case AWS_CREDENTIALS_CONTAINER:
        return not_resolved(config, "the container's credential endpoint", ret_why);
    case AWS_CREDENTIALS_INSTANCE:
    case AWS_CREDENTIALS_NONE:
        break;
    }
    return none_found(config, ret_why);
}
