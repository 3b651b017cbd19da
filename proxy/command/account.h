/* account: who we are to AWS and where: settings from flags, environment and files, and credentials, which may take
 * calls, a process and a question to come by. */
#ifndef SSM_PROXY_COMMAND_ACCOUNT_H
#define SSM_PROXY_COMMAND_ACCOUNT_H

#include "proxy/command/resolver.h"
#include "proxy/core/aws_settings.h"
#include "proxy/core/credential_chain.h"

/* Zero-initialised means "nobody". */
struct account {
    struct aws_config *config; /* owned; its flags are borrowed */
    struct aws_settings
        settings;      /* if lacks_region, only what aws_settings_begin gives, before account_pump has said ERR_OK */
    bool lacks_region; /* nobody has named one: the metadata service of EC2 is to be asked */
    struct aws_credentials credentials; /* none until account_pump has said ERR_OK */
    struct resolver *resolver;          /* at work on one of these; all are NULL otherwise */
    struct imds *imds;
    struct credential_chain *chain;
};

/* Reads the files; no credentials yet. Every flag may be NULL; they must outlive the account. Errors with words as
 * core/aws_config and edge/aws_files give them. */
enum err account_open(const struct aws_config_flags *flags, struct account *ret_account,
                      struct text *ret_why) SSM_MUST_USE;

/* ERR_OK: account->settings are complete and account->credentials good for some minutes. ERR_AGAIN: they are being
 * resolved; pump again after the next turn, and leave the account where it is meanwhile. Else why there are none; the
 * next pump begins anew. */
enum err account_pump(struct account *account, const struct resolver_way *way, struct text *ret_why) SSM_MUST_USE;

/* When to pump again at the latest; INSTANT_NEVER while only the network matters. */
int64_t account_deadline_us(const struct account *account);

/* Whose the credentials are: "those in the environment"; nothing when there are none. */
void account_put_source(const struct account *account, struct text *text);

/* What account_pump waits for; see resolver_put_wait. */
void account_put_wait(const struct account *account, struct text *text);

void account_wipe(struct account *account); /* cancels; safe to repeat; usable with AUTO() */

#endif
