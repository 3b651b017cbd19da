/* ssm_api: any reply to any of our requests. The first byte says to which, and with which status; then the value of
 * x-amzn-ErrorType up to a line feed (none when it is empty), then the body. What is accepted is fit to be sent back,
 * shown and used as a file name; what is refused is refused in words that a terminal can show. */
#include "tests/fuzz/fuzz_aws.h"

#include "common/json_view.h"
#include "proxy/core/endpoint.h"
#include "proxy/core/ssm_api.h"

static void check_request(enum err err, struct ssm_api_request *request)
{
    AUTO_JSON json_t *object = NULL;
    MUST(err == ERR_OK && strlen(request->body) == request->body_len);
    MUST(json_view_parse_object(bytes_of(request->body, request->body_len), &object) == ERR_OK);
    ssm_api_request_free(request);
}

static void check_session_id(const char *id)
{
    struct ssm_api_request request = {0};
    size_t len = strlen(id);
    MUST(len > 0 && len <= LIMIT_SESSION_ID && strchr(id, '/') == NULL);
    MUST(strcmp(id, ".") != 0 && strcmp(id, "..") != 0);
    check_request(ssm_api_resume_session(id, &request), &request);
    check_request(ssm_api_terminate_session(id, &request), &request);
}

static void check_session(const struct aws_reply *reply, bool is_resumed)
{
    AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = ""};
    struct service_failure failure;
    for (int i = 0; i < 2; i++) { /* the second time into what holds an earlier result */
        enum err err = is_resumed ? ssm_api_parse_resumed_session(reply, &session, &failure)
                                  : ssm_api_parse_session(reply, &session, &failure);
        if (err != ERR_OK) {
            fuzz_check_failure(err, reply, &failure);
        } else {
            MUST(reply->http_status == 200 && secret_is_set(&session.token));
            MUST(is_resumed || session.stream_url[0] != '\0');
        }
        if (err == ERR_OK || session.session_id[0] != '\0') {
            check_session_id(session.session_id);
        }
    }
}

static void check_terminated(const struct aws_reply *reply)
{
    struct service_failure failure;
    enum err err = ssm_api_parse_terminated_session(reply, &failure);
    MUST(err != ERR_SESSION_ENDED); /* is success */
    if (err != ERR_OK) {
        fuzz_check_failure(err, reply, &failure);
    }
}

static void check_nodes(const struct aws_reply *reply)
{
    AUTO(ssm_api_nodes_free) struct ssm_api_nodes nodes = {.count = 0};
    struct service_failure failure;
    struct ssm_api_request request = {0};
    for (int i = 0; i < 2; i++) {
        enum err err = ssm_api_parse_nodes(reply, &nodes, &failure);
        if (err != ERR_OK) {
            fuzz_check_failure(err, reply, &failure);
            return;
        }
    }
    MUST(nodes.count <= LIMIT_API_PAGE);
    for (size_t i = 0; i < nodes.count; i++) {
        const struct ssm_api_node *node = &nodes.items[i];
        MUST(node->instance_id[0] != '\0' && fuzz_is_showable(node->instance_id));
        MUST(fuzz_is_showable(node->name) && fuzz_is_showable(node->computer_name) &&
             fuzz_is_showable(node->ping_status));
        MUST(fuzz_is_showable(node->platform_name) && fuzz_is_showable(node->agent_version) &&
             fuzz_is_showable(node->ip_address));
    }
    if (nodes.next_token != NULL) {
        struct ssm_api_describe_nodes next = {.next_token = nodes.next_token};
        check_request(ssm_api_describe_nodes(&next, &request), &request);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 400, 403, 429, 500, 302};
    if (size == 0) {
        return 0;
    }
    struct bytes body = bytes_of(data + 1, size - 1);
    AUTO_FREE char *error_type = fuzz_string(fuzz_take_until(&body, '\n'));
    struct aws_reply reply = {
        .http_status = statuses[(data[0] >> 2) % (sizeof statuses / sizeof *statuses)],
        .error_type = error_type[0] == '\0' ? NULL : error_type,
        .body = body,
    };
    switch (data[0] & 3) {
    case 0:
        check_session(&reply, false);
        break;
    case 1:
        check_session(&reply, true);
        break;
    case 2:
        check_terminated(&reply);
        break;
    default:
        check_nodes(&reply);
        break;
    }
    return 0;
}
