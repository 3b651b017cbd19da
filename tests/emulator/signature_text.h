/* signature_text: the texts of Signature Version 4: the Authorization header taken apart, and the string to sign made
 * from the request. */
#ifndef SSM_LAB_SIGNATURE_TEXT_H
#define SSM_LAB_SIGNATURE_TEXT_H

#include "common/text.h"
#include "tests/emulator/http_request.h"
#include "tests/emulator/service_error.h"

struct signature_text {
    char access_key_id[129];
    char date[16], region[65], service[33], terminator[33];
    char signed_headers[1024];
    char signature[1024];
    char amz_date[17];
};

/* ERR_CREDENTIALS, with AWS's error, when a part of the header or x-amz-date is missing. */
enum err signature_text_parse(const struct http_request *request, struct signature_text *ret,
                              struct service_error *error) SSM_MUST_USE;

/* The path is encoded twice, except for S3. libwebsockets has undone the client's own encoding, which may or may not
 * have touched a character like ":"; hence one or two `rounds`, to be tried by the caller. */
enum err signature_text_to_sign(const struct http_request *request, const struct signature_text *parts, int rounds,
                                struct text *ret_text) SSM_MUST_USE;

#endif
