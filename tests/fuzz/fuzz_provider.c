/* process_credentials, container_credentials, imds: any setting, any environment, any answers. The input is a command
 * and what it prints, the environment (NAME=value lines), a token file, and replies ("200body"), each ended by a NUL
 * byte. Every machine comes to an end; what it asks for goes to hosts that may be asked; what it refuses has a sentence
 * without what was printed or replied. */
#include "tests/fuzz/fuzz_aws.h"

#include "common/auto.h"
#include "proxy/core/container_credentials.h"
#include "proxy/core/imds.h"
#include "proxy/core/metadata_url.h"
#include "proxy/core/process_credentials.h"

#define NOW INT64_C(1709208000)
#define MAX_STEPS 5
/* No value of a document is told: what stands between these is one, where it is the document's only one. */
#define SECRET_MEMBER "\"SecretAccessKey\":\""
#define MARK "Zx9+MARK"

static void check_credentials(const struct aws_credentials *credentials)
{
    MUST(credentials->access_key_id[0] != '\0' && secret_is_set(&credentials->secret_access_key));
    MUST(strpbrk(credentials->secret_access_key.reveal, " \r\n") == NULL);
    MUST(!secret_is_set(&credentials->session_token) || strpbrk(credentials->session_token.reveal, " \r\n") == NULL);
}

static void check_end(enum err err, const struct aws_credentials *credentials, const struct text *why)
{
    if (err == ERR_OK) {
        check_credentials(credentials);
        return;
    }
    MUST(why->len > 0 && credentials->access_key_id[0] == '\0');
    MUST(strstr(why->data, MARK) == NULL);
}

static void check_request(const struct credential_want *want, const char *const *addresses)
{
    const struct aws_request *request = want->request;
    MUST(want->is_direct && want->signer == NULL && want->tries > 0 && want->timeout_us > 0);
    MUST(metadata_url_is_trusted(&request->url, addresses) && request->url.path[0] == '/');
    for (size_t i = 0; i < request->header_count; i++) {
        MUST(strpbrk(request->headers[i].value, "\r\n") == NULL);
    }
}

/* ---- a process ---- */

static void run_process(const char *command, struct bytes output, struct text *why)
{
    AUTO(process_credentials_free) struct process_credentials *process = NULL;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    enum err err = process_credentials_new(command, "default", &process, why);
    MUST(err == ERR_OK || (err == ERR_CONFIG && why->len > 0));
    if (err != ERR_OK) {
        return;
    }
    struct credential_answer answer = {.unix_seconds = NOW};
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    MUST(process_credentials_next(process, &answer, &want, &credentials, why) == ERR_AGAIN);
    size_t len = 0;
    for (size_t i = 0; want.arguments[i] != NULL; i++) {
        len += strlen(want.arguments[i]) + (i > 0);
    }
    MUST(want.kind == CREDENTIAL_WANT_PROCESS && want.arguments[0] != NULL && len <= strlen(command));
    answer = (struct credential_answer){.kind = CREDENTIAL_WANT_PROCESS, .unix_seconds = NOW, .text = output};
    err = process_credentials_next(process, &answer, &want, &credentials, why);
    MUST(err != ERR_AGAIN);
    if (strstr(want.arguments[0], MARK) == NULL) { /* the program's name is told */
        check_end(err, &credentials, why);
    }
}

/* ---- services ---- */

struct script {
    struct bytes token_file;
    struct bytes replies;
};

/* "404body"; without a number it is an answer that did not come. */
static struct credential_answer take_answer(struct script *script, const struct credential_want *want)
{
    struct credential_answer answer = {.kind = want->kind, .unix_seconds = NOW};
    if (want->kind == CREDENTIAL_WANT_FILE) {
        answer.text = script->token_file;
        return answer;
    }
    struct bytes reply = fuzz_take_until(&script->replies, '\0');
    int status = 0;
    while (reply.len > 0 && reply.data[0] >= '0' && reply.data[0] <= '9' && status < 100) {
        status = status * 10 + reply.data[0] - '0';
        reply = bytes_from(reply, 1);
    }
    answer.err = status != 0 ? ERR_OK : reply.len > 0 ? ERR_TIMEOUT : ERR_UNREACHABLE;
    answer.why = "no answer";
    answer.reply = (struct aws_reply){.http_status = status, .body = reply};
    return answer;
}

static void ask_container(const struct aws_config *config, struct script script, struct text *why)
{
    static const char *const addresses[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", NULL};
    AUTO(container_credentials_free) struct container_credentials *container = NULL;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    enum err err = container_credentials_new(config, &container, why);
    struct credential_answer answer = {.unix_seconds = NOW};
    for (int step = 0; err == ERR_OK; step++) {
        struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
        err = container_credentials_next(container, &answer, &want, &credentials, why);
        if (err != ERR_AGAIN) {
            check_end(err, &credentials, why);
            return;
        }
        MUST(step < MAX_STEPS);
        if (want.kind == CREDENTIAL_WANT_CALL) {
            check_request(&want, addresses);
        }
        answer = take_answer(&script, &want);
        err = ERR_OK;
    }
    MUST(why->len > 0);
}

static void ask_instance(const struct aws_config *config, enum imds_item item, struct script script, struct text *why)
{
    static const char *const addresses[] = {"169.254.169.254", "fd00:ec2::254", NULL};
    AUTO(imds_free) struct imds *imds = NULL;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    MUST(imds_new(config, item, &imds) == ERR_OK);
    struct credential_answer answer = {.unix_seconds = NOW};
    for (int step = 0;; step++) {
        char region[LIMIT_REGION + 1] = "";
        struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
        enum err err = item == IMDS_REGION ? imds_next_region(imds, &answer, &want, region, why)
                                           : imds_next(imds, &answer, &want, &credentials, why);
        if (err != ERR_AGAIN && item == IMDS_REGION) {
            MUST(err == ERR_OK ? endpoint_region_is_valid(region) : why->len > 0);
            return;
        }
        if (err != ERR_AGAIN) {
            check_end(err, &credentials, why);
            return;
        }
        MUST(step < MAX_STEPS);
        check_request(&want, addresses);
        answer = take_answer(&script, &want);
    }
}

/* Nowhere but as a secret: a host's name may well be told. */
static bool is_only_a_secret(struct bytes input)
{
    size_t marks = 0;
    size_t secrets = 0;
    for (size_t at = 0; at + strlen(MARK) <= input.len; at++) {
        marks += memcmp(input.data + at, MARK, strlen(MARK)) == 0;
    }
    for (size_t at = 0; at + strlen(SECRET_MEMBER MARK) <= input.len; at++) {
        secrets += memcmp(input.data + at, SECRET_MEMBER MARK, strlen(SECRET_MEMBER MARK)) == 0;
    }
    return marks == secrets;
}

static void ask_services(struct fuzz_environment *environment, struct script script)
{
    static char words[64 * 1024];
    struct text why = text_in(words, sizeof words);
    struct aws_config_input input = {
        .environment = {fuzz_environment_look_up, environment},
        .config = {"config", bytes_of(NULL, 0)},
        .credentials = {"credentials", bytes_of(NULL, 0)},
    };
    AUTO(aws_config_free) struct aws_config *config = NULL;
    if (aws_config_open(&input, &config, &why) != ERR_OK) {
        return; /* AWS_PROFILE */
    }
    ask_container(config, script, &why);
    text_clear(&why);
    ask_instance(config, IMDS_CREDENTIALS, script, &why);
    text_clear(&why);
    ask_instance(config, IMDS_REGION, script, &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char words[64 * 1024];
    struct text why = text_in(words, sizeof words);
    struct bytes rest = bytes_of(data, size);
    if (!is_only_a_secret(rest)) {
        return 0;
    }
    AUTO_FREE char *command = fuzz_string(fuzz_take_until(&rest, '\0'));
    struct bytes output = fuzz_take_until(&rest, '\0');
    struct bytes lines = fuzz_take_until(&rest, '\0');
    bool is_told = lines.len > 0 && memmem(lines.data, lines.len, MARK, strlen(MARK)) != NULL;
    if (strstr(command, MARK) != NULL || is_told) {
        return 0;
    }
    run_process(command, output, &why);
    AUTO(fuzz_environment_free) struct fuzz_environment environment = fuzz_environment_read(lines);
    struct script script = {.token_file = fuzz_take_until(&rest, '\0')};
    script.replies = rest;
    ask_services(&environment, script);
    return 0;
}
