/* host_policy: what the admin of a node wants, host.conf(5) as a struct that can only hold valid values.
 *
 *     /etc/ssm-bridge/host.conf, then the *.conf of /etc/ssm-bridge/host.conf.d in the order of strcmp; the last one
 * counts
 *
 * The dialect is that of common/ini. A key or a section that we do not know is a warning (a newer version may know
 * it); a value that cannot be is an error, and then nothing of any file applies. */
#ifndef SSM_HOST_CORE_HOST_POLICY_H
#define SSM_HOST_CORE_HOST_POLICY_H

#include "common/limits.h"
#include "pam_ssm/core/word_list.h"

#define HOST_POLICY_UID_ANY (-1)

enum host_park {
    HOST_PARK_STATIC,  /* the account stays expired for ever; PAM opens it for a verified session (default) */
    HOST_PARK_DYNAMIC, /* `unpark` unexpires it for a time */
    HOST_PARK_REMOVE   /* `unpark` creates it for a time; after that it is removed as soon as nothing of it runs */
};

enum host_level {
    HOST_LEVEL_NONE,    /* no sudo (default) */
    HOST_LEVEL_LIMITED, /* the commands of limited.d/ */
    HOST_LEVEL_ROOT     /* everything */
};

enum host_io_log { HOST_IO_LOG_NO, HOST_IO_LOG_OUTPUT, HOST_IO_LOG_ALL };

enum host_require { HOST_REQUIRE_NO, HOST_REQUIRE_LOG, HOST_REQUIRE_YES };

struct host_policy {
    struct {
        char name[LIMIT_USER + 1];  /* ssm-user */
        int64_t uid;                /* HOST_POLICY_UID_ANY: the next free one from UID_MIN on, recorded at creation */
        char shell[LIMIT_PATH + 1]; /* /bin/bash */
        char home[LIMIT_PATH + 1];  /* /home/ssm-user */
        struct word_list groups;    /* supplementary ones; none of those that mean root */
        enum host_park park;
    } account;
    struct {
        enum host_level level;
        int64_t max_grant_s;       /* 2 h */
        int64_t command_timeout_s; /* of one sudo command; 0: none */
        enum host_io_log io_log;
    } privilege;
    struct {
        enum host_require require_ssm;
        struct word_list documents;       /* whose sessions may enter by sshd; empty: any, and an unknown one */
        struct word_list shell_documents; /* whose sessions may use sudo */
        struct word_list worker_paths;    /* the agent's session worker; compared by the file that it resolves to */
        struct word_list allow_owners;    /* IAM principals; empty: any */
    } session;
    struct {
        bool has_syslog;            /* authpriv, by ssm-userctl; the module always writes there */
        char jsonl[LIMIT_PATH + 1]; /* "" : none */
        bool is_required;           /* deny when nothing can be written */
    } audit;
};

void host_policy_defaults(struct host_policy *ret_policy);

/* Applies one file over what is there. `name` is what messages call it. Warnings are lines "host.conf:12: ...",
 * appended to `warnings`. ERR_CONFIG with "host.conf:12: ..." in ret_why; the policy is then half applied and must not
 * be used. ERR_MEMORY. */
enum err host_policy_apply(struct host_policy *policy, struct bytes file, const char *name, struct text *warnings,
                           struct text *ret_why) SSM_MUST_USE;

/* Groups whose members are root, or soon can be. */
bool host_policy_is_forbidden_group(const char *group);

/* A name that useradd(8) and sudoers(5) take without quoting: a-z or '_', then a-z 0-9 _ -, at most LIMIT_USER. */
bool host_policy_is_user_name(const char *name);

/* "none", "limited", "root". */
const char *host_policy_level_text(enum host_level level);
enum err host_policy_parse_level(const char *word, enum host_level *ret_level) SSM_MUST_USE;

#endif
