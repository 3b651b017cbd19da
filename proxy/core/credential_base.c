#include "proxy/core/credential_base.h"

#include "proxy/core/container_credentials.h"
#include "proxy/core/imds.h"
#include "proxy/core/process_credentials.h"
#include "proxy/core/sso_credentials.h"
#include "proxy/core/static_credentials.h"

struct credential_base {
    const struct aws_config *config;
    enum aws_credentials_source source;
    const char *profile_name;
    struct aws_profile profile;
    /* Of these the one that `source` is; none of them for keys that are written down. */
    struct sso_credentials *sso;
    struct process_credentials *process;
    struct container_credentials *container;
    struct imds *imds;
};

static enum err make_source(struct credential_base *base, struct text *ret_why)
{
    switch (base->source) {
    case AWS_CREDENTIALS_SSO:
        return sso_credentials_new(base->config, base->profile_name, &base->sso, ret_why);
    case AWS_CREDENTIALS_PROCESS:
        return process_credentials_new(aws_profile_get(&base->profile, "credential_process"), base->profile_name,
                                       &base->process, ret_why);
    case AWS_CREDENTIALS_CONTAINER:
        return container_credentials_new(base->config, &base->container, ret_why);
    case AWS_CREDENTIALS_INSTANCE:
        return imds_new(base->config, IMDS_CREDENTIALS, &base->imds);
    case AWS_CREDENTIALS_NONE:
    case AWS_CREDENTIALS_ENVIRONMENT:
    case AWS_CREDENTIALS_SHARED_FILE:
    case AWS_CREDENTIALS_CONFIG_FILE:
    case AWS_CREDENTIALS_ASSUME_ROLE:
    case AWS_CREDENTIALS_WEB_IDENTITY:
        break;
    }
    return ERR_OK;
}

enum err credential_base_new(const struct aws_config *config, enum aws_credentials_source source, const char *profile,
                             struct credential_base **ret_base, struct text *ret_why)
{
    AUTO(credential_base_free) struct credential_base *base = calloc(1, sizeof *base);
    if (base == NULL) {
        return ERR_MEMORY;
    }
    base->config = config;
    base->source = source;
    base->profile_name = profile;
    base->profile = aws_profile_find(&config->files, profile);
    TRY(make_source(base, ret_why));
    *ret_base = MOVE(base);
    return ERR_OK;
}

void credential_base_free(struct credential_base **base)
{
    if (*base != NULL) {
        sso_credentials_free(&(*base)->sso);
        process_credentials_free(&(*base)->process);
        container_credentials_free(&(*base)->container);
        imds_free(&(*base)->imds);
        free(*base);
        *base = NULL;
    }
}

bool credential_base_is_there(const struct credential_base *base)
{
    return base->imds == NULL || imds_has_answered(base->imds);
}

enum err credential_base_next(struct credential_base *base, const struct credential_answer *answer,
                              struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                              struct text *ret_why)
{
    switch (base->source) {
    case AWS_CREDENTIALS_ENVIRONMENT:
        return static_credentials_of_environment(base->config, answer->unix_seconds, ret_credentials, ret_why);
    case AWS_CREDENTIALS_SHARED_FILE:
    case AWS_CREDENTIALS_CONFIG_FILE:
        return static_credentials_of_file(base->config, &base->profile, base->source, ret_credentials, ret_why);
    case AWS_CREDENTIALS_SSO:
        return sso_credentials_next(base->sso, answer, ret_want, ret_credentials, ret_why);
    case AWS_CREDENTIALS_PROCESS:
        return process_credentials_next(base->process, answer, ret_want, ret_credentials, ret_why);
    case AWS_CREDENTIALS_CONTAINER:
        return container_credentials_next(base->container, answer, ret_want, ret_credentials, ret_why);
    case AWS_CREDENTIALS_INSTANCE:
        return imds_next(base->imds, answer, ret_want, ret_credentials, ret_why);
    case AWS_CREDENTIALS_ASSUME_ROLE:
    case AWS_CREDENTIALS_WEB_IDENTITY:
    case AWS_CREDENTIALS_NONE:
        break;
    }
    return ERR_NO_CREDENTIALS;
}
