/* node_command_probe NODE DOCUMENT PARAMETERS [SECONDS]: command/node_command by itself, for node_command_test.py: one
 * JSON object on standard output. PARAMETERS are a JSON object. */
#include "proxy/command/node_command.h"
#include "proxy/edge/clock.h"

#include <stdio.h>

static struct client client;
static char words[2048];

static enum err run(char **arguments, struct node_command **ret_command, const struct command_api_step **ret_result,
                    struct text *ret_why)
{
    AUTO_JSON json_t *parameters = NULL;
    TRY(json_view_parse_object(bytes_of_text(arguments[3]), &parameters));
    struct node_command_what what = {
        .node_id = arguments[1],
        .document_name = arguments[2],
        .parameters = json_object_size(parameters) > 0 ? parameters : NULL,
        .comment = "probe",
        .deadline_us = clock_mono_us() + INT64_C(1000000) * (arguments[4] == NULL ? 60 : atoi(arguments[4])),
    };
    TRY(client_open(&client, &(struct aws_config_flags){.profile = NULL}, INT64_C(60) * 1000 * 1000));
    TRY(client_resolve(&client, false, client.deadline_us));
    TRY(node_command_start(&client, &what, ret_command));
    enum err err = node_command_pump(*ret_command, ret_result, ret_why);
    while (err == ERR_AGAIN) {
        TRY(client_turn(&client, node_command_deadline_us(*ret_command)));
        err = node_command_pump(*ret_command, ret_result, ret_why);
    }
    return err;
}

static json_t *describe(enum err err, const struct command_api_step *result, const char *id)
{
    if (err != ERR_OK) {
        return json_pack("{s:s, s:s, s:s}", "error", err_text(err), "why", words, "id", id);
    }
    char memory[512];
    struct text failure = text_in(memory, sizeof memory);
    node_command_put_failure(result, &failure);
    return json_pack("{s:i, s:i, s:s, s:s, s:b, s:s, s:s}", "status", (int)result->status, "code",
                     result->response_code, "output", result->output, "error_output", result->error, "is_output_cut",
                     result->is_output_cut, "failure", memory, "id", id);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        return 64;
    }
    struct text why = text_in(words, sizeof words);
    AUTO(node_command_free) struct node_command *command = NULL;
    const struct command_api_step *result = NULL;
    enum err err = run(argv, &command, &result, &why);
    text_put(&why, client.why.data);
    AUTO_JSON json_t *answer = describe(err, result, command == NULL ? "" : node_command_id(command));
    (void)json_dumpf(answer, stdout, JSON_COMPACT);
    node_command_free(&command);
    client_close(&client);
    return 0;
}
