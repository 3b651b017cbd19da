#include "proxy/core/credential_plan.h"

#include "proxy/core/container_credentials.h"
#include "proxy/core/static_credentials.h"

/* --profile turns the environment off, AWS_PROFILE does not. */
static bool reads_environment(const struct aws_config *config)
{
    return !text_is_given(config->input.flags.profile);
}

static bool has(const struct aws_profile *profile, const char *key)
{
    return aws_profile_get(profile, key) != NULL;
}

/* A profile with a token file is one of web identity, wherever it stands in a chain. */
static bool has_role(const struct aws_profile *profile)
{
    return has(profile, "role_arn") && !has(profile, "web_identity_token_file");
}

static bool has_static_keys(const struct aws_profile *profile)
{
    return has(profile, "aws_access_key_id") || has(profile, "aws_secret_access_key");
}

/* ---- roles ---- */

static enum err add_role(struct credential_plan *plan, const struct credential_role *role, struct text *ret_why)
{
    if (plan->role_count == LIMIT_ROLE_CHAIN) {
        text_format(ret_why, "profile \"%s\" is the end of a chain of more than %d roles", plan->roles[0].profile,
                    LIMIT_ROLE_CHAIN);
        return ERR_NO_CREDENTIALS;
    }
    plan->roles[plan->role_count++] = *role;
    return ERR_OK;
}

/* The CLI leaves out what is no number, and so does this. */
static int64_t read_duration(const char *value)
{
    int64_t seconds = 0;
    return value != NULL && text_parse_decimal(value, 1, INT32_MAX, &seconds) == ERR_OK ? seconds : 0;
}

static enum err refuse_empty(const char *value, const char *key, const char *profile, struct text *ret_why)
{
    if (value != NULL && *value == '\0') {
        text_format(ret_why, "%s of profile \"%s\" is empty", key, profile);
        return ERR_NO_CREDENTIALS;
    }
    return ERR_OK;
}

static enum err add_configured_role(struct credential_plan *plan, const struct aws_profile *profile, const char *name,
                                    struct text *ret_why)
{
    const char *session_name = aws_profile_get(profile, "role_session_name");
    struct credential_role role = {
        .profile = name,
        .role_arn = aws_profile_get(profile, "role_arn"),
        .external_id = aws_profile_get(profile, "external_id"),
        .role_session_name = text_is_given(session_name) ? session_name : NULL,
        .mfa_serial = aws_profile_get(profile, "mfa_serial"),
        .duration_seconds = read_duration(aws_profile_get(profile, "duration_seconds")),
    };
    TRY(refuse_empty(role.role_arn, "role_arn", name, ret_why));
    TRY(refuse_empty(role.external_id, "external_id", name, ret_why));
    TRY(refuse_empty(role.mfa_serial, "mfa_serial", name, ret_why));
    return add_role(plan, &role, ret_why);
}

/* ---- web identity ---- */

/* The environment counts for the chosen profile alone, and wins over it. */
static const char *web_identity_setting(const struct aws_config *config, const struct aws_profile *profile,
                                        const char *variable, const char *key)
{
    bool is_chosen = profile == &config->profile;
    const char *value = is_chosen && reads_environment(config) ? aws_config_variable(config, variable) : NULL;
    if (value == NULL) {
        value = aws_profile_get(profile, key);
    }
    return text_is_given(value) ? value : NULL;
}

static const char *token_file(const struct aws_config *config, const struct aws_profile *profile)
{
    return web_identity_setting(config, profile, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
}

static enum err add_web_identity(const struct aws_config *config, const struct aws_profile *profile, const char *name,
                                 struct credential_plan *plan, struct text *ret_why)
{
    struct credential_role role = {
        .profile = name,
        .role_arn = web_identity_setting(config, profile, "AWS_ROLE_ARN", "role_arn"),
        .role_session_name = web_identity_setting(config, profile, "AWS_ROLE_SESSION_NAME", "role_session_name"),
        .web_identity_token_file = token_file(config, profile),
    };
    if (role.role_arn == NULL) {
        text_format(ret_why, "there is a web identity token for profile \"%s\" and no role for it: set role_arn%s",
                    name, profile == &config->profile && reads_environment(config) ? " or AWS_ROLE_ARN" : "");
        return ERR_NO_CREDENTIALS;
    }
    return add_role(plan, &role, ret_why);
}

/* ---- bases ---- */

/* What a profile has of its own, besides a role of STS. */
static enum aws_credentials_source own_source(const struct aws_config *config, const struct aws_profile *profile)
{
    if (token_file(config, profile) != NULL) {
        return AWS_CREDENTIALS_WEB_IDENTITY;
    }
    if (has(profile, "sso_role_name") || has(profile, "sso_account_id")) {
        return AWS_CREDENTIALS_SSO;
    }
    if (static_credentials_are_in_file(profile, AWS_CREDENTIALS_SHARED_FILE)) {
        return AWS_CREDENTIALS_SHARED_FILE;
    }
    if (has(profile, "credential_process")) {
        return AWS_CREDENTIALS_PROCESS;
    }
    if (static_credentials_are_in_file(profile, AWS_CREDENTIALS_CONFIG_FILE)) {
        return AWS_CREDENTIALS_CONFIG_FILE;
    }
    return AWS_CREDENTIALS_NONE;
}

static enum err use_base(const struct aws_config *config, const struct aws_profile *profile, const char *name,
                         enum aws_credentials_source base, struct credential_plan *plan, struct text *ret_why)
{
    plan->base = base;
    plan->base_profile = name;
    return base == AWS_CREDENTIALS_WEB_IDENTITY ? add_web_identity(config, profile, name, plan, ret_why) : ERR_OK;
}

/* ---- where a role's credentials come from ---- */

static enum err use_credential_source(const struct aws_config *config, const char *name, const char *source,
                                      struct credential_plan *plan, struct text *ret_why)
{
    const struct {
        const char *name;
        enum aws_credentials_source source;
        bool is_there;
        const char *missing;
    } sources[] = {
        {"Environment", AWS_CREDENTIALS_ENVIRONMENT, static_credentials_are_in_environment(config),
         "AWS_ACCESS_KEY_ID is not set"},
        {"Ec2InstanceMetadata", AWS_CREDENTIALS_INSTANCE, true, ""},
        {"EcsContainer", AWS_CREDENTIALS_CONTAINER, container_credentials_are_offered(config),
         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set"},
    };
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (strcmp(source, sources[i].name) != 0) {
            continue;
        }
        if (!sources[i].is_there) {
            text_format(ret_why, "profile \"%s\" has credential_source = %s, but %s", name, source, sources[i].missing);
            return ERR_NO_CREDENTIALS;
        }
        plan->base = sources[i].source;
        plan->base_profile = name;
        return ERR_OK;
    }
    text_format(ret_why, "credential_source of profile \"%s\" must be Environment, Ec2InstanceMetadata or EcsContainer",
                name);
    return ERR_NO_CREDENTIALS;
}

static enum err check_loop(const struct credential_plan *plan, const struct aws_profile *source,
                           const char *source_name, struct text *ret_why)
{
    bool is_own = strcmp(plan->roles[plan->role_count - 1].profile, source_name) == 0;
    if (is_own && has_static_keys(source)) {
        return ERR_OK; /* a role and the keys for it in one profile */
    }
    for (size_t i = 0; i < plan->role_count; i++) {
        if (strcmp(plan->roles[i].profile, source_name) == 0) {
            text_format(ret_why, "the source profiles of \"%s\" come back to \"%s\"; one of them needs keys of its own",
                        plan->roles[0].profile, source_name);
            return ERR_NO_CREDENTIALS;
        }
    }
    return ERR_OK;
}

static enum err check_role_source(const char *name, const char *source_profile, const char *credential_source,
                                  struct text *ret_why)
{
    if ((source_profile == NULL) != (credential_source == NULL)) {
        return ERR_OK;
    }
    text_format(ret_why, "profile \"%s\" has role_arn and %s source_profile %s credential_source; it needs one of them",
                name, source_profile == NULL ? "neither" : "both", source_profile == NULL ? "nor" : "and");
    return ERR_NO_CREDENTIALS;
}

static enum err use_source(const struct aws_config *config, const struct aws_profile *source, const char *source_name,
                           struct credential_plan *plan, struct text *ret_why)
{
    enum aws_credentials_source base = own_source(config, source);
    if (base == AWS_CREDENTIALS_NONE) {
        text_format(ret_why, "profile \"%s\", the source_profile of \"%s\", has no credentials", source_name,
                    plan->roles[plan->role_count - 1].profile);
        return ERR_NO_CREDENTIALS;
    }
    return use_base(config, source, source_name, base, plan, ret_why);
}

/* From the profile `name`, which has a role, to the base. Each turn adds a role, so that LIMIT_ROLE_CHAIN ends it. */
static enum err follow_roles(const struct aws_config *config, const char *name, struct credential_plan *plan,
                             struct text *ret_why)
{
    for (;;) {
        struct aws_profile profile = aws_profile_find(&config->files, name);
        const char *source_name = aws_profile_get(&profile, "source_profile");
        const char *credential_source = aws_profile_get(&profile, "credential_source");
        TRY(check_role_source(name, source_name, credential_source, ret_why));
        TRY(add_configured_role(plan, &profile, name, ret_why));
        if (credential_source != NULL) {
            return use_credential_source(config, name, credential_source, plan, ret_why);
        }
        struct aws_profile source = aws_profile_find(&config->files, source_name);
        if (!aws_profile_exists(&source)) {
            text_format(ret_why, "there is no profile \"%s\", the source_profile of \"%s\"", source_name, name);
            return ERR_NO_CREDENTIALS;
        }
        TRY(check_loop(plan, &source, source_name, ret_why));
        if (has_static_keys(&source) || !has_role(&source)) {
            return use_source(config, &source, source_name, plan, ret_why);
        }
        name = source_name;
    }
}

enum err credential_plan_make(const struct aws_config *config, struct credential_plan *ret_plan, struct text *ret_why)
{
    const struct aws_profile *profile = &config->profile;
    struct credential_plan plan = {.base = AWS_CREDENTIALS_NONE};
    enum aws_credentials_source base = AWS_CREDENTIALS_ENVIRONMENT;
    if (!reads_environment(config) || !static_credentials_are_in_environment(config)) {
        if (has_role(profile)) {
            TRY(follow_roles(config, config->profile_name, &plan, ret_why));
            *ret_plan = plan;
            return ERR_OK;
        }
        base = own_source(config, profile);
    }
    if (base == AWS_CREDENTIALS_NONE) {
        base = container_credentials_are_offered(config) ? AWS_CREDENTIALS_CONTAINER : AWS_CREDENTIALS_INSTANCE;
    }
    TRY(use_base(config, profile, config->profile_name, base, &plan, ret_why));
    *ret_plan = plan;
    return ERR_OK;
}
