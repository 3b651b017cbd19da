#include "proxy/core/uuid.h"

struct uuid uuid_v4(struct chance *chance)
{
    struct uuid uuid;
    bytes_put_be64(uuid.octets, chance_next(chance));
    bytes_put_be64(uuid.octets + 8, chance_next(chance));
    uuid.octets[6] = (uint8_t)((uuid.octets[6] & 0x0f) | 0x40); /* version 4 */
    uuid.octets[8] = (uint8_t)((uuid.octets[8] & 0x3f) | 0x80); /* variant of RFC 4122 */
    return uuid;
}

static bool has_dash_before(size_t octet)
{
    return octet == 4 || octet == 6 || octet == 8 || octet == 10;
}

void uuid_to_text(const struct uuid *uuid, char ret_text[UUID_TEXT_SIZE])
{
    char *at = ret_text;
    for (size_t i = 0; i < sizeof uuid->octets; i++) {
        if (has_dash_before(i)) {
            *at++ = '-';
        }
        bytes_to_hex(bytes_of(uuid->octets + i, 1), at);
        at += 2;
    }
}

enum err uuid_parse(struct bytes text, struct uuid *ret_uuid)
{
    if (text.len != UUID_TEXT_SIZE - 1) {
        return ERR_MALFORMED;
    }
    struct uuid uuid;
    const uint8_t *at = text.data;
    for (size_t i = 0; i < sizeof uuid.octets; i++) {
        if (has_dash_before(i) && *at++ != '-') {
            return ERR_MALFORMED;
        }
        int high = bytes_hex_value(at[0]);
        int low = bytes_hex_value(at[1]);
        if (high < 0 || low < 0) {
            return ERR_MALFORMED;
        }
        uuid.octets[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    *ret_uuid = uuid;
    return ERR_OK;
}
