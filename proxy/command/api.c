#include "proxy/command/api.h"

#include "proxy/core/sigv4.h"
#include "proxy/core/user_agent.h"
#include "proxy/edge/clock.h"

/* ---- the signature ---- */

static enum err sign(const struct aws_request *request, const struct aws_credentials *signer,
                     struct sigv4_authorization *ret_authorization)
{
    char host_memory[LIMIT_HOST + 16];
    struct text host = text_in(host_memory, sizeof host_memory);
    endpoint_put_authority(&request->url, &host);
    TRY(text_finish(&host));
    struct sigv4_header headers[AWS_REQUEST_HEADERS_MAX + 1] = {{"Host", host.data}};
    for (size_t i = 0; i < request->header_count; i++) {
        headers[i + 1] = (struct sigv4_header){request->headers[i].name, request->headers[i].value};
    }
    struct sigv4_request signable = {
        .method = request->method,
        .path = request->url.path,
        .headers = headers,
        .header_count = request->header_count + 1,
        .body = bytes_of(request->body, request->body_len),
    };
    struct sigv4_scope scope = {
        .unix_seconds = (int64_t)(clock_now().unix_ms / 1000),
        .region = request->region,
        .service = request->signing_name,
    };
    return sigv4_authorize(&signable, &scope, signer, ret_authorization);
}

/* ---- the header lines ---- */

/* One more each: User-Agent, and what a signature adds. */
enum { LINES_MAX = AWS_REQUEST_HEADERS_MAX + 4 };

struct lines {
    struct secret items[LINES_MAX]; /* wiped: tokens are in them */
    size_t count;
};

static void wipe_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        secret_wipe(&lines->items[i]);
    }
}

static enum err add_line(struct lines *lines, const char *name, const char *value)
{
    char memory[LIMIT_SECRET + 64];
    struct text line = text_in(memory, sizeof memory);
    text_format(&line, "%s: ", name);
    text_put(&line, value);
    enum err err = text_finish(&line);
    if (err == ERR_OK) {
        err = secret_set(&lines->items[lines->count], text_bytes(&line));
    }
    explicit_bzero(memory, line.len);
    lines->count += err == ERR_OK;
    return err;
}

static enum err put_lines(const struct aws_request *request, const struct aws_credentials *signer, struct lines *lines)
{
    for (size_t i = 0; i < request->header_count; i++) {
        TRY(add_line(lines, request->headers[i].name, request->headers[i].value));
    }
    if (signer != NULL && request->signing_name != NULL) {
        struct sigv4_authorization authorization;
        TRY(sign(request, signer, &authorization));
        TRY(add_line(lines, "X-Amz-Date", authorization.date));
        TRY(add_line(lines, "Authorization", authorization.value));
        if (secret_is_set(&signer->session_token)) {
            TRY(add_line(lines, "X-Amz-Security-Token", signer->session_token.reveal));
        }
    }
    return add_line(lines, "User-Agent", USER_AGENT);
}

/* ---- the call ---- */

enum err api_send(struct net *net, const struct aws_request *request, const struct aws_credentials *signer,
                  struct api_way way, struct https_call **ret_call)
{
    AUTO(wipe_lines) struct lines lines = {.count = 0};
    TRY(put_lines(request, signer, &lines));
    const char *headers[LINES_MAX];
    for (size_t i = 0; i < lines.count; i++) {
        headers[i] = lines.items[i].reveal;
    }
    struct https_request https = {
        .method = request->method,
        .url = &request->url,
        .headers = headers,
        .header_count = lines.count,
        .body = bytes_of(request->body, request->body_len),
        .timeout_us = way.timeout_us,
        .is_apart = way.is_apart,
        .is_direct = way.is_direct,
    };
    return https_start(net, &https, ret_call);
}

static enum err post(struct net *net, const struct account *account, const struct ssm_api_request *request,
                     struct api_way way, struct https_call **ret_call)
{
    const struct aws_settings *settings = &account->settings;
    AUTO(aws_request_free)
    struct aws_request sent = {
        .method = "POST",
        .url = settings->api,
        .signing_name = SSM_API_SERVICE,
    };
    memcpy(sent.region, settings->region, sizeof sent.region);
    TRY(aws_request_set_body(&sent, SSM_API_CONTENT_TYPE, bytes_of(request->body, request->body_len)));
    TRY(aws_request_add_header(&sent, "X-Amz-Target", request->x_amz_target));
    return api_send(net, &sent, &account->credentials, way, ret_call);
}

enum err api_post(struct net *net, const struct account *account, const struct ssm_api_request *request,
                  int64_t timeout_us, struct https_call **ret_call)
{
    return post(net, account, request, (struct api_way){.timeout_us = timeout_us}, ret_call);
}

enum err api_post_apart(struct net *net, const struct account *account, const struct ssm_api_request *request,
                        int64_t timeout_us, struct https_call **ret_call)
{
    return post(net, account, request, (struct api_way){.timeout_us = timeout_us, .is_apart = true}, ret_call);
}

enum err api_reply(struct https_call *call, struct aws_reply *ret_reply, struct text *ret_why)
{
    const struct https_reply *reply;
    TRY(https_result(call, &reply, ret_why));
    *ret_reply = (struct aws_reply){
        .http_status = reply->http_status,
        .error_type = reply->error_type[0] != '\0' ? reply->error_type : NULL,
        .body = reply->body,
    };
    return ERR_OK;
}
