#include "proxy/core/process_credentials.h"

#include "proxy/core/credential_document.h"

struct process_credentials {
    char **words;
    char profile[LIMIT_PROFILE + 1];
    bool is_started;
};

/* ---- words ---- */

/* shlex's. */
static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

static enum err refuse_words(const char *reason, struct text *ret_why)
{
    text_format(ret_why, "credential_process %s", reason);
    return ERR_CONFIG;
}

/* One word from *at on, which is no blank; *at is then behind it, and *out behind its copy. */
static enum err take_word(const char **at, char **out, struct text *ret_why)
{
    char quote = '\0';
    for (; quote != '\0' || (**at != '\0' && !is_blank(**at)); (*at)++) {
        char character = **at;
        if (character == '\0') {
            return refuse_words("has a quotation that is not closed", ret_why);
        }
        if (character == '\\' && quote != '\'') {
            char escaped = *++*at;
            if (escaped == '\0') {
                return refuse_words("ends with a backslash", ret_why);
            }
            if (quote == '"' && escaped != '"' && escaped != '\\') {
                *(*out)++ = '\\';
            }
            *(*out)++ = escaped;
        } else if (character == quote) {
            quote = '\0';
        } else if (quote == '\0' && (character == '\'' || character == '"')) {
            quote = character;
        } else {
            *(*out)++ = character;
        }
    }
    *(*out)++ = '\0';
    return ERR_OK;
}

enum err process_credentials_split(const char *command, char ***ret_words, struct text *ret_why)
{
    /* A word has a character at least and a blank behind it: half as many words as characters, rounded up, and the end.
     * With their terminators they need one byte more than the command. */
    size_t len = strlen(command);
    size_t words_max = len / 2 + 2;
    AUTO_FREE char **words = malloc(words_max * sizeof *words + len + 1);
    if (words == NULL) {
        return ERR_MEMORY;
    }
    char *out = (char *)(words + words_max);
    size_t count = 0;
    for (const char *at = command; *at != '\0';) {
        if (is_blank(*at)) {
            at++;
            continue;
        }
        words[count++] = out;
        TRY(take_word(&at, &out, ret_why));
    }
    words[count] = NULL;
    *ret_words = MOVE(words);
    return ERR_OK;
}

/* ---- the machine ---- */

enum err process_credentials_new(const char *command, const char *profile, struct process_credentials **ret_process,
                                 struct text *ret_why)
{
    AUTO(process_credentials_free) struct process_credentials *process = calloc(1, sizeof *process);
    if (process == NULL) {
        return ERR_MEMORY;
    }
    struct text name = text_in(process->profile, sizeof process->profile);
    text_put(&name, profile);
    enum err err = process_credentials_split(command, &process->words, ret_why);
    if (err == ERR_OK && process->words[0] == NULL) {
        err = refuse_words("is empty", ret_why);
    }
    if (err == ERR_CONFIG) {
        text_format(ret_why, " in profile \"%s\"", process->profile);
    }
    TRY(err);
    *ret_process = MOVE(process);
    return ERR_OK;
}

void process_credentials_free(struct process_credentials **process)
{
    if (*process != NULL) {
        free((*process)->words);
        free(*process);
        *process = NULL;
    }
}

/* Botocore takes 1, 1.0 and true for the number one; we the first two. */
static bool is_version_one(const json_t *version)
{
    return json_is_number(version) && json_number_value(version) >= 1 && json_number_value(version) <= 1;
}

static enum err read_output(struct bytes output, struct aws_credentials *ret_credentials, struct text *ret_why)
{
    AUTO_JSON json_t *object = NULL;
    TRY(credential_document_parse(output, &object, ret_why));
    const json_t *version = json_object_get(object, "Version");
    if (!is_version_one(version)) {
        text_put(ret_why, version == NULL ? "has no Version" : "has another Version than 1");
        return ERR_NO_CREDENTIALS;
    }
    static const struct credential_document_form form = {AWS_CREDENTIALS_PROCESS, "SessionToken", .needs_all = false};
    return credential_document_read(object, &form, ret_credentials, ret_why);
}

static enum err take_output(const struct process_credentials *process, const struct credential_answer *answer,
                            struct aws_credentials *ret_credentials, struct text *ret_why)
{
    if (answer->err != ERR_OK) {
        text_format(ret_why, "credential_process of profile \"%s\": %s", process->profile, answer->why);
        return answer->err == ERR_TOO_LONG ? ERR_NO_CREDENTIALS : answer->err;
    }
    if (answer->exit_status != 0) {
        text_format(ret_why,
                    "credential_process of profile \"%s\": %s ended with exit status %d; run it by hand to see why",
                    process->profile, process->words[0], answer->exit_status);
        return ERR_NO_CREDENTIALS;
    }
    text_format(ret_why, "credential_process of profile \"%s\": what %s printed ", process->profile, process->words[0]);
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    TRY(read_output(answer->text, &credentials, ret_why));
    TRY(credential_document_check_age(&credentials, answer->unix_seconds, ret_why));
    text_clear(ret_why);
    aws_credentials_move(&credentials, ret_credentials);
    return ERR_OK;
}

enum err process_credentials_next(struct process_credentials *process, const struct credential_answer *answer,
                                  struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                                  struct text *ret_why)
{
    if (process->is_started) {
        return take_output(process, answer, ret_credentials, ret_why);
    }
    process->is_started = true;
    *ret_want = (struct credential_want){
        .kind = CREDENTIAL_WANT_PROCESS,
        .arguments = (const char *const *)process->words,
    };
    return ERR_AGAIN;
}
