#include "proxy/command/check_node.h"

#include "common/log.h"
#include "proxy/command/call.h"
#include "proxy/command/check_key.h"
#include "proxy/command/check_ssh.h"
#include "proxy/command/explain_offline.h"
#include "proxy/command/inventory.h"
#include "proxy/command/proxy_options.h"
#include "proxy/command/session.h"
#include "proxy/edge/clock.h"

#define DOCUMENT_NAME "AWS-StartSSHSession"
#define DEFAULT_PORT "22"
#define END_US (10 * 1000 * 1000)

/* ---- which node ---- */

static enum err check_target(struct checkup *checkup, bool *ret_is_found)
{
    struct client *client = &checkup->client;
    struct checkup_item item = checkup_begin("target", checkup->target);
    enum err err = node_choice_find(&checkup->choice, client);
    checkup_time(&item);
    *ret_is_found = err == ERR_OK;
    if (err == ERR_INTERRUPTED) {
        return ERR_OK;
    }
    return err == ERR_OK ? checkup_pass(checkup, &item, "%s", checkup->choice.id)
                         : checkup_fail(checkup, &item, err, NULL);
}

/* ---- what is known of it ---- */

static bool take_node(void *context, const struct ssm_api_node *node)
{
    *(struct ssm_api_node *)context = *node;
    return false;
}

static enum err report_node(struct checkup *checkup, struct checkup_item *item, const struct ssm_api_node *node)
{
    if (node->instance_id[0] == '\0') {
        return checkup_skip(checkup, item, "Systems Manager does not know it; the connection tells more");
    }
    return checkup_pass(checkup, item, "%s, %s %s, %s, computer %s", node->ping_status, node->platform_name,
                        node->platform_version, node->ip_address, node->computer_name);
}

static enum err check_registration(struct checkup *checkup, struct ssm_api_node *ret_node)
{
    struct client *client = &checkup->client;
    struct ssm_api_describe_nodes which = {.filters = {{"InstanceIds", checkup->choice.id}}};
    struct checkup_item item = checkup_begin("registration", "");
    enum err err = inventory_nodes(client, which, client->deadline_us, take_node, ret_node);
    checkup_time(&item);
    if (err == ERR_INTERRUPTED) {
        return ERR_OK;
    }
    if (err == ERR_DENIED) {
        text_clear(&client->why);
        return checkup_skip(checkup, &item, "ssm:DescribeInstanceInformation is not allowed");
    }
    return err == ERR_OK ? report_node(checkup, &item, ret_node) : checkup_fail(checkup, &item, err, NULL);
}

static enum err check_agent(struct checkup *checkup, const struct ssm_api_node *node)
{
    if (node->agent_version[0] == '\0') {
        return ERR_OK;
    }
    struct checkup_item item = checkup_begin("agent", "");
    if (!node->is_agent_outdated) {
        return checkup_pass(checkup, &item, "amazon-ssm-agent %s%s", node->agent_version,
                            node->is_agent_latest ? ", the latest" : "");
    }
    char detail[128];
    char advice[256];
    struct text text = text_in(detail, sizeof detail);
    text_format(&text, "amazon-ssm-agent %s, and there is a newer one", node->agent_version);
    text = text_in(advice, sizeof advice);
    text_put(&text, "update it: ssm-proxy agent update ");
    text_put_shell_word(&text, checkup->choice.id);
    return checkup_warn(checkup, &item, detail, advice);
}

/* ---- could it take a session? ---- */

static enum err report_offline(struct checkup *checkup, struct checkup_item *item)
{
    char memory[640];
    struct text cause = text_in(memory, sizeof memory);
    explain_offline(&checkup->client, checkup->choice.id, options_has(checkup->options, OPTION_SEARCH_REGIONS), &cause);
    text_clear(&checkup->client.why);
    text_put(&checkup->client.why, memory);
    return checkup_fail(checkup, item, ERR_OFFLINE, NULL);
}

/* `ret_may_try`: a session is worth a try. */
static enum err check_connection(struct checkup *checkup, bool *ret_may_try)
{
    struct client *client = &checkup->client;
    bool is_connected = false;
    struct checkup_item item = checkup_begin("connection", "");
    enum err err = inventory_is_connected(client, checkup->choice.id, client->deadline_us, &is_connected);
    checkup_time(&item);
    *ret_may_try = err == ERR_DENIED || is_connected;
    if (err == ERR_INTERRUPTED) {
        return ERR_OK;
    }
    if (err == ERR_DENIED) {
        enum err reported = checkup_warn(checkup, &item, client->why.data,
                                         "allow ssm:GetConnectionStatus for --wait, and for doctor to tell more");
        text_clear(&client->why);
        return reported;
    }
    if (err != ERR_OK) {
        return checkup_fail(checkup, &item, err, NULL);
    }
    return is_connected ? checkup_pass(checkup, &item, "GetConnectionStatus: connected")
                        : report_offline(checkup, &item);
}

/* ---- a session, as far as the API has to do with it ---- */

static const char *document_name(const struct checkup *checkup)
{
    const char *option = checkup->options->values[OPTION_DOCUMENT_NAME];
    const char *of_alias = checkup->choice.way->alias.document_name;
    return option != NULL ? option : of_alias != NULL ? of_alias : DOCUMENT_NAME;
}

static enum err resume(struct client *client, const char *session_id)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    AUTO(ssm_api_session_wipe) struct ssm_api_session resumed = {.session_id = ""};
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct service_failure failure;
    struct call_patience patience = {.deadline_us = client->deadline_us};
    TRY(ssm_api_resume_session(session_id, &request));
    TRY(call_ssm(client, &request, &patience, &call, &reply));
    enum err err = ssm_api_parse_resumed_session(&reply, &resumed, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, &client->why);
    }
    return err;
}

static enum err report_call(struct checkup *checkup, struct checkup_item *item, enum err err, const char *advice)
{
    checkup_time(item);
    if (err == ERR_INTERRUPTED) {
        return ERR_OK;
    }
    return err == ERR_OK ? checkup_pass(checkup, item, "allowed")
                         : checkup_fail(checkup, item, err, err == ERR_DENIED ? advice : NULL);
}

static enum err check_resume(struct checkup *checkup, const char *session_id)
{
    struct checkup_item item = checkup_begin("permission", "ssm:ResumeSession");
    enum err err = resume(&checkup->client, session_id);
    return report_call(checkup, &item, err, "allow it on one's own sessions: without it a lost connection stays lost");
}

static enum err check_terminate(struct checkup *checkup, const char *session_id)
{
    struct checkup_item item = checkup_begin("permission", "ssm:TerminateSession");
    enum err err = session_end(&checkup->client, session_id, clock_mono_us() + END_US);
    return report_call(checkup, &item, err, "allow it on one's own sessions: without it sessions may be left open");
}

static enum err check_session(struct checkup *checkup, bool *ret_may_try)
{
    struct client *client = &checkup->client;
    AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = ""};
    struct ssm_api_parameter port = {"portNumber", DEFAULT_PORT};
    struct ssm_api_start_session request = {
        .target = checkup->choice.id,
        .document_name = document_name(checkup),
        .parameters = &port,
        .parameter_count = 1,
        .reason = "ssm-proxy doctor",
    };
    struct checkup_item item = checkup_begin("permission", "ssm:StartSession");
    enum err err = session_start(client, &request, &session);
    *ret_may_try = err == ERR_OK;
    checkup_time(&item);
    if (err != ERR_OK && err != ERR_INTERRUPTED) {
        TRY(checkup_fail(checkup, &item, err, err == ERR_DENIED ? "allow it on the node and on the document" : NULL));
    } else if (err == ERR_OK) {
        TRY(checkup_pass(checkup, &item, "allowed, with the document %s", request.document_name));
    }
    if (session.session_id[0] == '\0') {
        return ERR_OK;
    }
    TRY(err == ERR_OK ? check_resume(checkup, session.session_id) : ERR_OK);
    return check_terminate(checkup, session.session_id);
}

/* ---- all of them ---- */

enum err check_node_run(struct checkup *checkup)
{
    struct ssm_api_node node = {.instance_id = ""};
    bool may_go_on = false;
    checkup->client.deadline_us = clock_mono_us() + CHECKUP_TIMEOUT_US;
    TRY(check_target(checkup, &may_go_on));
    if (!may_go_on || checkup_is_over(checkup)) {
        return ERR_OK;
    }
    TRY(check_registration(checkup, &node));
    TRY(check_agent(checkup, &node));
    TRY(checkup_is_over(checkup) ? ERR_OK : check_connection(checkup, &may_go_on));
    if (!may_go_on || checkup_is_over(checkup)) {
        return ERR_OK;
    }
    TRY(check_session(checkup, &may_go_on));
    TRY(may_go_on && !checkup_is_over(checkup) ? check_ssh_run(checkup) : ERR_OK);
    return checkup_is_over(checkup) ? ERR_OK : check_key_run(checkup);
}
