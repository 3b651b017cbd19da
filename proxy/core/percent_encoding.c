#include "proxy/core/percent_encoding.h"

static bool is_unreserved(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

void percent_encoding_put_byte(uint8_t byte, struct text *text)
{
    if (is_unreserved(byte)) {
        text_put_char(text, (char)byte);
    } else {
        text_format(text, "%%%02X", byte);
    }
}

void percent_encoding_put(const char *string, struct text *text)
{
    for (const char *at = string; *at != '\0'; at++) {
        percent_encoding_put_byte((uint8_t)*at, text);
    }
}
