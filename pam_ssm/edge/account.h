/* account: what the databases of users and groups say about one account. Reads only: programs of the system change it,
 * see core/account_command. */
#ifndef SSM_HOST_EDGE_ACCOUNT_H
#define SSM_HOST_EDGE_ACCOUNT_H

#include "pam_ssm/core/account_state.h"

struct account_question {
    const char *name;
    int64_t uid; /* that it should have */
    const char *home, *shell;
    const struct word_list *groups;
};

/* All of the facts but uid_has_processes, which is left false. ERR_SYSTEM: errno tells; ERR_TOO_LONG: its lines or its
 * groups do not fit; ERR_MEMORY. */
enum err account_read(const struct account_question *question, int64_t today_day, struct account_facts *ret_facts,
                      struct text *ret_why) SSM_MUST_USE;

/* An uid for a new account, from UID_MIN on: above the highest one, as useradd(8) chooses, so that one that was given
 * up lately is not used again. Neither a user nor a group has it. ERR_NO_TARGET: none is left. ERR_SYSTEM. */
enum err account_free_uid(int64_t *ret_uid, struct text *ret_why) SSM_MUST_USE;

#endif
