/* form: the parameters of an application/x-www-form-urlencoded body, as services of AWS's query protocols get them. */
#ifndef SSM_LAB_FORM_H
#define SSM_LAB_FORM_H

#include "common/bytes.h"
#include "common/err.h"
#include "tests/emulator/http_request.h"

struct form;

/* ERR_MALFORMED: a broken %xx or a NUL; ERR_TOO_LONG: more than LAB_LIMIT_FORM_PARAMETERS. The caller owns the result;
 * an empty body has no parameters. */
enum err form_parse(struct bytes body, struct form **ret_form) SSM_MUST_USE;
void form_free(struct form *form);

/* The form of a POST to "/" whose parameter Version is `version`; NULL when the request is anything else. The services
 * of the query protocols have host names of their own; here they share a port, and the API version tells them apart.
 * The caller owns the result. */
struct form *form_of_request(const struct http_request *request, const char *version);

/* The first of that name; NULL when absent. */
const char *form_get(const struct form *form, const char *name);

#endif
