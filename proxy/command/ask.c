#include "proxy/command/ask.h"

#include "common/auto.h"
#include "proxy/core/askpass.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/child_process.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/prompt.h"

#include <string.h>

#define ANSWER_MAX 1024 /* of a program; OpenSSH takes as much */

/* One of the two. */
struct ask {
    struct prompt *prompt;
    struct child_process *program;
    int64_t deadline_us;
};

static enum err start_program(struct ask *ask, struct loop *loop, const char *program, const char *question,
                              struct text *ret_why)
{
    const char *const arguments[] = {program, question, NULL};
    struct child_process_command command = {arguments, ANSWER_MAX, ask->deadline_us};
    enum err err = child_process_start(loop, &command, &ask->program, ret_why);
    return err == ERR_CONFIG ? ERR_NO_PROMPT : err;
}

static enum err start(struct ask *ask, struct loop *loop, const char *question, struct text *ret_why)
{
    struct aws_config_environment environment = aws_files_environment();
    struct askpass askpass = askpass_choose(&environment);
    if (askpass.program == NULL || !askpass.is_first) {
        enum err err = prompt_start(loop, question, &ask->prompt);
        if (err != ERR_NO_PROMPT) {
            return err;
        }
    }
    if (askpass.program == NULL) {
        text_put(ret_why, "there is no terminal to ask at, and no SSH_ASKPASS to ask with");
        return ERR_NO_PROMPT;
    }
    return start_program(ask, loop, askpass.program, question, ret_why);
}

enum err ask_start(struct loop *loop, const char *question, int64_t deadline_us, struct ask **ret_ask,
                   struct text *ret_why)
{
    AUTO(ask_free) struct ask *ask = calloc(1, sizeof *ask);
    if (ask == NULL) {
        return ERR_MEMORY;
    }
    ask->deadline_us = deadline_us;
    TRY(start(ask, loop, question, ret_why));
    *ret_ask = MOVE(ask);
    return ERR_OK;
}

int64_t ask_deadline_us(const struct ask *ask)
{
    return ask->program != NULL ? child_process_deadline_us(ask->program) : ask->deadline_us;
}

/* Its first line; whatever it prints when the person refuses counts for nothing. */
static enum err program_result(struct ask *ask, struct bytes *ret_answer, struct text *ret_why)
{
    struct child_process_result result;
    TRY(child_process_result(ask->program, &result, ret_why));
    const char *text = (const char *)result.output.data;
    *ret_answer = bytes_of(text, result.exit_status == 0 ? strcspn(text, "\r\n") : 0);
    return ERR_OK;
}

static enum err prompt_answer(struct ask *ask, struct bytes *ret_answer, struct text *ret_why)
{
    enum err err = prompt_result(ask->prompt, ret_answer);
    if (err == ERR_NO_PROMPT) {
        text_put(ret_why, "nothing was typed at the terminal");
    }
    if (err == ERR_AGAIN && clock_mono_us() >= ask->deadline_us) {
        text_put(ret_why, "nobody has answered in time");
        return ERR_TIMEOUT;
    }
    return err;
}

enum err ask_result(struct ask *ask, struct bytes *ret_answer, struct text *ret_why)
{
    struct bytes answer;
    TRY(ask->program != NULL ? program_result(ask, &answer, ret_why) : prompt_answer(ask, &answer, ret_why));
    if (answer.len == 0) {
        text_put(ret_why, "nothing was entered");
        return ERR_NO_PROMPT;
    }
    *ret_answer = answer;
    return ERR_OK;
}

void ask_free(struct ask **ask)
{
    if (*ask == NULL) {
        return;
    }
    prompt_free(&(*ask)->prompt);
    child_process_free(&(*ask)->program);
    free(*ask);
    *ask = NULL;
}
