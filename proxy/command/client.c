#include "proxy/command/client.h"

#include "proxy/edge/aws_files.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/entropy.h"

enum err client_open(struct client *client, const struct aws_config_flags *flags, int64_t connect_timeout_us)
{
    *client = (struct client){
        .flags = *flags,
        .signals = {.source = {.fd = -1}},
        .deadline_us = clock_mono_us() + connect_timeout_us,
        .leave_by_us = INSTANT_NEVER,
    };
    client->why = text_in(client->why_memory, sizeof client->why_memory);
    TRY(account_open(flags, &client->account, &client->why));
    TRY(loop_new(&client->loop));
    TRY(signals_open(client->loop, &client->signals));
    struct aws_config_environment environment = aws_files_environment();
    TRY(http_proxy_find(&environment, &client->proxy, &client->why));
    struct aws_settings *settings = &client->account.settings;
    struct net_policy policy = {
        .ca_path = settings->ca_path,
        .ssl_cert_file = settings->ssl_cert_file,
        .ssl_cert_dir = settings->ssl_cert_dir,
        .proxy = &client->proxy,
    };
    TRY(net_new(client->loop, &policy, &client->net, &client->why));
    uint8_t seed[CHANCE_SEED_LEN];
    TRY(entropy_fill(seed, sizeof seed));
    client->api = (struct api){.net = client->net, .chance = chance_from_entropy(seed), .tries = settings->tries};
    const char *state_home = environment.get(environment.context, "XDG_STATE_HOME");
    const char *home = environment.get(environment.context, "HOME");
    if (session_record_open(state_home, home, &client->records) != ERR_OK) {
        client->records = NULL; /* a tunnel works without */
    }
    return ERR_OK;
}

void client_close(struct client *client)
{
    account_wipe(&client->account); /* a call of its may be under way */
    session_record_close(&client->records);
    net_free(&client->net);
    http_proxy_wipe(&client->proxy);
    if (client->signals.source.fd >= 0) {
        signals_close(&client->signals);
    }
    loop_free(&client->loop);
}

enum err client_reopen(struct client *client, const struct aws_config_flags *flags)
{
    int64_t deadline_us = client->deadline_us;
    client_close(client);
    enum err err = client_open(client, flags, 0);
    client->deadline_us = deadline_us;
    return err;
}

static void take_signals(struct client *client)
{
    if (!client->signals.source.can_read) {
        return;
    }
    for (int signal = signals_take(&client->signals); signal != 0; signal = signals_take(&client->signals)) {
        /* ssh sends SIGHUP after whatever else ended it: only a person who asks twice is in a hurry */
        client->is_urgent = client->is_urgent || (client->signal != 0 && signal != SIGHUP);
        client->signal = client->signal != 0 ? client->signal : signal;
    }
}

enum err client_turn(struct client *client, int64_t deadline_us)
{
    deadline_us = instant_earlier(deadline_us, net_deadline_us(client->net));
    deadline_us = instant_earlier(deadline_us, api_deadline_us(&client->api));
    if (client->companions != NULL) {
        deadline_us = instant_earlier(deadline_us, companion_deadline_us(client, clock_mono_us()));
    }
    TRY(loop_wait(client->loop, deadline_us));
    TRY(net_pump(client->net));
    take_signals(client);
    companion_pump_all(client);
    return ERR_OK;
}

enum err client_begin_resolve(struct client *client, bool may_ask)
{
    struct resolver_way way = {.api = &client->api, .may_ask = may_ask};
    enum err err = account_pump(&client->account, &way, &client->why);
    return err == ERR_AGAIN ? ERR_OK : err;
}

enum err client_resolve(struct client *client, bool may_ask, int64_t deadline_us)
{
    struct resolver_way way = {.api = &client->api, .may_ask = may_ask};
    int signal_before = client->signal;
    for (;;) {
        enum err err = account_pump(&client->account, &way, &client->why);
        if (err != ERR_AGAIN) {
            return err;
        }
        if (client->signal != signal_before || client->is_urgent) {
            return ERR_INTERRUPTED;
        }
        if (clock_mono_us() >= deadline_us) {
            text_put(&client->why, "the credentials could not be resolved in time");
            account_put_wait(&client->account, &client->why);
            return ERR_TIMEOUT;
        }
        TRY(client_turn(client, instant_earlier(deadline_us, account_deadline_us(&client->account))));
    }
}
