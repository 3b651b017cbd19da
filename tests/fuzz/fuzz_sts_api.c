/* sts_api: any reply, and a role of any words. The input is a status ("403"), a body, and the role's parameters, each
 * ended by a NUL byte. What is accepted signs requests; what is refused is refused in words that a terminal can show.
 */
#include "tests/fuzz/fuzz_aws.h"

#include "proxy/core/sts_api.h"

static void check_reply(const struct aws_reply *reply)
{
    AUTO(sts_api_assumed_role_wipe) struct sts_api_assumed_role role = {.id = ""};
    struct service_failure failure = {.http_status = 0};
    enum err err = sts_api_parse_assumed_role(reply, &role, &failure);
    if (err == ERR_OK) {
        MUST(reply->http_status == 200 && role.credentials.access_key_id[0] != '\0');
        MUST(secret_is_set(&role.credentials.secret_access_key) && secret_is_set(&role.credentials.session_token));
        MUST(strpbrk(role.credentials.session_token.reveal, " \r\n") == NULL);
        MUST(fuzz_is_showable(role.id) && fuzz_is_showable(role.arn));
        return;
    }
    MUST(role.credentials.access_key_id[0] == '\0');
    fuzz_check_failure(err, reply, &failure);
}

/* A form has nothing in it that could end a parameter but the '&' between them. */
static void check_request(const char *const *words)
{
    struct endpoint_url endpoint;
    MUST(endpoint_parse(bytes_of_text("https://sts.eu-west-1.amazonaws.com/"), &endpoint) == ERR_OK);
    struct sts_api_role role = {
        .role_arn = words[0], .role_session_name = words[1], .external_id = words[2], .web_identity_token = words[3]};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    MUST(sts_api_assume_role(&endpoint, "eu-west-1", &role, &request) == ERR_OK);
    MUST(strlen(request.body) == request.body_len);
    size_t parameters = 1;
    for (const char *at = request.body; *at != '\0'; at++) {
        MUST(*at > ' ' && *at <= '~' && strchr("+;\"<>#?/", *at) == NULL);
        parameters += *at == '&';
    }
    MUST(parameters == 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of(data, size);
    char *status = fuzz_string(fuzz_take_until(&rest, '\0'));
    struct aws_reply reply = {.http_status = (int)strtoul(status, NULL, 10) & 1023};
    reply.body = fuzz_take_until(&rest, '\0');
    char *words[4];
    for (size_t i = 0; i < 4; i++) {
        words[i] = fuzz_string(fuzz_take_until(&rest, '\0'));
    }
    check_reply(&reply);
    check_request((const char *const *)words);
    for (size_t i = 0; i < 4; i++) {
        free(words[i]);
    }
    free(status);
    return 0;
}
