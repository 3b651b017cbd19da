#include "proxy/core/container_credentials.h"

#include "proxy/core/credential_document.h"
#include "proxy/core/metadata_url.h"

#define RELATIVE_URI "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL_URI "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

#define RELATIVE_TO "http://169.254.170.2"
/* The agents of ECS, and of EKS Pod Identity by IPv4 and IPv6. */
static const char *const agents[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", NULL};

/* botocore's ContainerMetadataFetcher. */
#define TIMEOUT_US (2 * 1000 * 1000)
#define TRIES 3

struct container_credentials {
    const struct aws_config *config; /* borrowed */
    enum { CONTAINER_STARTS, CONTAINER_READS_TOKEN, CONTAINER_CALLS } state;
    struct aws_request request;
};

bool container_credentials_are_offered(const struct aws_config *config)
{
    return aws_config_variable(config, RELATIVE_URI) != NULL || aws_config_variable(config, FULL_URI) != NULL;
}

static enum err find_url(const struct aws_config *config, struct endpoint_url *ret_url, struct text *ret_why)
{
    const char *relative = aws_config_variable(config, RELATIVE_URI);
    const char *full = aws_config_variable(config, FULL_URI);
    if (relative == NULL && full == NULL) {
        text_put(ret_why, "neither " RELATIVE_URI " nor " FULL_URI " is set: this is no container that has a role");
        return ERR_NO_CREDENTIALS;
    }
    char memory[LIMIT_STREAM_URL + 1];
    struct text url = text_in(memory, sizeof memory);
    text_put(&url, relative != NULL ? RELATIVE_TO : full);
    if (relative != NULL) {
        text_put(&url, relative);
    }
    const char *name = relative != NULL ? RELATIVE_URI : FULL_URI;
    /* "@host/" or ".host/" behind the address would name another host */
    bool is_path = relative == NULL || relative[0] == '/';
    if (!is_path || text_finish(&url) != ERR_OK || endpoint_parse(text_bytes(&url), ret_url) != ERR_OK) {
        text_format(ret_why, "%s is no %s", name, relative != NULL ? "path that begins with a slash" : "URL");
        return ERR_CONFIG;
    }
    if (!metadata_url_is_trusted(ret_url, agents)) {
        text_format(ret_why,
                    "%s names %s: credentials come by https, or by http from this machine, 169.254.170.2, "
                    "169.254.170.23 or [fd00:ec2::23] alone",
                    name, ret_url->host);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

enum err container_credentials_new(const struct aws_config *config, struct container_credentials **ret_container,
                                   struct text *ret_why)
{
    AUTO(container_credentials_free) struct container_credentials *container = calloc(1, sizeof *container);
    if (container == NULL) {
        return ERR_MEMORY;
    }
    container->config = config;
    container->request.method = "GET";
    TRY(find_url(config, &container->request.url, ret_why));
    TRY(aws_request_add_header(&container->request, "Accept", "application/json"));
    *ret_container = MOVE(container);
    return ERR_OK;
}

void container_credentials_free(struct container_credentials **container)
{
    if (*container != NULL) {
        aws_request_free(&(*container)->request);
        free(*container);
        *container = NULL;
    }
}

/* ---- the steps ---- */

static enum err want_call(struct container_credentials *container, struct credential_want *ret_want)
{
    container->state = CONTAINER_CALLS;
    *ret_want = (struct credential_want){
        .kind = CREDENTIAL_WANT_CALL,
        .request = &container->request,
        .is_direct = true,
        .timeout_us = TIMEOUT_US,
        .tries = TRIES,
    };
    return ERR_AGAIN;
}

/* `place` is where it comes from. A token with a line's end in it is refused, as by the SDKs: it could not be sent. */
static enum err add_token(struct container_credentials *container, const char *token, const char *place,
                          struct text *ret_why)
{
    enum err err = aws_request_add_header(&container->request, "Authorization", token);
    if (err == ERR_MALFORMED || err == ERR_TOO_LONG) {
        text_format(ret_why, "the token in %s %s", place,
                    err == ERR_TOO_LONG ? "is too long" : "has a line's end or another control character in it");
        return ERR_CONFIG;
    }
    return err;
}

static enum err start(struct container_credentials *container, struct credential_want *ret_want, struct text *ret_why)
{
    const char *file = aws_config_variable(container->config, TOKEN_FILE);
    const char *token = aws_config_variable(container->config, TOKEN);
    if (file != NULL) {
        container->state = CONTAINER_READS_TOKEN;
        *ret_want = (struct credential_want){.kind = CREDENTIAL_WANT_FILE, .path = file};
        return ERR_AGAIN;
    }
    if (token != NULL) {
        TRY(add_token(container, token, TOKEN, ret_why));
    }
    return want_call(container, ret_want);
}

static enum err take_token(struct container_credentials *container, const struct credential_answer *answer,
                           struct credential_want *ret_want, struct text *ret_why)
{
    const char *file = aws_config_variable(container->config, TOKEN_FILE);
    if (answer->err != ERR_OK || answer->text.data == NULL) {
        text_format(ret_why, TOKEN_FILE ": %s%s", answer->err != ERR_OK ? answer->why : file,
                    answer->err != ERR_OK ? "" : " is not there");
        return answer->err != ERR_OK ? answer->err : ERR_NO_CREDENTIALS;
    }
    AUTO_SECRET struct secret token = {0};
    enum err err = secret_set(&token, answer->text);
    if (err == ERR_MALFORMED || err == ERR_TOO_LONG || (err == ERR_OK && token.len == 0)) {
        text_format(ret_why, "the token in %s %s", file,
                    err == ERR_TOO_LONG ? "is too long" : "is empty, or has a NUL byte in it");
        return ERR_CONFIG;
    }
    TRY(err);
    TRY(add_token(container, token.reveal, file, ret_why));
    return want_call(container, ret_want);
}

static enum err refused(const struct container_credentials *container, const struct aws_reply *reply,
                        struct text *ret_why)
{
    int status = reply->http_status;
    text_format(ret_why, "the container's credential endpoint %s answered with HTTP status %d",
                container->request.url.host, status);
    char memory[1024];
    struct text refusal = text_in(memory, sizeof memory);
    credential_document_put_refusal(reply->body, &refusal);
    if (refusal.len > 0) {
        text_format(ret_why, ": %s", refusal.data);
    }
    return status >= 500 || status == 429 ? ERR_SERVICE : status >= 400 ? ERR_CREDENTIALS : ERR_NO_CREDENTIALS;
}

static enum err take_reply(const struct container_credentials *container, const struct credential_answer *answer,
                           struct aws_credentials *ret_credentials, struct text *ret_why)
{
    if (answer->err != ERR_OK) {
        text_format(ret_why, "the container's credential endpoint: %s", answer->why);
        return answer->err;
    }
    if (answer->reply.http_status != 200) {
        return refused(container, &answer->reply, ret_why);
    }
    text_format(ret_why, "what the container's credential endpoint %s gave ", container->request.url.host);
    static const struct credential_document_form form = {AWS_CREDENTIALS_CONTAINER, "Token", .needs_all = true};
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    AUTO_JSON json_t *object = NULL;
    TRY(credential_document_parse(answer->reply.body, &object, ret_why));
    TRY(credential_document_read(object, &form, &credentials, ret_why));
    TRY(credential_document_check_age(&credentials, answer->unix_seconds, ret_why));
    text_clear(ret_why);
    aws_credentials_move(&credentials, ret_credentials);
    return ERR_OK;
}

enum err container_credentials_next(struct container_credentials *container, const struct credential_answer *answer,
                                    struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                                    struct text *ret_why)
{
    switch (container->state) {
    case CONTAINER_STARTS:
        return start(container, ret_want, ret_why);
    case CONTAINER_READS_TOKEN:
        return take_token(container, answer, ret_want, ret_why);
    case CONTAINER_CALLS:
        break;
    }
    return take_reply(container, answer, ret_credentials, ret_why);
}
