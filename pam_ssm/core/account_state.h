/* account_state: is the account as the policy wants it, and if not, which steps lead there?
 *
 *     absent ──create──▶ parked ◀──unpark / park──▶ open
 *
 * Parked: no password, and expired (chage -E 1): sshd, sudo, su, cron and login all refuse it, with our module or
 * without. Everything that is not as wanted is one step of the plan, and running the plan twice changes nothing. */
#ifndef SSM_HOST_CORE_ACCOUNT_STATE_H
#define SSM_HOST_CORE_ACCOUNT_STATE_H

#include "pam_ssm/core/account_record.h"
#include "pam_ssm/core/host_policy.h"

enum account_home {
    ACCOUNT_HOME_ABSENT,
    ACCOUNT_HOME_EMPTY, /* a directory without anything in it */
    ACCOUNT_HOME_USED,  /* a directory */
    ACCOUNT_HOME_OTHER  /* a symbolic link, or no directory */
};

/* What the node's databases say now. Days count from 1970; -1 is an empty field of shadow(5). */
struct account_facts {
    bool is_known; /* by some name service */
    bool is_local; /* it stands in /etc/passwd, where useradd and usermod reach it */
    int64_t uid, gid;
    char home[LIMIT_PATH + 1];
    char shell[LIMIT_PATH + 1];
    char primary_group[LIMIT_USER + 1]; /* "": its gid has no name */
    struct word_list groups;            /* the others that it is in */

    bool has_shadow;
    bool is_locked; /* its password begins with '!' */
    int64_t last_change_day, min_days, max_days, warn_days, inactive_days, expire_day;

    bool has_group; /* a group of its name */
    int64_t group_gid;
    bool group_is_used; /* by members, or as the primary group of somebody else */

    char uid_owner[LIMIT_USER + 1]; /* another account that has the wanted uid */
    bool uid_has_processes;         /* the wanted uid */
    enum account_home home_kind;    /* the wanted home */
    int64_t home_owner;
    bool has_shell;                      /* the wanted one can be executed */
    char missing_group[LIMIT_USER + 1];  /* the first wanted one that is not there */
    int64_t uid_min, uid_max, today_day; /* login.defs(5) */
};

enum account_want {
    ACCOUNT_WANT_ABSENT, /* nobody creates it; one that is there all the same is parked */
    ACCOUNT_WANT_GONE,   /* it is removed with its group and home */
    ACCOUNT_WANT_PARKED,
    ACCOUNT_WANT_OPEN
};

enum account_state { ACCOUNT_ABSENT, ACCOUNT_PARKED, ACCOUNT_OPEN, ACCOUNT_FOREIGN, ACCOUNT_DRIFTED };

/* Why something of it is not done. */
enum account_refusal {
    ACCOUNT_FINE,
    ACCOUNT_IS_FOREIGN,
    ACCOUNT_IS_NOT_LOCAL,
    ACCOUNT_IS_ROOT,          /* uid 0 */
    ACCOUNT_IS_OF_SYSTEM,     /* an uid below UID_MIN */
    ACCOUNT_NAME_CHANGED,     /* the policy's name is not the record's */
    ACCOUNT_UID_CHANGED,      /* the policy's uid is not the record's */
    ACCOUNT_UID_TAKEN,        /* by another account */
    ACCOUNT_UID_IN_USE,       /* processes that a removed account left */
    ACCOUNT_GROUP_IN_THE_WAY, /* a group of its name that others use */
    ACCOUNT_GROUP_MISSING,
    ACCOUNT_GROUP_FORBIDDEN, /* to be adopted, and as good as root */
    ACCOUNT_HOME_OF_OTHER,
    ACCOUNT_SHELL_MISSING
};

enum account_step {
    ACCOUNT_EXPIRE,   /* and no ageing of a password that it does not have */
    ACCOUNT_UNEXPIRE, /* the same, not expired */
    ACCOUNT_LOCK,     /* the password */
    ACCOUNT_CREATE_GROUP,
    ACCOUNT_CREATE, /* locked and expired at once */
    ACCOUNT_SET_UID,
    ACCOUNT_SET_PRIMARY_GROUP,
    ACCOUNT_SET_GROUPS,
    ACCOUNT_SET_SHELL,
    ACCOUNT_SET_HOME,
    ACCOUNT_MAKE_HOME,
    ACCOUNT_DELETE,
    ACCOUNT_DELETE_GROUP,
    ACCOUNT_REMOVE_HOME,
    ACCOUNT_STEP_COUNT
};

struct account_plan {
    enum account_state state;
    enum account_refusal refusal; /* the steps are still worth running: the refused part is not among them */
    size_t count;
    enum account_step steps[ACCOUNT_STEP_COUNT];
};

/* What the lifecycle wants now. `is_busy`: a login, a process, or a job of it is there. */
enum account_want account_state_wanted(const struct host_policy *policy, const struct account_record *record,
                                       const struct host_moment *now, bool is_busy);

/* `record` NULL: nothing is ours. An account that is to be adopted is planned with the record that it will have. */
void account_state_plan(const struct host_policy *policy, const struct account_record *record,
                        const struct account_facts *facts, enum account_want want, struct account_plan *ret_plan);

/* May this account, which is there, become ours? */
enum account_refusal account_state_judge_adoption(const struct account_facts *facts);

/* "absent", "parked", "open", "foreign", "drifted". */
const char *account_state_text(enum account_state state);

/* One sentence: what is wrong, and what helps. */
void account_state_put_refusal(const struct host_policy *policy, const struct account_record *record,
                               const struct account_facts *facts, enum account_refusal refusal, struct text *text);

#endif
