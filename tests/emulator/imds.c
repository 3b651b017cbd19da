/* The instance metadata service of EC2, versions 1 and 2, as the EC2 user guide describes it: session tokens by PUT,
 * and the few items that a client of credentials asks for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/identity.h"
#include "tests/emulator/metadata.h"

#define TOKEN_HEADER "x-aws-ec2-metadata-token"
#define TTL_HEADER "x-aws-ec2-metadata-token-ttl-seconds"
#define TTL_MAX 21600
#define ROLE "lab-instance-role"
#define CREDENTIALS "/latest/meta-data/iam/security-credentials/"
#define INSTANCE "i-0123456789abcdef0"

static const struct {
    int status;
    const char *title;
} pages[] = {{400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}};

static void fail(struct http_exchange *exchange, int status)
{
    char page[700];
    const char *title = "";
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        title = pages[i].status == status ? pages[i].title : title;
    }
    snprintf(page, sizeof page,
             "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n"
             "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n"
             "\t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
             "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n <head>\n"
             "  <title>%d - %s</title>\n </head>\n <body>\n  <h1>%d - %s</h1>\n </body>\n</html>\n",
             status, title, status, title);
    http_exchange_reply(exchange, status, "text/html", page);
}

static void reply_json(struct http_exchange *exchange, json_t *object)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_INDENT(2));
    json_decref(object);
    http_exchange_reply(exchange, text == NULL ? 500 : 200, "text/plain", text == NULL ? "" : text);
    free(text);
}

/* ---- session tokens ---- */

static void put_token(struct http_exchange *exchange, struct metadata *metadata)
{
    struct lab *lab = exchange->lab;
    const char *wanted = http_request_header(exchange->request, TTL_HEADER);
    int64_t seconds = 0;
    metadata->counters.imds_token_requests++;
    if (http_request_header(exchange->request, "x-forwarded-for") != NULL) {
        fail(exchange, 403);
        return;
    }
    if (wanted == NULL || text_parse_decimal(wanted, 1, TTL_MAX, &seconds) != ERR_OK) {
        fail(exchange, 400);
        return;
    }
    struct metadata_session *session = &metadata->sessions[metadata->session_count++ % LAB_LIMIT_IMDS_SESSIONS];
    session->expires_unix_s = lab_time(lab) + (time_t)seconds;
    strcpy(session->token, "AQAEA");
    credential_store_random_text(&lab->chance, 49, session->token + 5);
    strcat(session->token, "==");
    exchange->extra_name = TTL_HEADER ":";
    snprintf(exchange->extra_value, sizeof exchange->extra_value, "%lld", (long long)seconds);
    http_exchange_reply(exchange, 200, "text/plain", session->token);
}

static bool is_session(const struct http_exchange *exchange, const struct metadata *metadata, const char *token)
{
    for (size_t i = 0; i < LAB_LIMIT_IMDS_SESSIONS && token[0] != '\0'; i++) {
        if (strcmp(metadata->sessions[i].token, token) == 0) {
            return lab_time(exchange->lab) < metadata->sessions[i].expires_unix_s;
        }
    }
    return false;
}

/* ---- items ---- */

static void role_name(struct http_exchange *exchange, struct metadata *metadata)
{
    if (metadata->settings.imds_has_role) {
        http_exchange_reply(exchange, 200, "text/plain", ROLE);
    } else {
        fail(exchange, 404);
    }
}

static void role_credentials(struct http_exchange *exchange, struct metadata *metadata)
{
    struct lab *lab = exchange->lab;
    const struct credential *credential = NULL;
    char now[LAB_TIME_TEXT_SIZE], expires[LAB_TIME_TEXT_SIZE];
    metadata->counters.imds_role_credentials++;
    lab_time_text(lab_time(lab), now);
    if (!metadata->settings.imds_has_role) {
        fail(exchange, 404);
    } else if (metadata->settings.imds_document != NULL) {
        http_exchange_reply(exchange, 200, "text/plain", metadata->settings.imds_document);
    } else if (metadata->settings.imds_code != NULL) {
        reply_json(exchange, json_pack("{s:s,s:s,s:s}", "Code", metadata->settings.imds_code, "Message",
                                       "EC2 cannot assume the role " ROLE ".  Please see documentation at "
                                       "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#"
                                       "troubleshoot_iam-ec2_errors-info-doc.",
                                       "LastUpdated", now));
    } else if (metadata_credential(lab, METADATA_IMDS, role_find(ROLE), &credential) != ERR_OK) {
        fail(exchange, 500);
    } else {
        lab_time_text(credential->expires_unix_s, expires);
        reply_json(exchange,
                   json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "Code", "Success", "LastUpdated", now, "Type", "AWS-HMAC",
                             "AccessKeyId", credential->access_key_id, "SecretAccessKey", credential->secret_access_key,
                             "Token", credential->session_token, "Expiration", expires));
    }
}

static void region(struct http_exchange *exchange, struct metadata *metadata)
{
    (void)metadata;
    http_exchange_reply(exchange, 200, "text/plain", exchange->lab->options.region);
}

static void zone(struct http_exchange *exchange, struct metadata *metadata)
{
    char text[80];
    (void)metadata;
    snprintf(text, sizeof text, "%sa", exchange->lab->options.region);
    http_exchange_reply(exchange, 200, "text/plain", text);
}

static void instance_id(struct http_exchange *exchange, struct metadata *metadata)
{
    (void)metadata;
    http_exchange_reply(exchange, 200, "text/plain", INSTANCE);
}

static void identity_document(struct http_exchange *exchange, struct metadata *metadata)
{
    char zone_name[80];
    const char *region_name = exchange->lab->options.region;
    (void)metadata;
    snprintf(zone_name, sizeof zone_name, "%sa", region_name);
    reply_json(exchange,
               json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "accountId", LAB_ACCOUNT, "architecture", "x86_64",
                         "availabilityZone", zone_name, "imageId", "ami-0123456789abcdef0", "instanceId", INSTANCE,
                         "instanceType", "t3.micro", "region", region_name, "version", "2017-09-30"));
}

static const struct {
    const char *path;
    void (*run)(struct http_exchange *exchange, struct metadata *metadata);
} items[] = {
    {CREDENTIALS, role_name},
    {CREDENTIALS ROLE, role_credentials},
    {"/latest/meta-data/placement/region", region},
    {"/latest/meta-data/placement/availability-zone", zone},
    {"/latest/meta-data/instance-id", instance_id},
    {"/latest/dynamic/instance-identity/document", identity_document},
};

static void get_item(struct http_exchange *exchange, struct metadata *metadata)
{
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        if (strcmp(items[i].path, exchange->request->path) == 0) {
            items[i].run(exchange, metadata);
            return;
        }
    }
    fail(exchange, 404);
}

void imds_request(struct http_exchange *exchange)
{
    struct metadata *metadata = exchange->lab->identity->metadata;
    const struct http_request *request = exchange->request;
    const char *token = http_request_header(request, TOKEN_HEADER);
    bool is_token_path = strcmp(request->path, "/latest/api/token") == 0;
    if (!metadata->settings.imds_enabled) {
        fail(exchange, 403);
    } else if (strcmp(request->method, "PUT") == 0 && is_token_path && metadata->settings.imds_v2) {
        put_token(exchange, metadata);
    } else if (strcmp(request->method, "GET") != 0 || is_token_path) {
        fail(exchange, 404);
    } else if (token == NULL ? !metadata->settings.imds_v1 : !is_session(exchange, metadata, token)) {
        fail(exchange, 401);
    } else {
        get_item(exchange, metadata);
    }
}
