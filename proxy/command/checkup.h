/* checkup: what the checks of `ssm-proxy doctor` share: the client, the node, and a report of each check, which is on
 * standard output as soon as it is known. */
#ifndef SSM_PROXY_COMMAND_CHECKUP_H
#define SSM_PROXY_COMMAND_CHECKUP_H

#include "proxy/command/node_choice.h"
#include "proxy/command/output.h"
#include "proxy/core/aws_service.h"
#include "proxy/core/check.h"

/* For each group of calls. */
#define CHECKUP_TIMEOUT_US (30 * 1000 * 1000)

struct checkup {
    const struct options *options;
    struct aws_config_flags flags; /* of the command line */
    const char *target;            /* as the person says it; NULL: none */
    struct node_choice choice;
    struct client client;
    struct output output;
    size_t counts[CHECK_STATUS_COUNT];
    bool is_unreachable[AWS_SERVICE_COUNT]; /* tried, in vain: no call of it is worth the wait */
    enum err first_failure;                 /* ERR_OK: nothing has failed */
    char first_words[1024];                 /* what failed first, and what to do */
};

/* A check that is under way. */
struct checkup_item {
    struct check check;
    int64_t began_us;
};

/* `subject` may be "". */
struct checkup_item checkup_begin(const char *name, const char *subject);

/* Each reports the check. ERR_SYSTEM: standard output cannot be written, see output.h; with words in client->why. */
enum err checkup_pass(struct checkup *checkup, struct checkup_item *item, const char *format, ...)
    __attribute__((format(printf, 3, 4))) SSM_MUST_USE;
enum err checkup_skip(struct checkup *checkup, struct checkup_item *item, const char *reason) SSM_MUST_USE;
/* It works; `detail` says what could be better, `advice` how. */
enum err checkup_warn(struct checkup *checkup, struct checkup_item *item, const char *detail,
                      const char *advice) SSM_MUST_USE;
/* The words are those of client->why, which is empty then. `advice`: what to do where this check knows more than
 * the error alone says; NULL otherwise. */
enum err checkup_fail(struct checkup *checkup, struct checkup_item *item, enum err err,
                      const char *advice) SSM_MUST_USE;

/* The check's time is shown. */
void checkup_time(struct checkup_item *item);

/* A signal came: no more checks. */
static inline bool checkup_is_over(const struct checkup *checkup)
{
    return checkup->client.signal != 0 || checkup->output.is_reader_gone;
}

#endif
