#include "proxy/core/visible_text.h"

static bool is_second_control(struct bytes rest)
{
    return rest.len > 1 && rest.data[0] == 0xc2 && rest.data[1] >= 0x80 && rest.data[1] <= 0x9f;
}

void visible_text_put(struct bytes raw, struct text *text)
{
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t byte = raw.data[i];
        bool is_plain = !text_is_control((char)byte) || byte == '\n' || byte == '\t';
        if (is_second_control(bytes_from(raw, i))) {
            i++;
            text_format(text, "\\x%02x", raw.data[i]);
        } else if (is_plain) {
            text_put_char(text, (char)byte);
        } else if (byte != '\r' || i + 1 == raw.len || raw.data[i + 1] != '\n') {
            text_format(text, "^%c", byte ^ 0x40);
        }
    }
}
