#include "proxy/command/node_birth.h"

#include "common/log.h"
#include "proxy/command/api.h"
#include "proxy/core/aws_service.h"
#include "proxy/core/ec2_api.h"
#include "proxy/edge/clock.h"

#define PATIENCE_US (2 * 1000 * 1000)

static bool is_instance(const struct node_birth *birth)
{
    return strncmp(birth->node_id, "i-", 2) == 0;
}

/* ---- asking ---- */

static enum err ask_for_launch(struct node_birth *birth, struct client *client, struct text *why)
{
    const char *const ids[] = {birth->node_id};
    struct ec2_api_describe describe = {.instance_ids = ids, .instance_id_count = 1};
    struct endpoint_url url;
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    TRY(aws_service_endpoint(client->account.config, AWS_SERVICE_EC2, client->account.settings.region, &url, why));
    struct ec2_api_place place = {&url, client->account.settings.region};
    TRY(ec2_api_describe_instances(&place, &describe, &request));
    struct api_way way = {.deadline_us = birth->deadline_us};
    return api_send(&client->api, &request, &client->account.credentials, way, &birth->call);
}

static enum err ask_for_registration(struct node_birth *birth, struct client *client)
{
    struct ssm_api_describe_nodes which = {.filters = {{"InstanceIds", birth->node_id}}};
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    TRY(ssm_api_describe_nodes(&which, &request));
    struct api_way way = {.deadline_us = birth->deadline_us};
    return api_post(&client->api, &client->account, &request, way, &birth->call);
}

void node_birth_begin(struct node_birth *birth, struct client *client, const char *node_id)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    *birth = (struct node_birth){.deadline_us = clock_mono_us() + PATIENCE_US};
    struct text id = text_in(birth->node_id, sizeof birth->node_id);
    text_put(&id, node_id);
    enum err err = is_instance(birth) ? ask_for_launch(birth, client, &why) : ask_for_registration(birth, client);
    if (err != ERR_OK) {
        log_debug("since when %s is the same node is not asked: %s", node_id, memory);
    }
}

/* ---- the answer ---- */

static enum err read_launch(struct node_birth *birth, const struct aws_reply *reply,
                            struct service_failure *ret_failure)
{
    AUTO(ec2_api_instances_free) struct ec2_api_instances instances = {.items = NULL};
    TRY(ec2_api_parse_instances(reply, &instances, ret_failure));
    bool is_it = instances.count == 1 && strcmp(instances.items[0].id, birth->node_id) == 0;
    birth->unix_s = is_it ? instances.items[0].launched_unix_s : 0;
    return ERR_OK;
}

static enum err read_registration(struct node_birth *birth, const struct aws_reply *reply,
                                  struct service_failure *ret_failure)
{
    AUTO(ssm_api_nodes_free) struct ssm_api_nodes nodes = {.items = NULL};
    TRY(ssm_api_parse_nodes(reply, &nodes, ret_failure));
    bool is_it = nodes.count == 1 && strcmp(nodes.items[0].instance_id, birth->node_id) == 0;
    birth->unix_s = is_it ? nodes.items[0].registered_unix_s : 0;
    return ERR_OK;
}

static enum err read_reply(struct node_birth *birth, struct text *why)
{
    struct aws_reply reply;
    struct service_failure failure;
    TRY(api_reply(birth->call, &reply, why));
    enum err err =
        is_instance(birth) ? read_launch(birth, &reply, &failure) : read_registration(birth, &reply, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, why);
    }
    return err;
}

void node_birth_pump(struct node_birth *birth)
{
    if (birth->call == NULL) {
        return;
    }
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum err err = read_reply(birth, &why);
    if (err == ERR_AGAIN && clock_mono_us() < birth->deadline_us) {
        return;
    }
    if (err != ERR_OK) {
        log_debug("since when %s is the same node is not known: %s", birth->node_id,
                  err == ERR_AGAIN ? "no answer" : memory);
    }
    node_birth_end(birth);
}

int64_t node_birth_deadline_us(const struct node_birth *birth)
{
    return birth->call != NULL ? birth->deadline_us : INSTANT_NEVER;
}

void node_birth_end(struct node_birth *birth)
{
    api_free(&birth->call);
}
