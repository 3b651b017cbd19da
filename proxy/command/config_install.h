/* config_install: the files of `ssm-proxy config`, put into a person's ~/.ssh and taken out again.
 *
 *     ~/.ssh/config                 one line of ours, the first: Include HOME/.ssh/ssm-bridge/config
 *     ~/.ssh/ssm-bridge/            0700: the block in `config`, ssh's sockets of ControlMaster and its `known_hosts`
 *     $XDG_STATE_HOME/ssm-bridge/nodes     names of nodes */
#ifndef SSM_PROXY_COMMAND_CONFIG_INSTALL_H
#define SSM_PROXY_COMMAND_CONFIG_INSTALL_H

#include "common/limits.h"
#include "common/text.h"

struct config_paths {
    char directory[LIMIT_PATH + 1];
    char own[LIMIT_PATH + 1];
    char person[LIMIT_PATH + 1];
    char nodes[LIMIT_PATH + 1];
    char known_hosts[LIMIT_PATH + 1];             /* ssh writes it */
    char include[LIMIT_PATH + sizeof "Include "]; /* the line */
};

/* ERR_CONFIG with words: no HOME, or one that ssh_config(5) would need quotes for. */
enum err config_install_paths(struct config_paths *ret_paths, struct text *ret_why) SSM_MUST_USE;

/* Writes the block; then the line, where it is missing. Errors with words. */
enum err config_install(const struct config_paths *paths, struct bytes block, struct text *ret_why) SSM_MUST_USE;

/* Takes the line out, wherever it stands, then our files. What is not there is no error. */
enum err config_install_undo(const struct config_paths *paths, struct text *ret_why) SSM_MUST_USE;

#endif
