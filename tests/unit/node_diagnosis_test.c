/* Why a node takes no session, and the regions in which it is searched. */
#include "tests/support/unit.h"

#include "proxy/core/node_diagnosis.h"
#include "proxy/core/region_list.h"

#define ID "i-0123456789abcdef0"

static struct node_facts facts(enum node_knowledge registration, enum node_knowledge instance, const char *state)
{
    struct node_facts facts = {
        .id = ID, .region = "eu-west-1", .registration = registration, .instance = instance, .has_role = true};
    memcpy(facts.state, state, strlen(state) + 1);
    return facts;
}

static void assert_says(struct node_facts facts, const char *expected)
{
    char memory[512];
    struct text text = text_in(memory, sizeof memory);
    bool is_known = node_diagnosis_put(&facts, &text);
    assert_string_equal(text.data, expected);
    assert_int_equal(is_known, *expected != '\0');
    assert_ok(text_finish(&text));
}

static void says_nothing_when_nothing_is_known(void **state)
{
    (void)state;
    assert_says(facts(NODE_UNKNOWN, NODE_UNKNOWN, ""), "");
    assert_says(facts(NODE_UNKNOWN, NODE_ABSENT, ""), "");
    assert_says(facts(NODE_UNKNOWN, NODE_PRESENT, "running"), "");
}

static void tells_states_of_instances(void **state)
{
    (void)state;
    assert_says(facts(NODE_UNKNOWN, NODE_PRESENT, "stopped"), "the instance is stopped; start it (--start does)");
    assert_says(facts(NODE_PRESENT, NODE_PRESENT, "stopped"), "the instance is stopped; start it (--start does)");
    assert_says(facts(NODE_ABSENT, NODE_PRESENT, "stopped"), "the instance is stopped; start it (--start does)");
    assert_says(facts(NODE_PRESENT, NODE_PRESENT, "stopping"),
                "the instance is stopping; start it once it has stopped (--start does)");
    assert_says(facts(NODE_ABSENT, NODE_PRESENT, "pending"),
                "the instance is starting; try again in a minute (--wait does)");
    assert_says(facts(NODE_ABSENT, NODE_PRESENT, "shutting-down"), "the instance is being terminated; use another one");
    assert_says(facts(NODE_ABSENT, NODE_PRESENT, "terminated"), "the instance is terminated; use another one");
}

static void tells_of_the_agent(void **state)
{
    (void)state;
    struct node_facts lost = facts(NODE_PRESENT, NODE_PRESENT, "running");
    assert_says(lost, "its agent has been offline; is amazon-ssm-agent running there, and does it reach "
                      "ssmmessages.eu-west-1?");
    lost.last_ping_unix_s = 1440938160;
    assert_says(lost, "its agent has been offline since 2015-08-30T12:36:00Z; is amazon-ssm-agent running there, and "
                      "does it reach ssmmessages.eu-west-1?");
    lost.instance = NODE_UNKNOWN;
    assert_says(lost, "its agent has been offline since 2015-08-30T12:36:00Z; is amazon-ssm-agent running there, and "
                      "does it reach ssmmessages.eu-west-1?");
    lost.is_online = true;
    assert_says(lost, "its agent is online, but not ready for sessions yet; try again in a moment (--wait does)");
    struct node_facts never = facts(NODE_ABSENT, NODE_PRESENT, "running");
    assert_says(never, "the instance runs, but its agent has never registered; is amazon-ssm-agent running there, does "
                       "its role have AmazonSSMManagedInstanceCore, and does it reach ssm.eu-west-1?");
    never.has_role = false;
    assert_says(never, "the instance has no instance profile, and its agent has never registered; attach a role with "
                       "AmazonSSMManagedInstanceCore");
}

static void tells_of_another_region(void **state)
{
    (void)state;
    assert_says(facts(NODE_ABSENT, NODE_UNKNOWN, ""),
                "Systems Manager knows no " ID " in eu-west-1; is it the right region and account? (--search-regions "
                "looks in the regions of your profiles)");
    struct node_facts searched = facts(NODE_ABSENT, NODE_ABSENT, "");
    searched.has_searched = true;
    assert_says(searched, "neither Systems Manager nor EC2 knows " ID " in eu-west-1, nor in the regions of your "
                          "profiles; is it the right account?");
    memcpy(searched.elsewhere, "us-east-2", sizeof "us-east-2");
    assert_says(searched, "it is in us-east-2, not in eu-west-1; use " ID ".us-east-2");
}

static void lists_each_region_once(void **state)
{
    (void)state;
    static const char config[] = "[default]\nregion = eu-west-1\n[profile a]\nregion = us-east-1\n[profile b]\n"
                                 "region = us-east-1\n[profile c]\nregion = no region\n[profile d]\noutput = json\n";
    static const char credentials[] = "[e]\nregion = sa-east-1\n[f]\nregion = eu-west-1\n";
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    struct aws_profile_files files = {.config = {.memory = NULL}};
    struct region_list list;
    assert_ok(ini_parse(bytes_of_text(config), &files.config, &why));
    assert_ok(ini_parse(bytes_of_text(credentials), &files.credentials, &why));
    region_list_of_profiles(&files, "eu-west-1", &list);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.names[0], "us-east-1");
    assert_string_equal(list.names[1], "sa-east-1");
    aws_profile_files_free(&files);
}

static void bounds_regions(void **state)
{
    (void)state;
    char config[8192];
    struct text text = text_in(config, sizeof config);
    for (int i = 0; i < 2 * REGION_LIST_MAX; i++) {
        text_format(&text, "[profile p%d]\nregion = eu-west-%d\n", i, i);
    }
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    struct aws_profile_files files = {.config = {.memory = NULL}};
    struct region_list list;
    assert_ok(ini_parse(text_bytes(&text), &files.config, &why));
    region_list_of_profiles(&files, "", &list);
    assert_int_equal(list.count, REGION_LIST_MAX);
    aws_profile_files_free(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_nothing_when_nothing_is_known),
        cmocka_unit_test(tells_states_of_instances),
        cmocka_unit_test(tells_of_the_agent),
        cmocka_unit_test(tells_of_another_region),
        cmocka_unit_test(lists_each_region_once),
        cmocka_unit_test(bounds_regions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
