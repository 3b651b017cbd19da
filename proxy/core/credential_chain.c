#include "proxy/core/credential_chain.h"

#include "proxy/core/credential_base.h"
#include "proxy/core/credential_plan.h"
#include "proxy/core/role_credentials.h"

enum stage {
    STAGE_PLAN,
    STAGE_LOOK_UP, /* the cache's file of roles[at] */
    STAGE_BASE,
    STAGE_ASSUME, /* roles[at], with `credentials` */
    STAGE_DONE,
};

struct credential_chain {
    const struct aws_config *config;
    struct credential_plan plan;
    enum stage stage;
    bool is_looking_up; /* the cache's file is wanted */
    size_t at;
    struct role_credentials *roles[LIMIT_ROLE_CHAIN];
    struct credential_base *base;
    struct aws_credentials credentials; /* the innermost so far */
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
    if (*chain == NULL) {
        return;
    }
    for (size_t i = 0; i < LIMIT_ROLE_CHAIN; i++) {
        role_credentials_free(&(*chain)->roles[i]);
    }
    credential_base_free(&(*chain)->base);
    aws_credentials_wipe(&(*chain)->credentials);
    free(*chain);
    *chain = NULL;
}

/* ---- stages: ERR_OK goes on with the next one at once ---- */

static enum err make_plan(struct credential_chain *chain, struct text *ret_why)
{
    TRY(credential_plan_make(chain->config, &chain->plan, ret_why));
    for (size_t i = 0; i < chain->plan.role_count; i++) {
        TRY(role_credentials_new(chain->config, &chain->plan.roles[i], &chain->roles[i], ret_why));
    }
    chain->stage = chain->plan.role_count > 0 ? STAGE_LOOK_UP : STAGE_BASE;
    return ERR_OK;
}

/* There are credentials for what comes before roles[index], if anything. */
static void go_outwards_from(struct credential_chain *chain, size_t index)
{
    chain->stage = index == 0 ? STAGE_DONE : STAGE_ASSUME;
    if (index > 0) {
        chain->at = index - 1;
        role_credentials_begin(chain->roles[chain->at], &chain->credentials, chain->plan.roles[index].profile);
    }
}

/* From the role that is wanted inwards, so that what is cached costs one look. */
static enum err look_up(struct credential_chain *chain, const struct credential_answer *answer,
                        struct credential_want *ret_want)
{
    struct role_credentials *role = chain->roles[chain->at];
    if (!chain->is_looking_up && role_credentials_look_up(role, ret_want)) {
        chain->is_looking_up = true;
        return ERR_AGAIN;
    }
    bool is_cached = chain->is_looking_up && role_credentials_take_cached(role, answer, &chain->credentials);
    chain->is_looking_up = false;
    if (is_cached) {
        go_outwards_from(chain, chain->at);
    } else if (++chain->at == chain->plan.role_count) {
        chain->stage = STAGE_BASE;
    }
    return ERR_OK;
}

static void begin_innermost(struct credential_chain *chain)
{
    const struct credential_plan *plan = &chain->plan;
    chain->stage = plan->role_count == 0 ? STAGE_DONE : STAGE_ASSUME;
    if (plan->role_count > 0) {
        bool is_web_identity = plan->base == AWS_CREDENTIALS_WEB_IDENTITY;
        chain->at = plan->role_count - 1;
        role_credentials_begin(chain->roles[chain->at], is_web_identity ? NULL : &chain->credentials,
                               plan->base_profile);
    }
}

/* Of all sources the last is not there, either: its own words are about a kind of machine that most are not. */
static void put_none_found(const struct aws_config *config, struct text *why)
{
    text_clear(why);
    bool reads_environment = !text_is_given(config->input.flags.profile);
    if (reads_environment && aws_config_variable(config, "AWS_SECRET_ACCESS_KEY") != NULL) {
        text_put(why, "half a pair of keys in the environment: AWS_SECRET_ACCESS_KEY without AWS_ACCESS_KEY_ID");
        return;
    }
    text_format(why, "%sprofile \"%s\" has no keys in %s or %s; run aws configure",
                reads_environment ? "AWS_ACCESS_KEY_ID is not set and " : "", config->profile_name,
                config->input.credentials.path, config->input.config.path);
}

static enum err ask_base(struct credential_chain *chain, const struct credential_answer *answer,
                         struct credential_want *ret_want, struct text *ret_why)
{
    const struct credential_plan *plan = &chain->plan;
    if (plan->base != AWS_CREDENTIALS_WEB_IDENTITY) {
        if (chain->base == NULL) {
            TRY(credential_base_new(chain->config, plan->base, plan->base_profile, &chain->base, ret_why));
        }
        bool is_last_resort = plan->base == AWS_CREDENTIALS_INSTANCE && plan->role_count == 0;
        enum err err = credential_base_next(chain->base, answer, ret_want, &chain->credentials, ret_why);
        if (err == ERR_NO_CREDENTIALS && is_last_resort && !credential_base_is_there(chain->base)) {
            put_none_found(chain->config, ret_why);
        }
        TRY(err);
    }
    begin_innermost(chain);
    return ERR_OK;
}

static enum err assume(struct credential_chain *chain, const struct credential_answer *answer,
                       struct credential_want *ret_want, struct text *ret_why)
{
    struct aws_credentials assumed = {.expires_unix_s = 0};
    TRY(role_credentials_next(chain->roles[chain->at], answer, ret_want, &assumed, ret_why));
    aws_credentials_move(&assumed, &chain->credentials);
    go_outwards_from(chain, chain->at);
    return ERR_OK;
}

static enum err take_stage(struct credential_chain *chain, const struct credential_answer *answer,
                           struct credential_want *ret_want, struct text *ret_why)
{
    switch (chain->stage) {
    case STAGE_PLAN:
        return make_plan(chain, ret_why);
    case STAGE_LOOK_UP:
        return look_up(chain, answer, ret_want);
    case STAGE_BASE:
        return ask_base(chain, answer, ret_want, ret_why);
    case STAGE_ASSUME:
        return assume(chain, answer, ret_want, ret_why);
    case STAGE_DONE:
        break;
    }
    return ERR_OK;
}

/* A setting may go over several lines; words about it are one. */
static void keep_to_one_line(struct text *why, size_t from)
{
    for (size_t i = from; i < why->len; i++) {
        why->data[i] = (char)(text_is_control(why->data[i]) ? '?' : why->data[i]);
    }
}

enum err credential_chain_next(struct credential_chain *chain, const struct credential_answer *answer,
                               struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                               struct text *ret_why)
{
    const struct credential_answer now = {.unix_seconds = answer->unix_seconds};
    size_t before = ret_why->len;
    while (chain->stage != STAGE_DONE) {
        enum err err = take_stage(chain, answer, ret_want, ret_why);
        if (err != ERR_OK) {
            keep_to_one_line(ret_why, before);
            return err;
        }
        answer = &now; /* each is for one stage */
    }
    aws_credentials_move(&chain->credentials, ret_credentials);
    return ERR_OK;
}
