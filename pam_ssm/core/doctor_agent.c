#include "pam_ssm/core/doctor_agent.h"

#include "pam_ssm/core/rfc3339.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- the agent ---- */

/* "3.3.0.0" out of whatever words stand around it. */
static bool parse_version(const char *words, int ret_parts[3])
{
    for (const char *at = strpbrk(words, "0123456789"); at != NULL; at = strpbrk(at, "0123456789")) {
        char *end = NULL;
        int count = 0;
        while (count < 3 && *at >= '0' && *at <= '9') {
            long part = strtol(at, &end, 10);
            ret_parts[count++] = part <= 1000000 ? (int)part : 1000000;
            at = *end == '.' ? end + 1 : end;
        }
        if (count == 3) {
            return true;
        }
    }
    return false;
}

static bool is_older(const int parts[3], int major, int minor, int patch)
{
    if (parts[0] != major) {
        return parts[0] < major;
    }
    return parts[1] < minor || (parts[1] == minor && parts[2] < patch);
}

/* When the agent writes its sudoers file: before 2.3.634 also for an account that is there already. */
static void judge_version(const struct doctor_agent_facts *facts, struct doctor_report *report)
{
    int parts[3];
    if (facts->version == NULL || !parse_version(facts->version, parts)) {
        doctor_report_add(report, "agent-version", DOCTOR_UNKNOWN, "amazon-ssm-agent -version",
                          "the agent does not say its version");
    } else if (is_older(parts, 2, 3, 634)) {
        doctor_report_add(report, "agent-version", DOCTOR_BAD, "update the SSM agent",
                          "version %d.%d.%d writes its sudoers rule again whenever the file is missing", parts[0],
                          parts[1], parts[2]);
    } else if (is_older(parts, 3, 0, 196)) {
        doctor_report_add(report, "agent-version", DOCTOR_WARN, "update the SSM agent",
                          "version %d.%d.%d: too old for ports of remote hosts and for a tunnel's options", parts[0],
                          parts[1], parts[2]);
    } else {
        doctor_report_add(report, "agent-version", DOCTOR_OK, NULL, "version %d.%d.%d", parts[0], parts[1], parts[2]);
    }
}

static void judge_running(const struct doctor_agent_facts *facts, struct doctor_report *report)
{
    if (facts->pid > 0) {
        doctor_report_add(report, "agent-running", DOCTOR_OK, NULL, "it runs, process %" PRId64, facts->pid);
    } else {
        doctor_report_add(report, "agent-running", DOCTOR_BAD,
                          "start it: systemctl start amazon-ssm-agent, or snap start amazon-ssm-agent",
                          "it does not run%s%s: no session reaches this node",
                          facts->active_state != NULL ? "; unit " : "",
                          facts->active_state != NULL ? facts->active_state : "");
    }
    if (facts->unit == NULL || facts->unit_file_state == NULL) {
        doctor_report_add(report, "agent-boot", DOCTOR_UNKNOWN, "see that something starts it at boot",
                          "no systemd unit of the agent is known");
    } else if (strncmp(facts->unit_file_state, "enabled", 7) == 0) {
        doctor_report_add(report, "agent-boot", DOCTOR_OK, NULL, "%s is %s", facts->unit, facts->unit_file_state);
    } else {
        doctor_report_add(report, "agent-boot", DOCTOR_WARN, "systemctl enable the unit",
                          "%s is %s: after a reboot, no session reaches this node", facts->unit,
                          facts->unit_file_state);
    }
}

const char *doctor_agent_variable(const char *environment, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = environment; at != NULL && *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n' ? 1 : 0) {
        if (strncmp(at, name, len) == 0 && at[len] == '=' && at[len + 1] != '\n' && at[len + 1] != '\0') {
            return at + len + 1;
        }
    }
    return NULL;
}

/* A proxy's URL without the password that may be in it. */
static struct bytes without_userinfo(const char *value)
{
    size_t len = strcspn(value, "\n");
    const char *at = memrchr(value, '@', len);
    return at != NULL ? bytes_of(at + 1, len - (size_t)(at + 1 - value)) : bytes_of(value, len);
}

static void judge_proxy(const struct doctor_agent_facts *facts, struct doctor_report *report)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"};
    const char *proxy = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && proxy == NULL; i++) {
        proxy = doctor_agent_variable(facts->environment, names[i]);
    }
    if (proxy == NULL) {
        doctor_report_add(report, "agent-proxy", DOCTOR_OK, NULL, "it uses no proxy");
        return;
    }
    struct bytes shown = without_userinfo(proxy);
    const char *direct = doctor_agent_variable(facts->environment, "no_proxy");
    direct = direct != NULL ? direct : doctor_agent_variable(facts->environment, "NO_PROXY");
    const char *metadata = direct != NULL ? strstr(direct, "169.254.169.254") : NULL;
    if (metadata != NULL && memchr(direct, '\n', (size_t)(metadata - direct)) == NULL) {
        doctor_report_add(report, "agent-proxy", DOCTOR_OK, NULL, "it goes through the proxy %.*s", (int)shown.len,
                          (const char *)shown.data);
    } else {
        doctor_report_add(report, "agent-proxy", DOCTOR_WARN, "add 169.254.169.254 to no_proxy in its unit",
                          "it goes through the proxy %.*s, for the instance metadata too", (int)shown.len,
                          (const char *)shown.data);
    }
}

void doctor_agent_judge(const struct doctor_agent_facts *facts, struct doctor_report *report)
{
    if (facts->program == NULL && facts->pid == 0) {
        doctor_report_add(report, "agent-installed", DOCTOR_BAD, "install the SSM agent", "there is no SSM agent");
        return;
    }
    doctor_report_add(report, "agent-installed", DOCTOR_OK, NULL, "%s",
                      facts->program != NULL ? facts->program : "a process of it runs");
    judge_running(facts, report);
    judge_version(facts, report);
    if (text_is_given(facts->last_error)) {
        doctor_report_add(report, "agent-log", DOCTOR_WARN, "if it is recent, it may be why sessions fail",
                          "the last error in its log: %.300s", facts->last_error);
    } else {
        doctor_report_add(report, "agent-log", DOCTOR_OK, NULL, "no error in its log");
    }
    judge_proxy(facts, report);
}

/* ---- the way to its services ---- */

void doctor_agent_put_host(const char *service, const char *region, struct text *text)
{
    const char *domain = "amazonaws.com";
    if (strncmp(region, "cn-", 3) == 0) {
        domain = "amazonaws.com.cn";
    } else if (strncmp(region, "us-iso-", 7) == 0) {
        domain = "c2s.ic.gov";
    } else if (strncmp(region, "us-isob-", 8) == 0) {
        domain = "sc2s.sgov.gov";
    } else if (strncmp(region, "eusc-", 5) == 0) {
        domain = "amazonaws.eu";
    }
    text_format(text, "%s.%s.%s", service, region, domain);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" becomes "1994-11-06T08:49:37Z". */
enum err doctor_agent_parse_date(const char *value, int64_t *ret_unix_s)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (strlen(value) != 29 || strcmp(value + 25, " GMT") != 0 || strncmp(value + 3, ", ", 2) != 0) {
        return ERR_MALFORMED;
    }
    char name[4] = {value[8], value[9], value[10], '\0'};
    const char *month = strstr(months, name);
    if (month == NULL || (month - months) % 3 != 0) {
        return ERR_MALFORMED;
    }
    char memory[32];
    struct text text = text_in(memory, sizeof memory);
    text_format(&text, "%.4s-%02d-%.2sT%.8sZ", value + 12, (int)(month - months) / 3 + 1, value + 5, value + 17);
    int64_t unix_ms = 0;
    TRY(rfc3339_parse(memory, &unix_ms));
    *ret_unix_s = unix_ms / 1000;
    return ERR_OK;
}

static void judge_probe(const struct doctor_probe *probe, const char *proxy, struct doctor_report *report)
{
    static const char *const advice[] = {
        [DOCTOR_RESOLVE] = "mend DNS, or the private DNS of the VPC endpoint: the name must resolve on the node",
        [DOCTOR_CONNECT] = "open 443 outwards: security group, route or NAT, or a VPC endpoint for this service",
        [DOCTOR_TLS] = "see who answers there: a proxy that inspects TLS, or CA certificates that are missing",
        [DOCTOR_ANSWER] = NULL,
    };
    static const char *const steps[] = {
        [DOCTOR_RESOLVE] = "no address", [DOCTOR_CONNECT] = "no connection to port 443", [DOCTOR_TLS] = "no TLS"};
    if (probe->stage == DOCTOR_ANSWER) {
        doctor_report_add(report, "network", DOCTOR_OK, NULL, "%s answers", probe->host);
    } else if (proxy != NULL) {
        doctor_report_add(report, "network", DOCTOR_UNKNOWN, "try it through the agent's proxy: curl -v",
                          "%s: %s without the agent's proxy: %s", probe->host, steps[probe->stage],
                          probe->is_timeout ? "no answer in time" : probe->words);
    } else {
        doctor_report_add(report, "network", DOCTOR_BAD, advice[probe->stage], "%s: %s: %s", probe->host,
                          steps[probe->stage], probe->is_timeout ? "no answer in time" : probe->words);
    }
}

/* Signatures are refused when the clock is off by five minutes. */
static void judge_clock(const struct doctor_probe *probes, size_t count, struct doctor_report *report)
{
    for (size_t i = 0; i < count; i++) {
        if (probes[i].date_unix_s == 0) {
            continue;
        }
        int64_t ahead_s = probes[i].own_unix_s - probes[i].date_unix_s;
        int64_t off_s = ahead_s < 0 ? -ahead_s : ahead_s;
        const char *side = ahead_s < 0 ? "behind" : "ahead of";
        if (off_s < 5) {
            doctor_report_add(report, "clock", DOCTOR_OK, NULL, "the clock agrees with that of %s", probes[i].host);
        } else {
            doctor_report_add(report, "clock", off_s >= 240 ? DOCTOR_BAD : DOCTOR_WARN,
                              "set it, and keep it set: systemctl enable --now chrony (or systemd-timesyncd)",
                              "the clock is %" PRId64 " s %s that of %s; the service refuses 300 s", off_s, side,
                              probes[i].host);
        }
        return;
    }
    doctor_report_add(report, "clock", DOCTOR_UNKNOWN, "see timedatectl", "no service told the time");
}

void doctor_agent_judge_network(const struct doctor_probe *probes, size_t count, const char *region, const char *proxy,
                                struct doctor_report *report)
{
    if (!text_is_given(region)) {
        doctor_report_add(report, "network", DOCTOR_UNKNOWN, "say it: ssm-userctl doctor --region REGION",
                          "neither the agent's files nor the instance metadata tell the region");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        judge_probe(&probes[i], proxy, report);
    }
    judge_clock(probes, count, report);
}

/* ---- its credentials ---- */

/* In the order in which the agent takes them (AWS Systems Manager User Guide, "SSM Agent credentials precedence"). Some
 * releases between 3.2.183 and 3.2.1297 took the instance profile before the file (amazon-ssm-agent issue 526). */
enum source {
    SOURCE_HYBRID,
    SOURCE_ENVIRONMENT,
    SOURCE_FILE,
    SOURCE_CONTAINER,
    SOURCE_PROFILE,
    SOURCE_DEFAULT,
    SOURCE_COUNT
};

static const char *const source_names[SOURCE_COUNT] = {
    [SOURCE_HYBRID] = "hybrid activation",
    [SOURCE_ENVIRONMENT] = "environment of the agent",
    [SOURCE_FILE] = "root's shared credentials file",
    [SOURCE_CONTAINER] = "container role",
    [SOURCE_PROFILE] = "instance profile",
    [SOURCE_DEFAULT] = "Default Host Management Configuration",
};

static void put_shadowed(const bool has[SOURCE_COUNT], int winner, struct text *text)
{
    for (int i = winner + 1; i < SOURCE_COUNT; i++) {
        if (has[i]) {
            text_put(text, text->len > 0 ? ", " : "");
            text_put(text, source_names[i]);
        }
    }
}

static void judge_winner(const struct doctor_credential_facts *facts, const bool has[SOURCE_COUNT], int winner,
                         struct doctor_report *report)
{
    char memory[256];
    struct text shadowed = text_in(memory, sizeof memory);
    put_shadowed(has, winner, &shadowed);
    const char *name = winner == SOURCE_FILE ? facts->file : source_names[winner];
    bool is_by_hand = winner == SOURCE_ENVIRONMENT || winner == SOURCE_FILE;
    if (is_by_hand && shadowed.len > 0) {
        doctor_report_add(
            report, "credentials", DOCTOR_WARN,
            "remove keys that an AWS CLI has left for root, then restart the agent; give tools a profile of their own",
            "the agent takes keys of %s, and not: %s", name, memory);
    } else if (is_by_hand) {
        doctor_report_add(report, "credentials", DOCTOR_NOTE,
                          "an instance profile, or a hybrid activation, needs no keys on the node",
                          "the agent takes long-lived keys of %s", name);
    } else {
        doctor_report_add(report, "credentials", DOCTOR_OK, NULL, "the agent takes: %s%s%s%s%s", name,
                          winner == SOURCE_PROFILE ? ", role " : (winner == SOURCE_HYBRID ? " of " : ""),
                          winner == SOURCE_PROFILE ? facts->role : (winner == SOURCE_HYBRID ? facts->hybrid_node : ""),
                          shadowed.len > 0 ? "; it does not take: " : "", memory);
    }
}

void doctor_agent_judge_credentials(const struct doctor_credential_facts *facts, struct doctor_report *report)
{
    const bool has[SOURCE_COUNT] = {
        [SOURCE_HYBRID] = facts->is_hybrid,        [SOURCE_ENVIRONMENT] = facts->has_environment,
        [SOURCE_FILE] = facts->has_file,           [SOURCE_CONTAINER] = facts->has_container,
        [SOURCE_PROFILE] = facts->role[0] != '\0', [SOURCE_DEFAULT] = facts->has_default_host_role,
    };
    int winner = 0;
    while (winner < SOURCE_COUNT && !has[winner]) {
        winner++;
    }
    if (winner < SOURCE_COUNT) {
        judge_winner(facts, has, winner, report);
    } else {
        doctor_report_add(
            report, "credentials", DOCTOR_BAD,
            "attach an instance profile with AmazonSSMManagedInstanceCore, or register a hybrid activation",
            "the agent has no credentials: no environment, no file, no role%s",
            facts->has_metadata ? " in the instance metadata" : ", no instance metadata");
    }
    if (facts->has_metadata && facts->is_metadata_v1) {
        doctor_report_add(
            report, "metadata", DOCTOR_WARN,
            "require version 2: aws ec2 modify-instance-metadata-options --http-tokens required",
            "the instance metadata answers without a token: any program that fetches URLs can read the role");
    } else {
        doctor_report_add(report, "metadata", facts->has_metadata ? DOCTOR_OK : DOCTOR_NOTE, NULL,
                          facts->has_metadata ? "the instance metadata wants a token" : "no instance metadata");
    }
}

void doctor_agent_put_notes(struct doctor_report *report)
{
    doctor_report_add(
        report, "root-documents", DOCTOR_NOTE, "restrict ssm:SendCommand and ssm:StartSession by document in IAM",
        "whoever may use ssm:SendCommand, or a session document with runAsElevated, is root here regardless");
}
