#include "proxy/command/inventory.h"

#include "proxy/command/call.h"
#include "proxy/core/aws_service.h"

static enum err failed(struct client *client, enum err err, const struct service_failure *failure)
{
    service_failure_put(failure, &client->why);
    return err;
}

static enum err too_many(struct client *client)
{
    text_format(&client->why, "there are too many nodes to look through (more than %d)",
                INVENTORY_PAGES_MAX * LIMIT_API_PAGE);
    return ERR_TOO_LONG;
}

/* ---- Systems Manager ---- */

enum err inventory_node_page(struct client *client, const struct ssm_api_describe_nodes *which, int64_t deadline_us,
                             struct ssm_api_nodes *ret_nodes)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    enum err made = ssm_api_describe_nodes(which, &request);
    if (made == ERR_MALFORMED) {
        text_put(&client->why, "the name is not UTF-8, and those of nodes are");
        return ERR_NO_TARGET;
    }
    TRY(made);
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct call_patience patience = {.deadline_us = deadline_us};
    TRY(call_ssm(client, &request, &patience, &call, &reply));
    struct service_failure failure;
    enum err err = ssm_api_parse_nodes(&reply, ret_nodes, &failure);
    return err == ERR_OK ? err : failed(client, err, &failure);
}

enum err inventory_nodes(struct client *client, struct ssm_api_describe_nodes which, int64_t deadline_us,
                         inventory_node_visitor *visit, void *context)
{
    AUTO_FREE char *token = NULL;
    for (int page = 0; page < INVENTORY_PAGES_MAX; page++) {
        AUTO(ssm_api_nodes_free) struct ssm_api_nodes nodes = {0};
        which.next_token = token;
        TRY(inventory_node_page(client, &which, deadline_us, &nodes));
        for (size_t i = 0; i < nodes.count; i++) {
            if (!visit(context, &nodes.items[i])) {
                return ERR_OK;
            }
        }
        free(token);
        token = MOVE(nodes.next_token);
        if (token == NULL) {
            return ERR_OK;
        }
    }
    return too_many(client);
}

enum err inventory_is_connected(struct client *client, const char *id, int64_t deadline_us, bool *ret_is_connected)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    TRY(ssm_api_connection_status(id, &request));
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct call_patience patience = {.deadline_us = deadline_us};
    TRY(call_ssm(client, &request, &patience, &call, &reply));
    struct service_failure failure;
    enum err err = ssm_api_parse_connection_status(&reply, ret_is_connected, &failure);
    return err == ERR_OK ? err : failed(client, err, &failure);
}

/* ---- EC2 ---- */

static enum err ec2_endpoint(struct client *client, struct endpoint_url *ret_url)
{
    return aws_service_endpoint(client->account.config, AWS_SERVICE_EC2, client->account.settings.region, ret_url,
                                &client->why);
}

enum err inventory_instance_page(struct client *client, const struct ec2_api_describe *which, int64_t deadline_us,
                                 struct ec2_api_instances *ret_instances)
{
    struct endpoint_url url;
    TRY(ec2_endpoint(client, &url));
    struct ec2_api_place place = {&url, client->account.settings.region};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    TRY(ec2_api_describe_instances(&place, which, &request));
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct call_patience patience = {.deadline_us = deadline_us};
    TRY(call_service(client, &request, &patience, &call, &reply));
    struct service_failure failure;
    enum err err = ec2_api_parse_instances(&reply, ret_instances, &failure);
    return err == ERR_OK ? err : failed(client, err, &failure);
}

enum err inventory_instances(struct client *client, struct ec2_api_describe which, int64_t deadline_us,
                             inventory_instance_visitor *visit, void *context)
{
    AUTO_FREE char *token = NULL;
    for (int page = 0; page < INVENTORY_PAGES_MAX; page++) {
        AUTO(ec2_api_instances_free) struct ec2_api_instances instances = {.items = NULL};
        which.next_token = token;
        TRY(inventory_instance_page(client, &which, deadline_us, &instances));
        for (size_t i = 0; i < instances.count; i++) {
            if (!visit(context, &instances.items[i])) {
                return ERR_OK;
            }
        }
        free(token);
        token = MOVE(instances.next_token);
        if (token == NULL) {
            return ERR_OK;
        }
    }
    return too_many(client);
}

enum err inventory_start(struct client *client, const char *id, int64_t deadline_us)
{
    struct endpoint_url url;
    TRY(ec2_endpoint(client, &url));
    struct ec2_api_place place = {&url, client->account.settings.region};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    TRY(ec2_api_start_instance(&place, id, &request));
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct call_patience patience = {.deadline_us = deadline_us};
    TRY(call_service(client, &request, &patience, &call, &reply));
    struct service_failure failure;
    enum err err = ec2_api_parse_started(&reply, &failure);
    return err == ERR_OK ? err : failed(client, err, &failure);
}
