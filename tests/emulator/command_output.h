/* command_output: how Run Command cuts what a script writes. The agent keeps the beginnings of standard output and
 * standard error for GetCommandInvocation, and makes one text of both for ListCommandInvocations. Source: the agent's
 * iohandler (ReadPrefix, TruncateOutput and its tests). */
#ifndef SSM_LAB_COMMAND_OUTPUT_H
#define SSM_LAB_COMMAND_OUTPUT_H

#include <jansson.h>
#include <stddef.h>

#define COMMAND_OUTPUT_LIMIT 24000
#define COMMAND_ERROR_LIMIT 8000
#define COMMAND_PLUGIN_OUTPUT_LIMIT 2500

/* `data` has the first `len` bytes, at most `limit`, of what was written: when that is `limit`, the end becomes
 * "--output truncated--". Terminates it: `data` has room for limit + 1 bytes. NUL becomes a blank. */
void command_output_cut(char *data, size_t len, size_t limit);

/* Both, with a heading before what is an error, each cut where they do not fit into the plugin's limit. */
json_t *command_output_join(const char *output, const char *error);

/* A JSON string of bytes that need not be UTF-8: what is not becomes U+FFFD, as Go's encoder has it. */
json_t *command_output_text(const char *data, size_t len);

#endif
