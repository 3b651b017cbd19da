/* sso_probe: IAM Identity Center's machines in a little world: files are the system's, services answer what they are
 * told. One JSON object a line on stdin, one answer a line on stdout. For sso_differential_test.py, which puts the AWS
 * CLI's code into the same world.
 *
 *     {"config": "[profile p]..", "home": "/tmp/..", "profile": "p", "now": 1795274327, "login": false,
 *      "replies": {"/token": [[400, {"error": ".."}], [200, {..}]], "/federation/credentials": [[..]]}}
 *
 * The last reply of a path stays. The answer: {"calls": [["POST", "https://..", {body} or the token]], "credentials":
 * [id, secret, token, expiry], or "refused": ".."} */
#include "proxy/core/sso_credentials.h"
#include "proxy/core/sso_login.h"
#include "tests/integration/json_lines.h"

struct world {
    const json_t *asked;
    json_t *calls;
    json_t *taken; /* how many replies of a path */
    char *text;    /* of the last answer */
};

/* ---- what is answered ---- */

static void read_file(const char *path, struct world *world, struct credential_answer *answer)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return;
    }
    world->text = calloc(1, 65536);
    size_t len = world->text == NULL ? 0 : fread(world->text, 1, 65535, file);
    answer->text = bytes_of(world->text, len);
    (void)fclose(file);
}

static void store_file(const struct credential_want *want, struct credential_answer *answer)
{
    FILE *file = fopen(want->path, "wb");
    bool is_written = file != NULL && fwrite(want->text.data, 1, want->text.len, file) == want->text.len;
    if (file == NULL || fclose(file) != 0 || !is_written) {
        answer->err = ERR_SYSTEM;
        answer->why = "it cannot be written";
    }
}

static const json_t *next_reply(struct world *world, const char *path)
{
    const json_t *list = json_object_get(json_object_get(world->asked, "replies"), path);
    json_int_t at = json_integer_value(json_object_get(world->taken, path));
    (void)json_object_set_new(world->taken, path, json_integer(at + 1));
    size_t last = json_array_size(list) - 1;
    return json_array_get(list, (size_t)at < last ? (size_t)at : last);
}

static void call(const struct aws_request *request, struct world *world, struct credential_answer *answer)
{
    char url_memory[LIMIT_STREAM_URL + LIMIT_HOST + 32];
    struct text url = text_in(url_memory, sizeof url_memory);
    endpoint_put_url(&request->url, &url);
    json_t *sent = request->body != NULL ? json_loads(request->body, 0, NULL) : json_string(request->headers[0].value);
    (void)json_array_append_new(world->calls, json_pack("[s, s, o]", request->method, url_memory, sent));
    char path[LIMIT_STREAM_URL + 1];
    memcpy(path, request->url.path, sizeof path);
    path[strcspn(path, "?")] = '\0';
    const json_t *reply = next_reply(world, path);
    world->text = json_dumps(json_array_get(reply, 1), JSON_COMPACT);
    answer->reply.http_status = (int)json_integer_value(json_array_get(reply, 0));
    answer->reply.body = bytes_of_text(world->text != NULL ? world->text : "");
}

static struct credential_answer answer_to(const struct credential_want *want, struct world *world)
{
    struct credential_answer answer = {
        .kind = want->kind, .unix_seconds = json_integer_value(json_object_get(world->asked, "now")), .why = ""};
    free(MOVE(world->text));
    if (want->kind == CREDENTIAL_WANT_FILE) {
        read_file(want->path, world, &answer);
    } else if (want->kind == CREDENTIAL_WANT_STORE) {
        store_file(want, &answer);
    } else if (want->kind == CREDENTIAL_WANT_CALL) {
        call(want->request, world, &answer);
    }
    return answer;
}

/* ---- the machines ---- */

static enum err get_role(const struct aws_config *config, struct world *world, struct aws_credentials *credentials,
                         struct text *why)
{
    AUTO(sso_credentials_free) struct sso_credentials *machine = NULL;
    TRY(sso_credentials_new(config, config->profile_name, &machine, why));
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    enum err err = ERR_AGAIN;
    while (err == ERR_AGAIN) {
        struct credential_answer answer = answer_to(&want, world);
        err = sso_credentials_next(machine, &answer, &want, credentials, why);
    }
    return err;
}

static enum err log_in(const struct aws_config *config, struct world *world, struct text *why)
{
    AUTO(sso_login_free) struct sso_login *login = NULL;
    TRY(sso_login_new(config, NULL, &login, why));
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    while (!sso_login_progress(login).is_done) {
        struct credential_answer answer = answer_to(&want, world);
        want.kind = CREDENTIAL_WANT_NOTHING;
        enum err err = sso_login_next(login, &answer, &want, NULL, why);
        TRY(err == ERR_AGAIN ? ERR_OK : err);
    }
    return ERR_OK;
}

static const char *look_up(void *context, const char *name)
{
    return strcmp(name, "HOME") == 0 ? json_string_value(json_object_get(context, "home")) : NULL;
}

static enum err run(json_t *asked, struct world *world, struct aws_credentials *credentials, struct text *why)
{
    const char *text = json_string_value(json_object_get(asked, "config"));
    struct aws_config_input input = {
        .environment = {look_up, asked},
        .flags = {.profile = json_string_value(json_object_get(asked, "profile"))},
        .config = {"config", bytes_of_text(text != NULL ? text : "")},
        .credentials = {"credentials", bytes_of(NULL, 0)},
    };
    AUTO(aws_config_free) struct aws_config *config = NULL;
    TRY(aws_config_open(&input, &config, why));
    bool is_login = json_is_true(json_object_get(asked, "login"));
    return is_login ? log_in(config, world, why) : get_role(config, world, credentials, why);
}

static json_t *answer_line(json_t *asked)
{
    char memory[2048];
    struct text why = text_in(memory, sizeof memory);
    struct world world = {.asked = asked, .calls = json_array(), .taken = json_object()};
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    enum err err = run(asked, &world, &credentials, &why);
    json_t *answer = json_pack("{s:o}", "calls", world.calls);
    if (err != ERR_OK) {
        (void)json_object_set_new(answer, "refused", json_string(why.len > 0 ? memory : err_text(err)));
    } else if (secret_is_set(&credentials.secret_access_key)) {
        json_t *list = json_pack("[s, s, s, I]", credentials.access_key_id, credentials.secret_access_key.reveal,
                                 credentials.session_token.reveal, (json_int_t)credentials.expires_unix_s);
        (void)json_object_set_new(answer, "credentials", list);
    }
    free(world.text);
    json_decref(world.taken);
    return answer;
}

int main(void)
{
    return json_lines_answer(answer_line);
}
