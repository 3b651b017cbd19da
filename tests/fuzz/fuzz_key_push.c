/* instance_connect_api and key_way: any reply to a key that was pushed, and any user and key that somebody wants
 * pushed. The input is a status ("400"), a body, a user and a key, each ended by a NUL byte. */
#include "tests/fuzz/fuzz_aws.h"

#include "proxy/core/instance_connect_api.h"
#include "proxy/core/key_way.h"

static void check_reply(const struct aws_reply *reply)
{
    struct service_failure failure = {.http_status = 0};
    enum err err = instance_connect_api_parse_push(reply, &failure);
    if (err == ERR_OK) {
        MUST(reply->http_status == 200 && memmem(reply->body.data, reply->body.len, "true", 4) != NULL);
        return;
    }
    fuzz_check_failure(err, reply, &failure);
}

/* What is taken stands between quotes in a script of root's. */
static void check_parameters(const char *user, const char *public_key)
{
    bool is_user = key_way_takes_user(KEY_WAY_RUN_SHELL_SCRIPT, user);
    bool is_key = key_way_takes_key(public_key);
    MUST(is_user == key_way_takes_user(KEY_WAY_SEND_COMMAND, user));
    MUST(!is_user || key_way_takes_user(KEY_WAY_INSTANCE_CONNECT, user));
    MUST(!is_user || strpbrk(user, "'\"\\$`{}; \n") == NULL);
    MUST(!is_key || strpbrk(public_key, "'\"\\$`{};\n\r\t") == NULL);
    if (is_user && is_key) {
        json_t *parameters = NULL;
        MUST(key_way_parameters(KEY_WAY_RUN_SHELL_SCRIPT, user, public_key, &parameters) == ERR_OK);
        const char *command = json_string_value(json_array_get(json_object_get(parameters, "commands"), 1));
        MUST(command != NULL && strstr(command, user) != NULL && strstr(command, public_key) != NULL);
        json_decref(parameters);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of(data, size);
    char *status = fuzz_string(fuzz_take_until(&rest, '\0'));
    struct aws_reply reply = {.http_status = (int)strtoul(status, NULL, 10) & 1023};
    reply.body = fuzz_take_until(&rest, '\0');
    char *user = fuzz_string(fuzz_take_until(&rest, '\0'));
    char *public_key = fuzz_string(fuzz_take_until(&rest, '\0'));
    check_reply(&reply);
    check_parameters(user, public_key);
    free(public_key);
    free(user);
    free(status);
    return 0;
}
