/* ec2_api: any reply. The first byte says with which status; then the body. What is accepted is fit to be sent back and
 * shown; what is refused is refused in words that a terminal can show. */
#include "tests/fuzz/fuzz_aws.h"

#include "common/auto.h"
#include "proxy/core/ec2_api.h"

static void check_requests(const struct ec2_api_instances *instances)
{
    struct endpoint_url url;
    struct ec2_api_place place = {&url, "eu-west-1"};
    MUST(endpoint_parse(bytes_of_text("https://h/"), &url) == ERR_OK);
    for (size_t i = 0; i < instances->count; i++) {
        AUTO(aws_request_free) struct aws_request request = {.method = NULL};
        const struct ec2_api_instance *instance = &instances->items[i];
        MUST(instance->id[0] != '\0' && fuzz_is_showable(instance->id) && fuzz_is_showable(instance->name));
        MUST(fuzz_is_showable(instance->state) && fuzz_is_showable(instance->address));
        MUST(ec2_api_start_instance(&place, instance->id, &request) == ERR_OK);
        MUST(strlen(request.body) == request.body_len && strpbrk(request.body, " \"<") == NULL);
    }
    if (instances->next_token != NULL) {
        AUTO(aws_request_free) struct aws_request request = {.method = NULL};
        struct ec2_api_describe next = {.next_token = instances->next_token};
        MUST(ec2_api_describe_instances(&place, &next, &request) == ERR_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 400, 403, 429, 503, 302};
    if (size == 0) {
        return 0;
    }
    struct aws_reply reply = {
        .http_status = statuses[data[0] % (sizeof statuses / sizeof *statuses)],
        .body = bytes_of(data + 1, size - 1),
    };
    AUTO(ec2_api_instances_free) struct ec2_api_instances instances = {.items = NULL};
    struct service_failure failure;
    for (int i = 0; i < 2; i++) { /* the second time into what holds an earlier result */
        enum err err = ec2_api_parse_instances(&reply, &instances, &failure);
        if (err != ERR_OK) {
            fuzz_check_failure(err, &reply, &failure);
        }
    }
    check_requests(&instances);
    uint8_t *output = NULL;
    size_t len = 0;
    enum err err = ec2_api_parse_console_output(&reply, "i-0123456789abcdef0", &output, &len, &failure);
    MUST(len < size && (err == ERR_OK) == (output != NULL));
    if (err != ERR_OK) {
        fuzz_check_failure(err, &reply, &failure);
    }
    free(output);
    err = ec2_api_parse_started(&reply, &failure);
    if (err != ERR_OK) {
        fuzz_check_failure(err, &reply, &failure);
    }
    return 0;
}
