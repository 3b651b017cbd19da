/* given_config: an environment, flags and the two files as a test writes them down, opened as a struct aws_config. */
#ifndef SSM_TESTS_UNIT_GIVEN_CONFIG_H
#define SSM_TESTS_UNIT_GIVEN_CONFIG_H

#include "proxy/core/aws_config.h"

#define GIVEN_CONFIG_PATH "/home/a/.aws/config"
#define GIVEN_CREDENTIALS_PATH "/home/a/.aws/credentials"
#define GIVEN_VARIABLES_MAX 10

/* An environment by itself: names and values, ended by a name that is NULL. */
struct given_variables {
    const char *pairs[GIVEN_VARIABLES_MAX][2];
};

struct given_config {
    const char *environment[GIVEN_VARIABLES_MAX][2]; /* likewise */
    struct aws_config_flags flags;
    const char *config;      /* NULL: no such file */
    const char *credentials; /* NULL: no such file */
};

/* `context` is the pairs. */
static inline const char *given_variable(void *context, const char *name)
{
    const char *(*pairs)[2] = context;
    for (size_t i = 0; i < GIVEN_VARIABLES_MAX && pairs[i][0] != NULL; i++) {
        if (strcmp(pairs[i][0], name) == 0) {
            return pairs[i][1];
        }
    }
    return NULL;
}

static inline struct bytes given_text(const char *text)
{
    return text == NULL ? bytes_of(NULL, 0) : bytes_of_text(text);
}

/* `given` must outlive the result. */
static inline enum err given_config_open(struct given_config *given, struct aws_config **ret_config,
                                         struct text *ret_why)
{
    struct aws_config_input input = {
        .environment = {given_variable, given->environment},
        .flags = given->flags,
        .config = {GIVEN_CONFIG_PATH, given_text(given->config)},
        .credentials = {GIVEN_CREDENTIALS_PATH, given_text(given->credentials)},
    };
    return aws_config_open(&input, ret_config, ret_why);
}

#endif
