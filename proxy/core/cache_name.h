/* cache_name: how the AWS CLI names the files of its caches: the SHA-1 of a text, which for most of them is what
 * Python's json.dumps makes of the parameters (sort_keys: the caller puts them in the order of their names).
 *
 *     char memory[4096];
 *     struct text parameters = text_in(memory, sizeof memory);
 *     text_put(&parameters, "{\"RoleArn\": ");
 *     TRY(cache_name_put_string(role_arn, &parameters));
 *     text_put(&parameters, "}");
 *     TRY(text_finish(&parameters));
 *     TRY(cache_name_make(text_bytes(&parameters), name));
 *
 * Source: the AWS CLI 2.9's botocore: credentials (_create_cache_key), utils (SSOTokenLoader, SSOTokenFetcher). */
#ifndef SSM_PROXY_CORE_CACHE_NAME_H
#define SSM_PROXY_CORE_CACHE_NAME_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/text.h"

#define CACHE_NAME_LEN 40

/* Appends `string`, which is UTF-8, in quotes as json.dumps writes it: in ASCII alone, what is not becomes \u00e9.
 * ERR_MALFORMED when it is not UTF-8, ERR_MEMORY. */
enum err cache_name_put_string(const char *string, struct text *text) SSM_MUST_USE;

/* SHA-1 in lower-case hexadecimal; without ".json". ERR_MEMORY. */
enum err cache_name_make(struct bytes text, char ret_name[CACHE_NAME_LEN + 1]) SSM_MUST_USE;

#endif
