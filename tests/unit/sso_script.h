/* sso_script: plays a machine of core/credential_want against a script: what it must want, in order, and what it is
 * answered. Secrets in a script have "SECRET" in them, so that words with one of them are noticed. */
#ifndef SSM_TESTS_UNIT_SSO_SCRIPT_H
#define SSM_TESTS_UNIT_SSO_SCRIPT_H

#include "tests/support/unit.h"
#include "tests/unit/given_config.h"

#include "proxy/core/credential_want.h"

#define SCRIPT_NOW INT64_C(1795274327) /* 2026-11-21T15:18:47Z */
#define SCRIPT_STEPS_MAX 12

/* One want and its answer. */
struct script_step {
    enum credential_want_kind kind; /* NOTHING ends the script */
    const char *about;              /* FILE, STORE: the end of the path; CALL: method and URL */
    const char *content;            /* CALL: a part of the body, or of the token's header; STORE: a part of the text */
    enum err err;                   /* with `answer` as the words for it */
    int status;                     /* CALL */
    const char *error_type;         /* CALL */
    const char *answer;             /* CALL: the body; FILE: the text, NULL when there is none */
    int64_t later_s;                /* the answer comes so long after SCRIPT_NOW */
    bool has_pause;                 /* before it */
};

typedef enum err (*script_machine)(void *machine, const struct credential_answer *answer,
                                   struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                                   struct text *ret_why);

static inline bool script_ends_with(const char *text, const char *end)
{
    size_t text_len = strlen(text);
    size_t end_len = strlen(end);
    return text_len >= end_len && strcmp(text + text_len - end_len, end) == 0;
}

static inline void script_check_call(size_t at, const struct script_step *step, const struct aws_request *request)
{
    char memory[LIMIT_STREAM_URL + 512];
    struct text line = text_in(memory, sizeof memory);
    text_format(&line, "%s ", request->method);
    endpoint_put_url(&request->url, &line);
    if (strcmp(memory, step->about) != 0) {
        fail_msg("step %zu: %s, not %s", at, memory, step->about);
    }
    assert_null(request->signing_name);
    const char *content = request->body != NULL ? request->body : request->headers[0].value;
    if (step->content != NULL && strstr(content, step->content) == NULL) {
        fail_msg("step %zu: %s is not in %s", at, step->content, content);
    }
}

static inline void script_check_want(size_t at, const struct script_step *step, const struct credential_want *want)
{
    if (want->kind != step->kind) {
        fail_msg("step %zu: wants %d (%s), not %d (%s)", at, (int)want->kind, want->path != NULL ? want->path : "",
                 (int)step->kind, step->about != NULL ? step->about : "nothing more");
    }
    if ((want->pause_us > 0) != step->has_pause) {
        fail_msg("step %zu: %s", at, step->has_pause ? "no pause" : "a pause");
    }
    if (want->kind == CREDENTIAL_WANT_CALL) {
        script_check_call(at, step, want->request);
        return;
    }
    if (!script_ends_with(want->path, step->about)) {
        fail_msg("step %zu: %s, not %s", at, want->path, step->about);
    }
    if (want->kind == CREDENTIAL_WANT_STORE && step->content != NULL &&
        strstr((const char *)want->text.data, step->content) == NULL) {
        fail_msg("step %zu: %s is not in %s", at, step->content, (const char *)want->text.data);
    }
}

/* What the machine comes to at the end of the script, which it must reach and not pass. It begins `later_s` after
 * SCRIPT_NOW. */
static inline enum err script_play(script_machine next, void *machine, const struct script_step *steps, int64_t later_s,
                                   struct aws_credentials *ret_credentials, struct text *why)
{
    struct credential_answer answer = {.kind = CREDENTIAL_WANT_NOTHING, .unix_seconds = SCRIPT_NOW + later_s};
    for (size_t i = 0;; i++) {
        struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
        enum err err = next(machine, &answer, &want, ret_credentials, why);
        assert_null(strstr(why->data, "SECRET"));
        if (err != ERR_AGAIN) {
            if (steps[i].kind != CREDENTIAL_WANT_NOTHING) {
                fail_msg("step %zu: ended with %d (%s), not with %s", i, (int)err, why->data, steps[i].about);
            }
            return err;
        }
        script_check_want(i, &steps[i], &want);
        answer = (struct credential_answer){
            .kind = want.kind,
            .unix_seconds = SCRIPT_NOW + steps[i].later_s,
            .err = steps[i].err,
            .why = steps[i].answer,
            .reply = {.http_status = steps[i].status, .error_type = steps[i].error_type},
        };
        if (steps[i].err == ERR_OK && steps[i].answer != NULL) {
            answer.text = answer.reply.body = bytes_of_text(steps[i].answer);
        }
    }
}

#endif
