#include "proxy/command/check_account.h"

#include "common/log.h"
#include "proxy/command/call.h"
#include "proxy/command/host_key_fetch.h"
#include "proxy/command/identity.h"
#include "proxy/command/inventory.h"
#include "proxy/command/open_sessions.h"
#include "proxy/core/ec2_api.h"
#include "proxy/core/key_way.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/connection_check.h"

#include <stdlib.h>

/* A signature is refused from 5 minutes on; an SSO token or a certificate may suffer from less. */
#define CLOCK_OFFSET_S 60

/* ---- settings ---- */

static enum err open_client(struct checkup *checkup, int64_t timeout_us)
{
    if (checkup->target == NULL) {
        return client_open(&checkup->client, &checkup->flags, timeout_us);
    }
    return node_choice_open(&checkup->choice, &checkup->client, &checkup->flags, timeout_us);
}

static enum err check_settings(struct checkup *checkup, bool *ret_is_open)
{
    struct client *client = &checkup->client;
    struct checkup_item item = checkup_begin("settings", "");
    enum err err = open_client(checkup, CHECKUP_TIMEOUT_US);
    *ret_is_open = client->net != NULL;
    if (err != ERR_OK && !(*ret_is_open && checkup->choice.plan.count > 1)) {
        return checkup_fail(checkup, &item, err, NULL);
    }
    text_clear(&client->why); /* why a word for a node led nowhere is a check of its own */
    const struct aws_settings *settings = &client->account.settings;
    const char *region = client->account.lacks_region ? "(from the metadata service of EC2)" : settings->region;
    return checkup_pass(checkup, &item, "profile %s, region %s", client->account.config->profile_name, region);
}

/* ---- the ways to the endpoints ---- */

struct way {
    enum aws_service service;
    const char *name;
    const char *variable;
    const char *needed_for; /* NULL: nothing works without it */
};

static const struct way ways[] = {
    {AWS_SERVICE_SSM, "Systems Manager", "AWS_ENDPOINT_URL_SSM", NULL},
    {AWS_SERVICE_SSMMESSAGES, "message gateway", "AWS_ENDPOINT_URL_SSMMESSAGES", NULL},
    {AWS_SERVICE_STS, "STS", "AWS_ENDPOINT_URL_STS", "needed for roles, and for ssm-proxy sessions and ls"},
    {AWS_SERVICE_EC2, "EC2", "AWS_ENDPOINT_URL_EC2", "needed for addresses, DNS names and --start"},
};
#define WAYS (sizeof ways / sizeof ways[0])

struct trial {
    const struct way *way;
    struct checkup_item item;
    struct endpoint_url url;
    struct connection_check *check; /* owned */
    enum err err;                   /* of finding the address */
    char why[512];
};

static enum err find_url(struct client *client, enum aws_service service, struct endpoint_url *ret_url,
                         struct text *ret_why)
{
    const struct account *account = &client->account;
    if (service == AWS_SERVICE_SSMMESSAGES && account->settings.gateway.is_known) {
        *ret_url = account->settings.gateway.url;
        return ERR_OK;
    }
    return aws_service_endpoint(account->config, service, account->settings.region, ret_url, ret_why);
}

static void begin_trial(struct client *client, const struct way *way, struct trial *trial)
{
    trial->way = way;
    char subject[LIMIT_HOST + 64];
    struct text text = text_in(subject, sizeof subject);
    struct text why = text_in(trial->why, sizeof trial->why);
    trial->err = find_url(client, way->service, &trial->url, &why);
    text_put(&text, trial->err == ERR_OK ? "" : way->variable);
    if (trial->err == ERR_OK) {
        endpoint_put_authority(&trial->url, &text);
        trial->err = connection_check_start(client->net, &trial->url, &trial->check);
    }
    text_format(&text, " (%s)", way->name);
    trial->item = checkup_begin("endpoint", subject);
}

static enum err finish_trial(struct client *client, struct trial *trial, struct connection_times *times)
{
    enum err err = trial->err;
    struct text why = text_in(trial->why, sizeof trial->why);
    if (err != ERR_OK) {
        return err;
    }
    for (;;) {
        err = connection_check_result(trial->check, times, &why);
        if (err != ERR_AGAIN) {
            return err;
        }
        if (client->signal != 0) {
            return ERR_INTERRUPTED;
        }
        TRY(client_turn(client, client->deadline_us));
    }
}

static enum err report_unreachable(struct checkup *checkup, struct trial *trial, enum err err)
{
    checkup->is_unreachable[trial->way->service] = true;
    if (trial->way->needed_for != NULL) {
        return checkup_warn(checkup, &trial->item, trial->why, trial->way->needed_for);
    }
    text_put(&checkup->client.why, trial->why);
    return checkup_fail(checkup, &trial->item, err, NULL);
}

static enum err report_trial(struct checkup *checkup, struct trial *trial, enum err err,
                             const struct connection_times *times)
{
    if (err != ERR_OK) {
        return report_unreachable(checkup, trial, err);
    }
    char memory[512];
    struct text text = text_in(memory, sizeof memory);
    text_format(&text, "%s, name %.1f ms, TCP %.1f ms", times->address, (double)times->name_us / 1000,
                (double)times->tcp_us / 1000);
    if (times->tls_us > 0) {
        text_format(&text, ", TLS %.1f ms", (double)times->tls_us / 1000);
    }
    if (times->proxy != NULL) {
        text_format(&text, ", through the proxy %s of %s", times->proxy->address.host, times->proxy->variable);
    }
    trial->item.check.took_us = times->name_us + times->tcp_us + times->tls_us;
    return checkup_pass(checkup, &trial->item, "%s", memory);
}

static enum err report_trials(struct checkup *checkup, struct trial *trials)
{
    for (size_t i = 0; i < WAYS && !checkup_is_over(checkup); i++) {
        struct connection_times times = {0};
        enum err err = finish_trial(&checkup->client, &trials[i], &times);
        if (err != ERR_INTERRUPTED) {
            TRY(report_trial(checkup, &trials[i], err, &times));
        }
    }
    return ERR_OK;
}

/* All at once, reported in their order: a host that does not answer costs its time but once. */
static enum err check_endpoints(struct checkup *checkup)
{
    struct trial *trials = calloc(WAYS, sizeof *trials);
    if (trials == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < WAYS; i++) {
        begin_trial(&checkup->client, &ways[i], &trials[i]);
    }
    enum err err = report_trials(checkup, trials);
    for (size_t i = 0; i < WAYS; i++) {
        connection_check_free(&trials[i].check);
    }
    free(trials);
    return err;
}

/* ---- credentials ---- */

static const char *const sources[] = {
    [AWS_CREDENTIALS_NONE] = "none",
    [AWS_CREDENTIALS_ENVIRONMENT] = "keys in the environment",
    [AWS_CREDENTIALS_SHARED_FILE] = "keys in the credentials file",
    [AWS_CREDENTIALS_CONFIG_FILE] = "keys in the config file",
    [AWS_CREDENTIALS_ASSUME_ROLE] = "an assumed role",
    [AWS_CREDENTIALS_WEB_IDENTITY] = "a role by web identity",
    [AWS_CREDENTIALS_SSO] = "IAM Identity Center (SSO)",
    [AWS_CREDENTIALS_PROCESS] = "a process (credential_process)",
    [AWS_CREDENTIALS_CONTAINER] = "the container's",
    [AWS_CREDENTIALS_INSTANCE] = "the instance's metadata service",
};

static enum err report_credentials(struct checkup *checkup, struct checkup_item *item)
{
    const struct account *account = &checkup->client.account;
    const struct aws_credentials *credentials = &account->credentials;
    char memory[LIMIT_PROFILE + 256];
    struct text text = text_in(memory, sizeof memory);
    text_put(&text, sources[credentials->source]);
    if (account->config->profile_name[0] != '\0' && credentials->source != AWS_CREDENTIALS_ENVIRONMENT) {
        text_format(&text, ", profile %s", account->config->profile_name);
    }
    text_format(&text, ", access key %s", credentials->access_key_id);
    if (credentials->expires_unix_s != 0) {
        int64_t left_s = credentials->expires_unix_s - api_unix_seconds(&checkup->client.api);
        text_format(&text, ", good for %lld min more", (long long)(left_s / 60));
    }
    return checkup_pass(checkup, item, "%s", memory);
}

static enum err check_credentials(struct checkup *checkup, bool *ret_are_there)
{
    struct client *client = &checkup->client;
    struct checkup_item item = checkup_begin("credentials", "");
    enum err err = client_resolve(client, true, client->deadline_us);
    *ret_are_there = err == ERR_OK;
    checkup_time(&item);
    if (err == ERR_INTERRUPTED) {
        return ERR_OK;
    }
    if (err != ERR_OK && client->account.lacks_region) { /* which comes first, and has not come */
        item.check.name = "region";
        return checkup_fail(checkup, &item, err, "name one: --region, AWS_REGION, or region in the profile");
    }
    return err == ERR_OK ? report_credentials(checkup, &item) : checkup_fail(checkup, &item, err, NULL);
}

/* ---- identity and clock ---- */

static enum err report_clock(struct checkup *checkup, int64_t offset_s)
{
    struct checkup_item item = checkup_begin("clock", "");
    if (llabs(offset_s) < CLOCK_OFFSET_S) {
        return checkup_pass(checkup, &item, "within %lld s of AWS's", (long long)llabs(offset_s) + 1);
    }
    char detail[128];
    struct text text = text_in(detail, sizeof detail);
    text_format(&text, "%lld s %s by AWS's", (long long)llabs(offset_s), offset_s > 0 ? "slow" : "fast");
    return checkup_warn(checkup, &item, detail, "set the clock of this machine, and keep it with NTP");
}

static enum err check_identity(struct checkup *checkup, bool *ret_is_usable)
{
    struct client *client = &checkup->client;
    char arn[LIMIT_ARN + 1];
    int64_t offset_s = 0;
    struct checkup_item item = checkup_begin("identity", "");
    *ret_is_usable = true;
    if (checkup->is_unreachable[AWS_SERVICE_STS]) {
        return checkup_skip(checkup, &item, "STS, which would tell, cannot be reached");
    }
    enum err err = identity_ask(client, arn, &offset_s);
    checkup_time(&item);
    /* What cannot be asked says nothing about the credentials; what is refused does. */
    *ret_is_usable = err != ERR_CREDENTIALS && err != ERR_CLOCK_SKEW && err != ERR_INTERRUPTED;
    if (err == ERR_INTERRUPTED) {
        return ERR_OK;
    }
    TRY(err == ERR_OK ? checkup_pass(checkup, &item, "%s", arn) : checkup_fail(checkup, &item, err, NULL));
    return err == ERR_OK ? report_clock(checkup, offset_s) : ERR_OK;
}

/* ---- permissions ---- */

static enum err try_describe_nodes(struct client *client)
{
    struct ssm_api_describe_nodes which = {.next_token = NULL};
    AUTO(ssm_api_nodes_free) struct ssm_api_nodes nodes = {.items = NULL};
    return inventory_node_page(client, &which, client->deadline_us, &nodes);
}

static enum err no_more(void *context, const struct session_list *page)
{
    (void)context;
    (void)page;
    return ERR_AGAIN; /* one page is enough */
}

static enum err try_describe_sessions(struct client *client)
{
    enum err err = open_sessions_visit(client, true, no_more, NULL);
    return err == ERR_AGAIN ? ERR_OK : err;
}

static enum err try_describe_instances(struct client *client)
{
    struct ec2_api_describe which = {
        .filters = {{"instance-id", "i-00000000000000000"}}}; /* nobody's: a short answer */
    AUTO(ec2_api_instances_free) struct ec2_api_instances instances = {.items = NULL};
    return inventory_instance_page(client, &which, client->deadline_us, &instances);
}

struct permission {
    const char *action;
    enum aws_service service;
    enum err (*try_it)(struct client *client);
    const char *what_for;
};

static const struct permission permissions[] = {
    {"ssm:DescribeInstanceInformation", AWS_SERVICE_SSM, try_describe_nodes,
     "allow it for names and ls; a node's id alone works without it"},
    {"ssm:DescribeSessions", AWS_SERVICE_SSM, try_describe_sessions, "allow it for ssm-proxy sessions and ls"},
    {"ec2:DescribeInstances", AWS_SERVICE_EC2, try_describe_instances,
     "allow it for addresses, DNS names and --start; hybrid nodes do not need it"},
};

static enum err check_permission(struct checkup *checkup, const struct permission *permission)
{
    struct client *client = &checkup->client;
    struct checkup_item item = checkup_begin("permission", permission->action);
    if (checkup->is_unreachable[permission->service]) {
        return checkup_skip(checkup, &item, "its endpoint cannot be reached");
    }
    enum err err = permission->try_it(client);
    checkup_time(&item);
    if (err == ERR_INTERRUPTED) {
        return ERR_OK;
    }
    if (err == ERR_OK) {
        return checkup_pass(checkup, &item, "allowed");
    }
    if (err == ERR_DENIED) {
        enum err reported = checkup_warn(checkup, &item, client->why.data, permission->what_for);
        text_clear(&client->why);
        return reported;
    }
    return checkup_fail(checkup, &item, err, NULL);
}

/* ---- documents ---- */

static const struct document {
    const char *name;
    const char *needed_for;
} documents[] = {
    {HOST_KEY_FETCH_DOCUMENT,
     "needed for host keys without a question (docs/host-keys.md): create it, or --host-keys none"},
    {KEY_WAY_DOCUMENT, "needed for --key send-command (docs/keys.md): create it where that is wanted"},
};

static enum err describe_document(struct client *client, const char *name)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct service_failure failure;
    struct call_patience patience = {.deadline_us = client->deadline_us};
    TRY(ssm_api_describe_document(name, &request));
    TRY(call_ssm(client, &request, &patience, &call, &reply));
    enum err err = ssm_api_parse_terminated_session(&reply, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, &client->why);
    }
    return err;
}

/* They are for those who want them, and may be used without being described. */
static enum err check_document(struct checkup *checkup, const struct document *document)
{
    struct client *client = &checkup->client;
    struct checkup_item item = checkup_begin("document", document->name);
    enum err err = describe_document(client, document->name);
    checkup_time(&item);
    if (err == ERR_INTERRUPTED) {
        return ERR_OK;
    }
    if (err == ERR_OK) {
        return checkup_pass(checkup, &item, "in this account and region");
    }
    enum err reported = err == ERR_DENIED ? checkup_skip(checkup, &item, "ssm:DescribeDocument is not allowed")
                                          : checkup_warn(checkup, &item, client->why.data, document->needed_for);
    text_clear(&client->why);
    return reported;
}

/* ---- all of them ---- */

enum err check_account_run(struct checkup *checkup, bool *ret_is_usable)
{
    bool is_usable = false;
    *ret_is_usable = false;
    TRY(check_settings(checkup, &is_usable));
    if (!is_usable || checkup->first_failure != ERR_OK) {
        return ERR_OK;
    }
    bool lacks_region = checkup->client.account.lacks_region;
    TRY(lacks_region ? ERR_OK : check_endpoints(checkup));
    TRY(check_credentials(checkup, &is_usable));
    TRY(lacks_region && is_usable ? check_endpoints(checkup) : ERR_OK); /* the region is known now */
    if (!is_usable || checkup_is_over(checkup)) {
        return ERR_OK;
    }
    TRY(check_identity(checkup, ret_is_usable));
    for (size_t i = 0; i < sizeof permissions / sizeof permissions[0] && *ret_is_usable; i++) {
        TRY(checkup_is_over(checkup) ? ERR_OK : check_permission(checkup, &permissions[i]));
    }
    bool may_ask = *ret_is_usable && !checkup->is_unreachable[AWS_SERVICE_SSM];
    for (size_t i = 0; i < sizeof documents / sizeof documents[0] && may_ask; i++) {
        TRY(checkup_is_over(checkup) ? ERR_OK : check_document(checkup, &documents[i]));
    }
    *ret_is_usable = may_ask;
    return ERR_OK;
}
