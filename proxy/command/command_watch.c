#include "proxy/command/command_watch.h"

#include "common/log.h"
#include "proxy/command/command_calls.h"
#include "proxy/edge/clock.h"

#include <unistd.h>

#define FIRST_PAUSE_US (200 * 1000)
#define LONGEST_PAUSE_US (3 * 1000 * 1000)
#define PASS_US (1000 * 1000)           /* between two looks at all nodes, */
#define PASS_PAGE_US (250 * 1000)       /* and so much more for each page: four calls a second at most */
#define FAILURES_MAX 5                  /* of polls in a row, each of which was tried several times */
#define CANCEL_US (30 * 1000 * 1000)    /* until what was cancelled is over */
#define LINES_MAX 100                   /* of more nodes only the failures are told */
#define OUTPUT_NODES_MAX LIMIT_API_PAGE /* one page: what they have written comes with it */
#define NAMED_MAX 10                    /* nodes in a message */

void command_watch_free(struct command_watch *watch)
{
    command_outcome_forget(&watch->told);
}

/* ---- progress ---- */

static void show_counts(const struct command_watch *watch)
{
    const struct command_api_command *command = watch->command;
    char memory[160];
    struct text line = text_in(memory, sizeof memory);
    if (command->target_count == 0) {
        text_put(&line, "the nodes are being found");
    } else if (command->target_count == 1) {
        text_put(&line, "it is not done yet");
    } else {
        text_format(&line, "%lld of %lld nodes done", (long long)command->completed_count,
                    (long long)command->target_count);
    }
    if (command->error_count > 0) {
        text_format(&line, ", %lld failed", (long long)command->error_count);
    }
    text_put(&line, watch->is_cancelled ? "; being cancelled" : watch->may_cancel ? " (Ctrl-C cancels)" : "");
    log_progress(line.data);
}

static bool shows_lines(const struct command_watch *watch)
{
    return !watch->printer->tells_outcomes && watch->command->target_count > 1;
}

static void show_node(const struct command_watch *watch, const struct command_api_invocation *invocation)
{
    char label[1024], outcome[128];
    struct text label_text = text_in(label, sizeof label), text = text_in(outcome, sizeof outcome);
    bool is_told = watch->command->target_count <= LINES_MAX || command_outcome_exit_code(invocation) != 0;
    bool is_known =
        (watch->is_cancelled && invocation->status == COMMAND_API_CANCELLED) || command_outcome_is_left_out(invocation);
    if (shows_lines(watch) && is_told && !is_known) {
        command_printer_put_label(watch->printer, invocation, &label_text);
        command_outcome_put(invocation, &text);
        log_notice("%s: %s", label, outcome);
    }
}

static enum err tell_page(void *context, struct command_api_invocations *page)
{
    struct command_watch *watch = context;
    for (size_t i = 0; i < page->count; i++) {
        struct command_api_invocation *invocation = &page->items[i];
        bool is_new = false;
        if (command_api_is_over(invocation->status)) {
            TRY(command_outcome_note(&watch->told, invocation->node_id, &is_new));
        }
        if (is_new) {
            show_node(watch, invocation);
            TRY(watch->prints ? command_printer_put(watch->printer, invocation) : ERR_OK);
        }
    }
    return ERR_OK;
}

/* All nodes, where somebody is told of them one by one. */
static enum err look_at_nodes(struct command_watch *watch)
{
    const struct command_api_command *command = watch->command;
    bool is_over = command_api_is_over(command->status);
    bool is_news = command->completed_count != watch->seen_count || is_over;
    if (!(watch->prints || shows_lines(watch)) || !is_news || (!is_over && clock_mono_us() < watch->next_pass_us)) {
        return ERR_OK;
    }
    bool has_output = watch->prints || command->target_count <= OUTPUT_NODES_MAX;
    watch->seen_count = command->completed_count;
    TRY(command_calls_visit(watch->client, command->id, has_output, tell_page, watch));
    int64_t pages = (command->target_count + LIMIT_API_PAGE - 1) / LIMIT_API_PAGE;
    watch->next_pass_us = clock_mono_us() + PASS_US + pages * PASS_PAGE_US;
    return ERR_OK;
}

/* ---- a signal ---- */

struct names {
    const struct command_watch *watch;
    struct text text;
    size_t count;
};

static enum err name_unfinished(void *context, struct command_api_invocations *page)
{
    struct names *names = context;
    for (size_t i = 0; i < page->count; i++) {
        enum command_api_status status = page->items[i].status;
        if (status == COMMAND_API_SUCCESS || status == COMMAND_API_FAILED || status == COMMAND_API_TIMED_OUT) {
            continue;
        }
        if (names->count++ < NAMED_MAX) {
            text_put(&names->text, names->count > 1 ? ", " : "");
            text_put(&names->text, command_printer_name(names->watch->printer, &page->items[i]));
        }
    }
    return ERR_OK;
}

static enum err cancel(struct command_watch *watch)
{
    char memory[1600];
    struct names names = {.watch = watch, .text = text_in(memory, sizeof memory)};
    watch->is_cancelled = true;
    TRY(command_calls_cancel(watch->client, watch->command->id));
    TRY(command_calls_visit(watch->client, watch->command->id, false, name_unfinished, &names));
    if (names.count > NAMED_MAX) {
        text_format(&names.text, " and %zu more", names.count - NAMED_MAX);
    }
    const struct command_api_command *command = watch->command;
    bool has_begun = names.count > 0 || command->completed_count > 0;
    log_notice("cancelled%s%s",
               !has_begun        ? " before it began"
               : names.count > 0 ? "; not done were: "
                                 : "; all were done",
               memory);
    return ERR_OK;
}

/* ---- waiting ---- */

static enum err sleep_until(struct command_watch *watch, int64_t until_us)
{
    struct client *client = watch->client;
    int signal_before = client->signal;
    while (clock_mono_us() < until_us && client->signal == signal_before && !client->is_urgent) {
        TRY(client_turn(client, until_us));
    }
    return client->is_urgent ? ERR_INTERRUPTED : ERR_OK;
}

static int64_t jittered_us(struct client *client, int64_t pause_us)
{
    return pause_us - (int64_t)chance_below(&client->api.chance, (uint64_t)pause_us / 4 + 1);
}

static bool is_passing(const struct command_watch *watch, enum err err)
{
    return err == ERR_THROTTLED || err == ERR_SERVICE || err == ERR_UNREACHABLE || err == ERR_TIMEOUT ||
           (err == ERR_NO_TARGET && watch->is_new);
}

static enum err poll_once(struct command_watch *watch)
{
    TRY(command_calls_describe(watch->client, watch->command->id, watch->command));
    watch->is_new = false;
    show_counts(watch);
    return look_at_nodes(watch);
}

/* ERR_AGAIN: the waiting goes on. */
static enum err take_signal(struct command_watch *watch, int64_t *leave_us)
{
    struct client *client = watch->client;
    bool may_cancel = watch->may_cancel && client->signal != SIGHUP; /* a terminal that is gone wants nothing */
    if (client->is_urgent || (client->signal != 0 && !may_cancel)) {
        return ERR_INTERRUPTED;
    }
    if (client->signal != 0 && !watch->is_cancelled) {
        *leave_us = clock_mono_us() + CANCEL_US;
        TRY(cancel(watch));
    }
    return clock_mono_us() < *leave_us ? ERR_AGAIN : ERR_INTERRUPTED;
}

static enum err wait_until_over(struct command_watch *watch)
{
    struct client *client = watch->client;
    int64_t pause_us = FIRST_PAUSE_US;
    int64_t leave_us = INSTANT_NEVER;
    for (int failures = 0;;) {
        bool was_cancelled = watch->is_cancelled;
        enum err err = take_signal(watch, &leave_us);
        if (err != ERR_AGAIN) {
            return err;
        }
        err = poll_once(watch);
        if (err == ERR_INTERRUPTED && !client->is_urgent && !watch->is_cancelled) {
            continue; /* the signal is taken above */
        }
        failures = err == ERR_OK ? 0 : failures + 1;
        if (err == ERR_OK ? command_api_is_over(watch->command->status)
                          : !is_passing(watch, err) || failures > FAILURES_MAX) {
            return err;
        }
        text_clear(&client->why);
        pause_us = watch->is_cancelled && !was_cancelled ? FIRST_PAUSE_US : pause_us;
        TRY(sleep_until(watch, clock_mono_us() + jittered_us(client, pause_us)));
        pause_us = instant_earlier(pause_us * 3 / 2, LONGEST_PAUSE_US);
    }
}

enum err command_watch_run(struct command_watch *watch)
{
    enum err err = wait_until_over(watch);
    log_progress(NULL);
    return err;
}
