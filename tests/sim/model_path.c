#include "tests/sim/model_path.h"

#include "tests/emulator/ack_text.h"
#include "tests/sim/model_action.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FAIR_STEPS_MAX 20000 /* ten times the longest undisturbed way seen: beyond, it never ends */

void model_path_free(struct model_path *path)
{
    free(path->actions);
    *path = (struct model_path){0};
}

static struct model_path path_of(size_t count)
{
    struct model_path path = {.actions = malloc(count + 1), .count = count};
    if (path.actions == NULL) {
        abort();
    }
    return path;
}

struct model_path model_path_to(const struct model_table *table, uint32_t state)
{
    size_t count = 0;
    for (uint32_t at = state; table->entries[at].parent != MODEL_NO_STATE; at = table->entries[at].parent) {
        count++;
    }
    struct model_path path = path_of(count);
    for (uint32_t at = state; count > 0; at = table->entries[at].parent) {
        path.actions[--count] = table->entries[at].action;
    }
    return path;
}

bool model_path_parse(const char *text, struct model_path *ret_path)
{
    struct model_path path = path_of(strlen(text));
    char *copy = strdup(text);
    bool is_good = copy != NULL;
    char *rest = NULL;
    path.count = 0;
    for (char *name = is_good ? strtok_r(copy, ", ", &rest) : NULL; name != NULL; name = strtok_r(NULL, ", ", &rest)) {
        unsigned action = model_action_by_name(name);
        if (action == model_action_count) {
            fprintf(stderr, "tunnel_model: no action %s\n", name);
            is_good = false;
            break;
        }
        path.actions[path.count++] = (uint8_t)action;
    }
    free(copy);
    *ret_path = path;
    return is_good;
}

/* ---- for a person ---- */

static void print_message(const struct model_message *wire)
{
    struct agent_message message;
    int64_t number;
    if (agent_message_parse(bytes_of(wire->wire, wire->len), &message) != ERR_OK) {
        abort();
    }
    number = message.sequence_number;
    if (message.type == AGENT_MESSAGE_ACKNOWLEDGE && !ack_text_parse(message.payload, &number)) {
        abort();
    }
    printf(" %s:%" PRId64 "/%" PRIu32, message.type == AGENT_MESSAGE_ACKNOWLEDGE ? "ack" : message.type_name, number,
           message.payload_type);
}

static void print_queue(const char *name, const struct model_queue *queue)
{
    printf("\n        %s:", name);
    for (uint32_t i = 0; i < queue->count; i++) {
        print_message(&queue->messages[i]);
    }
}

static void print_step(const struct model_world *world, const char *action)
{
    const struct channel *channel = world->channel;
    const struct agent_core *agent = world->agent;
    printf("%8.3f s  %s\n        client: state %d, sent %" PRId64 "..%" PRId64 " of %" PRId64 ", expects %" PRId64
           ", %zu bytes wait; agent: state %d, expects %" PRId64 ", %zu unacknowledged",
           (double)(world->facts.now_us % 1000000000) / 1e6, action, (int)channel->state, channel->send.first,
           channel->send.unsent, channel->send.next, channel->recv.expected, channel->output.len, (int)agent->state,
           agent->expected, agent_core_unacknowledged(agent));
    print_queue("to the client", &world->to_client);
    print_queue("to the agent", &world->to_agent);
    printf("\n");
}

/* ---- replay ---- */

static void step(struct model_world *world, unsigned action, bool is_printed)
{
    model_action_apply(world, action);
    model_state_check(world);
    if (is_printed) {
        print_step(world, model_action_name(action));
    }
}

static bool is_at_end(struct model_world *world)
{
    return model_state_end(world) != MODEL_END_NONE || world->facts.failure != NULL;
}

static void go_on_undisturbed(struct model_world *world, bool is_printed)
{
    for (unsigned steps = 0; !is_at_end(world); steps++) {
        unsigned action = model_action_fair(world);
        if (action == model_action_count) {
            model_world_fail(world, "deadlock: nothing can happen any more");
        } else if (steps == FAIR_STEPS_MAX) {
            model_world_fail(world, "it never ends, although nobody disturbs");
        } else {
            step(world, action, is_printed && steps < 200);
        }
    }
}

const char *model_path_replay(const struct model_config *config, struct sha256 *hash, const struct model_path *path,
                              bool is_printed)
{
    struct model_world *world = model_world_new(config, hash);
    if (is_printed) {
        print_step(world, "begin");
    }
    for (size_t i = 0; i < path->count && !is_at_end(world); i++) {
        if (model_action_is_enabled(world, path->actions[i])) {
            step(world, path->actions[i], is_printed);
        }
    }
    if (is_printed && !is_at_end(world)) {
        printf("            -- from here on undisturbed --\n");
    }
    go_on_undisturbed(world, is_printed);
    const char *failure = world->facts.failure;
    if (is_printed) {
        struct channel_result result = channel_result(world->channel);
        printf("            end: %s; %s %s\n", failure != NULL ? failure : model_end_name(model_state_end(world)),
               err_text(result.err), result.reason);
    }
    model_world_free(world);
    return failure;
}

static bool fails_without(const struct model_config *config, struct sha256 *hash, struct model_path *path, size_t from,
                          size_t len)
{
    struct model_path rest = path_of(path->count - len);
    memcpy(rest.actions, path->actions, from);
    memcpy(rest.actions + from, path->actions + from + len, path->count - from - len);
    bool fails = model_path_replay(config, hash, &rest, false) != NULL;
    if (fails) {
        memcpy(path->actions, rest.actions, rest.count);
        path->count = rest.count;
    }
    model_path_free(&rest);
    return fails;
}

void model_path_shorten(const struct model_config *config, struct sha256 *hash, struct model_path *path)
{
    for (size_t len = path->count / 2 + 1; len > 0; len = len / 2) {
        for (size_t from = 0; from + len <= path->count;) {
            from += fails_without(config, hash, path, from, len) ? 0 : len;
        }
    }
}

void model_path_report(const struct model_config *config, struct sha256 *hash, struct model_path *path)
{
    size_t found = path->count;
    model_path_shorten(config, hash, path);
    printf("FAILURE in %s, found after %zu steps, needs %zu:\n", config->name, found, path->count);
    model_path_replay(config, hash, path, true);
    printf("again: tunnel_model --only %s --replay '", config->name);
    for (size_t i = 0; i < path->count; i++) {
        printf("%s%s", i > 0 ? " " : "", model_action_name(path->actions[i]));
    }
    printf("'\n");
}
