/* credential_chain: the credentials of the chosen profile, whatever they come from, as one machine with the step of
 * credential_want.h:
 *
 *     AUTO(credential_chain_free) struct credential_chain *chain = NULL;
 *     TRY(credential_chain_new(config, &chain));
 *     struct credential_answer answer = {.unix_seconds = now};
 *     while ((err = credential_chain_next(chain, &answer, &want, &credentials, &why)) == ERR_AGAIN) {
 *         ... does what is wanted and fills in `answer` ...
 *     }
 *
 * Which source applies, and in which order they are looked at: credential_plan.h. Roles are looked for in the cache
 * first, from the one that is wanted inwards, so that what is cached costs one look and no call; then the base is
 * asked, and the roles are assumed outwards. */
#ifndef SSM_PROXY_CORE_CREDENTIAL_CHAIN_H
#define SSM_PROXY_CORE_CREDENTIAL_CHAIN_H

#include "proxy/core/aws_config.h"
#include "proxy/core/credential_want.h"

struct credential_chain;

/* Borrows `config`, which must outlive it. ERR_MEMORY; whatever is wrong with the configuration is said by the first
 * step. */
enum err credential_chain_new(const struct aws_config *config, struct credential_chain **ret_chain) SSM_MUST_USE;

/* Wipes what it knows. NULL inside is fine; usable with AUTO(). */
void credential_chain_free(struct credential_chain **chain);

/* ERR_NO_CREDENTIALS: there are none, or the configuration makes no sense; whatever else a source gives. After ERR_OK
 * or a failure there is no further step. */
enum err credential_chain_next(struct credential_chain *chain, const struct credential_answer *answer,
                               struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                               struct text *ret_why) SSM_MUST_USE;

#endif
