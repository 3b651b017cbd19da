#include "proxy/command/check_ssh.h"

#include "proxy/command/proxy_options.h"
#include "proxy/command/ssh_helper.h"
#include "proxy/core/ssh_report.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/child_process.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/own_program.h"

#include <stdlib.h>

#define DEFAULT_PORT "22"
#define TIMEOUT_US (120 * 1000 * 1000) /* connect gives up before */
#define LEAVE_US (5 * 1000 * 1000)     /* for connect to end its session after Ctrl-C */
#define OUTPUT_MAX (32 * 1024)
#define ARGUMENTS_MAX 24

struct command {
    char helper[LIMIT_PATH + 1];
    char program[LIMIT_PATH + 1];
    const char *arguments[ARGUMENTS_MAX];
    size_t count;
};

static void add(struct command *command, const char *argument)
{
    command->arguments[command->count++] = argument;
}

static void add_option(struct command *command, const struct options *options, enum proxy_option id, const char *name)
{
    if (options->values[id] != NULL) {
        add(command, name);
        add(command, options->values[id]);
    }
}

/* Whom to ask for as long as nobody is named: what sshd offers hardly depends on it. */
static const char *user_of(const struct options *options)
{
    struct aws_config_environment environment = aws_files_environment();
    const char *login = environment.get(environment.context, "LOGNAME");
    if (options->argument_count > 2) {
        return options->arguments[2];
    }
    return text_is_given(login) ? login : "root";
}

static const char *port_of(const struct options *options)
{
    return options->argument_count > 1 ? options->arguments[1] : DEFAULT_PORT;
}

static enum err make_command(const struct options *options, struct command *command, struct text *ret_why)
{
    TRY(own_program_helper(SSH_HELPER_NAME, command->helper, ret_why));
    TRY(own_program_path(command->program, ret_why));
    add(command, command->helper);
    add(command, "handshake");
    add(command, user_of(options));
    add(command, command->program);
    add(command, "connect");
    add_option(command, options, OPTION_PROFILE, "--profile");
    add_option(command, options, OPTION_REGION, "--region");
    add_option(command, options, OPTION_ENDPOINT_URL, "--endpoint-url");
    add_option(command, options, OPTION_CA_BUNDLE, "--ca-bundle");
    add_option(command, options, OPTION_DOCUMENT_NAME, "--document-name");
    add(command, "--");
    add(command, options->arguments[0]);
    add(command, port_of(options));
    add(command, NULL);
    return ERR_OK;
}

/* After a signal the command has some time to end its session, which it does when ssh-helper is gone. */
static enum err wait_for(struct client *client, struct child_process *child, struct child_process_result *ret_result)
{
    int64_t leave_us = INSTANT_NEVER;
    for (;;) {
        enum err err = child_process_result(child, ret_result, &client->why);
        if (err != ERR_AGAIN) {
            return client->signal != 0 ? ERR_INTERRUPTED : err;
        }
        if (client->signal != 0) {
            leave_us = instant_earlier(leave_us, clock_mono_us() + LEAVE_US);
        }
        if (clock_mono_us() >= leave_us || client->is_urgent) {
            return ERR_INTERRUPTED;
        }
        TRY(client_turn(client, instant_earlier(leave_us, child_process_deadline_us(child))));
    }
}

static enum err shake_hands(struct checkup *checkup, struct ssh_report *ret_report)
{
    struct client *client = &checkup->client;
    struct command command = {.count = 0};
    AUTO(child_process_free) struct child_process *child = NULL;
    struct child_process_result result;
    TRY(make_command(checkup->options, &command, &client->why));
    struct child_process_command start = {command.arguments, OUTPUT_MAX, clock_mono_us() + TIMEOUT_US};
    TRY(child_process_start(client->loop, &start, &child, &client->why));
    TRY(wait_for(client, child, &result));
    if (result.exit_status != 0 || ssh_report_parse(result.output, ret_report) != ERR_OK) {
        text_format(&client->why, "%s ended with status %d", command.helper, result.exit_status);
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

/* ---- what it means ---- */

/* The error whose exit code connect has ended with. */
static enum err err_of_status(int64_t status)
{
    static const enum err errors[] = {ERR_USAGE,         ERR_NO_TARGET, ERR_NO_SERVER, ERR_UNREACHABLE,
                                      ERR_SESSION_ENDED, ERR_DENIED,    ERR_CONFIG};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (err_exit_code(errors[i]) == status) {
            return errors[i];
        }
    }
    return ERR_SESSION_ENDED;
}

static enum err report_session(struct checkup *checkup, const struct ssh_report *report)
{
    struct checkup_item item = checkup_begin("session", "");
    if (report->banner_us >= 0) {
        item.check.took_us = report->banner_us;
        return checkup_pass(checkup, &item, "the server's first byte after %lld ms",
                            (long long)(report->banner_us / 1000));
    }
    if (report->said[0] != '\0') {
        text_put(&checkup->client.why, report->said);
        return checkup_fail(checkup, &item, err_of_status(report->status), NULL);
    }
    text_format(&checkup->client.why, "no server's first byte came from port %s of the node",
                port_of(checkup->options));
    return checkup_fail(checkup, &item, ERR_NO_SERVER, NULL);
}

static enum err report_handshake(struct checkup *checkup, const struct ssh_report *report)
{
    struct checkup_item item = checkup_begin("ssh", "");
    if (report->handshake_us < 0) {
        text_format(&checkup->client.why, "%s", report->why);
        return checkup_fail(checkup, &item, ERR_PROTOCOL, "is it an SSH server that listens on that port?");
    }
    item.check.took_us = report->handshake_us;
    return checkup_pass(checkup, &item, "%s, key exchange in %lld ms", report->software,
                        (long long)(report->handshake_us / 1000));
}

static enum err report_host_key(struct checkup *checkup, const struct ssh_report *report)
{
    struct checkup_item item = checkup_begin("host-key", "");
    size_t type_len = strcspn(report->host_key, " ");
    return checkup_pass(checkup, &item, "%.*s %s", (int)type_len, report->host_key, report->fingerprint);
}

static enum err report_methods(struct checkup *checkup, const struct ssh_report *report)
{
    struct checkup_item item = checkup_begin("methods", "");
    if (report->methods_us < 0) {
        text_put(&checkup->client.why, report->why);
        return checkup_fail(checkup, &item, ERR_PROTOCOL, "see the log of the node's sshd");
    }
    char detail[sizeof report->methods + 128];
    struct text text = text_in(detail, sizeof detail);
    text_format(&text, "%s for %s; one round trip %lld ms", report->methods, user_of(checkup->options),
                (long long)(report->methods_us / 2000));
    item.check.took_us = report->methods_us;
    if (strstr(report->methods, "publickey") == NULL && strcmp(report->methods, "none") != 0) {
        return checkup_warn(checkup, &item, detail, "no key can be used there: see PubkeyAuthentication of its sshd");
    }
    return checkup_pass(checkup, &item, "%s", detail);
}

enum err check_ssh_run(struct checkup *checkup)
{
    struct ssh_report report;
    struct checkup_item item = checkup_begin("session", "");
    enum err err = shake_hands(checkup, &report);
    if (err == ERR_INTERRUPTED) {
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return checkup_fail(checkup, &item, err, "install ssm-proxy again, with what belongs to it in libexec");
    }
    TRY(report_session(checkup, &report));
    TRY(report.banner_us >= 0 ? report_handshake(checkup, &report) : ERR_OK);
    TRY(report.handshake_us >= 0 ? report_host_key(checkup, &report) : ERR_OK);
    return report.handshake_us >= 0 ? report_methods(checkup, &report) : ERR_OK;
}
