/* ec2_api: requests and replies of EC2 (AWS query protocol, API version 2016-11-15): a form is posted, XML comes back.
 *
 *     Action=DescribeInstances&Version=2016-11-15&MaxResults=50&Filter.1.Name=ip-address&Filter.1.Value.1=203.0.113.12
 *
 *     <DescribeInstancesResponse xmlns="..."><reservationSet><item><instancesSet><item><instanceId>i-..
 *     <Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>..
 *
 * Source: the API reference of EC2. */
#ifndef SSM_PROXY_CORE_EC2_API_H
#define SSM_PROXY_CORE_EC2_API_H

#include "proxy/core/aws_request.h"
#include "proxy/core/service_failure.h"

/* Where to post. */
struct ec2_api_place {
    const struct endpoint_url *endpoint;
    const char *region;
};

/* "private-ip-address", "tag:Name", ... The value is taken literally: EC2's wildcards are escaped. */
struct ec2_api_filter {
    const char *name;
    const char *value;
};

#define EC2_API_FILTERS_MAX 4

struct ec2_api_describe {
    struct ec2_api_filter filters[EC2_API_FILTERS_MAX]; /* all of them hold; ended by a name that is NULL */
    const char *const *instance_ids;                    /* one of these, too; none when there are none */
    size_t instance_id_count;
    const char *next_token; /* of the page before; NULL: first page */
};

/* ERR_TOO_LONG: a token or value that no service takes; ERR_MEMORY. The caller frees ret_request. */
enum err ec2_api_describe_instances(const struct ec2_api_place *place, const struct ec2_api_describe *describe,
                                    struct aws_request *ret_request) SSM_MUST_USE;
enum err ec2_api_start_instance(const struct ec2_api_place *place, const char *instance_id,
                                struct aws_request *ret_request) SSM_MUST_USE;

/* What the instance has printed to its console, most of it at its last boot. */
enum err ec2_api_get_console_output(const struct ec2_api_place *place, const char *instance_id,
                                    struct aws_request *ret_request) SSM_MUST_USE;

struct ec2_api_tag {
    char *key, *value; /* owned; as the service gives them */
};

/* One instance. Texts are for display (cut, control characters replaced), except the id. */
struct ec2_api_instance {
    char id[LIMIT_TARGET + 1];
    char name[257];          /* the tag Name; "" without one */
    char state[32];          /* pending, running, shutting-down, terminated, stopping, stopped */
    char address[64];        /* private, else public, else IPv6; "" without one */
    bool has_role;           /* an instance profile is attached */
    int64_t launched_unix_s; /* when it was last started; 0 when the service does not say */
    struct ec2_api_tag *tags;
    size_t tag_count;
};

/* One page. Owned; AUTO(ec2_api_instances_free). */
struct ec2_api_instances {
    struct ec2_api_instance *items;
    size_t count;
    char *next_token; /* NULL on the last page */
};

void ec2_api_instances_free(struct ec2_api_instances *instances); /* safe to repeat */

/* Errors of aws_error.h, ERR_MALFORMED (200 with something else in it), ERR_TOO_LONG, ERR_MEMORY, each with
 * ret_failure. ret_instances must be zero-initialised or hold an earlier page, which is then freed. */
enum err ec2_api_parse_instances(const struct aws_reply *reply, struct ec2_api_instances *ret_instances,
                                 struct service_failure *ret_failure) SSM_MUST_USE;

/* GetConsoleOutput: the bytes, owned (free), of that instance and no other; none printed yet is a length of 0. */
enum err ec2_api_parse_console_output(const struct aws_reply *reply, const char *instance_id, uint8_t **ret_output,
                                      size_t *ret_len, struct service_failure *ret_failure) SSM_MUST_USE;

/* Likewise. */
enum err ec2_api_parse_started(const struct aws_reply *reply, struct service_failure *ret_failure) SSM_MUST_USE;

#endif
