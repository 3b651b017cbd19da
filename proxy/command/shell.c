#include "proxy/command/verbs.h"

#include "common/log.h"
#include "proxy/command/data_key.h"
#include "proxy/command/node_session.h"
#include "proxy/command/shell_side.h"
#include "proxy/core/document_parameters.h"

#define PARAMETERS_MAX 32 /* of one document; those of AWS have three */
#define EXIT_CODE_MAX 255

struct shell {
    json_t *parameters; /* owned; what the list points into; NULL: none */
    struct ssm_api_parameter list[PARAMETERS_MAX];
    size_t count;
    struct node_access access;
    struct shell_side side;
    struct node_session session;
    struct data_key key;
};

/* ---- the command line ---- */

/* A session's parameter has one value, though the API takes a list. */
static enum err list_parameters(struct shell *shell, struct text *why)
{
    const char *name;
    json_t *value;
    json_object_foreach(shell->parameters, name, value)
    {
        if (json_array_size(value) != 1) {
            text_format(why, "the parameter %s of a session has one value", name);
            return ERR_USAGE;
        }
        if (shell->count == PARAMETERS_MAX) {
            text_format(why, "more than %d parameters", PARAMETERS_MAX);
            return ERR_USAGE;
        }
        const char *text = json_string_value(json_array_get(value, 0));
        shell->list[shell->count++] = (struct ssm_api_parameter){name, text};
    }
    return ERR_OK;
}

static enum err parse_parameters(struct shell *shell, const struct options *options)
{
    const char *text = options->values[OPTION_PARAMETERS];
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    if (text == NULL) {
        return ERR_OK;
    }
    enum err err = document_parameters_parse(text, &shell->parameters, &why);
    err = err == ERR_OK ? list_parameters(shell, &why) : err;
    if (err != ERR_OK) {
        log_error("shell: --parameters: %s", why.len > 0 ? memory : err_text(err));
    }
    return err;
}

static enum err parse(struct shell *shell, const struct options *options)
{
    TRY(node_access_parse(&shell->access, options));
    return parse_parameters(shell, options);
}

/* ---- the session ---- */

static enum err before_start(void *context, struct node_access *access)
{
    struct shell *shell = context;
    data_key_join(&shell->key, &shell->session, &access->client);
    return ERR_OK;
}

static enum err run(struct shell *shell, struct node_session_want *want)
{
    struct node_access *access = &shell->access;
    TRY(node_access_open(access));
    TRY(shell_side_open(&shell->side, &access->client));
    want->local = shell_side_local(&shell->side);
    return node_session_run(&shell->session, access, want);
}

/* What the program said counts, where its agent tells: a Windows program may say more than a shell here can take. */
static int exit_code_of(const struct shell *shell, int exit_code)
{
    struct channel_result result = {.has_exit_code = false};
    if (shell->session.channel != NULL) {
        result = channel_result(shell->session.channel);
    }
    if (exit_code != 0 || !result.has_exit_code) {
        return exit_code;
    }
    bool fits = result.exit_code >= 0 && result.exit_code <= EXIT_CODE_MAX;
    return fits ? (int)result.exit_code : EXIT_CODE_MAX;
}

static int run_and_leave(struct shell *shell)
{
    struct node_session_want want = {
        .label = "shell",
        .parameters = shell->list,
        .parameter_count = shell->count,
        .purpose = CHANNEL_FOR_SHELL,
        .before_start = before_start,
        .context = shell,
    };
    enum err err = run(shell, &want);
    shell_side_close(&shell->side);
    char memory[NODE_SESSION_NAME_SIZE];
    struct text name = text_in(memory, sizeof memory);
    node_session_put_name(&shell->access, &want, &name);
    if (err == ERR_OK && shell->side.is_ended) {
        log_notice("%s: closed", memory);
    }
    int exit_code = exit_code_of(shell, node_access_report(&shell->access, memory, err));
    node_session_end(&shell->session);
    data_key_leave(&shell->key, &shell->access.client);
    return exit_code;
}

static int shell_run(const struct options *options)
{
    struct shell shell = {.parameters = NULL};
    enum err err = parse(&shell, options);
    int exit_code = err == ERR_OK ? run_and_leave(&shell) : err_exit_code(err);
    node_access_close(&shell.access);
    json_decref(shell.parameters);
    return exit_code;
}

const struct verb shell_verb = {
    .name = "shell",
    .arguments = "[--] TARGET",
    .summary = "Open a Session Manager shell on a node.",
    .details = "TARGET is as for connect. Without --document-name, the shell that the preferences of Session Manager "
               "describe.\n"
               "In a terminal, \"~.\" at the beginning of a line ends the session, and \"~?\" says what else there is.",
    .options = OPTIONS_NODE_ACCESS | OPTION_BIT(OPTION_PARAMETERS),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = shell_run,
};
