/* program_run: what the mains of ssm-proxy and of ssh-answer have in common. */
#ifndef SSM_PROXY_COMMAND_PROGRAM_RUN_H
#define SSM_PROXY_COMMAND_PROGRAM_RUN_H

#include "common/options.h"

/* Hardens the process, lets last.log have its failures, finds the verb and runs it. Gives the exit code. `own`: verbs,
 * summary and hint; the rest is the same for both: name (ssh-answer answers in the place of ssm-proxy) and options. */
int program_run(const struct program *own, int argc, char **argv);

#endif
