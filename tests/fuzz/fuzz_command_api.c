/* command_api: any reply to any question about a command. The first byte says to which, and with which status; then the
 * value of x-amzn-ErrorType up to a line feed (none when it is empty), then the body. What is accepted is fit to be
 * shown and sent back; what is refused is refused in words that a terminal can show. */
#include "tests/fuzz/fuzz_aws.h"

#include "proxy/core/command_outcome.h"
#include "proxy/core/visible_text.h"

static void check_request(enum err err, struct ssm_api_request *request)
{
    AUTO_JSON json_t *object = NULL;
    MUST(err == ERR_OK && strlen(request->body) == request->body_len);
    MUST(json_view_parse_object(bytes_of(request->body, request->body_len), &object) == ERR_OK);
    ssm_api_request_free(request);
}

static void check_command(const struct aws_reply *reply, bool is_sent)
{
    struct command_api_command command;
    struct service_failure failure;
    struct ssm_api_request request = {0};
    enum err err = is_sent ? command_api_parse_sent(reply, &command, &failure)
                           : command_api_parse_listed(reply, &command, &failure);
    if (err != ERR_OK) {
        fuzz_check_failure(err, reply, &failure);
        return;
    }
    MUST(command_api_is_id(command.id) && command.target_count >= 0 && command.completed_count >= 0);
    MUST(fuzz_is_showable(command.status_details) && fuzz_is_showable(command.document_name));
    MUST(fuzz_is_showable(command.s3_bucket) && fuzz_is_showable(command.s3_prefix) &&
         fuzz_is_showable(command.log_group));
    check_request(command_api_list_command(command.id, &request), &request);
    check_request(command_api_cancel(command.id, &request), &request);
}

/* On a terminal it stays within its line, and drives nothing. */
static void check_visible(const char *written, size_t len)
{
    size_t size = VISIBLE_TEXT_GROWTH * len + 1;
    AUTO_FREE char *memory = malloc(size);
    MUST(memory != NULL);
    struct text text = text_in(memory, size);
    visible_text_put(bytes_of(written, len), &text);
    MUST(text_finish(&text) == ERR_OK);
    for (size_t i = 0; i < text.len; i++) {
        MUST(!text_is_control(memory[i]) || memory[i] == '\n' || memory[i] == '\t');
        MUST((uint8_t)memory[i] != 0xc2 || (uint8_t)memory[i + 1] >= 0xa0);
    }
}

static void check_step(const struct command_api_step *step)
{
    check_visible(step->output, strlen(step->output));
    check_visible(step->error, command_outcome_error_len(step->error));
    MUST(step->output != NULL && step->error != NULL);
    MUST(fuzz_is_showable(step->name) && fuzz_is_showable(step->status_details));
}

static void check_invocation(const struct aws_reply *reply)
{
    AUTO(command_api_step_free) struct command_api_step step = {.output = NULL};
    struct service_failure failure;
    for (int i = 0; i < 2; i++) { /* the second time into what holds an earlier result */
        enum err err = command_api_parse_invocation(reply, &step, &failure);
        if (err != ERR_OK) {
            fuzz_check_failure(err, reply, &failure);
            return;
        }
        check_step(&step);
    }
}

static void check_invocations(const struct aws_reply *reply)
{
    AUTO(command_api_invocations_free) struct command_api_invocations page = {.items = NULL};
    struct service_failure failure;
    struct ssm_api_request request = {0};
    for (int i = 0; i < 2; i++) {
        enum err err = command_api_parse_invocations(reply, &page, &failure);
        if (err != ERR_OK) {
            fuzz_check_failure(err, reply, &failure);
            return;
        }
    }
    MUST(page.count <= LIMIT_API_PAGE);
    for (size_t i = 0; i < page.count; i++) {
        const struct command_api_invocation *invocation = &page.items[i];
        MUST(invocation->node_id[0] != '\0' && fuzz_is_showable(invocation->node_id));
        MUST(fuzz_is_showable(invocation->node_name) && fuzz_is_showable(invocation->status_details));
        char memory[256];
        struct text text = text_in(memory, sizeof memory);
        command_outcome_put(invocation, &text);
        int exit_code = command_outcome_exit_code(invocation);
        MUST(fuzz_is_showable(memory) && exit_code >= 0 && exit_code <= 255);
        for (size_t j = 0; j < invocation->step_count; j++) {
            check_step(&invocation->steps[j]);
        }
        check_request(command_api_get_invocation("id", invocation->node_id, NULL, &request), &request);
    }
    if (page.next_token != NULL) {
        struct command_api_list next = {.command_id = "id", .page_size = 50, .next_token = page.next_token};
        check_request(command_api_list_invocations(&next, &request), &request);
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
        check_command(&reply, true);
        break;
    case 1:
        check_command(&reply, false);
        break;
    case 2:
        check_invocation(&reply);
        break;
    default:
        check_invocations(&reply);
        break;
    }
    return 0;
}
