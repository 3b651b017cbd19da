/* Says how common/ini, core/aws_config and core/credential_chain understand a case: one JSON object a line on stdin,
 * one answer a line on stdout. For aws_config_differential_test.py, which asks botocore the same.
 *
 *     {"ini": "[a]\nk = v\n"}                     -> {"sections": {"a": {"k": "v"}}} or {"refused": "line 1: ..."}
 *     {"paths": true, "environment": {..}}        -> {"config": "...", "credentials": "..."}
 *     {"environment": {..}, "flags": {..}, "config": text or null, "credentials": text or null,
 *      "files": {path: text}, "now": seconds, "expiration": text}
 *         -> {"refused": "..."}
 *         or {"region", "ca_bundle", "source", "calls": [{"url", "signer", "body"}], "stores": {path: text}, "prompts"}
 *            with {"access_key_id", "secret", "token"}, {"told": source} or {"why": "..."}
 *
 * The world that credentials are resolved in: `files` are all there are, STS gives out what is asked for until
 * `expiration`, and every MFA code is 123456. A source that would have to be asked for its own is told. */
#include "common/ini.h"
#include "proxy/core/aws_settings.h"
#include "proxy/core/credential_chain.h"
#include "proxy/core/credential_plan.h"
#include "tests/integration/json_lines.h"

static const char *const source_names[] = {
    [AWS_CREDENTIALS_NONE] = "none",
    [AWS_CREDENTIALS_ENVIRONMENT] = "env",
    [AWS_CREDENTIALS_SHARED_FILE] = "shared-credentials-file",
    [AWS_CREDENTIALS_CONFIG_FILE] = "config-file",
    [AWS_CREDENTIALS_ASSUME_ROLE] = "assume-role",
    [AWS_CREDENTIALS_WEB_IDENTITY] = "assume-role-with-web-identity",
    [AWS_CREDENTIALS_SSO] = "sso",
    [AWS_CREDENTIALS_PROCESS] = "custom-process",
    [AWS_CREDENTIALS_CONTAINER] = "container-role",
    [AWS_CREDENTIALS_INSTANCE] = "iam-role",
};

/* ---- ini ---- */

static json_t *section_to_json(const struct ini *ini, const struct ini_section *section)
{
    json_t *keys = json_object();
    json_t *nested = NULL;
    for (size_t i = 0; i < section->entry_count; i++) {
        const struct ini_entry *entry = &ini->entries[section->entry_at + i];
        if (entry->nested != NULL) {
            json_object_set_new(nested, entry->nested, json_string(entry->value));
        } else if (entry->has_nested) {
            nested = json_object();
            json_object_set_new(keys, entry->key, nested);
        } else {
            json_object_set_new(keys, entry->key, json_string(entry->value));
        }
    }
    return keys;
}

static json_t *answer_ini(const json_t *given)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    AUTO(ini_free) struct ini ini = {0};
    if (ini_parse(json_lines_text(json_object_get(given, "ini")), &ini, &why) != ERR_OK) {
        return json_lines_refused(&why);
    }
    json_t *sections = json_object();
    for (size_t i = 0; i < ini.section_count; i++) {
        json_object_set_new(sections, ini.sections[i].name, section_to_json(&ini, &ini.sections[i]));
    }
    return json_pack("{s:o}", "sections", sections);
}

/* ---- paths ---- */

static json_t *answer_paths(const struct aws_config_environment *environment)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    struct aws_config_paths paths;
    if (aws_config_paths(environment, &paths, &why) != ERR_OK) {
        return json_lines_refused(&why);
    }
    return json_pack("{s:s, s:s}", "config", paths.config, "credentials", paths.credentials);
}

/* ---- credentials ---- */

/* One resolution: what the world is given, what was wanted of it. */
struct world {
    const json_t *given;
    json_t *calls;
    json_t *stores;
    json_t *prompts;
    char reply[2048];
};

static void put_role(struct world *world)
{
    const char *expiration = json_string_value(json_object_get(world->given, "expiration"));
    struct text reply = text_in(world->reply, sizeof world->reply);
    text_format(&reply,
                "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA%zu</AccessKeyId><SecretAccessKey>"
                "secret%zu</SecretAccessKey><SessionToken>token%zu</SessionToken><Expiration>%s</Expiration>"
                "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
                json_array_size(world->calls), json_array_size(world->calls), json_array_size(world->calls),
                expiration == NULL ? "" : expiration);
}

/* False: it is not STS that is called. */
static bool call(struct world *world, const struct credential_want *want, struct credential_answer *answer)
{
    const struct aws_request *request = want->request;
    if (request->body == NULL || strncmp(request->body, "Action=AssumeRole", strlen("Action=AssumeRole")) != 0) {
        return false;
    }
    char memory[LIMIT_STREAM_URL + LIMIT_HOST + 32];
    struct text url = text_in(memory, sizeof memory);
    endpoint_put_url(&request->url, &url);
    const char *signer = request->signing_name == NULL ? "" : want->signer->access_key_id;
    json_array_append_new(world->calls,
                          json_pack("{s:s, s:s, s:s}", "url", memory, "signer", signer, "body", request->body));
    put_role(world);
    answer->reply = (struct aws_reply){.http_status = 200, .body = bytes_of_text(world->reply)};
    return true;
}

/* False: another source than a role is asked for what it has. */
static bool satisfy(struct world *world, const struct credential_want *want, struct credential_answer *answer)
{
    switch (want->kind) {
    case CREDENTIAL_WANT_CALL:
        return call(world, want, answer);
    case CREDENTIAL_WANT_FILE:
        answer->text = json_lines_text(json_object_get(json_object_get(world->given, "files"), want->path));
        return strstr(want->path, "/.aws/sso/cache/") == NULL;
    case CREDENTIAL_WANT_STORE:
        json_object_set_new(world->stores, want->path, json_stringn((const char *)want->text.data, want->text.len));
        return true;
    case CREDENTIAL_WANT_CODE:
        json_array_append_new(world->prompts, json_string(want->prompt));
        answer->text = bytes_of_text("123456");
        return true;
    case CREDENTIAL_WANT_PROCESS:
    case CREDENTIAL_WANT_NOTHING:
        break;
    }
    return false;
}

/* ERR_AGAIN: a source is told. */
static enum err resolve(const struct aws_config *config, struct world *world, struct aws_credentials *ret_credentials,
                        struct text *ret_why)
{
    AUTO(credential_chain_free) struct credential_chain *chain = NULL;
    TRY(credential_chain_new(config, &chain));
    int64_t now = json_integer_value(json_object_get(world->given, "now"));
    struct credential_answer answer = {.unix_seconds = now};
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    enum err err = credential_chain_next(chain, &answer, &want, ret_credentials, ret_why);
    while (err == ERR_AGAIN) {
        answer = (struct credential_answer){.kind = want.kind, .unix_seconds = now};
        if (!satisfy(world, &want, &answer)) {
            break;
        }
        err = credential_chain_next(chain, &answer, &want, ret_credentials, ret_why);
    }
    return err;
}

static void put_plan(const struct aws_config *config, json_t *answer)
{
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    struct credential_plan plan;
    if (credential_plan_make(config, &plan, &why) == ERR_OK) {
        bool is_role = plan.role_count > 0 && plan.roles[0].web_identity_token_file == NULL;
        json_object_set_new(answer, "base", json_string(source_names[plan.base]));
        json_object_set_new(answer, "source",
                            json_string(source_names[is_role ? AWS_CREDENTIALS_ASSUME_ROLE : plan.base]));
    }
}

static void put_credentials(const struct aws_config *config, const json_t *given, json_t *answer)
{
    char memory[4096];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.source = AWS_CREDENTIALS_NONE};
    struct world world = {.given = given, .calls = json_array(), .stores = json_object(), .prompts = json_array()};
    put_plan(config, answer);
    enum err err = resolve(config, &world, &credentials, &why);
    json_object_set_new(answer, "calls", world.calls);
    json_object_set_new(answer, "stores", world.stores);
    json_object_set_new(answer, "prompts", world.prompts);
    if (err == ERR_AGAIN) {
        json_object_set(answer, "told", json_object_get(answer, "base"));
    } else if (err != ERR_OK) {
        json_object_set_new(answer, "why", json_string(memory));
    } else {
        json_object_set_new(answer, "access_key_id", json_string(credentials.access_key_id));
        json_object_set_new(answer, "secret", json_string(credentials.secret_access_key.reveal));
        json_object_set_new(answer, "token", json_string(credentials.session_token.reveal));
    }
}

/* ---- the whole ---- */

static void put_settings(const struct aws_config *config, json_t *answer)
{
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    struct aws_settings settings;
    if (aws_settings_choose(config, &settings, &why) == ERR_OK) {
        json_object_set_new(answer, "region", json_string(settings.region));
        json_object_set_new(answer, "ca_bundle", json_string(settings.ca_path));
    }
}

static json_t *answer_config(const json_t *given, const struct aws_config_environment *environment)
{
    const json_t *flags = json_object_get(given, "flags");
    struct aws_config_input input = {
        .environment = *environment,
        .flags = {.profile = json_string_value(json_object_get(flags, "profile")),
                  .region = json_string_value(json_object_get(flags, "region"))},
        .config = {"config", json_lines_text(json_object_get(given, "config"))},
        .credentials = {"credentials", json_lines_text(json_object_get(given, "credentials"))},
    };
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aws_config_free) struct aws_config *config = NULL;
    if (aws_config_open(&input, &config, &why) != ERR_OK) {
        return json_lines_refused(&why);
    }
    json_t *answer = json_object();
    put_settings(config, answer);
    put_credentials(config, given, answer);
    return answer;
}

static json_t *answer(json_t *given)
{
    struct aws_config_environment environment = {json_lines_look_up, json_object_get(given, "environment")};
    if (json_object_get(given, "ini") != NULL) {
        return answer_ini(given);
    }
    return json_is_true(json_object_get(given, "paths")) ? answer_paths(&environment)
                                                         : answer_config(given, &environment);
}

int main(void)
{
    return json_lines_answer(answer);
}
