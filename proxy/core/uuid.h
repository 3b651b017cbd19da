/* uuid: RFC 4122 identifiers, version 4. Bytes stand in text order. */
#ifndef SSM_PROXY_CORE_UUID_H
#define SSM_PROXY_CORE_UUID_H

#include "common/bytes.h"
#include "common/err.h"
#include "proxy/core/chance.h"

#define UUID_TEXT_SIZE 37 /* 36 characters and the terminator */

struct uuid {
    uint8_t octets[16];
};

struct uuid uuid_v4(struct chance *chance);

/* Lower case. */
void uuid_to_text(const struct uuid *uuid, char ret_text[UUID_TEXT_SIZE]);

/* Any case; ERR_MALFORMED unless it has exactly the 8-4-4-4-12 form. */
enum err uuid_parse(struct bytes text, struct uuid *ret_uuid) SSM_MUST_USE;

static inline bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

#endif
