#include "tests/emulator/outage.h"

#include <stdlib.h>

#include "common/log.h"
#include "tests/emulator/listener.h"
#include "tests/emulator/node_worker.h"
#include "tests/emulator/peer.h"
#include "tests/emulator/session.h"

/* Between two attempts to listen again. */
#define LISTEN_AGAIN_US 20000u

struct outage {
    struct lab *lab;
    struct loop_timer reopen;
    uint64_t back_at_us;
};

/* ---- connections that end ---- */

void outage_drop_clients(struct lab *lab)
{
    for (struct session *at = lab->sessions->first; at != NULL; at = at->next) {
        if (at->client != NULL) {
            peer_drop(at->client);
        }
    }
}

/* A built-in node that loses its link is back as soon as the gateway is. */
void outage_drop_agents(struct lab *lab)
{
    for (struct session *at = lab->sessions->first; at != NULL; at = at->next) {
        if (at->agent != NULL) {
            peer_drop(at->agent);
        }
        if (at->worker != NULL) {
            node_worker_lose_link(at->worker, outage_left_us(lab->outage));
        }
    }
}

void outage_close_clients(struct lab *lab, int code)
{
    for (struct session *at = lab->sessions->first; at != NULL; at = at->next) {
        if (at->client != NULL) {
            peer_close(at->client, code);
        }
    }
}

/* ---- a restart of the gateway ---- */

static void reopen(void *owner, uint64_t now_us)
{
    struct outage *outage = owner;
    if (listener_open(outage->lab->gateway_listener) == ERR_OK) {
        log_debug("the gateway is back");
    } else {
        event_loop_arm(outage->lab->loop, &outage->reopen, now_us + LISTEN_AGAIN_US);
    }
}

static void restart_gateway(struct outage *outage, uint64_t down_us)
{
    struct lab *lab = outage->lab;
    lab->counters.gateway_restarts++;
    if (listener_close(lab->gateway_listener) != ERR_OK) {
        log_debug("the gateway's port is not kept while it is away");
    }
    outage->back_at_us = event_loop_now_us() + down_us;
    peer_drop_all(lab);
    outage_drop_agents(lab); /* the built-in ones have no websocket */
    event_loop_arm(lab->loop, &outage->reopen, outage->back_at_us);
    log_debug("the gateway goes away");
}

uint64_t outage_left_us(const struct outage *outage)
{
    uint64_t now_us = event_loop_now_us();
    return outage->back_at_us > now_us ? outage->back_at_us - now_us : 0;
}

bool outage_act(struct outage *outage, const json_t *faults)
{
    struct lab *lab = outage->lab;
    const json_t *restart = json_object_get(faults, "restart_gateway");
    const json_t *down_ms = json_object_get(restart, "down_ms");
    const json_t *code = json_object_get(faults, "close_client_connections");
    if (restart != NULL && (!json_is_integer(down_ms) || json_integer_value(down_ms) < 0)) {
        return false;
    }
    if (json_is_integer(code)) {
        outage_close_clients(lab, (int)json_integer_value(code));
    }
    if (json_is_true(json_object_get(faults, "drop_client_connections"))) {
        outage_drop_clients(lab);
    }
    if (json_is_true(json_object_get(faults, "drop_agent_connections"))) {
        outage_drop_agents(lab);
    }
    if (restart != NULL) {
        restart_gateway(outage, (uint64_t)json_integer_value(down_ms) * 1000u);
    }
    return true;
}

enum err outage_new(struct lab *lab, struct outage **ret_outage)
{
    struct outage *outage = calloc(1, sizeof *outage);
    if (outage == NULL) {
        return ERR_MEMORY;
    }
    outage->lab = lab;
    outage->reopen = (struct loop_timer){.expired = reopen, .owner = outage};
    *ret_outage = outage;
    return ERR_OK;
}

void outage_free(struct outage *outage)
{
    if (outage == NULL) {
        return;
    }
    event_loop_disarm(outage->lab->loop, &outage->reopen);
    free(outage);
}
