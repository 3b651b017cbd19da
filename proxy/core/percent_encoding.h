/* percent_encoding: text as part of a query or a form, of which nothing but RFC 3986's unreserved characters (letters,
 * digits, "-._~") stays as it is: "a b" becomes "a%20b". Upper-case digits, as signatures of AWS want them. */
#ifndef SSM_PROXY_CORE_PERCENT_ENCODING_H
#define SSM_PROXY_CORE_PERCENT_ENCODING_H

#include "common/text.h"

void percent_encoding_put(const char *string, struct text *text);
void percent_encoding_put_byte(uint8_t byte, struct text *text);

#endif
