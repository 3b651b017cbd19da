/* fuzz_aws: what the targets about AWS share: an environment out of the input, and what every refusal must be like. */
#ifndef SSM_TESTS_FUZZ_AWS_H
#define SSM_TESTS_FUZZ_AWS_H

#include "tests/fuzz/fuzz_support.h"

#include "proxy/core/service_failure.h"

struct fuzz_environment {
    char *text; /* NAME=value, each ended by a NUL byte; owned */
    size_t len;
};

/* From lines; what has no '=' is no variable. */
static inline struct fuzz_environment fuzz_environment_read(struct bytes lines)
{
    struct fuzz_environment environment = {.text = fuzz_string(lines), .len = lines.len};
    for (size_t i = 0; i < environment.len; i++) {
        environment.text[i] = (char)(environment.text[i] == '\n' ? '\0' : environment.text[i]);
    }
    return environment;
}

static inline void fuzz_environment_free(struct fuzz_environment *environment)
{
    free(environment->text);
}

/* As struct aws_config_environment wants it. */
static inline const char *fuzz_environment_look_up(void *context, const char *name)
{
    const struct fuzz_environment *environment = context;
    size_t name_len = strlen(name);
    for (size_t at = 0; at < environment->len; at += strlen(environment->text + at) + 1) {
        if (strncmp(environment->text + at, name, name_len) == 0 && environment->text[at + name_len] == '=') {
            return environment->text + at + name_len + 1;
        }
    }
    return NULL;
}

static inline bool fuzz_is_showable(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (text_is_control(*at)) {
            return false;
        }
    }
    return true;
}

static inline void fuzz_check_failure(enum err err, const struct aws_reply *reply,
                                      const struct service_failure *failure)
{
    MUST(err != ERR_OK && err != ERR_AGAIN && err < ERR_COUNT);
    MUST(failure->http_status == reply->http_status);
    MUST(fuzz_is_showable(failure->type) && fuzz_is_showable(failure->message));
    MUST(failure->type[0] != '\0' || failure->message[0] != '\0' || reply->http_status != 200);
}

#endif
