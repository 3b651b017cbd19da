/* park and unpark: the account closed, and open for a while. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/core/duration.h"
#include "pam_ssm/core/rfc3339.h"
#include "pam_ssm/userctl/governed.h"
#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>

static int finish(enum err err, const char *why)
{
    if (err != ERR_OK) {
        log_error("%s", why[0] != '\0' ? why : err_text(err));
    }
    return userctl_exit_code(err);
}

static enum err want_governed(const struct node *node, struct text *ret_why)
{
    if (node->has_record) {
        return ERR_OK;
    }
    text_format(ret_why, "%s is not governed yet: ssm-userctl init", node->policy.account.name);
    return ERR_DENIED;
}

/* The record first: whatever happens now, `apply` leads to the same. */
static enum err change(struct node *node, bool is_dry, struct text *ret_why)
{
    AUTO_FREE struct governed *governed = NULL;
    TRY(governed_read(node, &governed, ret_why));
    if (is_dry) {
        char memory[2048];
        struct text text = text_in(memory, sizeof memory);
        governed_put_plan(node, governed, &text);
        printf("%s", text.len > 0 ? memory : "nothing to do\n");
        return ERR_OK;
    }
    TRY(node_store_record(node, ret_why));
    return governed_run(node, governed, ret_why);
}

/* ---- park ---- */

static enum err park(struct node *node, bool is_dry, struct text *ret_why)
{
    TRY(want_governed(node, ret_why));
    account_record_park(&node->record);
    TRY(change(node, is_dry, ret_why));
    if (!is_dry) {
        printf("%s is parked\n", node->policy.account.name);
        node_audit(node, "park", "parked");
    }
    return ERR_OK;
}

static int park_run(const struct options *options)
{
    bool is_dry = options_has(options, OPTION_DRY_RUN);
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(is_dry ? NODE_READ : NODE_CHANGE, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    return finish(park(node, is_dry, &why), memory);
}

/* ---- unpark ---- */

static enum err unpark(struct node *node, int64_t duration_s, bool is_dry, struct text *ret_why)
{
    TRY(want_governed(node, ret_why));
    if (node->policy.account.park == HOST_PARK_STATIC) {
        text_put(ret_why,
                 "with Park=static the account stays expired, and pam_ssm lets each verified session in: there "
                 "is nothing to open. ssm-userctl status shows why somebody does not get in");
        return ERR_DENIED;
    }
    node->record.is_removed = false;
    account_record_unpark(&node->record, &node->now, duration_s);
    TRY(change(node, is_dry, ret_why));
    if (is_dry) {
        return ERR_OK;
    }
    char until[40];
    struct text text = text_in(until, sizeof until);
    rfc3339_put(&text, node->record.open_until_unix_s * 1000);
    printf("%s is %s until %s\n", node->policy.account.name,
           node->policy.account.park == HOST_PARK_DYNAMIC ? "open" : "there", until);
    node_audit(node, "unpark", until);
    return ERR_OK;
}

static int unpark_run(const struct options *options)
{
    int64_t duration_s = 0;
    if (!options_has(options, OPTION_FOR)) {
        log_error("unpark: --for TIME is needed: for how long?");
        return USERCTL_USAGE;
    }
    if (duration_parse(options->values[OPTION_FOR], 86400, &duration_s) != ERR_OK) {
        log_error("unpark: --for wants a time up to 1d, such as 30m or 2h, not %s", options->values[OPTION_FOR]);
        return USERCTL_USAGE;
    }
    bool is_dry = options_has(options, OPTION_DRY_RUN);
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(is_dry ? NODE_READ : NODE_CHANGE, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    return finish(unpark(node, duration_s, is_dry, &why), memory);
}

const struct verb park_verb = {
    .name = "park",
    .arguments = "[OPTIONS]",
    .summary = "Close the account now.",
    .details = "Ends `unpark` before its time. Sessions that are open go on, without sudo.\n",
    .options = OPTION_BIT(OPTION_DRY_RUN),
    .run = park_run,
};

const struct verb unpark_verb = {
    .name = "unpark",
    .arguments = "--for TIME",
    .summary = "Open the account for a while, with Park=dynamic; create it, with Park=remove.",
    .details = "`apply`, which the timer runs every minute, parks it when the time is over; a reboot ends it, too.\n",
    .options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_FOR),
    .run = unpark_run,
};
