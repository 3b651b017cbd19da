/* Says how common/ini and proxy/core/aws_config understand a case: one JSON object a line on stdin, one answer a line
 * on stdout. For aws_config_differential_test.py, which asks botocore the same.
 *
 *     {"ini": "[a]\nk = v\n"}                     -> {"sections": {"a": {"k": "v"}}} or {"refused": "line 1: ..."}
 *     {"paths": true, "environment": {..}}        -> {"config": "...", "credentials": "..."}
 *     {"environment": {..}, "flags": {..}, "config": text or null, "credentials": text or null}
 *         -> {"refused": "..."} or {"region", "ca_bundle", "source", "access_key_id", "secret", "token"} */
#include "common/ini.h"
#include "proxy/core/aws_settings.h"

#include <jansson.h>
#include <stdio.h>

static void drop_json(json_t **json)
{
    json_decref(*json);
}
#define AUTO_DROP AUTO(drop_json)

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
};

static const char *look_up(void *context, const char *name)
{
    return json_string_value(json_object_get(context, name));
}

static struct bytes text_of(const json_t *value)
{
    return bytes_of(json_string_value(value), json_string_length(value));
}

static json_t *refused(const struct text *why)
{
    return json_pack("{s:s}", "refused", why->data);
}

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
    if (ini_parse(text_of(json_object_get(given, "ini")), &ini, &why) != ERR_OK) {
        return refused(&why);
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
        return refused(&why);
    }
    return json_pack("{s:s, s:s}", "config", paths.config, "credentials", paths.credentials);
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

static void put_credentials(const struct aws_config *config, json_t *answer)
{
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.source = AWS_CREDENTIALS_NONE};
    json_object_set_new(answer, "source", json_string(source_names[aws_config_credentials_source(config)]));
    if (aws_config_credentials(config, &credentials, &why) != ERR_OK) {
        json_object_set_new(answer, "why", json_string(memory));
        return;
    }
    json_object_set_new(answer, "access_key_id", json_string(credentials.access_key_id));
    json_object_set_new(answer, "secret", json_string(credentials.secret_access_key.reveal));
    json_object_set_new(answer, "token", json_string(credentials.session_token.reveal));
}

static json_t *answer_config(const json_t *given, const struct aws_config_environment *environment)
{
    const json_t *flags = json_object_get(given, "flags");
    struct aws_config_input input = {
        .environment = *environment,
        .flags = {.profile = json_string_value(json_object_get(flags, "profile")),
                  .region = json_string_value(json_object_get(flags, "region"))},
        .config = {"config", text_of(json_object_get(given, "config"))},
        .credentials = {"credentials", text_of(json_object_get(given, "credentials"))},
    };
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aws_config_free) struct aws_config *config = NULL;
    if (aws_config_open(&input, &config, &why) != ERR_OK) {
        return refused(&why);
    }
    json_t *answer = json_object();
    put_settings(config, answer);
    put_credentials(config, answer);
    return answer;
}

static json_t *answer(const json_t *given)
{
    struct aws_config_environment environment = {look_up, json_object_get(given, "environment")};
    if (json_object_get(given, "ini") != NULL) {
        return answer_ini(given);
    }
    return json_is_true(json_object_get(given, "paths")) ? answer_paths(&environment)
                                                         : answer_config(given, &environment);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        AUTO_DROP json_t *given = json_loads(line, 0, NULL);
        AUTO_DROP json_t *said = given == NULL ? NULL : answer(given);
        AUTO_FREE char *text = said == NULL ? NULL : json_dumps(said, JSON_COMPACT);
        if (text == NULL || puts(text) < 0) {
            fprintf(stderr, "cannot answer: %s", line);
            free(line);
            return 1;
        }
    }
    free(line);
    return 0;
}
