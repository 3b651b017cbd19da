#include "proxy/command/resolver.h"

#include "proxy/command/api.h"
#include "proxy/command/ask.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/child_process.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/private_file.h"

#define PROCESS_TIMEOUT_US (60 * 1000 * 1000)
#define PROCESS_OUTPUT_MAX (64 * 1024) /* keys and a token of LIMIT_SECRET, as JSON */
#define FILE_TIMEOUT_US (1000 * 1000)  /* of a pipe: no signal is heard meanwhile */
#define ASK_TIMEOUT_US (5 * 60 * 1000 * 1000LL)

struct resolver {
    struct resolver_machine machine;
    struct resolver_way way;
    struct credential_want want; /* under way */
    struct api_call *call;
    struct child_process *process;
    struct ask *ask;
    struct aws_file file;
    bool is_pausing; /* before it is begun */
    int64_t pause_ends_us;
    enum err begun; /* not ERR_OK: it could not even begin */
    char why_memory[1024];
    struct text why; /* why there is no answer */
};

enum err resolver_new(const struct resolver_machine *machine, const struct resolver_way *way,
                      struct resolver **ret_resolver)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL) {
        return ERR_MEMORY;
    }
    resolver->machine = *machine;
    resolver->way = *way;
    resolver->why = text_in(resolver->why_memory, sizeof resolver->why_memory);
    *ret_resolver = resolver;
    return ERR_OK;
}

/* What the last answer stood on. */
static void drop_answer(struct resolver *resolver)
{
    api_free(&resolver->call);
    child_process_free(&resolver->process);
    ask_free(&resolver->ask);
    aws_files_wipe(&resolver->file);
    text_clear(&resolver->why);
}

void resolver_free(struct resolver **resolver)
{
    if (*resolver != NULL) {
        drop_answer(*resolver);
        free(*resolver);
        *resolver = NULL;
    }
}

/* ---- what is wanted ---- */

static enum err begin_call(struct resolver *resolver)
{
    const struct credential_want *want = &resolver->want;
    struct api_way way = {
        .timeout_us = want->timeout_us,
        .tries = want->tries,
        .is_apart = resolver->way.is_apart,
        .is_direct = want->is_direct,
    };
    return api_send(resolver->way.api, want->request, want->signer, way, &resolver->call);
}

static enum err begin_process(struct resolver *resolver)
{
    const struct credential_want *want = &resolver->want;
    struct child_process_command command = {
        .arguments = want->arguments,
        .output_max = PROCESS_OUTPUT_MAX,
        .deadline_us = clock_mono_us() + (want->timeout_us > 0 ? want->timeout_us : PROCESS_TIMEOUT_US),
    };
    return child_process_start(net_loop(resolver->way.api->net), &command, &resolver->process, &resolver->why);
}

static enum err begin_question(struct resolver *resolver)
{
    if (!resolver->way.may_ask) {
        text_put(&resolver->why, "nobody can be asked for a code now");
        return ERR_NO_PROMPT;
    }
    return ask_start(net_loop(resolver->way.api->net), resolver->want.prompt, clock_mono_us() + ASK_TIMEOUT_US,
                     &resolver->ask, &resolver->why);
}

static enum err begin(struct resolver *resolver)
{
    const struct credential_want *want = &resolver->want;
    resolver->is_pausing = false;
    switch (want->kind) {
    case CREDENTIAL_WANT_CALL:
        return begin_call(resolver);
    case CREDENTIAL_WANT_FILE:
        return aws_files_read(want->path, clock_mono_us() + FILE_TIMEOUT_US, &resolver->file, &resolver->why);
    case CREDENTIAL_WANT_STORE:
        return private_file_store(want->path, want->text, &resolver->why);
    case CREDENTIAL_WANT_PROCESS:
        return begin_process(resolver);
    case CREDENTIAL_WANT_CODE:
        return begin_question(resolver);
    case CREDENTIAL_WANT_NOTHING:
        break;
    }
    return ERR_OK;
}

/* ---- what came of it ---- */

static enum err take_output(struct resolver *resolver, struct credential_answer *answer)
{
    struct child_process_result result;
    TRY(child_process_result(resolver->process, &result, &resolver->why));
    answer->text = result.output;
    answer->exit_status = result.exit_status;
    return ERR_OK;
}

/* ERR_AGAIN while it is under way. */
static enum err take(struct resolver *resolver, struct credential_answer *answer)
{
    switch (resolver->want.kind) {
    case CREDENTIAL_WANT_CALL:
        return api_reply(resolver->call, &answer->reply, &resolver->why);
    case CREDENTIAL_WANT_FILE:
        answer->text = bytes_of(resolver->file.data, resolver->file.len);
        return ERR_OK;
    case CREDENTIAL_WANT_PROCESS:
        return take_output(resolver, answer);
    case CREDENTIAL_WANT_CODE:
        return ask_result(resolver->ask, &answer->text, &resolver->why);
    case CREDENTIAL_WANT_STORE:
    case CREDENTIAL_WANT_NOTHING:
        break;
    }
    return ERR_OK;
}

enum err resolver_pump(struct resolver *resolver, struct aws_credentials *ret_credentials, struct text *ret_why)
{
    for (;;) {
        if (resolver->is_pausing && clock_mono_us() < resolver->pause_ends_us) {
            return ERR_AGAIN;
        }
        if (resolver->is_pausing) {
            resolver->begun = begin(resolver);
        }
        struct credential_answer answer = {
            .kind = resolver->want.kind,
            .unix_seconds = api_unix_seconds(resolver->way.api),
            .err = resolver->begun,
            .why = resolver->why.data,
        };
        if (answer.err == ERR_OK) {
            answer.err = take(resolver, &answer);
        }
        if (answer.err == ERR_AGAIN) {
            return ERR_AGAIN;
        }
        struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
        enum err err = resolver->machine.next(resolver->machine.context, &answer, &want, ret_credentials, ret_why);
        drop_answer(resolver);
        if (err != ERR_AGAIN) {
            return err;
        }
        resolver->want = want;
        resolver->is_pausing = true;
        resolver->pause_ends_us = clock_mono_us() + want.pause_us;
    }
}

int64_t resolver_deadline_us(const struct resolver *resolver)
{
    if (resolver->is_pausing) {
        return resolver->pause_ends_us;
    }
    if (resolver->process != NULL) {
        return child_process_deadline_us(resolver->process);
    }
    return resolver->ask != NULL ? ask_deadline_us(resolver->ask) : INSTANT_NEVER;
}

void resolver_put_wait(const struct resolver *resolver, struct text *text)
{
    if (resolver->process != NULL) {
        text_format(text, " (waiting for the program %s)", resolver->want.arguments[0]);
    } else if (resolver->ask != NULL) {
        text_put(text, " (waiting for the code)");
    } else if (resolver->call != NULL) {
        text_format(text, " (waiting for %s)", resolver->want.request->url.host);
    }
}
