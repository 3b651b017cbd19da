/* doctor: what on this node guarantees less than the policy says, or keeps sessions from working. */
#include "pam_ssm/userctl/doctor.h"
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/core/doctor_agent.h"
#include "pam_ssm/userctl/userctl_print.h"
#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>

static void print_text(const struct doctor_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct doctor_finding *finding = &report->findings[i];
        printf("%-8s%-20s", doctor_report_state_text(finding->state), finding->check);
        userctl_print_safe(finding->words);
        printf("\n");
        if (finding->advice != NULL) {
            printf("%-8s%-20s-> %s\n", "", "", finding->advice);
        }
    }
}

static bool print_json(const struct doctor_report *report)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < report->count; i++) {
        const struct doctor_finding *finding = &report->findings[i];
        json_t *check = json_object();
        (void)json_object_set_new(check, "check", json_string(finding->check));
        (void)json_object_set_new(check, "state", json_string(doctor_report_state_text(finding->state)));
        (void)json_object_set_new(check, "finding", userctl_print_string(finding->words));
        if (finding->advice != NULL) {
            (void)json_object_set_new(check, "advice", userctl_print_string(finding->advice));
        }
        (void)json_array_append_new(checks, check);
    }
    json_t *document = json_object();
    (void)json_object_set_new(document, "is_weak", json_boolean(doctor_report_is_weak(report)));
    (void)json_object_set_new(document, "checks", checks);
    return userctl_print_json(document);
}

static int doctor_run(const struct options *options)
{
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(NODE_READ, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    AUTO_FREE struct doctor_report *report = calloc(1, sizeof *report);
    if (report == NULL) {
        log_error("out of memory");
        return USERCTL_ERROR;
    }
    doctor_look_at_sudo(node, report);
    doctor_look_at_login(node, report);
    doctor_look_at_account(node, report);
    doctor_look_at_agent(node, options->values[OPTION_REGION], report);
    doctor_agent_put_notes(report);
    if (options_has(options, OPTION_JSON)) {
        if (!print_json(report)) {
            return USERCTL_ERROR;
        }
    } else {
        print_text(report);
    }
    if (fflush(stdout) != 0) {
        return USERCTL_ERROR;
    }
    return doctor_report_is_weak(report) ? USERCTL_WEAK : USERCTL_OK;
}

const struct verb doctor_verb = {
    .name = "doctor",
    .arguments = "[OPTIONS]",
    .summary = "Look for what guarantees less than it seems, or keeps sessions from working. Exit status 5: found.",
    .details =
        "Every check is ok, note, unknown, warn or bad, with advice. The way to ssm, ssmmessages and ec2messages\n"
        "is tried, and the instance metadata asked; nothing is changed.\n",
    .options = OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_REGION),
    .run = doctor_run,
};
