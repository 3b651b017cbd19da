/* provider_probe: how a credential_process is split into words, and which hosts of containers are asked; one JSON
 * object a line on stdin, one answer a line on stdout. For provider_differential_test.py, which asks the AWS CLI's code
 * the same.
 *
 *     {"command": "a 'b c'"}                    -> {"words": ["a", "b c"]} or {"refused": "..."}
 *     {"full": "http://..."}, {"relative": "/..."}  -> {"url": "http://..."} or {"refused": "..."} */
#include "proxy/core/container_credentials.h"
#include "proxy/core/process_credentials.h"
#include "tests/integration/json_lines.h"

static char words[1024];

static json_t *refused(void)
{
    return json_pack("{s:s}", "refused", words);
}

static json_t *split(const char *command)
{
    struct text why = text_in(words, sizeof words);
    AUTO_FREE char **split = NULL;
    if (process_credentials_split(command, &split, &why) != ERR_OK) {
        return refused();
    }
    json_t *list = json_array();
    for (char **word = split; *word != NULL; word++) {
        (void)json_array_append_new(list, json_string(*word));
    }
    return json_pack("{s:o}", "words", list);
}

static const char *look_up(void *context, const char *name)
{
    const json_t *asked = context;
    bool is_full = strcmp(name, "AWS_CONTAINER_CREDENTIALS_FULL_URI") == 0;
    bool is_relative = strcmp(name, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") == 0;
    return is_full || is_relative ? json_string_value(json_object_get(asked, is_full ? "full" : "relative")) : NULL;
}

static json_t *url_of(json_t *asked)
{
    struct text why = text_in(words, sizeof words);
    struct aws_config_input input = {
        .environment = {look_up, asked},
        .config = {"config", bytes_of(NULL, 0)},
        .credentials = {"credentials", bytes_of(NULL, 0)},
    };
    AUTO(aws_config_free) struct aws_config *config = NULL;
    AUTO(container_credentials_free) struct container_credentials *container = NULL;
    if (aws_config_open(&input, &config, &why) != ERR_OK ||
        container_credentials_new(config, &container, &why) != ERR_OK) {
        return refused();
    }
    struct credential_answer answer = {.unix_seconds = 0};
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    struct aws_credentials credentials = {.expires_unix_s = 0};
    if (container_credentials_next(container, &answer, &want, &credentials, &why) != ERR_AGAIN) {
        return refused();
    }
    char memory[LIMIT_STREAM_URL + LIMIT_HOST + 32];
    struct text url = text_in(memory, sizeof memory);
    endpoint_put_url(&want.request->url, &url);
    return json_pack("{s:s}", "url", memory);
}

static json_t *answer(json_t *asked)
{
    const char *command = json_string_value(json_object_get(asked, "command"));
    return command != NULL ? split(command) : url_of(asked);
}

int main(void)
{
    return json_lines_answer(answer);
}
