/* failure: one line about a failure: what it is, why, and what the person can do about it. */
#ifndef SSM_PROXY_COMMAND_FAILURE_H
#define SSM_PROXY_COMMAND_FAILURE_H

#include "common/text.h"

#define FAILURE_SIZE 2304 /* the words of a run, and ours */

/* "target is not connected: TargetNotConnected: i-... is not connected; is the node running, ...". `why` are the words
 * that came up with `err`; they may be empty. */
void failure_put(enum err err, const struct text *why, struct text *text);

/* What a verb ends with: gives the exit code, and says "SUBJECT: ..." in one line on standard error unless all went
 * well or a signal (`signal`, of ERR_INTERRUPTED alone) asked for the end. */
int failure_report(const char *subject, enum err err, const struct text *why, int signal);

#endif
