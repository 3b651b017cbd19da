/* association_api: requests and replies of the SSM API's State Manager: CreateAssociation, and ListAssociations for one
 * by its name. Pure, as ssm_api.h.
 *
 *     {"Name":"AWS-UpdateSSMAgent","Targets":[{"Key":"tag:Env","Values":["prod"]}],"AssociationName":"mine",
 *      "ScheduleExpression":"rate(14 days)"}
 *     {"AssociationDescription":{"AssociationId":"<uuid>",...}} */
#ifndef SSM_PROXY_CORE_ASSOCIATION_API_H
#define SSM_PROXY_CORE_ASSOCIATION_API_H

#include "proxy/core/command_api.h"

/* All borrowed. */
struct association_api_create {
    const char *document_name;
    const char *association_name;             /* 3 to 128 of [A-Za-z0-9_.-] */
    const char *schedule;                     /* "rate(14 days)", "cron(0 2 ? * SUN *)" */
    const char *const *node_ids;              /* up to COMMAND_API_NODES_MAX; */
    size_t node_count;                        /* 0, and no targets: all nodes that there are and will be */
    const struct command_api_target *targets; /* in their place */
    size_t target_count;
    const json_t *parameters;                 /* an object of lists of strings; NULL: none */
    const char *max_concurrency, *max_errors; /* NULL: the service's own */
};

/* ERR_MALFORMED: a text that is not UTF-8; ERR_TOO_LONG; ERR_MEMORY. */
enum err association_api_create(const struct association_api_create *create,
                                struct ssm_api_request *ret_request) SSM_MUST_USE;
enum err association_api_find(const char *association_name, struct ssm_api_request *ret_request) SSM_MUST_USE;

/* Errors of aws_error.h, ERR_MALFORMED, ERR_TOO_LONG, ERR_MEMORY, each with ret_failure. */
enum err association_api_parse_created(const struct aws_reply *reply, char ret_id[COMMAND_API_ID_LEN + 1],
                                       struct service_failure *ret_failure) SSM_MUST_USE;

/* "" where there is none of that name. */
enum err association_api_parse_found(const struct aws_reply *reply, char ret_id[COMMAND_API_ID_LEN + 1],
                                     struct service_failure *ret_failure) SSM_MUST_USE;

/* "rate(...)", "cron(...)" or "at(...)", in whose parentheses the service alone can tell what is right. */
bool association_api_is_schedule(const char *text);

#endif
