/* chain_script: a credential_chain against answers that a test writes down: what is wanted, in which order, and what
 * comes of it. */
#ifndef SSM_TESTS_UNIT_CHAIN_SCRIPT_H
#define SSM_TESTS_UNIT_CHAIN_SCRIPT_H

#include "tests/support/unit.h"
#include "tests/unit/given_config.h"

#include "proxy/core/credential_chain.h"

#define NOW INT64_C(1709208000) /* 2024-02-29T12:00:00Z */

/* One want that is expected, and the answer. */
struct exchange {
    enum credential_want_kind kind;
    const char *holds[4]; /* in what is wanted, see describe; "!x": not x */
    const char *text;     /* of the file, the code, or the reply's body; NULL: no such file */
    int http_status;
    enum err err;
    const char *why;
};

#define MAX_EXCHANGES 10
struct script {
    struct exchange exchanges[MAX_EXCHANGES];
};

static char why_memory[4096];

static inline void describe(const struct credential_want *want, struct text *text)
{
    switch (want->kind) {
    case CREDENTIAL_WANT_CALL:
        text_format(text, "signer=%s signing=%s url=", want->signer == NULL ? "nobody" : want->signer->access_key_id,
                    want->request->signing_name == NULL ? "none" : want->request->signing_name);
        endpoint_put_url(&want->request->url, text);
        text_format(text, " region=%s body=%s&", want->request->region, want->request->body);
        break;
    case CREDENTIAL_WANT_FILE:
        text_put(text, want->path);
        break;
    case CREDENTIAL_WANT_STORE:
        text_format(text, "%s %.*s", want->path, (int)want->text.len, (const char *)want->text.data);
        break;
    case CREDENTIAL_WANT_CODE:
        text_put(text, want->prompt);
        break;
    case CREDENTIAL_WANT_PROCESS:
    case CREDENTIAL_WANT_NOTHING:
        break;
    }
}

static inline void check_want(const struct credential_want *want, const struct exchange *expected, size_t number)
{
    char memory[8192];
    struct text text = text_in(memory, sizeof memory);
    describe(want, &text);
    if (want->kind != expected->kind) {
        fail_msg("want %zu is of kind %d, not %d: %s", number, (int)want->kind, (int)expected->kind, memory);
    }
    for (size_t i = 0; i < sizeof expected->holds / sizeof expected->holds[0] && expected->holds[i] != NULL; i++) {
        const char *holds = expected->holds[i];
        bool is_without = *holds == '!';
        if ((strstr(memory, holds + is_without) == NULL) != is_without) {
            fail_msg("want %zu: \"%s\", of \"%s\"", number, memory, holds);
        }
    }
}

static inline struct credential_answer answer_of(const struct exchange *exchange)
{
    return (struct credential_answer){
        .kind = exchange->kind,
        .unix_seconds = NOW,
        .err = exchange->err,
        .why = exchange->why,
        .reply = {.http_status = exchange->http_status == 0 ? 200 : exchange->http_status,
                  .body = given_text(exchange->text)},
        .text = given_text(exchange->text),
    };
}

static inline enum err resolve(struct given_config given, const struct script *script,
                               struct aws_credentials *ret_credentials)
{
    struct text why = text_in(why_memory, sizeof why_memory);
    AUTO(aws_config_free) struct aws_config *config = NULL;
    AUTO(credential_chain_free) struct credential_chain *chain = NULL;
    assert_ok(given_config_open(&given, &config, &why));
    assert_ok(credential_chain_new(config, &chain));
    struct credential_answer answer = {.unix_seconds = NOW};
    for (size_t i = 0;; i++) {
        struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
        enum err err = credential_chain_next(chain, &answer, &want, ret_credentials, &why);
        const struct exchange *next = i < MAX_EXCHANGES ? &script->exchanges[i] : &(struct exchange){.kind = 0};
        if (err != ERR_AGAIN) {
            if (next->kind != CREDENTIAL_WANT_NOTHING) {
                fail_msg("ends (%s: %s) before want %zu", err_text(err), why_memory, i);
            }
            return err;
        }
        check_want(&want, next, i);
        answer = answer_of(next);
    }
}

static inline void assert_says(const char *words)
{
    if (strstr(why_memory, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", why_memory, words);
    }
    assert_null(strstr(why_memory, "hunter2"));
}

static inline void assert_refused(struct given_config given, const struct script *script, enum err expected,
                                  const char *words)
{
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.access_key_id = "before"};
    enum err err = resolve(given, script, &credentials);
    if (err != expected) {
        fail_msg("%s (%s) instead of: %s", err_text(err), why_memory, words);
    }
    assert_says(words);
    assert_string_equal(credentials.access_key_id, "before");
}

static inline void assert_resolved(struct given_config given, const struct script *script, const char *id,
                                   enum aws_credentials_source source)
{
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.source = AWS_CREDENTIALS_NONE};
    enum err err = resolve(given, script, &credentials);
    if (err != ERR_OK) {
        fail_msg("%s: %s", err_text(err), why_memory);
    }
    assert_string_equal(credentials.access_key_id, id);
    assert_int_equal(credentials.source, source);
    assert_string_equal(why_memory, "");
}

static const struct script nothing_wanted = {.exchanges = {{.kind = CREDENTIAL_WANT_NOTHING}}};

#endif
