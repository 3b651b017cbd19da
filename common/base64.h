/* base64: RFC 4648, section 4. What is read has one way to be written alone: whole groups, padding at the end and only
 * there, no bits that belong to no byte, no blanks. */
#ifndef SSM_COMMON_BASE64_H
#define SSM_COMMON_BASE64_H

#include "common/text.h"

/* Characters, without a terminator, of `len` bytes with the padding. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Of a text of `len` characters at most. */
#define BASE64_DECODED_SIZE(len) (((len) + 3) / 4 * 3)

/* `ret_data` has room for BASE64_DECODED_SIZE(text.len). ERR_MALFORMED, also for an empty text. */
enum err base64_decode(struct bytes text, uint8_t *ret_data, size_t *ret_len) SSM_MUST_USE;

/* Appends. */
void base64_put(struct bytes data, struct text *text);

/* Appends without the padding, as fingerprints are written. */
void base64_put_unpadded(struct bytes data, struct text *text);

#endif
