#include "proxy/core/command_outcome.h"

#include <sysexits.h>

#define CANCELLED (128 + 2) /* as of a program that SIGINT ended */

/* As an exit status; -1: no step has one. Windows has codes that none can have. */
static int worst_response_code(const struct command_api_invocation *invocation)
{
    int worst = -1;
    for (size_t i = 0; i < invocation->step_count; i++) {
        int code = invocation->steps[i].response_code;
        int status = code == -1 || (code >= 0 && code <= 255) ? code : 1;
        worst = status > worst ? status : worst;
    }
    return worst;
}

bool command_outcome_is_left_out(const struct command_api_invocation *invocation)
{
    return strcmp(invocation->status_details, "Terminated") == 0;
}

size_t command_outcome_error_len(const char *error)
{
    static const char words[] = "failed to run commands: exit status ";
    size_t len = strlen(error), begin = len;
    while (begin > 0 && error[begin - 1] != '\n') {
        begin--;
    }
    return strncmp(error + begin, words, strlen(words)) == 0 ? begin : len;
}

int command_outcome_exit_code(const struct command_api_invocation *invocation)
{
    int code = worst_response_code(invocation);
    switch (invocation->status) {
    case COMMAND_API_PENDING:
    case COMMAND_API_IN_PROGRESS:
    case COMMAND_API_CANCELLING:
    case COMMAND_API_SUCCESS:
        return 0;
    case COMMAND_API_FAILED:
        return code > 0 ? code : code == 0 ? 1 : EX_UNAVAILABLE;
    case COMMAND_API_TIMED_OUT:
        return code > 0 ? code : EX_TEMPFAIL;
    case COMMAND_API_CANCELLED:
        break;
    }
    return code > 0 ? code : command_outcome_is_left_out(invocation) ? 1 : CANCELLED;
}

const char *command_outcome_status(enum command_api_status status)
{
    static const char *const words[] = {"Pending", "InProgress", "Cancelling", "Success",
                                        "Failed",  "TimedOut",   "Cancelled"};
    return words[status];
}

void command_outcome_put(const struct command_api_invocation *invocation, struct text *text)
{
    const char *details = invocation->status_details;
    int code = worst_response_code(invocation);
    text_put(text, details[0] != '\0' ? details : command_outcome_status(invocation->status));
    if (code > 0 && invocation->status != COMMAND_API_SUCCESS) {
        text_format(text, ", exit code %d", code);
    }
}

/* ---- which nodes were told of ---- */

#define FIRST_SIZE 256 /* a power of two, as all that follow */

/* FNV-1a, which is spread well enough for a table. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *at = text; *at != '\0'; at++) {
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    }
    return hash == 0 ? 1 : hash;
}

/* Where the hash is, or has its place. There is a free one. */
static uint64_t *find(uint64_t *hashes, size_t size, uint64_t hash)
{
    size_t at = hash & (size - 1);
    while (hashes[at] != 0 && hashes[at] != hash) {
        at = (at + 1) & (size - 1);
    }
    return &hashes[at];
}

static enum err grow(struct command_outcome_told *told)
{
    size_t size = told->size == 0 ? FIRST_SIZE : 2 * told->size;
    uint64_t *hashes = calloc(size, sizeof *hashes);
    if (hashes == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < told->size; i++) {
        if (told->hashes[i] != 0) {
            *find(hashes, size, told->hashes[i]) = told->hashes[i];
        }
    }
    free(told->hashes);
    told->hashes = hashes;
    told->size = size;
    return ERR_OK;
}

enum err command_outcome_note(struct command_outcome_told *told, const char *node_id, bool *ret_is_new)
{
    if (2 * told->count >= told->size) {
        TRY(grow(told));
    }
    uint64_t hash = hash_of(node_id);
    uint64_t *place = find(told->hashes, told->size, hash);
    *ret_is_new = *place == 0;
    told->count += *ret_is_new;
    *place = hash;
    return ERR_OK;
}

void command_outcome_forget(struct command_outcome_told *told)
{
    free(told->hashes);
    *told = (struct command_outcome_told){.hashes = NULL};
}
