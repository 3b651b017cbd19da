#include "proxy/command/data_key.h"

#include "common/log.h"
#include "proxy/command/api.h"
#include "proxy/core/kms_api.h"
#include "proxy/edge/clock.h"

#define KEY_US (12 * 1000 * 1000) /* the agent waits for 15 s */

/* ---- words ---- */

#define WORDS_MAX 700

static void fail(struct data_key *key, enum err err)
{
    key->companion.err = err;
    key->companion.why = key->why;
    api_free(&key->call);
}

/* What a person can do about it, behind the words of KMS; NULL: they say it all. */
static const char *const advice[ERR_COUNT] = {
    [ERR_DENIED] = "; the session document wants encryption: you need kms:GenerateDataKey on that key",
    [ERR_CONFIG] = "; the key is named in the session document or in the preferences of Session Manager",
};

static void say(struct data_key *key, enum err err, const char *words)
{
    struct channel_key_wish wish;
    char key_id[LIMIT_ARN + 1];
    struct text why = text_in(key->why, sizeof key->why);
    (void)channel_wants_key(key->session->channel, &wish);
    text_copy_for_display(wish.key_id, key_id, sizeof key_id);
    size_t len = strnlen(words, WORDS_MAX);
    while (len > 0 && words[len - 1] == '.') { /* the sentence goes on */
        len--;
    }
    text_format(&why, "no data key of KMS key %.256s: %.*s%s", key_id, (int)len, words,
                advice[err] != NULL ? advice[err] : "");
}

/* ---- the call ---- */

static enum err ask(struct data_key *key, struct client *client, const struct channel_key_wish *wish,
                    struct text *ret_why)
{
    const struct account *account = &client->account;
    const char *region = account->settings.region;
    struct endpoint_url endpoint;
    TRY(aws_service_endpoint(account->config, AWS_SERVICE_KMS, region, &endpoint, ret_why));
    struct kms_api_want want = {
        .key_id = wish->key_id,
        .session_id = key->session->session.session_id,
        .target_id = key->session->access->choice.id,
        .challenge = wish->challenge,
    };
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    TRY(kms_api_generate_data_key(&endpoint, region, &want, &request));
    struct api_way way = {.deadline_us = clock_mono_us() + KEY_US};
    return api_send(&client->api, &request, &account->credentials, way, &key->call);
}

/* ERR_AGAIN while KMS has not answered. */
static enum err take(struct data_key *key, struct text *ret_why)
{
    struct aws_reply reply;
    struct service_failure failure;
    AUTO(kms_api_data_key_wipe) struct kms_api_data_key data_key = {.ciphertext = ""};
    TRY(api_reply(key->call, &reply, ret_why));
    enum err err = kms_api_parse_data_key(&reply, &data_key, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, ret_why);
        return err;
    }
    api_free(&key->call); /* its reply holds the key; it is wiped */
    TRY(session_crypt_new(data_key.plaintext, &key->crypt));
    channel_give_key(key->session->channel, key->crypt, data_key.ciphertext, clock_now());
    log_debug("the session is encrypted with a data key of KMS");
    return ERR_OK;
}

static void pump(void *context, struct client *client)
{
    struct data_key *key = context;
    struct channel_key_wish wish;
    const struct channel *channel = key->session->channel;
    if (channel == NULL || !channel_wants_key(channel, &wish) || key->companion.err != ERR_OK) {
        api_free(&key->call); /* the channel may have ended meanwhile */
        return;
    }
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum err err = key->call == NULL ? ask(key, client, &wish, &why) : ERR_OK;
    err = err == ERR_OK ? take(key, &why) : err;
    if (err != ERR_OK && err != ERR_AGAIN) {
        say(key, err, why.len > 0 ? memory : err_text(err));
        fail(key, err);
    }
}

/* The tunnel, which finds out, is pumped behind us. */
static int64_t deadline_us(const void *context, int64_t now_us)
{
    const struct data_key *key = context;
    const struct channel *channel = key->session->channel;
    struct channel_key_wish wish;
    bool is_new = channel != NULL && key->call == NULL && channel_wants_key(channel, &wish);
    return is_new ? now_us : INSTANT_NEVER;
}

/* ---- its life ---- */

void data_key_join(struct data_key *key, struct node_session *session, struct client *client)
{
    data_key_leave(key, client);
    *key = (struct data_key){.companion = {.context = key, .pump = pump, .deadline_us = deadline_us, .why = ""},
                             .session = session};
    companion_join(client, &key->companion);
}

void data_key_leave(struct data_key *key, struct client *client)
{
    if (key->session != NULL) {
        companion_leave(client, &key->companion);
        api_free(&key->call);
        session_crypt_free(&key->crypt);
        key->session = NULL;
    }
}
