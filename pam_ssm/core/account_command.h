/* account_command: the program and the arguments that do one step of a plan. Fixed words, the account's name, and
 * values of the policy, which can only be plain; no shell sees them. */
#ifndef SSM_HOST_CORE_ACCOUNT_COMMAND_H
#define SSM_HOST_CORE_ACCOUNT_COMMAND_H

#include "pam_ssm/core/account_state.h"

#define ACCOUNT_COMMAND_ARGUMENTS 20

struct account_command {
    const char *argv[ACCOUNT_COMMAND_ARGUMENTS]; /* ends with NULL; borrowed from here, the policy and the record */
    char uid[24];
    char groups[LIMIT_WORD_LIST]; /* separated by commas */
};

/* No arguments for ACCOUNT_MAKE_HOME and ACCOUNT_REMOVE_HOME, which no program does for us. */
void account_command_build(enum account_step step, const struct host_policy *policy,
                           const struct account_record *record, const struct account_facts *facts,
                           struct account_command *ret_command);

/* Has the step been done, or was there nothing left to do? `status` is the program's. */
bool account_command_is_done(enum account_step step, int status);

/* What the step is for: "expire it: nobody enters but through pam_ssm". */
const char *account_command_reason(enum account_step step);

/* The words of a command, separated by blanks. */
void account_command_put(const struct account_command *command, struct text *text);

#endif
