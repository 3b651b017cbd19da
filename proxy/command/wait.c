/* wait: until a node can take a session. */
#include "common/log.h"
#include "proxy/command/explain_offline.h"
#include "proxy/command/failure.h"
#include "proxy/command/node_choice.h"
#include "proxy/command/verbs.h"
#include "proxy/command/wait_node.h"
#include "proxy/edge/clock.h"

#define NAME_SIZE (2 * LIMIT_TARGET + 32)
#define EXPLAIN_US (20 * 1000 * 1000) /* explain_offline itself takes less */

struct wait {
    const struct options *options;
    struct node_choice choice;
    struct client client;
};

static enum err find_and_wait(struct wait *wait, const struct aws_config_flags *flags, int64_t timeout_us)
{
    struct client *client = &wait->client;
    TRY(node_choice_open(&wait->choice, client, flags, timeout_us));
    TRY(client_resolve(client, true, client->deadline_us));
    TRY(node_choice_find(&wait->choice, client));
    struct wait_node node = {
        .name = wait->options->arguments[0],
        .id = wait->choice.id,
        .deadline_us = client->deadline_us,
        .may_start = options_has(wait->options, OPTION_START),
    };
    enum err err = wait_node(client, &node);
    log_progress(NULL);
    if (err == ERR_OK && node.is_unknown) {
        text_put(&client->why, "the permission ssm:GetConnectionStatus is needed to wait for a node");
        return ERR_DENIED;
    }
    return err;
}

/* "timed out: it has not come online, it is stopped; its agent has ..." */
static void explain(struct wait *wait)
{
    char memory[640];
    struct text cause = text_in(memory, sizeof memory);
    wait->client.deadline_us = clock_mono_us() + EXPLAIN_US; /* the one for waiting is over */
    explain_offline(&wait->client, wait->choice.id, options_has(wait->options, OPTION_SEARCH_REGIONS), &cause);
    text_format(&wait->client.why, "%s%s", cause.len > 0 ? "; " : "", cause.data);
}

static int report(struct wait *wait, enum err err)
{
    const char *target = wait->options->arguments[0];
    const char *id = wait->choice.id;
    if (err == ERR_TIMEOUT && id[0] != '\0') {
        explain(wait);
    }
    char memory[NAME_SIZE];
    struct text name = text_in(memory, sizeof memory);
    text_put(&name, target);
    if (id[0] != '\0' && strcmp(id, target) != 0) {
        text_format(&name, " (%s)", id);
    }
    return failure_report(memory, err, &wait->client.why, wait->client.signal);
}

static int wait_run(const struct options *options)
{
    struct wait wait = {.options = options};
    struct aws_config_flags flags = proxy_options_flags(options);
    int64_t timeout_us;
    if (proxy_options_seconds(options, OPTION_TIMEOUT, PROXY_OPTIONS_WAIT_S, &timeout_us) != ERR_OK) {
        return err_exit_code(ERR_USAGE);
    }
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum err err = node_choice_read(&wait.choice, options->arguments[0], &flags, &why);
    if (err != ERR_OK) {
        log_error("wait: %s", why.len > 0 ? why.data : err_text(err));
        node_choice_free(&wait.choice);
        return err_exit_code(err);
    }
    int exit_code = report(&wait, find_and_wait(&wait, &flags, timeout_us));
    client_close(&wait.client);
    node_choice_free(&wait.choice);
    return exit_code;
}

const struct verb wait_verb = {
    .name = "wait",
    .arguments = "[--] TARGET",
    .summary = "Wait until a node can take a session.",
    .details =
        "TARGET is as for connect. An id is waited for even when nobody knows it yet; a name must be some node's.\n"
        "Exit status 75 when the time is over: --timeout, 300 s unless given.",
    .options = OPTIONS_AWS | OPTION_BIT(OPTION_TIMEOUT) | OPTION_BIT(OPTION_START) | OPTION_BIT(OPTION_SEARCH_REGIONS),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = wait_run,
};
