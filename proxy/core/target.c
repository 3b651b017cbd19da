#include "proxy/core/target.h"

#include "common/text.h"

static bool is_hex_tail(const char *text, size_t wanted)
{
    size_t len = strspn(text, "0123456789abcdef");
    return len == wanted && text[len] == '\0';
}

static enum target_kind classify(const char *text)
{
    if (strncmp(text, "i-", 2) == 0 && (is_hex_tail(text + 2, 8) || is_hex_tail(text + 2, 17))) {
        return TARGET_INSTANCE;
    }
    if (strncmp(text, "mi-", 3) == 0 && is_hex_tail(text + 3, 17)) {
        return TARGET_MANAGED_NODE;
    }
    return TARGET_NAME;
}

static bool has_control_character(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (text_is_control(*at)) {
            return true;
        }
    }
    return false;
}

enum err target_parse(const char *text, struct target *ret_target)
{
    size_t len = strnlen(text, LIMIT_TARGET + 1);
    if (len == 0 || len > LIMIT_TARGET || has_control_character(text)) {
        return ERR_USAGE;
    }
    ret_target->kind = classify(text);
    memcpy(ret_target->text, text, len + 1);
    return ERR_OK;
}

enum err target_parse_port(const char *text, uint16_t *ret_port)
{
    int64_t port;
    if (text[0] == '0' || text_parse_decimal(text, 1, UINT16_MAX, &port) != ERR_OK) {
        return ERR_USAGE;
    }
    *ret_port = (uint16_t)port;
    return ERR_OK;
}
