/* program_run: what the mains of ssm-proxy and of ssh-answer have in common. */
#ifndef SSM_PROXY_COMMAND_PROGRAM_RUN_H
#define SSM_PROXY_COMMAND_PROGRAM_RUN_H

#include "common/options.h"

#define PROGRAM_RUN_NAME "ssm-proxy" /* also of ssh-answer, which answers in its place */

/* Hardens the process, lets last.log have its failures, finds the verb and runs it. Gives the exit code. */
int program_run(const struct program *program, int argc, char **argv);

#endif
