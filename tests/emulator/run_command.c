#include "tests/emulator/run_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/agent_job.h"
#include "tests/emulator/agent_update.h"
#include "tests/emulator/command_output.h"
#include "tests/emulator/lab.h"
#include "tests/emulator/lab_limits.h"

/* How soon a node that is back gets what waits for it. */
#define DELIVERY_POLL_US 100000

/* Without an acknowledgement, as from one that has just begun and drops it, an agent is told again. */
#define JOB_REPEAT_US 2000000

/* So much after its timeout, an agent that says nothing is given up. */
#define JOB_SLACK_US 60000000u

/* What the agent reports of a script that it had to kill (appconfig, CommandStoppedPreemptivelyExitCode). */
#define STOPPED_EXIT_CODE 137

struct command_table {
    struct lab *lab;
    struct command *newest;
    size_t count;
};

static void schedule(struct command *command);

/* ---- one invocation ---- */

static const char *const platforms[COMMAND_PLATFORMS] = {"Linux", "MacOS", "Windows"};

/* By its platform when the command is sent: later it may be said to be another one. */
static const struct command_plan *plan_for(const struct command *command, const struct node *node)
{
    size_t i = 0;
    while (i < COMMAND_PLATFORMS - 1 && strcmp(platforms[i], node->platform_type) != 0) {
        i++;
    }
    return &command->plans[i];
}

static void finish(struct invocation *invocation, enum invocation_state state, int code)
{
    event_loop_disarm(invocation->command->lab->loop, &invocation->timer);
    invocation->state = state;
    invocation->response_code = code;
    invocation->ended_ms = invocation->started_ms == 0 ? 0 : event_loop_unix_ms();
}

static void arm(struct invocation *invocation, uint64_t delay_us)
{
    event_loop_arm(invocation->command->lab->loop, &invocation->timer, event_loop_now_us() + delay_us);
}

static void run_script(struct invocation *invocation)
{
    const struct command *command = invocation->command;
    const struct command_plan *plan = invocation->plan;
    struct command_process_config config = {.scratch = command->lab->state_dir,
                                            .script = plan->script,
                                            .directory = plan->directory,
                                            .node_id = invocation->node->id,
                                            .region = command->region,
                                            .node_root = command->lab->options.node_root};
    if (command_process_start(&config, &invocation->process) != ERR_OK) {
        invocation->error = strdup(invocation->process.problem);
        finish(invocation, INVOCATION_FAILED, 1);
        return;
    }
    arm(invocation, (uint64_t)plan->timeout_seconds * 1000000u);
}

/* A light node says what it was told. */
static void answer_light(struct invocation *invocation)
{
    invocation->output = strdup(invocation->plan->script);
    finish(invocation, INVOCATION_SUCCESS, 0);
}

static void update_agent(struct invocation *invocation)
{
    bool is_done = agent_update_run(invocation->node, invocation->plan, &invocation->output, &invocation->error);
    finish(invocation, is_done ? INVOCATION_SUCCESS : INVOCATION_FAILED, is_done ? 0 : 1);
}

static bool is_answered_here(const struct invocation *invocation)
{
    const struct node *node = invocation->node;
    bool is_light = node->is_light && !invocation->command->lab->options.has_light_execution;
    bool is_foreign = strcmp(node->platform_type, "Windows") == 0; /* there is no PowerShell here */
    return is_light || is_foreign || invocation->plan->action == COMMAND_UPDATES_AGENT;
}

static void deliver(struct invocation *invocation)
{
    if (!invocation->node->is_builtin) {
        arm(invocation, agent_job_send(invocation) == ERR_OK ? JOB_REPEAT_US : DELIVERY_POLL_US);
        return;
    }
    invocation->state = INVOCATION_IN_PROGRESS;
    invocation->started_ms = event_loop_unix_ms();
    if (is_answered_here(invocation)) {
        arm(invocation, (uint64_t)invocation->command->lab->faults.light_command_ms * 1000u);
    } else {
        run_script(invocation);
    }
}

static void dispatch(struct invocation *invocation)
{
    const struct node *node = invocation->node;
    if (invocation->plan->action == COMMAND_DOES_NOTHING) {
        finish(invocation, INVOCATION_INVALID_PLATFORM, -1);
    } else if (node->has_no_machine) {
        finish(invocation, INVOCATION_UNDELIVERABLE, -1);
    } else if (node_is_connected(node)) {
        deliver(invocation);
    } else {
        arm(invocation, DELIVERY_POLL_US);
    }
}

static void await_node(struct invocation *invocation, uint64_t now_us)
{
    const struct node *node = invocation->node;
    if (now_us >= invocation->delivery_due_us) {
        finish(invocation, INVOCATION_DELIVERY_TIMED_OUT, -1);
    } else if (node_is_connected(node)) {
        deliver(invocation);
    } else {
        arm(invocation, DELIVERY_POLL_US);
    }
}

static void timer_expired(void *owner, uint64_t now_us)
{
    struct invocation *invocation = owner;
    if (invocation->state == INVOCATION_PENDING) {
        await_node(invocation, now_us);
    } else if (!invocation->node->is_builtin) {
        bool is_cancelled = invocation->state == INVOCATION_CANCELLING;
        finish(invocation, is_cancelled ? INVOCATION_CANCELLED : INVOCATION_EXECUTION_TIMED_OUT, -1);
    } else if (invocation->process.pid > 0) {
        invocation->is_overdue = true;
        command_process_kill(&invocation->process);
        return; /* its end is reported */
    } else if (invocation->plan->action == COMMAND_UPDATES_AGENT) {
        update_agent(invocation);
    } else {
        answer_light(invocation);
    }
    schedule(invocation->command);
}

static void script_ended(struct invocation *invocation, int code)
{
    char note[80] = "";
    bool is_stopped = invocation->is_overdue || invocation->state == INVOCATION_CANCELLING;
    command_process_kill(&invocation->process);
    if (!is_stopped && code != 0) {
        snprintf(note, sizeof note, "failed to run commands: exit status %d", code);
    }
    command_process_read(&invocation->process, note, &invocation->output, &invocation->error);
    command_process_clear(&invocation->process);
    invocation->process.pid = 0;
    if (is_stopped) {
        bool is_cancelled = invocation->state == INVOCATION_CANCELLING;
        finish(invocation, is_cancelled ? INVOCATION_CANCELLED : INVOCATION_EXECUTION_TIMED_OUT, STOPPED_EXIT_CODE);
    } else {
        finish(invocation, code == 0 ? INVOCATION_SUCCESS : INVOCATION_FAILED, code);
    }
}

static void cancel(struct invocation *invocation)
{
    if (run_command_is_final(invocation->state)) {
        return;
    }
    bool is_with_agent = !invocation->node->is_builtin && agent_job_cancel(invocation) == ERR_OK &&
                         invocation->state != INVOCATION_PENDING;
    if (invocation->process.pid == 0 && !is_with_agent) {
        finish(invocation, INVOCATION_CANCELLED, -1);
        return;
    }
    invocation->state = INVOCATION_CANCELLING;
    command_process_kill(&invocation->process);
}

void run_command_job_begun(struct invocation *invocation)
{
    if (invocation->state == INVOCATION_PENDING) {
        invocation->state = INVOCATION_IN_PROGRESS;
        invocation->started_ms = event_loop_unix_ms();
        arm(invocation, (uint64_t)invocation->plan->timeout_seconds * 1000000u + JOB_SLACK_US);
    }
}

/* The agent has cut what it sends, but an agent is not to be trusted with that. */
void run_command_job_ended(struct invocation *invocation, const struct job_result *result)
{
    invocation->output = strndup(result->output, COMMAND_OUTPUT_LIMIT);
    invocation->error = strndup(result->error, COMMAND_ERROR_LIMIT);
    finish(invocation, result->state, result->code);
    schedule(invocation->command);
}

/* ---- one command ---- */

static void terminate_rest(struct command *command)
{
    for (size_t i = command->next; i < command->count; i++) {
        if (command->invocations[i].state == INVOCATION_PENDING) {
            finish(&command->invocations[i], INVOCATION_TERMINATED, -1);
        }
    }
    command->next = command->count;
}

/* Sends to as many nodes as may be under way at a time. */
static void schedule(struct command *command)
{
    while (command->is_visible && command->next < command->count) {
        struct command_counts counts = run_command_count(command);
        size_t over = 0;
        for (size_t i = 0; i < command->next; i++) {
            over += run_command_is_final(command->invocations[i].state) ? 1 : 0;
        }
        if (counts.errors > command->max_errors) {
            terminate_rest(command);
        } else if (command->next - over < command->concurrency) {
            struct invocation *invocation = &command->invocations[command->next++];
            if (invocation->state == INVOCATION_PENDING) {
                dispatch(invocation);
            }
        } else {
            return;
        }
    }
}

static void becomes_visible(void *owner, uint64_t now_us)
{
    struct command *command = owner;
    (void)now_us;
    command->is_visible = true;
    schedule(command);
}

void run_command_cancel(struct command *command, const struct node *node)
{
    for (size_t i = 0; i < command->count; i++) {
        if (node == NULL || node == command->invocations[i].node) {
            cancel(&command->invocations[i]);
        }
    }
    command->is_cancelled = command->is_cancelled || node == NULL;
    schedule(command);
}

static void command_free(struct command *command)
{
    event_loop_disarm(command->lab->loop, &command->timer);
    for (size_t i = 0; i < command->count; i++) {
        struct invocation *invocation = &command->invocations[i];
        event_loop_disarm(command->lab->loop, &invocation->timer);
        command_process_kill(&invocation->process);
        command_process_clear(&invocation->process);
        free(invocation->output);
        free(invocation->error);
    }
    for (size_t i = 0; i < COMMAND_PLATFORMS; i++) {
        command_document_plan_free(&command->plans[i]);
    }
    json_decref(command->content);
    json_decref(command->input);
    free(command->invocations);
    free(command);
}

/* ---- the table ---- */

enum err run_command_table_new(struct lab *lab, struct command_table **ret_table)
{
    struct command_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return ERR_MEMORY;
    }
    table->lab = lab;
    *ret_table = table;
    return ERR_OK;
}

void run_command_table_free(struct command_table *table)
{
    while (table != NULL && table->newest != NULL) {
        struct command *command = table->newest;
        table->newest = command->older;
        command_free(command);
    }
    free(table);
}

struct command *run_command_newest(const struct command_table *table)
{
    return table->newest;
}

struct command *run_command_find(const struct command_table *table, const char *id, const char *region)
{
    struct command *command = table->newest;
    while (command != NULL &&
           (command->is_hidden || strcmp(command->id, id) != 0 || strcmp(command->region, region) != 0)) {
        command = command->older;
    }
    return command;
}

struct invocation *run_command_invocation(const struct command *command, const char *node_id)
{
    for (size_t i = 0; i < command->count; i++) {
        if (strcmp(command->invocations[i].node->id, node_id) == 0) {
            return &command->invocations[i];
        }
    }
    return NULL;
}

/* The oldest that is over makes room. */
static enum err make_room(struct command_table *table)
{
    struct command **oldest = NULL;
    if (table->count < LAB_LIMIT_COMMANDS) {
        return ERR_OK;
    }
    for (struct command **at = &table->newest; *at != NULL; at = &(*at)->older) {
        if (!(*at)->is_hidden && (*at)->is_visible && run_command_count(*at).completed == (*at)->count) {
            oldest = at;
        }
    }
    if (oldest == NULL) {
        return ERR_TOO_LONG;
    }
    struct command *gone = *oldest;
    *oldest = gone->older;
    table->count--;
    command_free(gone);
    return ERR_OK;
}

void run_command_remove(struct command_table *table, struct command *command)
{
    struct command **at = &table->newest;
    while (command != NULL && *at != command) {
        at = &(*at)->older;
    }
    if (command != NULL) {
        *at = command->older;
        table->count--;
        command_free(command);
    }
}

static void begin(struct command *command, struct node *const *nodes)
{
    int64_t limit_ms = command->lab->faults.delivery_timeout_ms;
    limit_ms = limit_ms > 0 ? limit_ms : command->delivery_seconds * 1000;
    uint64_t delay_us = (uint64_t)command->lab->faults.invocation_delay_ms * 1000u;
    uint64_t due_us = event_loop_now_us() + delay_us;
    for (size_t i = 0; i < command->count; i++) {
        command->invocations[i] = (struct invocation){.command = command,
                                                      .node = nodes[i],
                                                      .plan = plan_for(command, nodes[i]),
                                                      .response_code = -1,
                                                      .delivery_due_us = due_us + (uint64_t)limit_ms * 1000u};
        command->invocations[i].timer =
            (struct loop_timer){.expired = timer_expired, .owner = &command->invocations[i]};
    }
    command->timer = (struct loop_timer){.expired = becomes_visible, .owner = command};
    event_loop_arm(command->lab->loop, &command->timer, due_us);
}

static enum err make_plans(struct command *command)
{
    const json_t *parameters = json_object_get(command->input, "Parameters");
    for (size_t i = 0; i < COMMAND_PLATFORMS; i++) {
        TRY(command_document_plan(command->content, parameters, platforms[i], &command->plans[i]));
    }
    return ERR_OK;
}

enum err run_command_add(struct command_table *table, const struct command *request, struct node *const *nodes,
                         struct command **ret_command)
{
    TRY(make_room(table));
    struct command *command = malloc(sizeof *command);
    if (command == NULL) {
        return ERR_MEMORY;
    }
    *command = *request;
    command->lab = table->lab;
    command->content = json_deep_copy(request->content);
    command->input = json_deep_copy(request->input);
    command->invocations = calloc(request->count + 1, sizeof *command->invocations);
    if (command->content == NULL || command->input == NULL || command->invocations == NULL ||
        make_plans(command) != ERR_OK) {
        command->count = 0;
        command_free(command);
        return ERR_MEMORY;
    }
    struct uuid id = uuid_v4(&table->lab->chance);
    uuid_to_text(&id, command->id);
    command->requested_at = lab_time(table->lab);
    command->older = table->newest;
    table->newest = command;
    table->count++;
    begin(command, nodes);
    *ret_command = command;
    return ERR_OK;
}

void run_command_child_ended(struct command_table *table, pid_t pid, int code)
{
    for (struct command *command = table->newest; command != NULL; command = command->older) {
        for (size_t i = 0; i < command->count; i++) {
            if (command->invocations[i].process.pid == pid) {
                script_ended(&command->invocations[i], code);
                schedule(command);
                return;
            }
        }
    }
}
