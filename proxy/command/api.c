#include "proxy/command/api.h"

#include "common/log.h"
#include "proxy/command/account.h"
#include "proxy/core/retry.h"
#include "proxy/core/service_failure.h"
#include "proxy/core/sigv4.h"
#include "proxy/core/user_agent.h"
#include "proxy/edge/clock.h"

/* A pause that is over, of a call whose owner does not ask for it now: the loop is not to spin because of it. */
#define FORGOTTEN_US (20 * 1000)

struct api_call {
    struct api *api;
    struct api_call *next;
    struct aws_request request;
    struct aws_credentials signer; /* none: it is not signed */
    struct api_way way;
    struct retry retry;
    int64_t again_us;         /* when to try again; INSTANT_NEVER while a try is under way */
    int64_t clock_offset_s;   /* that this try was signed with */
    bool is_signed_anew;      /* because of the clock: once is enough */
    int64_t sent_unix_s;      /* by our own clock */
    struct https_call *https; /* of this try; NULL in a pause */
    char last_failure[512];
};

int64_t api_unix_seconds(const struct api *api)
{
    return (int64_t)(clock_now().unix_ms / 1000) + api->clock_offset_s;
}

int64_t api_deadline_us(const struct api *api)
{
    int64_t deadline_us = INSTANT_NEVER;
    for (const struct api_call *call = api->calls; call != NULL; call = call->next) {
        deadline_us = instant_earlier(deadline_us, call->again_us);
    }
    int64_t now_us = clock_mono_us();
    return deadline_us < now_us ? now_us + FORGOTTEN_US : deadline_us;
}

/* ---- the signature ---- */

static enum err sign(const struct api_call *call, struct sigv4_authorization *ret_authorization)
{
    const struct aws_request *request = &call->request;
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
        .unix_seconds = call->sent_unix_s + call->clock_offset_s,
        .region = request->region,
        .service = request->signing_name,
    };
    return sigv4_authorize(&signable, &scope, &call->signer, ret_authorization);
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

static enum err put_lines(const struct api_call *call, struct lines *lines)
{
    const struct aws_request *request = &call->request;
    const struct secret *session_token = &call->signer.session_token;
    for (size_t i = 0; i < request->header_count; i++) {
        TRY(add_line(lines, request->headers[i].name, request->headers[i].value));
    }
    if (secret_is_set(&call->signer.secret_access_key)) {
        struct sigv4_authorization authorization;
        TRY(sign(call, &authorization));
        TRY(add_line(lines, "X-Amz-Date", authorization.date));
        TRY(add_line(lines, "Authorization", authorization.value));
        if (secret_is_set(session_token)) {
            TRY(add_line(lines, "X-Amz-Security-Token", session_token->reveal));
        }
    }
    return add_line(lines, "User-Agent", USER_AGENT);
}

/* ---- one try ---- */

static int64_t time_of_try_us(const struct api_way *way)
{
    int64_t timeout_us = way->timeout_us > 0 ? way->timeout_us : HTTPS_TIMEOUT_US;
    if (way->deadline_us > 0) {
        timeout_us = instant_earlier(timeout_us, way->deadline_us - clock_mono_us());
    }
    return timeout_us > 1000 ? timeout_us : 1000;
}

static enum err begin_try(struct api_call *call)
{
    AUTO(wipe_lines) struct lines lines = {.count = 0};
    call->again_us = INSTANT_NEVER;
    call->clock_offset_s = call->api->clock_offset_s;
    call->sent_unix_s = (int64_t)(clock_now().unix_ms / 1000);
    TRY(put_lines(call, &lines));
    const char *headers[LINES_MAX];
    for (size_t i = 0; i < lines.count; i++) {
        headers[i] = lines.items[i].reveal;
    }
    const struct aws_request *request = &call->request;
    struct https_request https = {
        .method = request->method,
        .url = &request->url,
        .headers = headers,
        .header_count = lines.count,
        .body = bytes_of(request->body, request->body_len),
        .timeout_us = time_of_try_us(&call->way),
        .is_once = call->way.is_once,
        .is_apart = call->way.is_apart,
        .is_direct = call->way.is_direct,
    };
    return https_start(call->api->net, &https, &call->https);
}

/* ---- the call ---- */

enum err api_send(struct api *api, const struct aws_request *request, const struct aws_credentials *signer,
                  struct api_way way, struct api_call **ret_call)
{
    AUTO(api_free) struct api_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return ERR_MEMORY;
    }
    call->api = api;
    call->way = way;
    call->next = api->calls;
    api->calls = call;
    struct chance chance = chance_from_number(chance_next(&api->chance));
    call->retry = retry_begin(chance, way.tries > 0 ? way.tries : api->tries, way.is_once);
    TRY(aws_request_copy(request, &call->request));
    if (signer != NULL && request->signing_name != NULL) {
        TRY(aws_credentials_set(&call->signer, signer->access_key_id, signer->secret_access_key.reveal,
                                signer->session_token.reveal));
    }
    TRY(begin_try(call));
    *ret_call = MOVE(call);
    return ERR_OK;
}

enum err api_post(struct api *api, const struct account *account, const struct ssm_api_request *request,
                  struct api_way way, struct api_call **ret_call)
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
    return api_send(api, &sent, &account->credentials, way, ret_call);
}

void api_free(struct api_call **call)
{
    if (*call == NULL) {
        return;
    }
    struct api_call **at = &(*call)->api->calls;
    while (*at != *call) {
        at = &(*at)->next;
    }
    *at = (*call)->next;
    https_free(&(*call)->https);
    aws_request_free(&(*call)->request);
    aws_credentials_wipe(&(*call)->signer);
    free(*call);
    *call = NULL;
}

bool api_is_pausing(const struct api_call *call)
{
    return call->https == NULL;
}

/* ---- what came of a try ---- */

/* True: the next try is signed by the time that the service has told; what it refuses then is something else. */
static bool correct_clock(struct api_call *call, const struct retry_outcome *outcome)
{
    int64_t offset_s;
    bool is_signed = secret_is_set(&call->signer.secret_access_key);
    if (!is_signed || call->is_signed_anew || !retry_clock_offset(outcome, call->sent_unix_s, &offset_s)) {
        return false;
    }
    log_debug("this machine's clock is %lld s %s; signing by the time of %s", (long long)llabs(offset_s),
              offset_s > 0 ? "slow" : "fast", call->request.url.host);
    call->api->clock_offset_s = offset_s;
    call->is_signed_anew = true;
    return true;
}

/* True: another try is made, at once or after a pause. */
static bool plan_next_try(struct api_call *call, const struct retry_outcome *outcome)
{
    int64_t pause_us = 0;
    bool is_again = correct_clock(call, outcome) || retry_wants(&call->retry, outcome, &pause_us);
    int64_t again_us = clock_mono_us() + pause_us;
    if (!is_again || (call->way.deadline_us > 0 && again_us >= call->way.deadline_us)) {
        return false;
    }
    call->again_us = again_us;
    return true;
}

static void keep_failure(struct api_call *call, const struct retry_outcome *outcome, const char *why)
{
    struct text text = text_in(call->last_failure, sizeof call->last_failure);
    struct service_failure failure = {.http_status = 0};
    if (outcome->err == ERR_OK && service_failure_read(outcome->reply, &failure) != ERR_MEMORY) {
        service_failure_put(&failure, &text);
    } else {
        text_put(&text, why);
    }
    log_debug("%s: %s; trying again", call->request.url.host, call->last_failure);
}

void api_put_last_failure(const struct api_call *call, struct text *text)
{
    if (call->last_failure[0] != '\0') {
        text_format(text, "; before that: %s", call->last_failure);
    }
}

/* ERR_AGAIN: another try is made. */
static enum err take_reply(struct api_call *call, struct aws_reply *ret_reply, struct text *ret_why)
{
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    const struct https_reply *https = NULL;
    enum err err = https_result(call->https, &https, &why);
    if (err == ERR_AGAIN) {
        return ERR_AGAIN;
    }
    struct aws_reply reply = {.http_status = 0};
    struct retry_outcome outcome = {.err = err, .was_sent = https_was_sent(call->https), .reply = &reply};
    outcome.retry_after = outcome.x_amz_retry_after = outcome.date = "";
    if (err == ERR_OK) {
        reply = (struct aws_reply){
            .http_status = https->http_status,
            .error_type = https->error_type[0] != '\0' ? https->error_type : NULL,
            .date = https->date[0] != '\0' ? https->date : NULL,
            .body = https->body,
        };
        outcome.retry_after = https->retry_after;
        outcome.x_amz_retry_after = https->x_amz_retry_after;
        outcome.date = https->date;
    }
    if (plan_next_try(call, &outcome)) {
        keep_failure(call, &outcome, memory);
        https_free(&call->https);
        return ERR_AGAIN;
    }
    text_put(ret_why, memory);
    if (err == ERR_TIMEOUT) {
        api_put_last_failure(call, ret_why);
    }
    *ret_reply = reply;
    return err;
}

enum err api_reply(struct api_call *call, struct aws_reply *ret_reply, struct text *ret_why)
{
    enum err err = ERR_AGAIN;
    do {
        if (call->https == NULL && clock_mono_us() < call->again_us) {
            return ERR_AGAIN;
        }
        TRY(call->https == NULL ? begin_try(call) : ERR_OK);
        err = take_reply(call, ret_reply, ret_why);
    } while (err == ERR_AGAIN && call->https == NULL);
    return err;
}
