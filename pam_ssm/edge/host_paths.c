#include "pam_ssm/edge/host_paths.h"

const struct host_paths host_paths_system = {
    .owner = 0,
    .config_file = "/etc/ssm-bridge/host.conf",
    .config_dir = "/etc/ssm-bridge/host.conf.d",
    .limited_dir = "/etc/ssm-bridge/limited.d",
    .state_dir = "/var/lib/ssm-bridge",
    .grants_dir = "/var/lib/ssm-bridge/grants",
    .runtime_dir = "/run/ssm-bridge",
    .sessions_dir = "/run/ssm-bridge/sessions",
    .keys_dir = "/run/ssm-bridge/keys",
    .lock_file = "/run/ssm-bridge/lock",
    .sudoers_file = "/etc/sudoers",
    .sudoers_dir = "/etc/sudoers.d",
    .our_sudoers = "zzz-ssm-bridge",
    .agent_sudoers = "ssm-agent-users",
    .pam_dir = "/etc/pam.d",
    .sshd_config = "/etc/ssh/sshd_config",
    .sshd_dir = "/etc/ssh/sshd_config.d",
    .agent_state_dir = "/var/lib/amazon/ssm",
    .proc_dir = "/proc",
    .search_limit_us = 250 * 1000,
};
