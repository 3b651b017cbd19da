/* What the doctor makes of facts. The facts themselves are planted in tests/host/doctor_test.py. */
#include "tests/support/unit.h"

#include "pam_ssm/core/doctor_agent.h"
#include "pam_ssm/core/doctor_login.h"
#include "pam_ssm/core/doctor_sudo.h"

static struct doctor_report report;

/* The n-th finding of a check. */
static const struct doctor_finding *find(const char *check, size_t n)
{
    for (size_t i = 0; i < report.count; i++) {
        if (strcmp(report.findings[i].check, check) == 0 && n-- == 0) {
            return &report.findings[i];
        }
    }
    static const struct doctor_finding none = {.words = ""};
    fail_msg("no finding of %s", check);
    return &none; /* never reached: GCC is to see that it is no null pointer */
}

static struct doctor_sudo_facts good_sudo(void)
{
    static const char *const names[] = {"README", "zzz-ssm-bridge"};
    return (struct doctor_sudo_facts){
        .user = "ssm-user",
        .is_installed = true,
        .version = "Sudo version 1.9.17p1\nSudoers policy plugin version 1.9.17p1\n",
        .listing = "Matching Defaults entries for ssm-user on node:\n    pam_service=ssm-sudo, use_pty\n",
        .is_answered = true,
        .sudoers = "root ALL=(ALL) ALL\n@includedir /etc/sudoers.d\n# end\n",
        .sudoers_dir = "/etc/sudoers.d",
        .our_sudoers = "zzz-ssm-bridge",
        .names = names,
        .name_count = 2,
    };
}

static void versions_of_sudo(void **state)
{
    (void)state;
    static const struct {
        const char *version, *changelog;
        enum doctor_state host, chroot;
    } cases[] = {
        {"Sudo version 1.9.17p1\n", NULL, DOCTOR_OK, DOCTOR_OK},
        {"Sudo version 1.9.18\n", NULL, DOCTOR_OK, DOCTOR_OK},
        {"Sudo version 1.9.17\n", "", DOCTOR_WARN, DOCTOR_BAD},
        {"Sudo version 1.9.16p2\n", "", DOCTOR_WARN, DOCTOR_BAD},
        {"Sudo version 1.9.15p5\n", "fixes CVE-2025-32462, CVE-2025-32463", DOCTOR_OK, DOCTOR_OK},
        {"Sudo version 1.9.15p5\n", "fixes CVE-2025-32462", DOCTOR_OK, DOCTOR_BAD},
        {"Sudo version 1.9.14\n", NULL, DOCTOR_UNKNOWN, DOCTOR_UNKNOWN},
        {"Sudo version 1.9.13p3\n", "", DOCTOR_WARN, DOCTOR_OK},
        {"Sudo version 1.8.7\n", "", DOCTOR_OK, DOCTOR_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct doctor_sudo_facts facts = good_sudo();
        facts.version = cases[i].version;
        facts.changelog = cases[i].changelog;
        report.count = 0;
        doctor_sudo_judge(&facts, &report);
        if (find("sudo-cve", 0)->state != cases[i].host || find("sudo-cve", 1)->state != cases[i].chroot) {
            fail_msg("%s: %s; %s", cases[i].version, find("sudo-cve", 0)->words, find("sudo-cve", 1)->words);
        }
    }
}

static void sudo_rs_is_weaker(void **state)
{
    (void)state;
    struct doctor_sudo_facts facts = good_sudo();
    facts.version = "sudo-rs 0.2.8\n";
    report.count = 0;
    doctor_sudo_judge(&facts, &report);
    assert_int_equal(find("sudo-version", 0)->state, DOCTOR_WARN);
    assert_non_null(strstr(find("sudo-version", 0)->words, "only the level none is possible"));
}

static void good_sudo_is_good(void **state)
{
    (void)state;
    struct doctor_sudo_facts facts = good_sudo();
    report.count = 0;
    doctor_sudo_judge(&facts, &report);
    for (size_t i = 0; i < report.count; i++) {
        if (report.findings[i].state != DOCTOR_OK) {
            fail_msg("%s: %s", report.findings[i].check, report.findings[i].words);
        }
    }
    assert_false(doctor_report_is_weak(&report));
}

static void names_that_sudo_skips_do_not_outrank(void **state)
{
    (void)state;
    static const char *const names[] = {"zzzz.bak", "zzzz~", "zzz-ssm-bridge", "zzz-ssm-bridge2"};
    struct doctor_sudo_facts facts = good_sudo();
    facts.names = names;
    facts.name_count = 4;
    report.count = 0;
    doctor_sudo_judge(&facts, &report);
    assert_non_null(strstr(find("sudoers-files", 0)->words, "zzz-ssm-bridge2 "));
    assert_int_equal(find("sudoers-files", 1)->state, DOCTOR_OK);
}

static void sudo_that_says_nothing_is_unknown(void **state)
{
    (void)state;
    struct doctor_sudo_facts facts = {.user = "u", .is_installed = true, .sudoers_dir = "/d", .our_sudoers = "z"};
    report.count = 0;
    doctor_sudo_judge(&facts, &report);
    assert_int_equal(find("sudo-version", 0)->state, DOCTOR_UNKNOWN);
    assert_int_equal(find("sudo-rules", 0)->state, DOCTOR_UNKNOWN);
    assert_int_equal(find("sudoers-order", 0)->state, DOCTOR_UNKNOWN);
}

static void other_ssh_servers(void **state)
{
    (void)state;
    static const struct {
        int64_t dropbear, tailscaled;
        const char *tailscale;
        enum doctor_state state;
        const char *words;
    } cases[] = {
        {0, 0, NULL, DOCTOR_OK, "no known"},
        {7, 0, NULL, DOCTOR_WARN, "dropbear runs (process 7)"},
        {7, 0, "{\"RunSSH\": false}", DOCTOR_WARN, "dropbear runs (process 7)"},
        {0, 8, "{\n\t\"RunSSH\": true,\n}", DOCTOR_WARN, "tailscaled runs (process 8)"},
        {0, 8, "{\n\t\"RunSSH\": false,\n}", DOCTOR_OK, "no known"},
        {0, 8, NULL, DOCTOR_WARN, "whether ssm-user is expired"},
        {0, 0, "{\"RunSSH\": true}", DOCTOR_OK, "no known"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct doctor_server_facts servers[] = {{"dropbear", cases[i].dropbear},
                                                      {"tailscaled", cases[i].tailscaled}};
        report.count = 0;
        doctor_login_judge_servers(&(struct doctor_servers_facts){"ssm-user", servers, 2, cases[i].tailscale}, &report);
        const struct doctor_finding *finding = find("ssh-servers", 0);
        if (report.count != 1 || finding->state != cases[i].state || strstr(finding->words, cases[i].words) == NULL) {
            fail_msg("case %zu: %zu findings, %s", i, report.count, finding->words);
        }
    }
}

static void versions_of_the_agent(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        enum doctor_state state;
    } cases[] = {
        {"SSM Agent version: 3.3.40.0\n", DOCTOR_OK},
        {"EC2 agent, 3.0.196.0", DOCTOR_OK},
        {"SSM Agent version: 3.0.161.0", DOCTOR_WARN},
        {"2.3.634.0", DOCTOR_WARN},
        {"2.3.612.0", DOCTOR_BAD},
        {"2.2.999.0", DOCTOR_BAD},
        {"none", DOCTOR_UNKNOWN},
        {"1.2", DOCTOR_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct doctor_agent_facts facts = {.program = "/usr/bin/amazon-ssm-agent", .version = cases[i].version};
        report.count = 0;
        doctor_agent_judge(&facts, &report);
        if (find("agent-version", 0)->state != cases[i].state) {
            fail_msg("%s: %s", cases[i].version, find("agent-version", 0)->words);
        }
    }
}

static void units_of_the_agent(void **state)
{
    (void)state;
    struct doctor_agent_facts facts = {.pid = 7, .unit = "amazon-ssm-agent.service", .unit_file_state = "disabled"};
    report.count = 0;
    doctor_agent_judge(&facts, &report);
    assert_int_equal(find("agent-boot", 0)->state, DOCTOR_WARN);
    assert_int_equal(find("agent-running", 0)->state, DOCTOR_OK);
    facts.unit_file_state = "enabled";
    report.count = 0;
    doctor_agent_judge(&facts, &report);
    assert_int_equal(find("agent-boot", 0)->state, DOCTOR_OK);
}

static void dates(void **state)
{
    (void)state;
    int64_t unix_s = 0;
    assert_ok(doctor_agent_parse_date("Sun, 06 Nov 1994 08:49:37 GMT", &unix_s)); /* the example of RFC 9110 */
    assert_int_equal(unix_s, 784111777);
    static const char *const wrong[] = {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
                                        "Sun, 06 ovD 1994 08:49:37 GMT", "Sun, 36 Nov 1994 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_err(doctor_agent_parse_date(wrong[i], &unix_s), ERR_MALFORMED);
    }
}

static void hosts(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"eu-west-1", "ssm.eu-west-1.amazonaws.com"},
                                           {"cn-north-1", "ssm.cn-north-1.amazonaws.com.cn"},
                                           {"us-gov-west-1", "ssm.us-gov-west-1.amazonaws.com"},
                                           {"us-iso-east-1", "ssm.us-iso-east-1.c2s.ic.gov"},
                                           {"us-isob-east-1", "ssm.us-isob-east-1.sc2s.sgov.gov"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char memory[128];
        struct text host = text_in(memory, sizeof memory);
        doctor_agent_put_host("ssm", cases[i][0], &host);
        assert_string_equal(memory, cases[i][1]);
    }
}

static void a_variable_is_found_by_its_whole_name(void **state)
{
    (void)state;
    static const char environment[] = "MY_HOME=/a\nEMPTY=\nHOME=/root\nLAST=1";
    assert_memory_equal(doctor_agent_variable(environment, "HOME"), "/root\n", 6);
    assert_string_equal(doctor_agent_variable(environment, "LAST"), "1");
    assert_null(doctor_agent_variable(environment, "EMPTY"));
    assert_null(doctor_agent_variable(environment, "OME"));
    assert_null(doctor_agent_variable(NULL, "HOME"));
}

/* One letter a source, in the order in which they count. */
static void which_credentials_win(void **state)
{
    (void)state;
    static const struct {
        const char *sources, *words;
        enum doctor_state state;
    } cases[] = {
        {"", "no credentials", DOCTOR_BAD},
        {"P", "instance profile, role R", DOCTOR_OK},
        {"PD", "role R; it does not take: Default Host", DOCTOR_OK},
        {"D", "takes: Default Host", DOCTOR_OK},
        {"CP", "takes: container role; it does not take: instance profile", DOCTOR_OK},
        {"F", "keys of /f", DOCTOR_NOTE},
        {"FP", "keys of /f, and not: instance profile", DOCTOR_WARN},
        {"EF", "environment of the agent, and not: root's shared", DOCTOR_WARN},
        {"HEFCPD", "hybrid activation of mi-1; it does not take: environment", DOCTOR_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct doctor_credential_facts facts = {
            .is_hybrid = strchr(cases[i].sources, 'H') != NULL,
            .hybrid_node = "mi-1",
            .has_environment = strchr(cases[i].sources, 'E') != NULL,
            .has_file = strchr(cases[i].sources, 'F') != NULL,
            .file = "/f",
            .has_container = strchr(cases[i].sources, 'C') != NULL,
            .has_default_host_role = strchr(cases[i].sources, 'D') != NULL,
        };
        facts.role[0] = strchr(cases[i].sources, 'P') != NULL ? 'R' : '\0';
        report.count = 0;
        doctor_agent_judge_credentials(&facts, &report);
        const struct doctor_finding *finding = find("credentials", 0);
        if (finding->state != cases[i].state || strstr(finding->words, cases[i].words) == NULL) {
            fail_msg("%s: %s", cases[i].sources, finding->words);
        }
    }
}

static void a_proxy_makes_a_failure_unknown(void **state)
{
    (void)state;
    struct doctor_probe probe = {.host = "ssm.x", .stage = DOCTOR_CONNECT, .is_timeout = true};
    report.count = 0;
    doctor_agent_judge_network(&probe, 1, "x", NULL, &report);
    assert_int_equal(find("network", 0)->state, DOCTOR_BAD);
    assert_non_null(strstr(find("network", 0)->advice, "VPC endpoint"));
    report.count = 0;
    doctor_agent_judge_network(&probe, 1, "x", "http://p", &report);
    assert_int_equal(find("network", 0)->state, DOCTOR_UNKNOWN);
    assert_int_equal(find("clock", 0)->state, DOCTOR_UNKNOWN);
}

static void too_many_findings_are_cut(void **state)
{
    (void)state;
    report.count = 0;
    for (int i = 0; i < DOCTOR_FINDINGS + 5; i++) {
        doctor_report_add(&report, "x", DOCTOR_WARN, "y", "%d", i);
    }
    assert_int_equal(report.count, DOCTOR_FINDINGS);
    assert_false(doctor_report_is_weak(&report));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_of_sudo),
        cmocka_unit_test(sudo_rs_is_weaker),
        cmocka_unit_test(good_sudo_is_good),
        cmocka_unit_test(names_that_sudo_skips_do_not_outrank),
        cmocka_unit_test(sudo_that_says_nothing_is_unknown),
        cmocka_unit_test(other_ssh_servers),
        cmocka_unit_test(versions_of_the_agent),
        cmocka_unit_test(units_of_the_agent),
        cmocka_unit_test(dates),
        cmocka_unit_test(hosts),
        cmocka_unit_test(a_variable_is_found_by_its_whole_name),
        cmocka_unit_test(which_credentials_win),
        cmocka_unit_test(a_proxy_makes_a_failure_unknown),
        cmocka_unit_test(too_many_findings_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
