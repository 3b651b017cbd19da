/* sts: AWS Security Token Service, of which it has AssumeRole, AssumeRoleWithWebIdentity and GetCallerIdentity.
 *
 * The query protocol (API version 2011-06-15): a form comes in by POST to "/", XML in AWS's namespace goes out. Errors
 * have STS's own codes and status, which differ from those of the services that speak JSON. */
#ifndef SSM_LAB_STS_H
#define SSM_LAB_STS_H

#include "tests/emulator/form.h"
#include "tests/emulator/http_exchange.h"
#include "tests/emulator/xml_writer.h"

struct sts_call {
    struct lab *lab;
    struct http_exchange *exchange;
    const struct form *form;
    const struct credential *caller; /* NULL for AssumeRoleWithWebIdentity, which is not signed */
};

/* False, and nothing done, when the request is not for STS. */
bool sts_request(struct http_exchange *exchange);

/* How an operation answers: `result` is the content of <ACTIONResult> ... */
void sts_reply(const struct sts_call *call, const char *action, const struct text *result);
/* ... or fails. */
void sts_fail(const struct sts_call *call, int http_status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The operations that give credentials (sts_assume.c). */
void sts_assume_role(const struct sts_call *call);
void sts_assume_role_with_web_identity(const struct sts_call *call);

#endif
