#include "proxy/core/node_diagnosis.h"

#include "proxy/core/calendar.h"

/* States in which no agent can run. Source: the EC2 user guide, instance lifecycle. */
static const struct {
    const char *state;
    const char *words;
} states[] = {
    {"stopped", "the instance is stopped; start it (--start does)"},
    {"stopping", "the instance is stopping; start it once it has stopped (--start does)"},
    {"pending", "the instance is starting; try again in a minute (--wait does)"},
    {"shutting-down", "the instance is being terminated; use another one"},
    {"terminated", "the instance is terminated; use another one"},
};

static const char *words_of_state(const char *state)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(states[i].state, state) == 0) {
            return states[i].words;
        }
    }
    return NULL;
}

static void put_offline(const struct node_facts *facts, struct text *text)
{
    text_put(text, "its agent has been offline");
    if (facts->last_ping_unix_s > 0) {
        text_put(text, " since ");
        calendar_put_rfc3339(facts->last_ping_unix_s, text);
    }
    text_format(text, "; is amazon-ssm-agent running there, and does it reach ssmmessages.%s?", facts->region);
}

static void put_unregistered(const struct node_facts *facts, struct text *text)
{
    if (facts->instance == NODE_PRESENT && !facts->has_role) {
        text_put(text, "the instance has no instance profile, and its agent has never registered; attach a role with "
                       "AmazonSSMManagedInstanceCore");
    } else {
        text_format(
            text,
            "the instance runs, but its agent has never registered; is amazon-ssm-agent running there, does its "
            "role have AmazonSSMManagedInstanceCore, and does it reach ssm.%s?",
            facts->region);
    }
}

static void put_nowhere(const struct node_facts *facts, struct text *text)
{
    text_format(text, "%s %s in %s",
                facts->instance == NODE_ABSENT ? "neither Systems Manager nor EC2 knows" : "Systems Manager knows no",
                facts->id, facts->region);
    text_put(text, facts->has_searched ? ", nor in the regions of your profiles; is it the right account?"
                                       : "; is it the right region and account? (--search-regions looks in the regions "
                                         "of your profiles)");
}

bool node_diagnosis_put(const struct node_facts *facts, struct text *text)
{
    const char *state = facts->instance == NODE_PRESENT ? words_of_state(facts->state) : NULL;
    if (facts->elsewhere[0] != '\0') {
        text_format(text, "it is in %s, not in %s; use %s.%s", facts->elsewhere, facts->region, facts->id,
                    facts->elsewhere);
    } else if (state != NULL) {
        text_put(text, state);
    } else if (facts->registration == NODE_PRESENT && facts->is_online) {
        text_put(text, "its agent is online, but not ready for sessions yet; try again in a moment (--wait does)");
    } else if (facts->registration == NODE_PRESENT) {
        put_offline(facts, text);
    } else if (facts->registration == NODE_ABSENT && facts->instance == NODE_PRESENT) {
        put_unregistered(facts, text);
    } else if (facts->registration == NODE_ABSENT) {
        put_nowhere(facts, text);
    } else {
        return false;
    }
    return true;
}
