/* verbs: what main dispatches to; one file each. */
#ifndef SSM_PROXY_COMMAND_VERBS_H
#define SSM_PROXY_COMMAND_VERBS_H

#include "proxy/command/proxy_options.h"

extern const struct verb completion_verb;
extern const struct verb completion_words_verb;
extern const struct verb config_match_verb;
extern const struct verb agent_update_verb;
extern const struct verb agent_version_verb;
extern const struct verb config_verb;
extern const struct verb connect_verb;
extern const struct verb doctor_verb;
extern const struct verb forward_verb;
extern const struct verb key_ensure_verb;
extern const struct verb key_push_verb;
extern const struct verb known_hosts_forget_verb;
extern const struct verb known_hosts_verb;
extern const struct verb login_verb;
extern const struct verb ls_verb;
extern const struct verb run_verb;
extern const struct verb sessions_end_verb;
extern const struct verb sessions_list_verb;
extern const struct verb shell_verb;
extern const struct verb version_verb;
extern const struct verb wait_verb;

#endif
