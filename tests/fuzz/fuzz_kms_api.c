/* kms_api: any reply, and a request of any words. The input is a status ("400"), a body, and the words, each ended by a
 * NUL byte. What is accepted is a whole key; what is refused is refused in words that a terminal can show. */
#include "tests/fuzz/fuzz_aws.h"

#include "common/json_view.h"
#include "proxy/core/kms_api.h"

static void check_reply(const struct aws_reply *reply)
{
    AUTO(kms_api_data_key_wipe) struct kms_api_data_key key = {.ciphertext = ""};
    struct service_failure failure = {.http_status = 0};
    enum err err = kms_api_parse_data_key(reply, &key, &failure);
    if (err == ERR_OK) {
        size_t len = strlen(key.ciphertext);
        MUST(reply->http_status == 200 && len > 0 && len % 4 == 0);
        MUST(strpbrk(key.ciphertext, "\"\\ \n") == NULL); /* it goes into JSON as it is */
        return;
    }
    MUST(key.ciphertext[0] == '\0');
    fuzz_check_failure(err, reply, &failure);
}

/* Whatever the words are, they arrive as they are, or there is no request. */
static void check_request(const char *const *words)
{
    struct endpoint_url endpoint;
    MUST(endpoint_parse(bytes_of_text("https://kms.eu-west-1.amazonaws.com/"), &endpoint) == ERR_OK);
    struct kms_api_want want = {
        .key_id = words[0], .session_id = words[1], .target_id = words[2], .challenge = words[3]};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    if (kms_api_generate_data_key(&endpoint, "eu-west-1", &want, &request) != ERR_OK) {
        MUST(request.method == NULL);
        return;
    }
    AUTO_JSON json_t *body = NULL;
    MUST(json_view_parse_object(bytes_of(request.body, request.body_len), &body) == ERR_OK);
    const json_t *context = json_object_get(body, "EncryptionContext");
    MUST(strcmp(json_view_text(body, "KeyId"), words[0]) == 0);
    MUST(strcmp(json_view_text(context, "aws:ssm:SessionId"), words[1]) == 0);
    MUST(strcmp(json_view_text(context, "aws:ssm:TargetId"), words[2]) == 0);
    MUST(strcmp(json_view_text(context, "aws:ssm:RandomChallenge"), words[3]) == 0);
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
