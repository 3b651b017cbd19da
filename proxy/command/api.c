#include "proxy/command/api.h"

#include "proxy/core/sigv4.h"
#include "proxy/core/user_agent.h"
#include "proxy/edge/clock.h"

/* Of one header line: the session token is the longest. */
#define HEADER_SIZE (LIMIT_SECRET + 64)

enum { HEADER_COUNT = 5 };

static void put_header(struct text *line, const char *name, const char *value)
{
    text_clear(line);
    text_put(line, name);
    text_put(line, ": ");
    text_put(line, value);
}

/* Host, Content-Type and X-Amz-Target are signed, and what sigv4 adds: the date and the session token. */
static enum err sign(const struct account *account, const struct ssm_api_request *request,
                     struct sigv4_authorization *ret_authorization)
{
    char host_memory[LIMIT_HOST + 16];
    struct text host = text_in(host_memory, sizeof host_memory);
    endpoint_put_authority(&account->settings.api, &host);
    TRY(text_finish(&host));
    const struct sigv4_header headers[] = {
        {"Host", host.data}, {"Content-Type", SSM_API_CONTENT_TYPE}, {"X-Amz-Target", request->x_amz_target}};
    struct sigv4_request signable = {
        .method = "POST",
        .path = account->settings.api.path,
        .headers = headers,
        .header_count = sizeof headers / sizeof headers[0],
        .body = bytes_of(request->body, request->body_len),
    };
    struct sigv4_scope scope = {
        .unix_seconds = (int64_t)(clock_now().unix_ms / 1000),
        .region = account->settings.region,
        .service = SSM_API_SERVICE,
    };
    return sigv4_authorize(&signable, &scope, &account->credentials, ret_authorization);
}

static enum err post(struct net *net, const struct account *account, const struct ssm_api_request *request,
                     int64_t timeout_us, bool is_apart, struct https_call **ret_call)
{
    struct sigv4_authorization authorization;
    TRY(sign(account, request, &authorization));
    AUTO_SECRET struct secret token_line = {0}; /* wiped: it has the session token in it */
    char memory[HEADER_COUNT][SIGV4_VALUE_SIZE + 64];
    struct text lines[HEADER_COUNT];
    for (size_t i = 0; i < HEADER_COUNT; i++) {
        lines[i] = text_in(memory[i], sizeof memory[i]);
    }
    put_header(&lines[0], "Content-Type", SSM_API_CONTENT_TYPE);
    put_header(&lines[1], "X-Amz-Target", request->x_amz_target);
    put_header(&lines[2], "X-Amz-Date", authorization.date);
    put_header(&lines[3], "Authorization", authorization.value);
    put_header(&lines[4], "User-Agent", USER_AGENT);
    const char *headers[HEADER_COUNT + 1];
    size_t count = 0;
    while (count < HEADER_COUNT) {
        TRY(text_finish(&lines[count]));
        headers[count] = lines[count].data;
        count++;
    }
    if (secret_is_set(&account->credentials.session_token)) {
        char token_memory[HEADER_SIZE];
        struct text line = text_in(token_memory, sizeof token_memory);
        put_header(&line, "X-Amz-Security-Token", account->credentials.session_token.reveal);
        enum err err = text_finish(&line);
        err = err == ERR_OK ? secret_set(&token_line, text_bytes(&line)) : err;
        explicit_bzero(token_memory, sizeof token_memory);
        TRY(err);
        headers[count++] = token_line.reveal;
    }
    struct https_request https = {
        .url = &account->settings.api,
        .headers = headers,
        .header_count = count,
        .body = bytes_of(request->body, request->body_len),
        .timeout_us = timeout_us,
        .is_apart = is_apart,
    };
    return https_start(net, &https, ret_call);
}

enum err api_post(struct net *net, const struct account *account, const struct ssm_api_request *request,
                  int64_t timeout_us, struct https_call **ret_call)
{
    return post(net, account, request, timeout_us, false, ret_call);
}

enum err api_post_apart(struct net *net, const struct account *account, const struct ssm_api_request *request,
                        int64_t timeout_us, struct https_call **ret_call)
{
    return post(net, account, request, timeout_us, true, ret_call);
}

enum err api_reply(struct https_call *call, struct ssm_api_reply *ret_reply, struct text *ret_why)
{
    const struct https_reply *reply;
    TRY(https_result(call, &reply, ret_why));
    *ret_reply = (struct ssm_api_reply){
        .http_status = reply->http_status,
        .error_type = reply->error_type[0] != '\0' ? reply->error_type : NULL,
        .body = reply->body,
    };
    return ERR_OK;
}

void api_put_failure(const struct ssm_api_failure *failure, struct text *text)
{
    if (failure->type[0] == '\0' && failure->message[0] == '\0') {
        text_format(text, "HTTP status %d without a reason", failure->http_status);
        return;
    }
    text_format(text, "%s%s%s", failure->type, failure->type[0] != '\0' && failure->message[0] != '\0' ? ": " : "",
                failure->message);
}
