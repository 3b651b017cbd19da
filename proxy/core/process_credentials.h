/* process_credentials: credentials from the program that credential_process of a profile names.
 *
 * The setting is split into words as the AWS CLI does it (Python's shlex.split, POSIX rules), and no shell sees it:
 * blanks separate; '...' is literal; in "..." a backslash escapes " and \ alone; elsewhere it escapes the next
 * character. Nothing is expanded: neither ~ nor $NAME nor *.
 *
 * The program prints one JSON object: Version (the number 1), AccessKeyId, SecretAccessKey, and when it likes
 * SessionToken and Expiration. What it prints is never shown. Nothing is kept: it is run for every connection, as the
 * AWS CLI does it.
 * Source: the AWS CLI 2.9 (botocore/credentials.py, ProcessProvider); AWS SDKs and tools reference guide, "Process
 * credential provider". */
#ifndef SSM_PROXY_CORE_PROCESS_CREDENTIALS_H
#define SSM_PROXY_CORE_PROCESS_CREDENTIALS_H

#include "proxy/core/credential_want.h"

struct process_credentials;

/* `command` is the setting, `profile` the name of the profile that it stands in; both are copied. ERR_CONFIG with
 * words: an open quotation, a lone backslash at the end, no word at all. ERR_MEMORY. */
enum err process_credentials_new(const char *command, const char *profile, struct process_credentials **ret_process,
                                 struct text *ret_why) SSM_MUST_USE;
void process_credentials_free(struct process_credentials **process); /* NULL inside is fine; usable with AUTO() */

/* See credential_want.h. ERR_NO_CREDENTIALS: the program failed or printed something else. ERR_CREDENTIALS: what it
 * printed has expired. ERR_CONFIG: there is no such program. ERR_TIMEOUT. */
enum err process_credentials_next(struct process_credentials *process, const struct credential_answer *answer,
                                  struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                                  struct text *ret_why) SSM_MUST_USE;

/* The words of `command`, ended by NULL, in one block that the caller frees. ERR_CONFIG with words; ERR_MEMORY. */
enum err process_credentials_split(const char *command, char ***ret_words, struct text *ret_why) SSM_MUST_USE;

#endif
