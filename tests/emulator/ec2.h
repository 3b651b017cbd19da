/* ec2: Amazon EC2, of which it has DescribeInstances, GetConsoleOutput and StartInstances, for the instances of
 * instance.h.
 *
 * EC2's flavour of the query protocol (API version 2016-11-15): a form comes in by POST to "/", XML goes out. Its
 * errors have a shape, codes and status of their own. Sources: EC2 API Reference, "Error codes"; the CLI's service
 * model. */
#ifndef SSM_LAB_EC2_H
#define SSM_LAB_EC2_H

#include "tests/emulator/credential_store.h"
#include "tests/emulator/form.h"
#include "tests/emulator/http_exchange.h"
#include "tests/emulator/xml_writer.h"

struct ec2_call {
    struct lab *lab;
    struct http_exchange *exchange;
    const struct form *form;
    const char *region; /* one of the lab's */
    const struct credential *caller;
};

/* False, and nothing done, when the request is not for EC2. */
bool ec2_request(struct http_exchange *exchange);

/* How an operation answers: `result` is what follows the request id in <ACTIONResponse> ... */
void ec2_reply(const struct ec2_call *call, const char *action, const struct text *result);
/* ... or fails. */
void ec2_fail(const struct ec2_call *call, int http_status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The operations (ec2_instance.c). */
void ec2_instance_describe(const struct ec2_call *call);
void ec2_instance_console(const struct ec2_call *call);
void ec2_instance_start(const struct ec2_call *call);

#endif
