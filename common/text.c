#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>

struct text text_in(char *data, size_t size)
{
    data[0] = '\0';
    return (struct text){.data = data, .size = size};
}

void text_put_bytes(struct text *text, struct bytes bytes)
{
    size_t room = text->size - text->len - 1;
    size_t take = bytes.len <= room ? bytes.len : room;
    text->overflowed = text->overflowed || take < bytes.len;
    if (take > 0) {
        memcpy(text->data + text->len, bytes.data, take);
    }
    text->len += take;
    text->data[text->len] = '\0';
}

void text_put(struct text *text, const char *string)
{
    text_put_bytes(text, bytes_of_text(string));
}

void text_put_char(struct text *text, char character)
{
    text_put_bytes(text, bytes_of(&character, 1));
}

void text_format(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = text->size - text->len;
    int wanted = vsnprintf(text->data + text->len, room, format, arguments);
    va_end(arguments);
    if (wanted < 0 || (size_t)wanted >= room) {
        text->overflowed = true;
        text->len += strlen(text->data + text->len);
        return;
    }
    text->len += (size_t)wanted;
}

void text_clear(struct text *text)
{
    text->len = 0;
    text->overflowed = false;
    text->data[0] = '\0';
}

enum err text_finish(const struct text *text)
{
    return text->overflowed ? ERR_TOO_LONG : ERR_OK;
}

enum err text_parse_decimal(const char *string, int64_t min, int64_t max, int64_t *ret_number)
{
    bool is_negative = *string == '-';
    const char *digit = string + (is_negative ? 1 : 0);
    if (*digit == '\0') {
        return ERR_MALFORMED;
    }
    /* Counted downwards: there is one more number below zero than above. */
    int64_t number = 0;
    for (; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, *digit - '0', &number)) {
            return ERR_MALFORMED;
        }
    }
    if (!is_negative && __builtin_sub_overflow(0, number, &number)) {
        return ERR_MALFORMED;
    }
    if (number < min || number > max) {
        return ERR_MALFORMED;
    }
    *ret_number = number;
    return ERR_OK;
}

bool text_is_second_control(const char *at)
{
    return (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] <= 0x9f;
}

void text_copy_for_display(const char *from, char *ret_copy, size_t size)
{
    size_t len = 0;
    while (from != NULL && from[len] != '\0' && len + 1 < size) {
        bool is_second = text_is_second_control(from + len) || (len > 0 && text_is_second_control(from + len - 1));
        ret_copy[len] = (char)(is_second || text_is_control(from[len]) ? '?' : from[len]);
        len++;
    }
    bool is_cut = from != NULL && from[len] != '\0';
    while (is_cut && len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80) {
        len--;
    }
    ret_copy[len] = '\0';
}

size_t text_count_characters(struct bytes bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        count += (bytes.data[i] & 0xc0) != 0x80;
    }
    return count;
}

void text_put_shell_word(struct text *text, const char *word)
{
    size_t plain = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./@:+,=-");
    if (plain > 0 && word[plain] == '\0') {
        text_put(text, word);
        return;
    }
    text_put_char(text, '\'');
    for (const char *at = word; *at != '\0'; at++) {
        if (*at == '\'') {
            text_put(text, "'\\''");
        } else {
            text_put_char(text, *at);
        }
    }
    text_put_char(text, '\'');
}
