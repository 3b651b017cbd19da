/* trail: events of three kinds as one history: our audit log, sudo's I/O logs, the SSM agent's log. Each is a JSON
 * object with "source", "event" and what is known: user, owner_arn, session_id, command... */
#ifndef SSM_HOST_CORE_TRAIL_H
#define SSM_HOST_CORE_TRAIL_H

#include "common/json_view.h"

struct trail_entry {
    int64_t unix_ms;
    json_t *event; /* owned */
};

/* A line of audit.jsonl. ERR_MALFORMED, ERR_MEMORY; so for all of these. */
enum err trail_parse_own(struct bytes line, struct trail_entry *ret_entry) SSM_MUST_USE;

/* log.json of one sudo command, sudoers(5) "I/O LOG FILES"; `id` is what sudoreplay(8) calls it. */
enum err trail_parse_sudo(struct bytes file, const char *id, struct trail_entry *ret_entry) SSM_MUST_USE;

/* A line of amazon-ssm-agent.log. ERR_NO_TARGET: it is about nothing of ours. Its time has no zone: the entry's is as
 * if it were UTC. */
enum err trail_parse_agent(struct bytes line, struct trail_entry *ret_entry) SSM_MUST_USE;

/* By time; what is of the same time stays in its order. */
void trail_sort(struct trail_entry *entries, size_t count);

/* Gives each sudo command the session and the principal of the check by pam_ssm just before it. Where checks of several
 * sessions could be meant, it gets "attribution": "ambiguous" instead. The entries are sorted. */
void trail_attribute(struct trail_entry *entries, size_t count);

#endif
