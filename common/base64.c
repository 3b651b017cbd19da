#include "common/base64.h"

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_value(uint8_t digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

/* `padding` characters "=" end the group. */
static bool base64_decode_group(const uint8_t *group, size_t padding, uint8_t *ret_bytes)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - padding ? base64_value(group[i]) : 0;
        if (value < 0 || (i >= 4 - padding && group[i] != '=')) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i < 3 - padding; i++) {
        ret_bytes[i] = (uint8_t)(bits >> (16 - 8 * i));
    }
    return (bits & ((1u << (8 * padding)) - 1)) == 0; /* bits that belong to no byte */
}

enum err base64_decode(struct bytes text, uint8_t *ret_data, size_t *ret_len)
{
    if (text.len == 0 || text.len % 4 != 0) {
        return ERR_MALFORMED;
    }
    size_t last = text.data[text.len - 2] == '=' ? 2 : (size_t)(text.data[text.len - 1] == '=');
    for (size_t at = 0; at < text.len; at += 4) {
        if (!base64_decode_group(text.data + at, at + 4 == text.len ? last : 0, ret_data + at / 4 * 3)) {
            return ERR_MALFORMED;
        }
    }
    *ret_len = text.len / 4 * 3 - last;
    return ERR_OK;
}

void base64_put_unpadded(struct bytes data, struct text *text)
{
    for (size_t i = 0; i < data.len; i += 3) {
        uint32_t bits = 0;
        size_t have = data.len - i < 3 ? data.len - i : 3;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (j < have ? data.data[i + j] : 0);
        }
        for (size_t j = 0; j <= have; j++) {
            text_put_char(text, base64_alphabet[bits >> (18 - 6 * j) & 63]);
        }
    }
}

void base64_put(struct bytes data, struct text *text)
{
    base64_put_unpadded(data, text);
    size_t last = data.len % 3;
    text_put(text, last == 1 ? "==" : last == 2 ? "=" : "");
}
