#include "proxy/core/imds.h"

#include "proxy/core/credential_document.h"
#include "proxy/core/metadata_url.h"

#include <strings.h>

#define DEFAULT_ENDPOINT "http://169.254.169.254"
#define DEFAULT_ENDPOINT_IPV6 "http://[fd00:ec2::254]"
static const char *const addresses[] = {"169.254.169.254", "fd00:ec2::254", NULL};

#define TOKEN_PATH "latest/api/token"
#define ROLE_PATH "latest/meta-data/iam/security-credentials/"
#define REGION_PATH "latest/meta-data/placement/region"

#define TOKEN_SECONDS "21600" /* botocore's; it is not kept longer than this run */
/* What is there answers within milliseconds. A timeout at the first request of all may mean that there is nothing, or
 * that the reply with the token does not reach a container (its hop limit is 1), where a request without a token would
 * be answered: so the two share the time of one, that of the second being this part. */
#define SECOND_CHANCE 4
/* Botocore calls credentials that are about to expire good for another 12 to 20 minutes: the service has no newer ones.
 */
#define EXTENSION_S (15 * 60)

#define ROLE_MAX 128 /* IAM: a role's name has 64 characters */

struct imds {
    const struct aws_config *config; /* borrowed */
    enum imds_item item;
    enum { IMDS_STARTS, IMDS_ASKS_TOKEN, IMDS_ASKS_ROLE, IMDS_ASKS_CREDENTIALS, IMDS_ASKS_REGION } state;
    bool allows_v1;
    bool is_there; /* it has answered something */
    int64_t timeout_us;
    int tries;
    struct endpoint_url endpoint; /* its path ends with a slash */
    struct secret token;
    char role[ROLE_MAX + 1];
    struct aws_request request;
};

enum err imds_new(const struct aws_config *config, enum imds_item item, struct imds **ret_imds)
{
    struct imds *imds = calloc(1, sizeof *imds);
    if (imds == NULL) {
        return ERR_MEMORY;
    }
    imds->config = config;
    imds->item = item;
    *ret_imds = imds;
    return ERR_OK;
}

void imds_free(struct imds **imds)
{
    if (*imds != NULL) {
        aws_request_free(&(*imds)->request);
        secret_wipe(&(*imds)->token);
        free(*imds);
        *imds = NULL;
    }
}

bool imds_has_answered(const struct imds *imds)
{
    return imds->is_there;
}

/* ---- settings ---- */

static const char *setting(const struct imds *imds, const char *variable, const char *key)
{
    const char *value = aws_config_variable(imds->config, variable);
    return value != NULL ? value : aws_config_get(imds->config, key);
}

static bool is_true(const char *value)
{
    return value != NULL && strcasecmp(value, "true") == 0;
}

/* Names the one that was meant: whichever of the two is set first. */
static const char *setting_name(const struct imds *imds, const char *variable, const char *key)
{
    return aws_config_variable(imds->config, variable) != NULL ? variable : key;
}

static enum err read_number(const struct imds *imds, const char *variable, const char *key, int64_t *number,
                            struct text *ret_why)
{
    const char *value = setting(imds, variable, key);
    if (value == NULL || text_parse_decimal(value, 1, 3600, number) == ERR_OK) {
        return ERR_OK;
    }
    text_format(ret_why, "%s is no number from 1 to 3600: %s", setting_name(imds, variable, key), value);
    return ERR_CONFIG;
}

static enum err default_endpoint(const struct imds *imds, const char **ret_endpoint, struct text *ret_why)
{
    static const char variable[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
    static const char key[] = "ec2_metadata_service_endpoint_mode";
    const char *mode = setting(imds, variable, key);
    bool is_ipv6 =
        mode != NULL ? strcasecmp(mode, "ipv6") == 0 : is_true(setting(imds, "AWS_IMDS_USE_IPV6", "imds_use_ipv6"));
    if (mode != NULL && !is_ipv6 && strcasecmp(mode, "ipv4") != 0) {
        text_format(ret_why, "%s is neither IPv4 nor IPv6: %s", setting_name(imds, variable, key), mode);
        return ERR_CONFIG;
    }
    *ret_endpoint = is_ipv6 ? DEFAULT_ENDPOINT_IPV6 : DEFAULT_ENDPOINT;
    return ERR_OK;
}

static enum err read_endpoint(struct imds *imds, struct text *ret_why)
{
    static const char variable[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    static const char key[] = "ec2_metadata_service_endpoint";
    const char *value = setting(imds, variable, key);
    if (value == NULL) {
        TRY(default_endpoint(imds, &value, ret_why));
    }
    struct endpoint_url *url = &imds->endpoint;
    if (endpoint_parse(bytes_of_text(value), url) != ERR_OK || strchr(url->path, '?') != NULL) {
        text_format(ret_why, "%s is no URL of a metadata service", setting_name(imds, variable, key));
        return ERR_CONFIG;
    }
    if (!metadata_url_is_trusted(url, addresses)) {
        text_format(ret_why,
                    "%s names %s: credentials come by https, or by http from this machine, 169.254.169.254 or "
                    "[fd00:ec2::254] alone",
                    setting_name(imds, variable, key), url->host);
        return ERR_CONFIG;
    }
    size_t len = strlen(url->path);
    if (url->path[len - 1] != '/' && len + 1 < sizeof url->path) {
        memcpy(url->path + len, "/", sizeof "/");
    }
    return ERR_OK;
}

static enum err read_settings(struct imds *imds, struct text *ret_why)
{
    if (is_true(aws_config_variable(imds->config, "AWS_EC2_METADATA_DISABLED"))) {
        text_put(ret_why, "AWS_EC2_METADATA_DISABLED is true: the instance metadata service is not asked");
        return ERR_NO_CREDENTIALS;
    }
    int64_t timeout_s = 1;
    int64_t tries = 1;
    TRY(read_number(imds, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout", &timeout_s, ret_why));
    TRY(read_number(imds, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts", &tries, ret_why));
    imds->timeout_us = timeout_s * 1000 * 1000;
    imds->tries = (int)tries;
    imds->allows_v1 = !is_true(setting(imds, "AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled"));
    return read_endpoint(imds, ret_why);
}

/* ---- requests ---- */

static enum err make_request(struct imds *imds, const char *method, const char *path, const char *last)
{
    aws_request_free(&imds->request);
    imds->request.method = method;
    imds->request.url = imds->endpoint;
    struct text text = text_in(imds->request.url.path, sizeof imds->request.url.path);
    text_put(&text, imds->endpoint.path);
    text_put(&text, path);
    text_put(&text, last);
    return text_finish(&text);
}

static enum err want_call(struct imds *imds, int64_t timeout_us, struct credential_want *ret_want)
{
    *ret_want = (struct credential_want){
        .kind = CREDENTIAL_WANT_CALL,
        .request = &imds->request,
        .is_direct = true,
        .timeout_us = timeout_us,
        .tries = imds->tries,
    };
    return ERR_AGAIN;
}

static enum err want_token(struct imds *imds, struct credential_want *ret_want)
{
    imds->state = IMDS_ASKS_TOKEN;
    TRY(make_request(imds, "PUT", TOKEN_PATH, ""));
    TRY(aws_request_add_header(&imds->request, "X-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS));
    int64_t rest_us = imds->allows_v1 ? imds->timeout_us / SECOND_CHANCE : 0;
    return want_call(imds, imds->timeout_us - rest_us, ret_want);
}

static enum err want_item(struct imds *imds, struct credential_want *ret_want)
{
    if (imds->role[0] != '\0') {
        imds->state = IMDS_ASKS_CREDENTIALS;
        TRY(make_request(imds, "GET", ROLE_PATH, imds->role));
    } else if (imds->item == IMDS_CREDENTIALS) {
        imds->state = IMDS_ASKS_ROLE;
        TRY(make_request(imds, "GET", ROLE_PATH, ""));
    } else {
        imds->state = IMDS_ASKS_REGION;
        TRY(make_request(imds, "GET", REGION_PATH, ""));
    }
    if (secret_is_set(&imds->token)) {
        TRY(aws_request_add_header(&imds->request, "X-aws-ec2-metadata-token", imds->token.reveal));
    }
    return want_call(imds, imds->is_there ? imds->timeout_us : imds->timeout_us / SECOND_CHANCE, ret_want);
}

/* ---- replies ---- */

static enum err not_there(const struct imds *imds, const char *words, struct text *ret_why)
{
    text_format(ret_why, "no instance metadata service answers at %s (%s)", imds->endpoint.host, words);
    return ERR_NO_CREDENTIALS;
}

static void put_service(const struct imds *imds, struct text *ret_why)
{
    text_format(ret_why, "the instance metadata service at %s ", imds->endpoint.host);
}

static enum err without_token(struct imds *imds, const char *reason, struct credential_want *ret_want,
                              struct text *ret_why)
{
    if (imds->allows_v1) {
        return want_item(imds, ret_want);
    }
    put_service(imds, ret_why);
    text_format(ret_why, "gives no token (%s), and asking without one (IMDSv1) is disabled", reason);
    return ERR_NO_CREDENTIALS;
}

/* The first request of all. No connection, no service; a timeout may mean that the reply does not get through. */
static enum err take_token(struct imds *imds, const struct credential_answer *answer, struct credential_want *ret_want,
                           struct text *ret_why)
{
    if (answer->err == ERR_TIMEOUT && imds->allows_v1) {
        return want_item(imds, ret_want);
    }
    if (answer->err == ERR_TIMEOUT || answer->err == ERR_UNREACHABLE) {
        return not_there(imds, answer->why, ret_why);
    }
    if (answer->err != ERR_OK) {
        text_put(ret_why, answer->why);
        return answer->err;
    }
    imds->is_there = true;
    char status[32];
    struct text reason = text_in(status, sizeof status);
    text_format(&reason, "HTTP status %d", answer->reply.http_status);
    if (answer->reply.http_status != 200) {
        return without_token(imds, status, ret_want, ret_why);
    }
    enum err err = secret_set(&imds->token, answer->reply.body);
    err = err == ERR_OK ? want_item(imds, ret_want) : err;
    if (err == ERR_MALFORMED || err == ERR_TOO_LONG) {
        secret_wipe(&imds->token);
        return without_token(imds, "what it gave is none", ret_want, ret_why);
    }
    return err;
}

/* The reply to a GET, when it is of use. */
static enum err check_reply(struct imds *imds, const struct credential_answer *answer, struct text *ret_why)
{
    if (answer->err != ERR_OK && !imds->is_there && (answer->err == ERR_TIMEOUT || answer->err == ERR_UNREACHABLE)) {
        return not_there(imds, answer->why, ret_why);
    }
    if (answer->err != ERR_OK) {
        text_format(ret_why, "the instance metadata service: %s", answer->why);
        return answer->err;
    }
    imds->is_there = true;
    int status = answer->reply.http_status;
    if (status == 200) {
        return ERR_OK;
    }
    put_service(imds, ret_why);
    if (status == 404) {
        text_put(ret_why, imds->item == IMDS_REGION ? "does not tell the region" : "has no role for this instance");
        return ERR_NO_CREDENTIALS;
    }
    text_format(ret_why, "answered with HTTP status %d%s", status,
                status == 401 && !secret_is_set(&imds->token) ? ": it wants a token, and gives none" : "");
    return status >= 500 || status == 429 ? ERR_SERVICE : ERR_NO_CREDENTIALS;
}

/* One line, of what a path may be made of. */
static enum err take_role(struct imds *imds, const struct credential_answer *answer, struct credential_want *ret_want,
                          struct text *ret_why)
{
    TRY(check_reply(imds, answer, ret_why));
    struct bytes line = answer->reply.body;
    for (size_t i = 0; i < line.len; i++) {
        line.len = line.data[i] == '\r' || line.data[i] == '\n' ? i : line.len;
    }
    struct text role = text_in(imds->role, sizeof imds->role);
    text_put_bytes(&role, line);
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-";
    bool is_name = line.len > 0 && strspn(imds->role, allowed) == line.len && imds->role[0] != '.';
    if (!is_name) { /* what was cut is none, either */
        put_service(imds, ret_why);
        text_put(ret_why, answer->reply.body.len == 0 ? "has no role for this instance" : "gives no role's name");
        return ERR_NO_CREDENTIALS;
    }
    return want_item(imds, ret_want);
}

static void extend(struct aws_credentials *credentials, int64_t unix_seconds)
{
    if (credentials->expires_unix_s < unix_seconds + EXTENSION_S) {
        credentials->expires_unix_s = unix_seconds + EXTENSION_S;
    }
}

static enum err read_body(const struct imds *imds, struct bytes body, struct aws_credentials *ret_credentials,
                          struct text *ret_why)
{
    static const struct credential_document_form form = {AWS_CREDENTIALS_INSTANCE, "Token", .needs_all = true};
    AUTO_JSON json_t *object = NULL;
    text_format(ret_why, "what the instance metadata service at %s gave ", imds->endpoint.host);
    TRY(credential_document_parse(body, &object, ret_why));
    const char *code = json_view_text(object, "Code");
    if (code != NULL && strcmp(code, "Success") != 0) {
        text_clear(ret_why);
        put_service(imds, ret_why);
        text_format(ret_why, "has no credentials of role %s: ", imds->role);
        credential_document_put_refusal(body, ret_why);
        return ERR_NO_CREDENTIALS;
    }
    return credential_document_read(object, &form, ret_credentials, ret_why);
}

static enum err take_credentials(struct imds *imds, const struct credential_answer *answer,
                                 struct aws_credentials *ret_credentials, struct text *ret_why)
{
    TRY(check_reply(imds, answer, ret_why));
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    TRY(read_body(imds, answer->reply.body, &credentials, ret_why));
    text_clear(ret_why);
    extend(&credentials, answer->unix_seconds);
    aws_credentials_move(&credentials, ret_credentials);
    return ERR_OK;
}

static enum err take_region(struct imds *imds, const struct credential_answer *answer,
                            char ret_region[LIMIT_REGION + 1], struct text *ret_why)
{
    TRY(check_reply(imds, answer, ret_why));
    char memory[LIMIT_REGION + 1];
    struct text region = text_in(memory, sizeof memory);
    text_put_bytes(&region, answer->reply.body);
    if (strlen(memory) != answer->reply.body.len || !endpoint_region_is_valid(memory)) {
        put_service(imds, ret_why);
        text_put(ret_why, "gives no region's name");
        return ERR_NO_CREDENTIALS;
    }
    memcpy(ret_region, memory, sizeof memory);
    return ERR_OK;
}

/* ---- the machine ---- */

enum err imds_next(struct imds *imds, const struct credential_answer *answer, struct credential_want *ret_want,
                   struct aws_credentials *ret_credentials, struct text *ret_why)
{
    switch (imds->state) {
    case IMDS_STARTS:
        TRY(read_settings(imds, ret_why));
        return want_token(imds, ret_want);
    case IMDS_ASKS_TOKEN:
        return take_token(imds, answer, ret_want, ret_why);
    case IMDS_ASKS_ROLE:
        return take_role(imds, answer, ret_want, ret_why);
    case IMDS_ASKS_CREDENTIALS:
        return take_credentials(imds, answer, ret_credentials, ret_why);
    case IMDS_ASKS_REGION:
        break;
    }
    return ERR_NO_CREDENTIALS;
}

enum err imds_next_region(struct imds *imds, const struct credential_answer *answer, struct credential_want *ret_want,
                          char ret_region[LIMIT_REGION + 1], struct text *ret_why)
{
    if (imds->state == IMDS_ASKS_REGION) {
        return take_region(imds, answer, ret_region, ret_why);
    }
    struct aws_credentials never_set = {.expires_unix_s = 0};
    return imds_next(imds, answer, ret_want, &never_set, ret_why);
}
