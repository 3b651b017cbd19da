#include "proxy/core/credential_chain.h"

struct credential_chain {
    const struct aws_config *config;
};

enum err credential_chain_new(const struct aws_config *config, struct credential_chain **ret_chain)
{
    struct credential_chain *chain = calloc(1, sizeof *chain);
    if (chain == NULL) {
        return ERR_MEMORY;
    }
    chain->config = config;
    *ret_chain = chain;
    return ERR_OK;
}

void credential_chain_free(struct credential_chain **chain)
{
    free(*chain);
    *chain = NULL;
}

enum err credential_chain_next(struct credential_chain *chain, const struct credential_answer *answer,
                               struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                               struct text *ret_why)
{
    (void)answer;
    (void)ret_want;
    return aws_config_credentials(chain->config, ret_credentials, ret_why);
}
