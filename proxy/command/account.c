#include "proxy/command/account.h"

#include "common/log.h"
#include "proxy/core/imds.h"
#include "proxy/edge/aws_files.h"

/* A call takes seconds, and begins with what is still good. */
#define EXPIRES_SOON_S 60

static void stop_resolving(struct account *account)
{
    resolver_free(&account->resolver);
    imds_free(&account->imds);
    credential_chain_free(&account->chain);
}

void account_wipe(struct account *account)
{
    stop_resolving(account);
    aws_credentials_wipe(&account->credentials);
    aws_config_free(&account->config);
    *account = (struct account){.config = NULL};
}

/* ---- files ---- */

static struct aws_config_file config_file(const char *path, const struct aws_file *file)
{
    return (struct aws_config_file){.path = path, .text = bytes_of(file->data, file->len)};
}

enum err account_open(const struct aws_config_flags *flags, struct account *ret_account, struct text *ret_why)
{
    struct aws_config_environment environment = aws_files_environment();
    struct aws_config_paths paths;
    TRY(aws_config_paths(&environment, &paths, ret_why));
    AUTO(aws_files_wipe) struct aws_file config_text = {0};
    AUTO(aws_files_wipe) struct aws_file credentials_text = {0};
    TRY(aws_files_read(paths.config, INSTANT_NEVER, &config_text, ret_why));
    TRY(aws_files_read(paths.credentials, INSTANT_NEVER, &credentials_text, ret_why));
    struct aws_config_input input = {
        .environment = environment,
        .flags = *flags,
        .config = config_file(paths.config, &config_text),
        .credentials = config_file(paths.credentials, &credentials_text),
    };
    AUTO(account_wipe) struct account account = {.config = NULL};
    TRY(aws_config_open(&input, &account.config, ret_why));
    account.lacks_region = !aws_settings_has_region(account.config);
    TRY(account.lacks_region ? aws_settings_begin(account.config, &account.settings, ret_why)
                             : aws_settings_choose(account.config, &account.settings, ret_why));
    *ret_account = account;
    account = (struct account){.config = NULL};
    return ERR_OK;
}

/* ---- the region ---- */

static enum err next_of_region(void *context, const struct credential_answer *answer, struct credential_want *ret_want,
                               struct aws_credentials *ret_credentials, struct text *ret_why)
{
    (void)ret_credentials;
    struct account *account = context;
    char region[LIMIT_REGION + 1];
    TRY(imds_next_region(account->imds, answer, ret_want, region, ret_why));
    return aws_config_set_region(account->config, region);
}

static enum err begin_region(struct account *account, const struct resolver_way *way)
{
    TRY(imds_new(account->config, IMDS_REGION, &account->imds));
    struct resolver_machine machine = {.next = next_of_region, .context = account};
    return resolver_new(&machine, way, &account->resolver);
}

/* Where the metadata service does not know either, the words are about what a person can set. */
static enum err find_region(struct account *account, const struct resolver_way *way, struct text *ret_why)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    enum err err = account->resolver == NULL ? begin_region(account, way) : ERR_OK;
    if (err == ERR_OK) {
        err = resolver_pump(account->resolver, NULL, &why);
    }
    if (err == ERR_AGAIN || err == ERR_MEMORY) {
        return err;
    }
    if (err != ERR_OK) {
        log_debug("no region from the metadata service: %s", memory);
    }
    stop_resolving(account);
    TRY(aws_settings_choose(account->config, &account->settings, ret_why));
    account->lacks_region = false;
    return ERR_OK;
}

/* ---- credentials ---- */

void account_put_source(const struct account *account, struct text *text)
{
    switch (account->credentials.source) {
    case AWS_CREDENTIALS_NONE:
        return;
    case AWS_CREDENTIALS_ENVIRONMENT:
        text_put(text, "those in the environment");
        return;
    case AWS_CREDENTIALS_CONTAINER:
        text_put(text, "those of the container");
        return;
    case AWS_CREDENTIALS_INSTANCE:
        text_put(text, "those of the instance");
        return;
    case AWS_CREDENTIALS_SHARED_FILE:
    case AWS_CREDENTIALS_CONFIG_FILE:
    case AWS_CREDENTIALS_ASSUME_ROLE:
    case AWS_CREDENTIALS_WEB_IDENTITY:
    case AWS_CREDENTIALS_SSO:
    case AWS_CREDENTIALS_PROCESS:
        break;
    }
    text_format(text, "those of profile \"%s\"", account->config->profile_name);
}

static bool has_credentials(const struct account *account, int64_t now_s)
{
    const struct aws_credentials *credentials = &account->credentials;
    return secret_is_set(&credentials->secret_access_key) &&
           (credentials->expires_unix_s == 0 || credentials->expires_unix_s - now_s > EXPIRES_SOON_S);
}

static enum err next_of_chain(void *chain, const struct credential_answer *answer, struct credential_want *ret_want,
                              struct aws_credentials *ret_credentials, struct text *ret_why)
{
    return credential_chain_next(chain, answer, ret_want, ret_credentials, ret_why);
}

static enum err begin_chain(struct account *account, const struct resolver_way *way)
{
    TRY(credential_chain_new(account->config, &account->chain));
    struct resolver_machine machine = {.next = next_of_chain, .context = account->chain};
    return resolver_new(&machine, way, &account->resolver);
}

static enum err find_credentials(struct account *account, const struct resolver_way *way, struct text *ret_why)
{
    if (account->resolver == NULL && has_credentials(account, api_unix_seconds(way->api))) {
        return ERR_OK;
    }
    TRY(account->resolver == NULL ? begin_chain(account, way) : ERR_OK);
    TRY(resolver_pump(account->resolver, &account->credentials, ret_why));
    char memory[LIMIT_PROFILE + 64];
    struct text source = text_in(memory, sizeof memory);
    account_put_source(account, &source);
    log_debug("region %s, credentials: %s", account->settings.region, memory);
    return ERR_OK;
}

enum err account_pump(struct account *account, const struct resolver_way *way, struct text *ret_why)
{
    enum err err = account->lacks_region ? find_region(account, way, ret_why) : ERR_OK;
    if (err == ERR_OK) {
        err = find_credentials(account, way, ret_why);
    }
    if (err != ERR_AGAIN) {
        stop_resolving(account);
    }
    return err;
}

int64_t account_deadline_us(const struct account *account)
{
    return account->resolver == NULL ? INSTANT_NEVER : resolver_deadline_us(account->resolver);
}

void account_put_wait(const struct account *account, struct text *text)
{
    if (account->resolver != NULL) {
        resolver_put_wait(account->resolver, text);
    }
}
