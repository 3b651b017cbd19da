#include "proxy/command/account.h"

#include "proxy/edge/aws_files.h"

void account_wipe(struct account *account)
{
    aws_credentials_wipe(&account->credentials);
}

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
    TRY(aws_files_read(paths.config, &config_text, ret_why));
    TRY(aws_files_read(paths.credentials, &credentials_text, ret_why));
    struct aws_config_input input = {
        .environment = environment,
        .flags = *flags,
        .config = config_file(paths.config, &config_text),
        .credentials = config_file(paths.credentials, &credentials_text),
    };
    AUTO(aws_config_free) struct aws_config *config = NULL;
    TRY(aws_config_open(&input, &config, ret_why));
    struct account account = {0};
    TRY(aws_config_settings(config, &account.settings, ret_why));
    TRY(aws_config_credentials(config, &account.credentials, ret_why));
    *ret_account = account;
    return ERR_OK;
}
