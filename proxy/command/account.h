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
    struct aws_settings settings;
    struct aws_credentials credentials; /* none until account_pump has said ERR_OK */
    struct credential_chain *chain;     /* both while the credentials are being resolved, NULL otherwise */
    struct resolver *resolver;
};

/* Reads the files; no credentials yet. Every flag may be NULL; they must outlive the account. Errors with words as
 * core/aws_config and edge/aws_files give them. */
enum err account_open(const struct aws_config_flags *flags, struct account *ret_account,
                      struct text *ret_why) SSM_MUST_USE;

/* ERR_OK: account->credentials are good for some minutes. ERR_AGAIN: they are being resolved; pump again after the
 * next turn. Else why there are none; the next pump begins anew. */
enum err account_pump(struct account *account, const struct resolver_way *way, struct text *ret_why) SSM_MUST_USE;

/* When to pump again at the latest; INSTANT_NEVER while only the network matters. */
int64_t account_deadline_us(const struct account *account);

void account_wipe(struct account *account); /* cancels; safe to repeat; usable with AUTO() */

#endif
