#include "proxy/command/session.h"

#include "common/log.h"
#include "proxy/command/api.h"
#include "proxy/edge/clock.h"

/* For the reply of a StartSession that is under way when a signal comes. */
#define START_GRACE_US (3 * 1000 * 1000)

/* How long to wait for a reply, and what a signal changes about it. */
struct patience {
    int64_t deadline_us;
    int64_t grace_us; /* a signal shortens the wait to this; 0: ends it */
    bool is_firm;     /* a second signal leaves the grace as it is */
};

static enum err wait_for_reply(struct run *run, struct https_call *call, const struct patience *patience,
                               struct aws_reply *ret_reply)
{
    int64_t deadline_us = patience->deadline_us;
    int64_t grace_us = patience->grace_us;
    bool was_signalled = run->signal != 0;
    for (;;) {
        enum err err = api_reply(call, ret_reply, &run->why);
        if (err != ERR_AGAIN) {
            return err;
        }
        if (clock_mono_us() >= deadline_us) {
            text_put(&run->why, "no reply from the SSM API in time");
            return ERR_TIMEOUT;
        }
        if (run->is_urgent && !patience->is_firm) { /* it may have been before we began */
            return ERR_INTERRUPTED;
        }
        TRY(run_turn(run, deadline_us));
        if (run->signal != 0 && !was_signalled && grace_us == 0) {
            return ERR_INTERRUPTED;
        }
        if (run->signal != 0 && !was_signalled) {
            was_signalled = true;
            deadline_us = instant_earlier(deadline_us, clock_mono_us() + grace_us);
        }
    }
}

static int64_t time_left_us(int64_t deadline_us)
{
    int64_t left_us = deadline_us - clock_mono_us();
    return left_us > 1000 ? left_us : 1000;
}

/* Posts and waits; the reply is borrowed from *ret_call. */
static enum err call_api(struct run *run, const struct ssm_api_request *request, const struct patience *patience,
                         struct https_call **ret_call, struct aws_reply *ret_reply)
{
    TRY(api_post(run->net, &run->account, request, time_left_us(patience->deadline_us), ret_call));
    return wait_for_reply(run, *ret_call, patience, ret_reply);
}

/* ---- which node ---- */

#define CANDIDATES_MAX 10 /* that a message lists */

struct candidates {
    size_t count;
    char ids[CANDIDATES_MAX][LIMIT_TARGET + 1];
};

static void add_candidates(struct candidates *candidates, const struct ssm_api_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        if (candidates->count < CANDIDATES_MAX) {
            char *id = candidates->ids[candidates->count];
            memcpy(id, nodes->items[i].instance_id, sizeof nodes->items[i].instance_id);
        }
        candidates->count++;
    }
}

/* One page of nodes with this Name tag; *token is the page's on entry, the next page's (owned, or NULL) on return. */
static enum err look_up_page(struct run *run, const char *name, char **token, struct candidates *candidates)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    struct ssm_api_describe_nodes describe = {.name = name, .next_token = *token};
    TRY(ssm_api_describe_nodes(&describe, &request));
    AUTO(https_free) struct https_call *call = NULL;
    struct aws_reply reply;
    struct patience patience = {.deadline_us = run->deadline_us};
    TRY(call_api(run, &request, &patience, &call, &reply));
    AUTO(ssm_api_nodes_free) struct ssm_api_nodes nodes = {0};
    struct ssm_api_failure failure;
    enum err err = ssm_api_parse_nodes(&reply, &nodes, &failure);
    if (err != ERR_OK) {
        api_put_failure(&failure, &run->why);
        return err;
    }
    add_candidates(candidates, &nodes);
    free(*token);
    *token = MOVE(nodes.next_token);
    return ERR_OK;
}

static enum err refuse_candidates(struct run *run, const struct candidates *candidates)
{
    if (candidates->count == 0) {
        text_format(&run->why, "no managed node in %s has this Name tag", run->account.settings.region);
        return ERR_NO_TARGET;
    }
    text_format(&run->why, "%zu nodes have this Name tag; use an id:", candidates->count);
    for (size_t i = 0; i < candidates->count && i < CANDIDATES_MAX; i++) {
        text_format(&run->why, " %s", candidates->ids[i]);
    }
    if (candidates->count > CANDIDATES_MAX) {
        text_put(&run->why, " ...");
    }
    return ERR_NO_TARGET;
}

enum err session_find_node(struct run *run, const struct target *target, char ret_id[LIMIT_TARGET + 1])
{
    const char *id = target->text;
    struct candidates candidates = {0};
    if (!target_is_id(target)) {
        AUTO_FREE char *token = NULL;
        do {
            TRY(look_up_page(run, target->text, &token, &candidates));
        } while (token != NULL);
        if (candidates.count != 1) {
            return refuse_candidates(run, &candidates);
        }
        id = candidates.ids[0];
    }
    memcpy(ret_id, id, strlen(id) + 1);
    return ERR_OK;
}

/* ---- its life ---- */

static void remember(struct run *run, const char *session_id)
{
    if (run->records == NULL) {
        return;
    }
    const struct aws_settings *settings = &run->account.settings;
    struct session_record record = {0};
    memcpy(record.session_id, session_id, strlen(session_id) + 1);
    memcpy(record.region, settings->region, sizeof settings->region);
    memcpy(record.profile, settings->profile, sizeof settings->profile);
    struct text url = text_in(record.endpoint_url, sizeof record.endpoint_url);
    endpoint_put_url(&settings->api, &url);
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    if (session_record_write(run->records, &record, &why) != ERR_OK) {
        log_debug("no record of the session is kept: %s", memory);
    }
}

void session_forget(struct run *run, const char *session_id)
{
    if (run->records != NULL) {
        session_record_remove(run->records, session_id);
    }
}

enum err session_start(struct run *run, const struct ssm_api_start_session *request,
                       struct ssm_api_session *ret_session)
{
    AUTO(ssm_api_request_free) struct ssm_api_request body = {0};
    TRY(ssm_api_start_session(request, &body));
    AUTO(https_free) struct https_call *call = NULL;
    struct aws_reply reply;
    struct patience patience = {.deadline_us = run->deadline_us, .grace_us = START_GRACE_US, .is_firm = true};
    run->leave_by_us = INSTANT_NEVER;
    TRY(call_api(run, &body, &patience, &call, &reply));
    struct ssm_api_failure failure;
    enum err err = ssm_api_parse_session(&reply, ret_session, &failure);
    if (err != ERR_OK) {
        api_put_failure(&failure, &run->why);
    }
    if (ret_session->session_id[0] != '\0') {
        remember(run, ret_session->session_id);
    }
    return err;
}

enum err session_end(struct run *run, const char *session_id, int64_t deadline_us)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    TRY(ssm_api_terminate_session(session_id, &request));
    AUTO(https_free) struct https_call *call = NULL;
    struct aws_reply reply;
    struct patience patience = {
        .deadline_us = instant_earlier(deadline_us, run->leave_by_us),
        .grace_us = START_GRACE_US,
    };
    TRY(run_resolve(run, false, patience.deadline_us)); /* those of a role last for an hour, tunnels for days */
    TRY(call_api(run, &request, &patience, &call, &reply));
    struct ssm_api_failure failure;
    enum err err = ssm_api_parse_terminated_session(&reply, &failure);
    if (err != ERR_OK) {
        api_put_failure(&failure, &run->why);
        return err;
    }
    session_forget(run, session_id);
    return ERR_OK;
}
