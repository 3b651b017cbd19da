/* escape: what a person types to speak to us and not to the program on the node, as in ssh(1): a tilde at the beginning
 * of a line, and then one of
 *
 *     .    end the session            ^Z   suspend ssm-proxy
 *     ?    say what there is          ~    a tilde
 *
 * Everything else goes to the program, the tilde included. A line begins at the start, and after a carriage return or a
 * line feed. */
#ifndef SSM_PROXY_CORE_ESCAPE_H
#define SSM_PROXY_CORE_ESCAPE_H

#include "common/bytes.h"

enum escape_command { ESCAPE_NONE, ESCAPE_END, ESCAPE_SUSPEND, ESCAPE_HELP };

/* Zero-initialised means "at the start". */
struct escape {
    bool is_in_line;
    bool has_tilde; /* at a line's beginning, held back */
};

/* Takes from `typed` up to a command or its end. `ret_passed`, which has room for typed.len + 1 bytes, gets what is for
 * the program. */
enum escape_command escape_take(struct escape *escape, struct bytes *typed, uint8_t *ret_passed, size_t *ret_len);

#endif
