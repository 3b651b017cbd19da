/* account: who we are to AWS and where: settings and credentials, resolved from flags, environment and files. */
#ifndef SSM_PROXY_COMMAND_ACCOUNT_H
#define SSM_PROXY_COMMAND_ACCOUNT_H

#include "proxy/core/aws_config.h"

struct account {
    struct aws_settings settings;
    struct aws_credentials credentials;
};

/* Every flag may be NULL. Errors with words as core/aws_config and edge/aws_files give them. */
enum err account_open(const struct aws_config_flags *flags, struct account *ret_account,
                      struct text *ret_why) SSM_MUST_USE;

void account_wipe(struct account *account); /* safe to repeat; usable with AUTO() */

#endif
