/* decision: any facts. Nobody who is not verified passes unless RequireSsm says so, nobody has root without the level
 * or a grant that binds his session and whose time is not over. */
#include "tests/fuzz/fuzz_support.h"

#include "pam_ssm/core/decision.h"

static const char *const ids[] = {"", "alice-1", "bob-1"};
static const char *const owners[] = {"", "arn:alice", "arn:bob"};
static const char *const documents[] = {"AWS-StartSSHSession", "SSM-SessionManagerRunShell", "Another"};
static const char boot_ids[2][HOST_BOOT_ID_LEN + 1] = {"00000000-0000-0000-0000-000000000000",
                                                       "11111111-1111-1111-1111-111111111111"};

static unsigned take(struct bytes *input, unsigned below)
{
    unsigned value = input->len > 0 ? input->data[0] : 0;
    *input = bytes_from(*input, 1);
    return value % below;
}

static void set(char *to, const char *from)
{
    memcpy(to, from, strlen(from) + 1);
}

static struct agent_session take_session(struct bytes *input)
{
    struct agent_session session = {.worker_pid = 1};
    set(session.session_id, ids[1 + take(input, 2)]);
    set(session.owner, owners[take(input, 3)]);
    set(session.document, documents[take(input, 3)]);
    return session;
}

static struct grant take_grant(struct bytes *input)
{
    struct grant grant = {.id = "0123456789abcdef",
                          .not_after_unix_s = 95 + (int64_t)take(input, 10),
                          .boot_deadline_s = 45 + (int64_t)take(input, 10)};
    set(grant.session_id, ids[take(input, 3)]);
    set(grant.owner, owners[take(input, 3)]);
    set(grant.boot_id, boot_ids[take(input, 2)]);
    return grant;
}

static struct host_policy take_policy(struct bytes *input)
{
    struct host_policy policy;
    host_policy_defaults(&policy);
    policy.session.require_ssm = (enum host_require)take(input, 3);
    policy.privilege.level = (enum host_level)take(input, 3);
    MUST(word_list_set(&policy.session.allow_owners, owners[take(input, 3)]) == ERR_OK);
    return policy;
}

/* The same in other words than decision.c. */
static bool has_grant(const struct decision_facts *facts)
{
    for (size_t i = 0; i < facts->grant_count; i++) {
        const struct grant *grant = &facts->grants[i];
        bool in_time = grant->not_after_unix_s > facts->now->unix_s && grant->boot_deadline_s > facts->now->boot_s &&
                       strcmp(grant->boot_id, facts->now->boot_id) == 0;
        bool is_his = (grant->session_id[0] == '\0' || strcmp(grant->session_id, facts->session->session_id) == 0) &&
                      (grant->owner[0] == '\0' || strcmp(grant->owner, facts->session->owner) == 0);
        if (in_time && is_his) {
            return true;
        }
    }
    return false;
}

static void check(const struct host_policy *policy, const struct decision_facts *facts, const struct decision *decision)
{
    bool is_verified = facts->finding == FINDING_VERIFIED && facts->session != NULL;
    MUST(decision->reason != NULL && decision->reason[0] != '\0');
    MUST(!decision->is_only_logged || policy->session.require_ssm == HOST_REQUIRE_LOG);
    if (!decision->is_allowed) {
        MUST(decision->grant == NULL);
        return;
    }
    if (policy->session.require_ssm == HOST_REQUIRE_YES) {
        MUST(is_verified);
        MUST(word_list_is_empty(&policy->session.allow_owners) ||
             word_list_contains(&policy->session.allow_owners, facts->session->owner));
        MUST(facts->demand != DECISION_CONNECTION || strcmp(facts->session->document, documents[0]) == 0);
        MUST(facts->demand == DECISION_CONNECTION || facts->is_recorded ||
             strcmp(facts->session->document, documents[1]) == 0);
    }
    if (facts->demand == DECISION_GRANT && policy->privilege.level != HOST_LEVEL_ROOT) {
        MUST(facts->session != NULL && has_grant(facts));
        MUST(decision->grant != NULL);
    } else {
        MUST(decision->grant == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    struct host_policy policy = take_policy(&input);
    struct host_moment now = {.unix_s = 100, .boot_s = 50};
    set(now.boot_id, boot_ids[0]);
    struct agent_session session = take_session(&input);
    struct grant grants[3];
    struct decision_facts facts = {.demand = (enum decision_demand)take(&input, 3),
                                   .finding = (enum decision_finding)take(&input, FINDING_UNKNOWN + 1),
                                   .grants = grants,
                                   .now = &now};
    facts.session = facts.finding == FINDING_VERIFIED && take(&input, 8) > 0 ? &session : NULL;
    facts.is_recorded = take(&input, 2) == 1;
    facts.grant_count = take(&input, 4);
    for (size_t i = 0; i < facts.grant_count; i++) {
        grants[i] = take_grant(&input);
    }
    struct decision decision = decision_make(&policy, &facts);
    check(&policy, &facts, &decision);
    return 0;
}
