/* session_list: requests and replies of the SSM API's DescribeSessions, for sessions that are open. Pure, as ssm_api.h.
 *
 *     {"State":"Active","MaxResults":50,"Filters":[{"key":"Owner","value":"arn:aws:iam::123456789012:user/alice"}]}
 *     {"Sessions":[{"SessionId":..,"Target":..,"Status":"Connected","StartDate":1.7e9,"DocumentName":..,"Owner":..}]}
 */
#ifndef SSM_PROXY_CORE_SESSION_LIST_H
#define SSM_PROXY_CORE_SESSION_LIST_H

#include "proxy/core/ssm_api.h"

struct session_list_query {
    const char *owner;      /* its ARN; NULL: anybody's */
    const char *next_token; /* of the page before; NULL: first page */
};

/* ERR_MALFORMED: a text that is not UTF-8; ERR_MEMORY. */
enum err session_list_request(const struct session_list_query *query, struct ssm_api_request *ret_request) SSM_MUST_USE;

/* Texts longer than their field are cut, control characters replaced: for display, except the ids. */
struct session_list_item {
    char session_id[LIMIT_SESSION_ID + 1];
    char target[LIMIT_TARGET + 1];
    char owner[LIMIT_ARN + 1];
    char document_name[LIMIT_ARN + 1];
    char status[32];   /* Connected, Connecting, Disconnected, Terminating, ... */
    char reason[1025]; /* 256 characters of UTF-8 */
    int64_t start_unix_s;
};

/* One page. Owned; AUTO(session_list_free). */
struct session_list {
    struct session_list_item *items;
    size_t count;     /* at most LIMIT_API_PAGE */
    char *next_token; /* NULL on the last page */
};

void session_list_free(struct session_list *list); /* safe to repeat */

/* Errors of aws_error.h, ERR_MALFORMED, ERR_TOO_LONG, ERR_MEMORY, each with ret_failure. ret_list must be
 * zero-initialised or hold an earlier page, which is then freed. */
enum err session_list_parse(const struct aws_reply *reply, struct session_list *ret_list,
                            struct service_failure *ret_failure) SSM_MUST_USE;

#endif
