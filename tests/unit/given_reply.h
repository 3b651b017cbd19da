/* given_reply: an answer of a service as a test writes it down. */
#ifndef SSM_TESTS_UNIT_GIVEN_REPLY_H
#define SSM_TESTS_UNIT_GIVEN_REPLY_H

#include "proxy/core/aws_request.h"

static inline struct aws_reply given_reply(int status, const char *body)
{
    return (struct aws_reply){.http_status = status, .body = bytes_of_text(body)};
}

#endif
