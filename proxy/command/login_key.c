#include "proxy/command/login_key.h"

#include "common/auto.h"
#include "common/log.h"
#include "proxy/command/failure.h"
#include "proxy/edge/clock.h"

#define USER_ARGUMENT 2
/* Of the 60 s of EC2 Instance Connect, 40 are left for the login. */
#define FRESH_US (20 * 1000 * 1000)
/* LoginGraceTime of sshd_config(5) is two minutes; some set it higher. ssh may read the slot until then. */
#define LOGIN_US (INT64_C(10) * 60 * 1000 * 1000)

/* ---- before anything is open ---- */

static enum err read_options(struct login_key *key, const struct options *options, struct text *why)
{
    TRY(key_push_read_way(options, &key->way, why));
    if (key->way == KEY_WAY_NONE) {
        return key_ring_refuse_wish(options, why);
    }
    if (options->argument_count <= USER_ARGUMENT) {
        text_put(why, "--key needs the USER that logs in: %r of ssh_config(5)");
        return ERR_USAGE;
    }
    key->user = options->arguments[USER_ARGUMENT];
    return key_push_check_user(key->way, key->user, why);
}

static enum err choose(struct login_key *key, const struct key_slot_wish *wish, struct text *why)
{
    AUTO(loop_free) struct loop *loop = NULL;
    TRY(loop_new(&loop));
    TRY(key_ring_open(&key->ring, why));
    TRY(key_ring_login_begin(&key->ring, loop, wish, &key->login, why));
    key->has_login = true;
    return ERR_OK;
}

enum err login_key_open(struct login_key *key, const struct options *options, const struct node_session *session)
{
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    struct key_slot_wish wish;
    key->session = session;
    TRY(key_ring_wish(options, &wish));
    enum err err = read_options(key, options, &why);
    if (err == ERR_OK && key->way != KEY_WAY_NONE) {
        err = choose(key, &wish, &why);
    }
    (void)failure_report(options->verb->name, err, &why, 0);
    return err;
}

/* ---- beside the session ---- */

static enum err push(struct login_key *key, struct client *client, const char *node_id, struct text *why)
{
    struct key_push_want want = {
        .way = key->way,
        .node_id = node_id,
        .user = key->user,
        .public_key = key->login.public_key,
        .deadline_us = client->deadline_us,
    };
    key->is_accepted = false;
    key_push_free(&key->push);
    return key_push_start(client, &want, &key->push, why);
}

static bool is_fresh(const struct login_key *key)
{
    return clock_mono_us() - key->accepted_us < FRESH_US;
}

static void fail(struct login_key *key, enum err err)
{
    key_push_free(&key->push);
    key->companion.err = err;
}

static void go_on_pushing(struct login_key *key)
{
    struct text why = text_in(key->why_memory, sizeof key->why_memory);
    enum err err = key_push_pump(key->push, &why);
    if (err == ERR_AGAIN) {
        return;
    }
    if (err != ERR_OK) {
        fail(key, err);
        return;
    }
    log_debug("the node accepts the key: %s", key_push_through(key->push));
    key_push_free(&key->push);
    key->is_accepted = true;
    key->accepted_us = clock_mono_us();
}

static bool has_output(const struct login_key *key)
{
    return key->session->channel != NULL && channel_output(key->session->channel).len > 0;
}

/* The server has spoken, and ssh is about to log in. */
static void release(struct login_key *key, struct client *client)
{
    if (is_fresh(key)) {
        key->is_released = true;
        key->released_us = clock_mono_us();
        return;
    }
    struct text why = text_in(key->why_memory, sizeof key->why_memory);
    client->deadline_us = clock_mono_us() + key->session->access->timeout_us;
    enum err err = push(key, client, key->session->access->choice.id, &why);
    if (err != ERR_OK) {
        fail(key, err);
    }
}

static void pump(void *context, struct client *client)
{
    struct login_key *key = context;
    if (key->push != NULL) {
        go_on_pushing(key);
    }
    if (key->is_accepted && !key->is_released && has_output(key)) {
        release(key, client);
    }
    if (key->is_released && key->has_login && clock_mono_us() - key->released_us >= LOGIN_US) {
        key->has_login = false;
        key_ring_login_end(&key->login);
    }
}

static int64_t deadline_us(const void *context, int64_t now_us)
{
    const struct login_key *key = context;
    if (key->push != NULL) {
        return key_push_deadline_us(key->push);
    }
    if (key->is_released) {
        return key->has_login ? key->released_us + LOGIN_US : INSTANT_NEVER;
    }
    return key->is_accepted && has_output(key) ? now_us : INSTANT_NEVER;
}

static bool holds_output(const void *context)
{
    return !((const struct login_key *)context)->is_released;
}

enum err login_key_start(void *context, struct node_access *access)
{
    struct login_key *key = context;
    if (key->way == KEY_WAY_NONE) {
        return ERR_OK;
    }
    key->companion = (struct companion){
        .context = key,
        .pump = pump,
        .deadline_us = deadline_us,
        .holds_output = holds_output,
        .why = key->why_memory,
        .next = key->companion.next, /* it may have joined for a session before */
    };
    companion_join(&access->client, &key->companion);
    key->is_released = false;
    bool is_done = key->push != NULL || (key->is_accepted && is_fresh(key));
    return is_done ? ERR_OK : push(key, &access->client, access->choice.id, &access->client.why);
}

void login_key_close(struct login_key *key, struct client *client)
{
    if (client != NULL) {
        companion_leave(client, &key->companion);
    }
    key_push_free(&key->push);
    if (key->has_login) {
        key->has_login = false;
        key_ring_login_end(&key->login);
    }
    key_ring_close(&key->ring);
}
