#include "proxy/command/wait_node.h"

#include "common/log.h"
#include "proxy/command/inventory.h"
#include "proxy/edge/clock.h"

/* A node comes up in 30 s to some minutes; quotas of these calls are a few a second, for all of an account's users. */
#define FIRST_PAUSE_US (1 * 1000 * 1000)
#define LONGEST_PAUSE_US (5 * 1000 * 1000)
#define STATE_SIZE 32
#define CALL_US (10 * 1000 * 1000)

/* Failures that pass by themselves, or with fresh credentials. */
static bool may_pass(enum err err)
{
    return err == ERR_UNREACHABLE || err == ERR_THROTTLED || err == ERR_SERVICE || err == ERR_TIMEOUT;
}

static int64_t call_deadline_us(const struct wait_node *wait)
{
    return instant_earlier(wait->deadline_us, clock_mono_us() + CALL_US);
}

/* ---- the person sees ---- */

static void show(const struct wait_node *wait, const char *state)
{
    int64_t left_s = (wait->deadline_us - clock_mono_us()) / (1000 * 1000);
    char memory[512];
    struct text line = text_in(memory, sizeof memory);
    text_format(&line, "waiting for %.100s: %s (%lld s left)", wait->name, state, (long long)(left_s > 0 ? left_s : 0));
    log_progress(line.data);
}

/* Shows the time that passes, and ends for a signal. */
static enum err pause_for(struct client *client, const struct wait_node *wait, int64_t pause_us, const char *state)
{
    int64_t until_us = instant_earlier(wait->deadline_us, clock_mono_us() + pause_us);
    while (clock_mono_us() < until_us) {
        if (client->signal != 0) {
            return ERR_INTERRUPTED;
        }
        show(wait, state);
        TRY(client_turn(client, instant_earlier(until_us, clock_mono_us() + 1000 * 1000)));
    }
    if (clock_mono_us() >= wait->deadline_us) {
        text_clear(&client->why);
        text_format(&client->why, "it has not come online, it is %s%s%s", state,
                    wait->failure[0] != '\0' ? ", and looking at it failed: " : "", wait->failure);
        return ERR_TIMEOUT;
    }
    return ERR_OK;
}

/* ---- starting ---- */

static bool take_state(void *context, const struct ec2_api_instance *instance)
{
    text_copy_for_display(instance->state, context, sizeof instance->state);
    return false;
}

/* The state of the instance, "" when EC2 does not say. */
static enum err read_state(struct client *client, const struct wait_node *wait, char ret_state[STATE_SIZE])
{
    struct ec2_api_describe which = {.filters = {{"instance-id", wait->id}}};
    ret_state[0] = '\0';
    enum err err = inventory_instances(client, which, call_deadline_us(wait), take_state, ret_state);
    if (err == ERR_DENIED) {
        text_put(&client->why, " (--start needs the permission ec2:DescribeInstances)");
    }
    return err;
}

static enum err start_if_stopped(struct client *client, struct wait_node *wait, char ret_state[STATE_SIZE])
{
    TRY(read_state(client, wait, ret_state));
    if (strcmp(ret_state, "terminated") == 0 || strcmp(ret_state, "shutting-down") == 0) {
        text_put(&client->why, "the instance is terminated");
        return ERR_NO_TARGET;
    }
    if (strcmp(ret_state, "stopped") != 0 || wait->was_started) {
        return ERR_OK;
    }
    enum err err = inventory_start(client, wait->id, call_deadline_us(wait));
    if (err == ERR_DENIED) {
        text_put(&client->why, " (--start needs the permission ec2:StartInstances)");
    }
    TRY(err);
    wait->was_started = true;
    text_copy_for_display("starting", ret_state, STATE_SIZE);
    log_debug("%s is stopped, and was started", wait->id);
    return ERR_OK;
}

/* ---- waiting ---- */

/* One look. ERR_AGAIN: not yet. */
static enum err look(struct client *client, struct wait_node *wait, char ret_state[STATE_SIZE])
{
    TRY(client_resolve(client, true, wait->deadline_us));
    if (wait->may_start && strncmp(wait->id, "i-", 2) == 0) {
        TRY(start_if_stopped(client, wait, ret_state));
    }
    bool is_connected = false;
    enum err err = inventory_is_connected(client, wait->id, call_deadline_us(wait), &is_connected);
    if (err == ERR_DENIED) {
        log_debug("GetConnectionStatus: %s", client->why.data);
        text_clear(&client->why);
        wait->is_unknown = true;
        return ERR_OK;
    }
    TRY(err);
    return is_connected ? ERR_OK : ERR_AGAIN;
}

/* Or that there is none. */
static void keep_failure(struct wait_node *wait, enum err err, const char *words)
{
    struct text failure = text_in(wait->failure, sizeof wait->failure);
    if (err != ERR_AGAIN) {
        text_format(&failure, "%s: %s", err_text(err), words);
        log_debug("%s", failure.data);
    }
}

enum err wait_node(struct client *client, struct wait_node *wait)
{
    char state[STATE_SIZE] = "";
    int64_t pause_us = FIRST_PAUSE_US;
    if (wait->rounds++ > 0) {
        int64_t longer_us = wait->rounds * FIRST_PAUSE_US;
        TRY(pause_for(client, wait, longer_us < LONGEST_PAUSE_US ? longer_us : LONGEST_PAUSE_US, "not ready"));
    }
    for (;;) {
        enum err err = look(client, wait, state);
        if (err != ERR_AGAIN && !may_pass(err)) {
            return err;
        }
        keep_failure(wait, err, client->why.data);
        text_clear(&client->why);
        bool has_news = state[0] != '\0' && strcmp(state, "running") != 0;
        TRY(pause_for(client, wait, pause_us, has_news ? state : "not connected"));
        pause_us = pause_us * 3 / 2 < LONGEST_PAUSE_US ? pause_us * 3 / 2 : LONGEST_PAUSE_US;
    }
}
