#include "proxy/command/resolver.h"

#include "proxy/command/api.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/clock.h"

struct resolver {
    struct resolver_machine machine;
    struct resolver_way way;
    struct credential_want want; /* under way */
    struct api_call *call;
    struct aws_file file;
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

static enum err begin(struct resolver *resolver)
{
    const struct credential_want *want = &resolver->want;
    switch (want->kind) {
    case CREDENTIAL_WANT_CALL:
        return begin_call(resolver);
    case CREDENTIAL_WANT_FILE:
        return aws_files_read(want->path, &resolver->file, &resolver->why);
    case CREDENTIAL_WANT_STORE:
    case CREDENTIAL_WANT_PROCESS:
    case CREDENTIAL_WANT_CODE:
    case CREDENTIAL_WANT_NOTHING:
        break;
    }
    return ERR_OK;
}

/* ---- what came of it ---- */

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
    case CREDENTIAL_WANT_CODE:
    case CREDENTIAL_WANT_STORE:
    case CREDENTIAL_WANT_NOTHING:
        break;
    }
    return ERR_OK;
}

enum err resolver_pump(struct resolver *resolver, struct aws_credentials *ret_credentials, struct text *ret_why)
{
    for (;;) {
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
        resolver->begun = begin(resolver);
    }
}
