#include "proxy/command/key_ring.h"

#include "common/auto.h"
#include "common/log.h"
#include "proxy/command/ssh_helper.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/file_lock.h"
#include "proxy/edge/key_agent.h"
#include "proxy/edge/private_file.h"

#define AGENT_US (10 * 1000 * 1000) /* some agents ask their person */
#define LOCK_US (10 * 1000 * 1000)  /* others make a key meanwhile */
#define NO_SENSE "ssh-agent gave no answer that makes sense"
#define LOGIN_TRIES 5 /* a key may be replaced between two looks at it */

#define LIFETIME_MIN_S (15 * 60) /* above KEY_SLOT_OVERLAP_S */
#define LIFETIME_MAX_S (7 * 24 * 60 * 60)

enum err key_ring_wish(const struct options *options, struct key_slot_wish *ret_wish)
{
    struct proxy_options_range range = {"seconds", LIFETIME_MIN_S, LIFETIME_MAX_S, KEY_RING_LIFETIME_S};
    uint32_t lifetime_s = 0;
    TRY(proxy_options_number(options, OPTION_LIFETIME, &range, &lifetime_s));
    *ret_wish = (struct key_slot_wish){
        .kind = options_has(options, OPTION_AGENT) ? KEY_SLOT_AGENT : KEY_SLOT_FILE,
        .lifetime_s = lifetime_s,
    };
    return ERR_OK;
}

enum err key_ring_refuse_wish(const struct options *options, struct text *ret_why)
{
    if (!options_has(options, OPTION_LIFETIME) && !options_has(options, OPTION_AGENT)) {
        return ERR_OK;
    }
    text_put(ret_why, "--lifetime and --agent are about the key of --key");
    return ERR_USAGE;
}

static int64_t now_s(void)
{
    return (int64_t)(clock_now().unix_ms / 1000);
}

static const char *variable(const char *name)
{
    struct aws_config_environment environment = aws_files_environment();
    return environment.get(environment.context, name);
}

enum err key_ring_open(struct key_ring *ring, struct text *ret_why)
{
    *ring = (struct key_ring){.agent_socket = variable("SSH_AUTH_SOCK")};
    ring->agent_socket = text_is_given(ring->agent_socket) ? ring->agent_socket : NULL;
    return key_directory_open(variable("XDG_STATE_HOME"), variable("HOME"), &ring->directory, ret_why);
}

void key_ring_close(struct key_ring *ring)
{
    key_directory_close(&ring->directory);
}

enum err key_ring_path(int slot, char ret_path[STATE_DIRECTORY_PATH_SIZE])
{
    return key_directory_slot_path(variable("XDG_STATE_HOME"), variable("HOME"), slot, ret_path);
}

/* ---- looking ---- */

static enum err ask_agent(const struct key_ring *ring, const struct openssh_key *key, bool *ret_has,
                          struct text *ret_why)
{
    if (ring->agent_socket == NULL) {
        text_put(ret_why, "there is no ssh-agent: SSH_AUTH_SOCK is not set");
        return ERR_CONFIG;
    }
    struct key_agent_message request;
    AUTO(key_agent_reply_free) struct key_agent_reply reply = {.data = NULL};
    key_agent_message_put_list(&request);
    TRY(key_agent_ask(ring->agent_socket, &request, clock_mono_us() + AGENT_US, &reply, ret_why));
    enum err err = key_agent_message_read_list(bytes_of(reply.data, reply.len), key, ret_has);
    if (err != ERR_OK) {
        text_put(ret_why, err == ERR_DENIED ? "ssh-agent does not say which keys it has" : NO_SENSE);
    }
    return err;
}

/* An agent that cannot be asked does not have it. */
static bool is_lost(const struct key_ring *ring, const struct key_slot *slot)
{
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    bool has = false;
    enum err err = ask_agent(ring, &slot->key, &has, &why);
    if (err != ERR_OK) {
        log_debug("the key in %s: %s", ring->directory.path, memory[0] != '\0' ? memory : err_text(err));
    }
    return !has;
}

/* What is in a slot that is none of our keys counts as nothing. */
static enum err look_at(struct key_ring *ring, int i, struct text *ret_why)
{
    AUTO_SECRET struct secret content = {0};
    struct key_slot *slot = &ring->slots[i];
    *slot = (struct key_slot){.is_there = false};
    enum err err = key_directory_read(&ring->directory, i, &content, ret_why);
    if (err == ERR_OK) {
        err = key_slot_read(secret_bytes(&content), slot);
    }
    if (err == ERR_NO_TARGET || err == ERR_MALFORMED) {
        return ERR_OK;
    }
    TRY(err);
    slot->is_lost = slot->kind == KEY_SLOT_AGENT && slot->until_s > now_s() && is_lost(ring, slot);
    return ERR_OK;
}

static enum err look(struct key_ring *ring, struct text *ret_why)
{
    for (int i = 0; i < KEY_SLOT_COUNT; i++) {
        TRY(look_at(ring, i, ret_why));
    }
    return ERR_OK;
}

/* ---- another key ---- */

static enum err give_to_agent(const struct key_ring *ring, const struct openssh_key *key, int64_t lifetime_s,
                              struct text *ret_why)
{
    AUTO(key_agent_message_wipe) struct key_agent_message request;
    AUTO(key_agent_reply_free) struct key_agent_reply reply = {.data = NULL};
    TRY(key_agent_message_put_add(key, "ssm-bridge", (uint32_t)lifetime_s, &request));
    TRY(key_agent_ask(ring->agent_socket, &request, clock_mono_us() + AGENT_US, &reply, ret_why));
    enum err err = key_agent_message_read_add(bytes_of(reply.data, reply.len));
    if (err != ERR_OK) {
        text_put(ret_why, err == ERR_DENIED ? "ssh-agent does not take the key (is it locked?)" : NO_SENSE);
    }
    return err;
}

static enum err store(int i, const struct key_slot *slot, const struct secret *file, struct text *ret_why)
{
    char path[STATE_DIRECTORY_PATH_SIZE];
    char content[OPENSSH_KEY_FILE_MAX];
    struct text text = text_in(content, sizeof content);
    TRY(key_ring_path(i, path));
    if (slot->kind == KEY_SLOT_FILE) {
        text_put_bytes(&text, secret_bytes(file));
    } else {
        openssh_key_put_public(&slot->key, &text);
        text_put_char(&text, '\n');
    }
    key_slot_put_record(slot, &text);
    enum err err = text_finish(&text);
    err = err == ERR_OK ? private_file_store(path, text_bytes(&text), ret_why) : err;
    explicit_bzero(content, sizeof content);
    return err;
}

static enum err make(struct key_ring *ring, struct loop *loop, const struct key_slot_wish *wish, int i,
                     struct text *ret_why)
{
    AUTO_SECRET struct secret file = {0};
    AUTO(openssh_key_wipe) struct openssh_key key = {.has_private = false};
    TRY(ssh_helper_keygen(loop, &file, &key, ret_why));
    if (wish->kind == KEY_SLOT_AGENT) {
        TRY(give_to_agent(ring, &key, wish->lifetime_s, ret_why));
    }
    int64_t from_s = now_s();
    struct key_slot slot = {
        .is_there = true,
        .kind = wish->kind,
        .from_s = from_s,
        .until_s = from_s + wish->lifetime_s,
    };
    memcpy(slot.key.blob, key.blob, sizeof slot.key.blob);
    TRY(store(i, &slot, &file, ret_why));
    ring->slots[i] = slot;
    return ERR_OK;
}

/* The slot is busy: logins that began a while ago are not over. The key that they do not use may be good for some
 * minutes yet. */
static enum err make_do(const struct key_ring *ring, const struct key_slot_wish *wish, int *ret_slot,
                        struct text *ret_why)
{
    int used = key_slot_for_login(ring->slots, now_s());
    if (used < 0 || ring->slots[used].kind != wish->kind) {
        text_put(ret_why, "logins that use the key before are under way, so it cannot be replaced now");
        return ERR_TIMEOUT;
    }
    *ret_slot = used;
    return ERR_OK;
}

static enum err replace(struct key_ring *ring, struct loop *loop, const struct key_slot_wish *wish, int *ret_slot,
                        struct text *ret_why)
{
    AUTO(file_lock_release) int lock = -1;
    int i = key_slot_to_write(ring->slots, now_s());
    enum err err = key_directory_take(&ring->directory, KEY_DIRECTORY_WRITE, i, 0, &lock, ret_why);
    if (err == ERR_TIMEOUT) {
        return make_do(ring, wish, ret_slot, ret_why);
    }
    TRY(err);
    TRY(make(ring, loop, wish, i, ret_why));
    *ret_slot = i;
    return ERR_OK;
}

enum err key_ring_ensure(struct key_ring *ring, struct loop *loop, const struct key_slot_wish *wish, int *ret_slot,
                         struct text *ret_why)
{
    bool has = false;
    if (wish->kind == KEY_SLOT_AGENT) { /* says why, where there is none */
        TRY(ask_agent(ring, &ring->slots[0].key, &has, ret_why));
    }
    TRY(look(ring, ret_why));
    int slot = key_slot_to_keep(ring->slots, wish, now_s());
    if (slot < 0) {
        AUTO(file_lock_release) int lock = -1;
        enum err err =
            key_directory_take(&ring->directory, KEY_DIRECTORY_ALL, 0, clock_mono_us() + LOCK_US, &lock, ret_why);
        if (err == ERR_TIMEOUT) {
            text_put(ret_why, "another ssm-proxy is making a key and does not come to an end");
        }
        TRY(err);
        TRY(look(ring, ret_why));
        slot = key_slot_to_keep(ring->slots, wish, now_s());
        if (slot < 0) {
            return replace(ring, loop, wish, ret_slot, ret_why);
        }
    }
    *ret_slot = slot;
    return ERR_OK;
}

/* ---- a login ---- */

static bool is_empty(const struct key_ring *ring)
{
    return !ring->slots[0].is_there && !ring->slots[1].is_there;
}

static enum err choose(struct key_ring *ring, struct loop *loop, const struct key_slot_wish *wish, int *ret_slot,
                       struct text *ret_why)
{
    TRY(look(ring, ret_why));
    int slot = key_slot_for_login(ring->slots, now_s());
    if (slot < 0 && !is_empty(ring)) {
        text_format(ret_why, "the keys in %s are over, or in another ssh-agent: ssm-proxy key ensure makes another one",
                    ring->directory.path);
        return ERR_CONFIG;
    }
    *ret_slot = slot;
    return slot < 0 ? key_ring_ensure(ring, loop, wish, ret_slot, ret_why) : ERR_OK;
}

enum err key_ring_login_begin(struct key_ring *ring, struct loop *loop, const struct key_slot_wish *wish,
                              struct key_ring_login *ret_login, struct text *ret_why)
{
    for (int tries = 0; tries < LOGIN_TRIES; tries++) {
        struct key_ring_login login = {.lock = -1};
        TRY(choose(ring, loop, wish, &login.slot, ret_why));
        struct openssh_key chosen = ring->slots[login.slot].key;
        enum err err = key_directory_take(&ring->directory, KEY_DIRECTORY_READ, login.slot, clock_mono_us() + LOCK_US,
                                          &login.lock, ret_why);
        if (err == ERR_OK) {
            err = look_at(ring, login.slot, ret_why);
        }
        const struct key_slot *slot = &ring->slots[login.slot];
        if (err == ERR_OK && slot->is_there && memcmp(slot->key.blob, chosen.blob, sizeof chosen.blob) == 0) {
            struct text text = text_in(login.public_key, sizeof login.public_key);
            openssh_key_put_public(&slot->key, &text);
            *ret_login = login;
            return ERR_OK;
        }
        key_ring_login_end(&login);
        TRY(err);
    }
    text_put(ret_why, "the key changes all the time");
    return ERR_TIMEOUT;
}

void key_ring_login_end(struct key_ring_login *login)
{
    file_lock_release(&login->lock);
}
