#include "pam_ssm/userctl/limited_list.h"

#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/command_file.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/userctl/hex_hash.h"

#include <jansson.h>
#include <stdio.h>

/* ---- reading ---- */

static enum err read_file(const struct host_paths *paths, const char *name, struct sudoers_limited *limited,
                          struct text *ret_why)
{
    char memory[LIMIT_PATH + 1];
    struct text path = text_in(memory, sizeof memory);
    text_format(&path, "%s/%s", paths->limited_dir, name);
    TRY(text_finish(&path));
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    TRY(path_trust_read(memory, paths->owner, LIMIT_HOST_CONFIG, &content, &len, ret_why));
    return sudoers_limited_add(limited, bytes_of(content, len), memory, ret_why);
}

enum err limited_list_read(const struct host_paths *paths, struct sudoers_limited *ret_limited, struct text *ret_why)
{
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
    TRY(state_dir_list(paths->limited_dir, paths->owner, &names, ret_why));
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.names[i];
        if (strchr(name, '.') == NULL && name[strlen(name) - 1] != '~') {
            TRY(read_file(paths, name, &limited, ret_why));
        }
    }
    *ret_limited = limited;
    limited = (struct sudoers_limited){0};
    return ERR_OK;
}

/* ---- linting ---- */

struct sink {
    json_t *array; /* NULL: standard error */
    struct limited_list_verdict verdict;
};

static void put(struct sink *sink, const struct sudoers_alias *alias, const struct sudoers_command *command,
                const struct sudoers_finding *finding)
{
    const char *severity = finding->is_error ? "error" : "warning";
    sink->verdict.errors += finding->is_error ? 1 : 0;
    sink->verdict.warnings += finding->is_error ? 0 : 1;
    if (sink->array == NULL) {
        log_error("%s:%zu: %s: %s: %s%s%s", alias->file, command->line, severity, command->text, finding->reason,
                  finding->instead != NULL ? "; instead: " : "", finding->instead != NULL ? finding->instead : "");
        return;
    }
    json_t *object = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s?}", "file", alias->file, "line",
                               (json_int_t)command->line, "alias", alias->name, "command", command->text, "severity",
                               severity, "reason", finding->reason, "instead", finding->instead);
    (void)json_array_append_new(sink->array, object); /* what is missing shows at the end, by the count */
}

static void lint_all(const struct sudoers_limited *limited, struct sink *sink)
{
    for (size_t i = 0; i < limited->alias_count; i++) {
        const struct sudoers_alias *alias = &limited->aliases[i];
        for (size_t j = 0; j < alias->count; j++) {
            const struct sudoers_command *command = &limited->commands[alias->first + j];
            struct sudoers_file_facts facts;
            struct sudoers_finding findings[SUDOERS_LINT_FINDINGS];
            command_file_look(command->path, &facts);
            size_t count = sudoers_lint(command, &facts, findings);
            for (size_t k = 0; k < count; k++) {
                put(sink, alias, command, &findings[k]);
            }
        }
    }
}

struct limited_list_verdict limited_list_lint(const struct sudoers_limited *limited)
{
    struct sink sink = {0};
    lint_all(limited, &sink);
    return sink.verdict;
}

static void drop(json_t **json)
{
    json_decref(*json);
}

enum err limited_list_lint_json(const struct sudoers_limited *limited, struct limited_list_verdict *ret_verdict)
{
    AUTO(drop) json_t *array = json_array();
    if (array == NULL) {
        return ERR_MEMORY;
    }
    struct sink sink = {.array = array};
    lint_all(limited, &sink);
    if (json_array_size(array) != sink.verdict.errors + sink.verdict.warnings) {
        return ERR_MEMORY;
    }
    *ret_verdict = sink.verdict;
    return json_dumpf(array, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF ? ERR_OK : ERR_SYSTEM;
}

/* ---- naming ---- */

enum err limited_list_hash(const struct sudoers_limited *limited, char ret_hash[65])
{
    size_t size = 1;
    for (size_t i = 0; i < limited->command_count; i++) {
        size += strlen(limited->commands[i].text) + 1;
    }
    AUTO_FREE char *memory = malloc(size);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text text = text_in(memory, size);
    for (size_t i = 0; i < limited->command_count; i++) {
        text_format(&text, "%s\n", limited->commands[i].text);
    }
    return hex_hash_of(text_bytes(&text), ret_hash);
}
