#include "proxy/core/escape.h"

#define CONTROL_Z 0x1a

/* What the character behind a tilde means. */
static enum escape_command command_of(uint8_t character)
{
    switch (character) {
    case '.':
        return ESCAPE_END;
    case CONTROL_Z:
        return ESCAPE_SUSPEND;
    case '?':
        return ESCAPE_HELP;
    default:
        return ESCAPE_NONE;
    }
}

enum escape_command escape_take(struct escape *escape, struct bytes *typed, uint8_t *ret_passed, size_t *ret_len)
{
    size_t len = 0;
    enum escape_command command = ESCAPE_NONE;
    while (typed->len > 0 && command == ESCAPE_NONE) {
        uint8_t character = typed->data[0];
        bool was_tilde = escape->has_tilde;
        *typed = bytes_from(*typed, 1);
        escape->has_tilde = false;
        if (was_tilde) {
            command = command_of(character);
        } else if (character == '~' && !escape->is_in_line) {
            escape->has_tilde = true;
            continue;
        }
        if (command != ESCAPE_NONE) {
            break; /* and a line begins, as it did before the tilde */
        }
        if (was_tilde && character != '~') {
            ret_passed[len++] = '~';
        }
        ret_passed[len++] = character;
        escape->is_in_line = character != '\r' && character != '\n';
    }
    *ret_len = len;
    return command;
}
