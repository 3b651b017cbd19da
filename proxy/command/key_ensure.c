/* key ensure: a short-lived key to log in with. ssh runs it, too (proxy/ssh_answer.c). */
#include "common/auto.h"
#include "proxy/command/failure.h"
#include "proxy/command/key_ring.h"
#include "proxy/command/output.h"
#include "proxy/command/verbs.h"

static enum err ensure(const struct options *options, struct text *ret_why)
{
    AUTO(key_ring_close) struct key_ring ring = {.directory = {.fd = -1}};
    AUTO(loop_free) struct loop *loop = NULL;
    struct key_slot_wish wish;
    struct output output;
    TRY(key_ring_wish(options, &wish));
    TRY(output_open(options, &output));
    int slot = -1;
    char path[STATE_DIRECTORY_PATH_SIZE];
    TRY(loop_new(&loop));
    TRY(key_ring_open(&ring, ret_why));
    TRY(key_ring_ensure(&ring, loop, &wish, &slot, ret_why));
    TRY(key_ring_path(slot, path));
    struct output_member member = {"Path", path};
    return output_put_members(&output, &member, 1, ret_why);
}

static int ensure_run(const struct options *options)
{
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum err err = ensure(options, &why);
    return err == ERR_USAGE ? err_exit_code(err) : failure_report("key ensure", err, &why, 0);
}

const struct verb key_ensure_verb = {
    .name = "key ensure",
    .arguments = "",
    .summary =
        "Have a short-lived key: the one that is there, or another one. Prints its path, for IdentityFile of ssh.",
    .details =
        "It is an ed25519 key, in one of two files of mode 0600, or in ssh-agent with --agent; the file is the public\n"
        "key then. Another one follows ten minutes before its time is over; a key that a login may still read is not\n"
        "replaced.",
    .options =
        OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_LIFETIME) | OPTION_BIT(OPTION_AGENT) | OPTION_BIT(OPTION_DEBUG),
    .run = ensure_run,
};
