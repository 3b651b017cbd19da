/* prompt: asks the person at the terminal for something that is not to be seen, beside everything else.
 *
 *     TRY(prompt_start(loop, "MFA code for ...", &prompt));
 *     ... loop_wait ...
 *     enum err err = prompt_result(prompt, &answer);        ERR_AGAIN until a line has been typed
 *     prompt_free(&prompt);                                 in any case: the terminal is as it was
 *
 * The terminal is /dev/tty; standard input and output are the tunnel's and are not touched. While it asks, nothing is
 * echoed, what was typed before is thrown away, and the keys for SIGQUIT and SIGTSTP (Ctrl-\, Ctrl-Z), which would end
 * or stop us with a terminal that shows nothing, do nothing. Ctrl-C works: SIGINT comes through edge/signals, the
 * command stops asking, and prompt_free restores the terminal, as it does for SIGHUP and SIGTERM. */
#ifndef SSM_PROXY_EDGE_PROMPT_H
#define SSM_PROXY_EDGE_PROMPT_H

#include "common/bytes.h"
#include "proxy/edge/loop.h"

struct prompt; /* owned by its creator */

/* `question` is shown followed by ": "; control characters in it as '?'. ERR_NO_PROMPT: there is no terminal, or we are
 * in its background, where asking would stop us. ERR_SYSTEM, ERR_MEMORY. */
enum err prompt_start(struct loop *loop, const char *question, struct prompt **ret_prompt) SSM_MUST_USE;

/* ERR_OK: the line that was typed, without its end; owned by the prompt, a NUL byte stands behind it. ERR_NO_PROMPT:
 * Ctrl-D, or the terminal is gone. */
enum err prompt_result(struct prompt *prompt, struct bytes *ret_answer) SSM_MUST_USE;

/* Restores the terminal and wipes the answer. NULL inside is fine; usable with AUTO(). */
void prompt_free(struct prompt **prompt);

#endif
