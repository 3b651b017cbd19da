/* resolver: does what a machine of core/credential_want wants: calls, files, processes, a question to the person.
 * Nothing waits: pump it once a turn.
 *
 *     struct resolver_machine machine = {.next = ..., .context = chain};
 *     TRY(resolver_new(&machine, &way, &resolver));
 *     ... client_turn ...
 *     enum err err = resolver_pump(resolver, &credentials, &why);     ERR_AGAIN while it goes on */
#ifndef SSM_PROXY_COMMAND_RESOLVER_H
#define SSM_PROXY_COMMAND_RESOLVER_H

#include "proxy/command/api.h"
#include "proxy/core/credential_want.h"

struct resolver_machine {
    enum err (*next)(void *context, const struct credential_answer *answer, struct credential_want *ret_want,
                     struct aws_credentials *ret_credentials, struct text *ret_why);
    void *context; /* borrowed */
};

struct resolver_way {
    struct api *api;
    bool may_ask;  /* the terminal is still ours; otherwise a question fails at once */
    bool is_apart; /* every call on a connection of its own, see https.h */
};

struct resolver; /* owned by its creator */

enum err resolver_new(const struct resolver_machine *machine, const struct resolver_way *way,
                      struct resolver **ret_resolver) SSM_MUST_USE;

/* ERR_AGAIN while it goes on; then what the machine has come to, once. */
enum err resolver_pump(struct resolver *resolver, struct aws_credentials *ret_credentials,
                       struct text *ret_why) SSM_MUST_USE;

/* When to pump again at the latest, whatever the loop reports until then; INSTANT_NEVER while only the network matters.
 */
int64_t resolver_deadline_us(const struct resolver *resolver);

/* " (waiting for the program vault)", for the words about credentials that took too long; nothing when it waits for
 * nothing in particular. */
void resolver_put_wait(const struct resolver *resolver, struct text *text);

/* Cancels what is under way. NULL inside is fine; usable with AUTO(). */
void resolver_free(struct resolver **resolver);

#endif
