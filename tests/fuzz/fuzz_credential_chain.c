/* credential_chain: any environment, any two files, any answers. The input is the environment (NAME=value lines;
 * "--profile" is the flag), the config file, the credentials file, and answers, each ended by a NUL byte. It comes to
 * an end, whatever is answered; what it wants makes sense; what it refuses has one line for it, without a secret. */
#include "tests/fuzz/fuzz_aws.h"

#include "common/json_view.h"
#include "proxy/core/credential_chain.h"

#define NOW INT64_C(1709208000)
/* For every role a look, a code or token, a call and a file; a base needs fewer than 20. */
#define MAX_STEPS (4 * LIMIT_ROLE_CHAIN + 20)
/* What stands as this value of an answer, where nothing else of the input has it, is told to nobody. */
#define MARK "Zx9+MARK"
#define SECRET_ELEMENT "<SecretAccessKey>" MARK
#define SECRET_MEMBER "\"SecretAccessKey\": \"" MARK

static bool holds(struct bytes text, const char *words)
{
    return text.len > 0 && memmem(text.data, text.len, words, strlen(words)) != NULL;
}

/* Nothing may put it into words: an answer that has words for the person in it is left out. */
static bool is_secret(struct bytes input, struct bytes answers)
{
    bool has_words =
        holds(answers, "ode") || holds(answers, "essage") || holds(answers, "rror") || holds(answers, "type");
    bool is_value = !has_words && (holds(answers, SECRET_ELEMENT) || holds(answers, SECRET_MEMBER));
    const uint8_t *first = is_value ? memmem(input.data, input.len, MARK, strlen(MARK)) : NULL;
    return first != NULL && !holds(bytes_from(input, (size_t)(first - input.data) + 1), MARK);
}

static bool is_one_line(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (text_is_control(*at)) {
            return false;
        }
    }
    return *text != '\0';
}

static void check_call(const struct credential_want *want)
{
    const struct aws_request *request = want->request;
    MUST(request->method != NULL && request->url.host[0] != '\0' && request->url.path[0] == '/');
    MUST(request->signing_name == NULL || want->signer == NULL || want->signer->access_key_id[0] != '\0');
    bool is_role = request->body != NULL && strncmp(request->body, "Action=", strlen("Action=")) == 0;
    MUST(!is_role || (want->signer != NULL) == (request->signing_name != NULL));
    for (size_t i = 0; i < request->header_count; i++) {
        MUST(strpbrk(request->headers[i].value, "\r\n") == NULL);
    }
}

static void check_want(const struct credential_want *want)
{
    AUTO_JSON json_t *object = NULL;
    switch (want->kind) {
    case CREDENTIAL_WANT_CALL:
        check_call(want);
        return;
    case CREDENTIAL_WANT_FILE:
        MUST(want->path[0] != '\0');
        return;
    case CREDENTIAL_WANT_STORE:
        MUST(want->path[0] != '\0' && json_view_parse_object(want->text, &object) == ERR_OK);
        return;
    case CREDENTIAL_WANT_PROCESS:
        MUST(want->arguments[0] != NULL);
        return;
    case CREDENTIAL_WANT_CODE:
        MUST(is_one_line(want->prompt));
        return;
    case CREDENTIAL_WANT_NOTHING:
        break;
    }
    MUST(want->kind != CREDENTIAL_WANT_NOTHING);
}

/* "403body" for a call, a text for everything else; "-" fails, and nothing is no such file. */
static struct credential_answer take_answer(struct bytes *answers, enum credential_want_kind kind)
{
    struct credential_answer answer = {.kind = kind, .unix_seconds = NOW, .why = "it failed"};
    struct bytes text = fuzz_take_until(answers, '\0');
    if (text.len > 0 && text.data[0] == '-') {
        answer.err = ERR_SYSTEM;
        return answer;
    }
    if (kind != CREDENTIAL_WANT_CALL) {
        answer.text = text.len == 0 ? bytes_of(NULL, 0) : text;
        return answer;
    }
    int status = 0;
    while (text.len > 0 && text.data[0] >= '0' && text.data[0] <= '9' && status < 100) {
        status = status * 10 + text.data[0] - '0';
        text = bytes_from(text, 1);
    }
    answer.err = status != 0 ? ERR_OK : ERR_UNREACHABLE;
    answer.reply = (struct aws_reply){.http_status = status, .body = text};
    return answer;
}

static void resolve(const struct aws_config *config, struct bytes answers, struct text *why)
{
    AUTO(credential_chain_free) struct credential_chain *chain = NULL;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.source = AWS_CREDENTIALS_NONE};
    MUST(credential_chain_new(config, &chain) == ERR_OK);
    struct credential_answer answer = {.unix_seconds = NOW};
    enum err err = ERR_AGAIN;
    for (int step = 0; err == ERR_AGAIN; step++) {
        struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
        MUST(step < MAX_STEPS);
        err = credential_chain_next(chain, &answer, &want, &credentials, why);
        if (err == ERR_AGAIN) {
            check_want(&want);
            answer = take_answer(&answers, want.kind);
        }
    }
    if (err == ERR_OK) {
        MUST(credentials.access_key_id[0] != '\0' && secret_is_set(&credentials.secret_access_key));
        MUST(credentials.source != AWS_CREDENTIALS_NONE && strpbrk(credentials.access_key_id, " \r\n") == NULL);
    } else {
        MUST(is_one_line(why->data) && credentials.access_key_id[0] == '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char words[64 * 1024];
    struct text why = text_in(words, sizeof words);
    struct bytes rest = bytes_of(data, size);
    struct bytes lines = fuzz_take_until(&rest, '\0');
    AUTO(fuzz_environment_free) struct fuzz_environment environment = fuzz_environment_read(lines);
    struct bytes config_text = fuzz_take_until(&rest, '\0');
    struct bytes credentials_text = fuzz_take_until(&rest, '\0');
    struct aws_config_input input = {
        .environment = {fuzz_environment_look_up, &environment},
        .flags = {.profile = fuzz_environment_look_up(&environment, "--profile")},
        .config = {"config", config_text},
        .credentials = {"credentials", credentials_text},
    };
    AUTO(aws_config_free) struct aws_config *config = NULL;
    if (aws_config_open(&input, &config, &why) == ERR_OK) {
        text_clear(&why);
        resolve(config, rest, &why);
        MUST(!is_secret(bytes_of(data, size), rest) || strstr(words, MARK) == NULL);
    }
    return 0;
}
