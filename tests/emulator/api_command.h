/* api_command: how a command is shown by SendCommand and ListCommands alike. */
#ifndef SSM_LAB_API_COMMAND_H
#define SSM_LAB_API_COMMAND_H

#include <jansson.h>

#include "tests/emulator/run_command.h"

/* The shape Command. The caller owns it. */
json_t *api_command_describe(const struct command *command);

#endif
