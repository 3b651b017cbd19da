/* ask: asks the person for something that is not to be seen: at the terminal, or through the program of SSH_ASKPASS
 * (core/askpass says which). Never on standard input.
 *
 *     TRY(ask_start(loop, "MFA code for ...", deadline_us, &ask, &why));
 *     ... client_turn, at the latest until ask_deadline_us(ask); a signal ends it: ask_free ...
 *     enum err err = ask_result(ask, &answer, &why);
 *
 * Not for a session that has left its terminal: a resume asks nobody. */
#ifndef SSM_PROXY_COMMAND_ASK_H
#define SSM_PROXY_COMMAND_ASK_H

#include "common/text.h"
#include "proxy/edge/loop.h"

struct ask; /* owned by its creator */

/* ERR_NO_PROMPT with words: there is no terminal, and no program to ask with; say what to run first. ERR_SYSTEM and
 * others of edge/child_process with words; ERR_MEMORY. */
enum err ask_start(struct loop *loop, const char *question, int64_t deadline_us, struct ask **ret_ask,
                   struct text *ret_why) SSM_MUST_USE;

/* When ask_result wants to be asked again, whatever the loop reports until then. */
int64_t ask_deadline_us(const struct ask *ask);

/* ERR_AGAIN until there is an answer. ERR_OK: what was typed, of at least one character, owned by `ask`. ERR_NO_PROMPT
 * with words: nothing was typed, the person refused. ERR_TIMEOUT with words. */
enum err ask_result(struct ask *ask, struct bytes *ret_answer, struct text *ret_why) SSM_MUST_USE;

/* The terminal is as it was, the program gone, the answer wiped. NULL inside is fine; usable with AUTO(). */
void ask_free(struct ask **ask);

#endif
