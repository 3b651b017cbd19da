/* The two sides of a node's sessions, joined. */
#include "tests/support/unit.h"

#include "pam_ssm/core/session_view.h"

static struct agent_session session_named(const char *id, const char *plugin, const char *owner)
{
    struct agent_session session = {.worker_pid = 7};
    (void)snprintf(session.session_id, sizeof session.session_id, "%s", id);
    (void)snprintf(session.plugin, sizeof session.plugin, "%s", plugin);
    (void)snprintf(session.owner, sizeof session.owner, "%s", owner);
    return session;
}

static void a_dead_login_does_not_hide_its_session(void **state)
{
    (void)state;
    static struct login_record record;
    record.session = session_named("a-1", "Port", "old");
    struct agent_session session = session_named("a-1", "Port", "new");
    struct session_login login = {&record, false};
    struct session_of_agent agent = {&session, true};
    struct session_row rows[2];
    assert_int_equal(session_view_join(&login, 1, &agent, 1, rows), 2);
    assert_int_equal(rows[0].kind, SESSION_DEAD_LOGIN);
    assert_int_equal(rows[1].kind, SESSION_TUNNEL);
    assert_null(rows[1].record);
}

static void a_live_login_is_one_row_in_the_agents_words(void **state)
{
    (void)state;
    static struct login_record record;
    record.session = session_named("a-1", "Port", "old");
    struct agent_session sessions[] = {session_named("b-1", "Standard_Stream", "b"),
                                       session_named("a-1", "Port", "new")};
    struct session_login login = {&record, true};
    struct session_of_agent agents[] = {{&sessions[0], true}, {&sessions[1], true}};
    struct session_row rows[3];
    assert_int_equal(session_view_join(&login, 1, agents, 2, rows), 2);
    assert_int_equal(rows[0].kind, SESSION_LOGIN);
    assert_string_equal(rows[0].session->owner, "new");
    assert_true(rows[0].is_known_to_agent);
    assert_int_equal(rows[1].kind, SESSION_SHELL);
    assert_string_equal(rows[1].session->owner, "b");
}

static void what_the_agent_forgot_is_still_a_login(void **state)
{
    (void)state;
    static struct login_record record;
    record.session = session_named("a-1", "Port", "old");
    struct session_login login = {&record, true};
    struct session_row rows[1];
    assert_int_equal(session_view_join(&login, 1, NULL, 0, rows), 1);
    assert_int_equal(rows[0].kind, SESSION_LOGIN);
    assert_string_equal(rows[0].session->owner, "old");
    assert_false(rows[0].is_known_to_agent);
}

static void a_session_without_its_worker_is_dead_beside_a_live_login(void **state)
{
    (void)state;
    static struct login_record record;
    record.session = session_named("a-1", "Port", "old");
    struct agent_session session = session_named("a-1", "Port", "new");
    struct session_login login = {&record, true};
    struct session_of_agent agent = {&session, false};
    struct session_row rows[2];
    assert_int_equal(session_view_join(&login, 1, &agent, 1, rows), 2);
    assert_int_equal(rows[0].kind, SESSION_LOGIN);
    assert_int_equal(rows[1].kind, SESSION_DEAD_WORKER);
    assert_string_equal(session_view_kind_text(rows[1].kind), "dead-worker");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_login_does_not_hide_its_session),
        cmocka_unit_test(a_live_login_is_one_row_in_the_agents_words),
        cmocka_unit_test(what_the_agent_forgot_is_still_a_login),
        cmocka_unit_test(a_session_without_its_worker_is_dead_beside_a_live_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
