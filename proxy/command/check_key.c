#include "proxy/command/check_key.h"

#include "common/auto.h"
#include "common/log.h"
#include "common/secret.h"
#include "proxy/command/key_push.h"
#include "proxy/command/ssh_helper.h"
#include "proxy/edge/clock.h"

enum err check_key_parse(const struct options *options, enum key_way *ret_way)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    enum err err = key_push_read_way(options, ret_way, &why);
    if (err != ERR_OK) {
        log_error("doctor: %s", memory);
        return err;
    }
    if (*ret_way != KEY_WAY_NONE && options->argument_count < 3) {
        log_error("doctor: --key needs TARGET, PORT and USER");
        return ERR_USAGE;
    }
    return ERR_OK;
}

static enum err make_key(struct client *client, char ret_public_key[OPENSSH_KEY_LINE_SIZE])
{
    AUTO_SECRET struct secret file = {0};
    AUTO(openssh_key_wipe) struct openssh_key key = {.has_private = false};
    struct text line = text_in(ret_public_key, OPENSSH_KEY_LINE_SIZE);
    TRY(ssh_helper_keygen(client->loop, &file, &key, &client->why));
    openssh_key_put_public(&key, &line);
    return text_finish(&line);
}

static enum err push(struct checkup *checkup, enum key_way way, struct key_push **push)
{
    struct client *client = &checkup->client;
    char public_key[OPENSSH_KEY_LINE_SIZE];
    TRY(make_key(client, public_key));
    struct key_push_want want = {
        .way = way,
        .node_id = checkup->choice.id,
        .user = checkup->options->arguments[2],
        .public_key = public_key,
        .deadline_us = clock_mono_us() + CHECKUP_TIMEOUT_US,
    };
    TRY(key_push_start(client, &want, push, &client->why));
    return key_push_wait(client, *push);
}

enum err check_key_run(struct checkup *checkup)
{
    enum key_way way;
    AUTO(key_push_free) struct key_push *pushed = NULL;
    struct checkup_item item = checkup_begin("key", "");
    TRY(check_key_parse(checkup->options, &way)); /* it has been judged before */
    if (way == KEY_WAY_NONE) {
        return checkup_skip(checkup, &item, "no key is pushed; --key WAY with TARGET, PORT and USER tries it");
    }
    enum err err = push(checkup, way, &pushed);
    checkup_time(&item);
    if (err == ERR_INTERRUPTED) {
        return ERR_OK;
    }
    return err == ERR_OK ? checkup_pass(checkup, &item, "accepted for %s, through %s", checkup->options->arguments[2],
                                        key_push_through(pushed))
                         : checkup_fail(checkup, &item, err, NULL);
}
