/* command_file: what the linter of sudoers wants to know about a program's file. */
#ifndef SSM_HOST_EDGE_COMMAND_FILE_H
#define SSM_HOST_EDGE_COMMAND_FILE_H

#include "pam_ssm/core/sudoers_lint.h"

/* `path` is absolute. What cannot be looked at counts as dangerous. */
void command_file_look(const char *path, struct sudoers_file_facts *ret_facts);

#endif
