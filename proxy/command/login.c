/* login: a login to IAM Identity Center for machines without the AWS CLI. The machine is core/sso_login; here it is
 * run, shown and waited for. */
#include "common/log.h"
#include "proxy/command/client.h"
#include "proxy/command/failure.h"
#include "proxy/command/output.h"
#include "proxy/command/verbs.h"
#include "proxy/core/sso_login.h"
#include "proxy/edge/clock.h"

#include <stdio.h>
#include <unistd.h>

/* The settings want a region, and nothing of a login goes to the profile's: sso_region says where it goes. */
#define ANY_REGION "us-east-1"

#define CONNECT_TIMEOUT_US (INT64_C(60) * 1000 * 1000)

struct login {
    struct client client;
    struct sso_login *machine;
    bool was_shown;
};

/* ---- what a person reads ---- */

static enum err show(struct login *login, const struct sso_login_progress *progress)
{
    const struct sso_authorization *authorization = progress->authorization;
    bool has_complete = authorization->verification_uri_complete[0] != '\0';
    printf("To log in to %s, open this page on any device:\n\n    %s\n\n", progress->start_url,
           has_complete ? authorization->verification_uri_complete : authorization->verification_uri);
    if (has_complete) {
        printf("It shows the code %s; when it does, confirm it.\n"
               "The same without the code in the address: %s\n\n",
               authorization->user_code, authorization->verification_uri);
    } else {
        printf("and enter the code %s\n\n", authorization->user_code);
    }
    TRY(output_flush(&login->client.why));
    if (isatty(STDERR_FILENO)) {
        log_notice("waiting for you to confirm; Ctrl-C gives up");
    }
    login->was_shown = true;
    return ERR_OK;
}

/* ---- running ---- */

static enum err next(void *machine, const struct credential_answer *answer, struct credential_want *ret_want,
                     struct aws_credentials *ret_credentials, struct text *ret_why)
{
    return sso_login_next(machine, answer, ret_want, ret_credentials, ret_why);
}

/* Until the machine has something to say. */
static enum err advance(struct login *login)
{
    struct client *client = &login->client;
    struct resolver_machine machine = {.next = next, .context = login->machine};
    struct resolver_way way = {.api = &client->api};
    struct aws_credentials none = {.expires_unix_s = 0};
    AUTO(resolver_free) struct resolver *resolver = NULL;
    TRY(resolver_new(&machine, &way, &resolver));
    for (;;) {
        enum err err = resolver_pump(resolver, &none, &client->why);
        if (err != ERR_AGAIN) {
            return err;
        }
        TRY(client->signal != 0 ? ERR_INTERRUPTED : ERR_OK);
        TRY(client_turn(client, resolver_deadline_us(resolver)));
    }
}

static enum err wait_for(struct client *client, int64_t pause_s)
{
    int64_t until_us = clock_mono_us() + pause_s * 1000 * 1000;
    while (clock_mono_us() < until_us) {
        TRY(client->signal != 0 ? ERR_INTERRUPTED : ERR_OK);
        TRY(client_turn(client, until_us));
    }
    return ERR_OK;
}

static enum err log_in(struct login *login, const struct options *options)
{
    struct client *client = &login->client;
    struct aws_config_flags flags = proxy_options_flags(options);
    flags.region = ANY_REGION;
    TRY(client_open(client, &flags, CONNECT_TIMEOUT_US));
    TRY(sso_login_new(client->account.config, options->values[OPTION_SSO_SESSION], &login->machine, &client->why));
    for (;;) {
        TRY(advance(login));
        struct sso_login_progress progress = sso_login_progress(login->machine);
        if (progress.is_done) {
            printf("Logged in to %s\n", progress.start_url);
            return output_flush(&client->why);
        }
        TRY(login->was_shown ? ERR_OK : show(login, &progress));
        TRY(wait_for(client, progress.pause_s));
    }
}

static int login_run(const struct options *options)
{
    struct login login = {.was_shown = false};
    enum err err = log_in(&login, options);
    int exit_code = failure_report("login", err, &login.client.why, login.client.signal);
    sso_login_free(&login.machine);
    client_close(&login.client);
    return exit_code;
}

const struct verb login_verb = {
    .name = "login",
    .arguments = "",
    .summary = "Log in to IAM Identity Center, as aws sso login does.",
    .details = "Shows an address and a code, and waits until the code is confirmed there, in a browser on any device.\n"
               "The AWS CLI and ssm-proxy both use the login, for every profile with the same sso_session.",
    .options = OPTION_BIT(OPTION_PROFILE) | OPTION_BIT(OPTION_SSO_SESSION) | OPTION_BIT(OPTION_NO_BROWSER) |
               OPTION_BIT(OPTION_CA_BUNDLE) | OPTION_BIT(OPTION_DEBUG),
    .run = login_run,
};
