/* host_paths: where everything lies on a node. Functions take the struct, so that a test can have a tree of its own. */
#ifndef SSM_HOST_EDGE_HOST_PATHS_H
#define SSM_HOST_EDGE_HOST_PATHS_H

#include <sys/types.h>

struct host_paths {
    uid_t owner;                          /* who alone may have written what we trust: root */
    const char *config_root;              /* /etc/ssm-bridge */
    const char *config_file, *config_dir; /* host.conf, host.conf.d/ */
    const char *limited_dir;              /* Cmnd_Alias files of the level limited */
    const char *state_dir;                /* /var/lib/ssm-bridge */
    const char *grants_dir;               /* below it */
    const char *runtime_dir;              /* /run/ssm-bridge */
    const char *sessions_dir, *keys_dir;  /* below it */
    const char *lock_file;                /* below it */
    const char *sudoers_file;             /* /etc/sudoers */
    const char *sudoers_dir;              /* /etc/sudoers.d */
    const char *our_sudoers;              /* file names in it */
    const char *agent_sudoers;
    const char *pam_dir;         /* /etc/pam.d */
    const char *sshd_config;     /* /etc/ssh/sshd_config */
    const char *sshd_dir;        /* /etc/ssh/sshd_config.d */
    const char *agent_state_dir; /* /var/lib/amazon/ssm: NODE/document/state/current/SESSION-ID below it */
    const char *proc_dir;        /* /proc */
    long search_limit_us;        /* how long pam_ssm looks for a session before it refuses */
};

extern const struct host_paths host_paths_system;

#endif
