#include "proxy/command/find_node.h"

#include "proxy/command/api.h"
#include "proxy/command/call.h"

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
    struct ssm_api_describe_nodes describe = {.filter = "tag:Name", .value = name, .next_token = *token};
    TRY(ssm_api_describe_nodes(&describe, &request));
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct call_patience patience = {.deadline_us = run->deadline_us};
    TRY(call_ssm(run, &request, &patience, &call, &reply));
    AUTO(ssm_api_nodes_free) struct ssm_api_nodes nodes = {0};
    struct service_failure failure;
    enum err err = ssm_api_parse_nodes(&reply, &nodes, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, &run->why);
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

enum err find_node(struct run *run, const struct target *target, char ret_id[LIMIT_TARGET + 1])
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
