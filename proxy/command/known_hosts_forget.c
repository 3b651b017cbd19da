/* known-hosts forget: the next connection asks the node for its host keys again. */
#include "common/log.h"
#include "proxy/command/failure.h"
#include "proxy/command/host_key_files.h"
#include "proxy/command/node_choice.h"
#include "proxy/command/verbs.h"

#define TIMEOUT_US (INT64_C(60) * 1000 * 1000)

struct forget {
    const char *target;
    struct node_choice choice;
    struct client client;
};

/* An id is one without asking anybody. */
static enum err find(struct forget *forget, const struct aws_config_flags *flags, struct text *why)
{
    struct node_choice *choice = &forget->choice;
    if (host_key_cache_is_for(forget->target)) {
        return ERR_OK;
    }
    TRY(node_choice_read(choice, forget->target, flags, why));
    enum err err = node_choice_open(choice, &forget->client, flags, TIMEOUT_US);
    err = err == ERR_OK ? client_resolve(&forget->client, true, forget->client.deadline_us) : err;
    err = err == ERR_OK ? node_choice_find(choice, &forget->client) : err;
    text_put(why, err != ERR_OK ? forget->client.why.data : "");
    return err;
}

static enum err forget_keys(struct forget *forget, const struct aws_config_flags *flags, struct text *why)
{
    TRY(find(forget, flags, why));
    const char *id = forget->choice.id[0] != '\0' ? forget->choice.id : forget->target;
    if (!host_key_cache_is_for(id)) {
        text_format(why, "host keys are kept for instances and managed nodes alone, not for %s", id);
        return ERR_USAGE;
    }
    enum err err = host_key_files_forget(id, why);
    if (err == ERR_OK) {
        log_notice("the host keys of %s are forgotten: the next connection asks the node for them", id);
    } else if (err == ERR_NO_TARGET) {
        log_notice("no host keys of %s are kept", id);
    }
    return err == ERR_NO_TARGET ? ERR_OK : err;
}

static int forget_run(const struct options *options)
{
    struct forget forget = {.target = options->arguments[0], .client = {.signals = {.source = {.fd = -1}}}};
    struct aws_config_flags flags = proxy_options_flags(options);
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum err err = forget_keys(&forget, &flags, &why);
    int exit_code = failure_report("known-hosts forget", err, &why, forget.client.signal);
    client_close(&forget.client);
    node_choice_free(&forget.choice);
    return exit_code;
}

const struct verb known_hosts_forget_verb = {
    .name = "known-hosts forget",
    .arguments = "[--] TARGET",
    .summary = "Forget the host keys of a node, after they were changed on purpose.",
    .details = "TARGET is as for connect. The next connection asks the node for its keys again.",
    .options = OPTIONS_AWS,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = forget_run,
};
