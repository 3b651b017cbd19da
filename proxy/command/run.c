#include "proxy/command/run.h"

#include "proxy/edge/aws_files.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/entropy.h"

enum err run_open(struct run *run, const struct aws_config_flags *flags, int64_t connect_timeout_us)
{
    *run = (struct run){
        .flags = *flags,
        .signals = {.source = {.fd = -1}},
        .deadline_us = clock_mono_us() + connect_timeout_us,
        .leave_by_us = INSTANT_NEVER,
    };
    run->why = text_in(run->why_memory, sizeof run->why_memory);
    TRY(account_open(flags, &run->account, &run->why));
    TRY(loop_new(&run->loop));
    TRY(signals_open(run->loop, &run->signals));
    struct aws_config_environment environment = aws_files_environment();
    TRY(http_proxy_find(&environment, &run->proxy, &run->why));
    struct aws_settings *settings = &run->account.settings;
    struct net_policy policy = {
        .ca_path = settings->ca_path,
        .ssl_cert_file = settings->ssl_cert_file,
        .ssl_cert_dir = settings->ssl_cert_dir,
        .proxy = &run->proxy,
    };
    TRY(net_new(run->loop, &policy, &run->net, &run->why));
    uint8_t seed[CHANCE_SEED_LEN];
    TRY(entropy_fill(seed, sizeof seed));
    run->api = (struct api){.net = run->net, .chance = chance_from_entropy(seed), .tries = settings->tries};
    const char *state_home = environment.get(environment.context, "XDG_STATE_HOME");
    const char *home = environment.get(environment.context, "HOME");
    if (session_record_open(state_home, home, &run->records) != ERR_OK) {
        run->records = NULL; /* a tunnel works without */
    }
    return ERR_OK;
}

void run_close(struct run *run)
{
    account_wipe(&run->account); /* a call of its may be under way */
    websocket_free(&run->websocket);
    session_record_close(&run->records);
    net_free(&run->net);
    http_proxy_wipe(&run->proxy);
    if (run->signals.source.fd >= 0) {
        signals_close(&run->signals);
    }
    loop_free(&run->loop);
}

enum err run_reopen(struct run *run, const struct aws_config_flags *flags)
{
    int64_t deadline_us = run->deadline_us;
    run_close(run);
    enum err err = run_open(run, flags, 0);
    run->deadline_us = deadline_us;
    return err;
}

static void take_signals(struct run *run)
{
    if (!run->signals.source.can_read) {
        return;
    }
    for (int signal = signals_take(&run->signals); signal != 0; signal = signals_take(&run->signals)) {
        /* ssh sends SIGHUP after whatever else ended it: only a person who asks twice is in a hurry */
        run->is_urgent = run->is_urgent || (run->signal != 0 && signal != SIGHUP);
        run->signal = run->signal != 0 ? run->signal : signal;
    }
}

enum err run_turn(struct run *run, int64_t deadline_us)
{
    deadline_us = instant_earlier(deadline_us, net_deadline_us(run->net));
    deadline_us = instant_earlier(deadline_us, api_deadline_us(&run->api));
    if (run->websocket != NULL) {
        deadline_us = instant_earlier(deadline_us, websocket_deadline_us(run->websocket));
    }
    TRY(loop_wait(run->loop, deadline_us));
    TRY(net_pump(run->net));
    if (run->websocket != NULL) {
        websocket_pump(run->websocket);
    }
    take_signals(run);
    return ERR_OK;
}

enum err run_begin_resolve(struct run *run, bool may_ask)
{
    struct resolver_way way = {.api = &run->api, .may_ask = may_ask};
    enum err err = account_pump(&run->account, &way, &run->why);
    return err == ERR_AGAIN ? ERR_OK : err;
}

enum err run_resolve(struct run *run, bool may_ask, int64_t deadline_us)
{
    struct resolver_way way = {.api = &run->api, .may_ask = may_ask};
    int signal_before = run->signal;
    for (;;) {
        enum err err = account_pump(&run->account, &way, &run->why);
        if (err != ERR_AGAIN) {
            return err;
        }
        if (run->signal != signal_before || run->is_urgent) {
            return ERR_INTERRUPTED;
        }
        if (clock_mono_us() >= deadline_us) {
            text_put(&run->why, "the credentials could not be resolved in time");
            account_put_wait(&run->account, &run->why);
            return ERR_TIMEOUT;
        }
        TRY(run_turn(run, instant_earlier(deadline_us, account_deadline_us(&run->account))));
    }
}
