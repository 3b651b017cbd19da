#include "pam_ssm/core/decision.h"

static const char *finding_reason(enum decision_finding finding)
{
    switch (finding) {
    case FINDING_VERIFIED:
        return "verified";
    case FINDING_NO_SESSION:
        return "not inside a Session Manager session";
    case FINDING_NOT_LOOPBACK:
        return "the connection does not come from this machine's own agent";
    case FINDING_NOT_OURS:
        return "the connection that SSH_CONNECTION names is not the one that is served here";
    case FINDING_NOT_ROOT:
        return "the other end belongs to an ordinary user, not to the SSM agent";
    case FINDING_NOT_WORKER:
        return "the other end is not the SSM agent's session worker";
    case FINDING_STATE_MISSING:
        return "the SSM agent has no readable state of this session";
    case FINDING_ENDED:
        return "the Session Manager session of this login has ended";
    case FINDING_AMBIGUOUS:
        return "the other end cannot be told for certain";
    case FINDING_TIMEOUT:
        return "looking for the session took too long";
    case FINDING_UNKNOWN:
        return "the kernel does not tell who is at the other end";
    }
    return "unknown";
}

static const char *document_refusal(const struct host_policy *policy, const struct decision_facts *facts)
{
    bool is_login = facts->demand == DECISION_CONNECTION;
    const struct word_list *wanted = is_login ? &policy->session.documents : &policy->session.shell_documents;
    /* What sshd let in by `Documents` stays in: its sudo is not judged by the other list again. */
    if (word_list_is_empty(wanted) || (!is_login && facts->is_recorded) ||
        word_list_contains(wanted, facts->session->document)) {
        return NULL;
    }
    return is_login ? "the session's document is not one of Documents"
                    : "the session's document is not one of ShellDocuments";
}

static const char *session_refusal(const struct host_policy *policy, const struct decision_facts *facts)
{
    if (facts->finding != FINDING_VERIFIED || facts->session == NULL) {
        return finding_reason(facts->finding);
    }
    const struct word_list *owners = &policy->session.allow_owners;
    if (!word_list_is_empty(owners) && !word_list_contains(owners, facts->session->owner)) {
        return "the session's owner is not one of AllowOwner";
    }
    return document_refusal(policy, facts);
}

static const struct grant *find_grant(const struct decision_facts *facts)
{
    for (size_t i = 0; i < facts->grant_count && facts->session != NULL; i++) {
        if (grant_is_active(&facts->grants[i], facts->now) && grant_binds(&facts->grants[i], facts->session)) {
            return &facts->grants[i];
        }
    }
    return NULL;
}

struct decision decision_make(const struct host_policy *policy, const struct decision_facts *facts)
{
    const char *refusal = session_refusal(policy, facts);
    if (refusal != NULL && policy->session.require_ssm == HOST_REQUIRE_YES) {
        return (struct decision){.reason = refusal};
    }
    struct decision decision = {.is_allowed = true, .reason = refusal != NULL ? refusal : "verified"};
    decision.is_only_logged = refusal != NULL && policy->session.require_ssm == HOST_REQUIRE_LOG;
    if (facts->demand == DECISION_GRANT && policy->privilege.level != HOST_LEVEL_ROOT) {
        decision.grant = find_grant(facts);
        decision.is_allowed = decision.grant != NULL;
        decision.reason = decision.is_allowed ? "granted" : "no grant is active for this session";
    }
    return decision;
}
