#include "tests/emulator/ack_text.h"

#include <stdio.h>

static char *put(char *at, const char *text)
{
    return stpcpy(at, text);
}

static char *put_number(char *at, int64_t number)
{
    char digits[24];
    size_t len = 0;
    uint64_t rest = number < 0 ? 0u - (uint64_t)number : (uint64_t)number;
    do {
        digits[len++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        *at++ = '-';
    }
    while (len > 0) {
        *at++ = digits[--len];
    }
    return at;
}

size_t ack_text_compose(const char *type, const struct uuid *message_id, int64_t sequence_number,
                        char ret_text[ACK_TEXT_SIZE])
{
    char id[UUID_TEXT_SIZE];
    uuid_to_text(message_id, id);
    char *at = put(ret_text, "{\"AcknowledgedMessageType\":\"");
    at = put(at, type);
    at = put(at, "\",\"AcknowledgedMessageId\":\"");
    at = put(at, id);
    at = put(at, "\",\"AcknowledgedMessageSequenceNumber\":");
    at = put_number(at, sequence_number);
    at = put(at, ",\"IsSequentialMessage\":true}");
    *at = '\0';
    return (size_t)(at - ret_text);
}

bool ack_text_parse(struct bytes payload, int64_t *ret_sequence_number)
{
    static const char key[] = "\"AcknowledgedMessageSequenceNumber\"";
    if (payload.len == 0) {
        return false;
    }
    const uint8_t *at = memmem(payload.data, payload.len, key, sizeof key - 1);
    if (at == NULL) {
        return false;
    }
    const uint8_t *end = payload.data + payload.len;
    at += sizeof key - 1;
    while (at < end && (*at == ' ' || *at == ':')) {
        at++;
    }
    uint64_t number = 0;
    size_t digits = 0;
    for (; at < end && *at >= '0' && *at <= '9' && digits < 18; at++, digits++) {
        number = number * 10 + (uint64_t)(*at - '0');
    }
    if (digits == 0) {
        return false;
    }
    *ret_sequence_number = (int64_t)number;
    return true;
}
