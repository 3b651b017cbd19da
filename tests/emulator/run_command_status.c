/* How Run Command names what has become of a command and its invocations. */
#include "tests/emulator/run_command.h"

static const struct {
    const char *status, *details;
} names[] = {
    [INVOCATION_PENDING] = {"Pending", "Pending"},
    [INVOCATION_IN_PROGRESS] = {"InProgress", "InProgress"},
    [INVOCATION_CANCELLING] = {"Cancelling", "Cancelling"},
    [INVOCATION_SUCCESS] = {"Success", "Success"},
    [INVOCATION_FAILED] = {"Failed", "Failed"},
    [INVOCATION_EXECUTION_TIMED_OUT] = {"TimedOut", "ExecutionTimedOut"},
    [INVOCATION_DELIVERY_TIMED_OUT] = {"TimedOut", "DeliveryTimedOut"},
    [INVOCATION_UNDELIVERABLE] = {"Failed", "Undeliverable"},
    [INVOCATION_INVALID_PLATFORM] = {"Failed", "InvalidPlatform"},
    [INVOCATION_CANCELLED] = {"Cancelled", "Cancelled"},
    [INVOCATION_TERMINATED] = {"Cancelled", "Terminated"},
};

const char *run_command_status(enum invocation_state state)
{
    return names[state].status;
}

const char *run_command_details(enum invocation_state state)
{
    return names[state].details;
}

bool run_command_is_final(enum invocation_state state)
{
    return state >= INVOCATION_SUCCESS;
}

/* Delivery timeouts and what is undeliverable are no errors: CommandInvocation, StatusDetails, of the API reference. */
struct command_counts run_command_count(const struct command *command)
{
    struct command_counts counts = {0};
    for (size_t i = 0; i < command->count; i++) {
        const struct invocation *at = &command->invocations[i];
        counts.states[at->state]++;
        counts.completed += run_command_is_final(at->state) ? 1 : 0;
    }
    counts.errors = counts.states[INVOCATION_FAILED] + counts.states[INVOCATION_EXECUTION_TIMED_OUT] +
                    counts.states[INVOCATION_INVALID_PLATFORM];
    return counts;
}

/* Of a command all of whose invocations are over. */
static void describe_end(const struct command *command, const struct command_counts *counts, const char **ret_status,
                         const char **ret_details)
{
    size_t late = counts->states[INVOCATION_DELIVERY_TIMED_OUT];
    size_t lost = counts->states[INVOCATION_UNDELIVERABLE];
    enum invocation_state state = INVOCATION_SUCCESS;
    if (command->is_cancelled && counts->states[INVOCATION_CANCELLED] > 0) {
        state = INVOCATION_CANCELLED;
    } else if (counts->errors > command->max_errors) {
        bool is_timeout = counts->errors == counts->states[INVOCATION_EXECUTION_TIMED_OUT];
        state = is_timeout ? INVOCATION_EXECUTION_TIMED_OUT : INVOCATION_FAILED;
    } else if (late > command->max_errors) {
        state = INVOCATION_DELIVERY_TIMED_OUT;
    } else if (lost > 0 && lost == command->count) {
        state = INVOCATION_UNDELIVERABLE;
    }
    bool is_whole = counts->states[INVOCATION_SUCCESS] + lost == command->count;
    *ret_status = run_command_status(state);
    *ret_details = state != INVOCATION_SUCCESS ? run_command_details(state)
                   : command->count == 0       ? "NoInstancesInTag"
                   : is_whole                  ? "Success"
                                               : "Incomplete";
}

void run_command_describe(const struct command *command, const char **ret_status, const char **ret_details)
{
    struct command_counts counts = run_command_count(command);
    enum invocation_state state = command->is_cancelled                                 ? INVOCATION_CANCELLING
                                  : counts.states[INVOCATION_PENDING] == command->count ? INVOCATION_PENDING
                                                                                        : INVOCATION_IN_PROGRESS;
    if (command->is_visible && counts.completed == command->count) {
        describe_end(command, &counts, ret_status, ret_details);
        return;
    }
    *ret_status = run_command_status(state);
    *ret_details = run_command_details(state);
}
