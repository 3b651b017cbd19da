/* lab: what the rooms of ssm-lab share. One struct, made by main, borrowed by everything else. */
#ifndef SSM_LAB_LAB_H
#define SSM_LAB_LAB_H

#include <libwebsockets.h>

#include "common/sha256.h"
#include "proxy/core/chance.h"
#include "tests/emulator/certificate.h"
#include "tests/emulator/credential_store.h"
#include "tests/emulator/event_loop.h"
#include "tests/emulator/fault.h"
#include "tests/emulator/lab_options.h"

#define LAB_ACCOUNT "111122223333"

struct association_table;
struct command_table;
struct connect_key_table;
struct document_store;
struct node_table;
struct fault_intervals;
struct identity;
struct instance_table;
struct kms;
struct listener;
struct outage;
struct peer;
struct proxy_server;
struct session_table;

struct lab_counters {
    uint64_t api_calls, api_errors;
    uint64_t past_proxy; /* API calls and websockets of clients that came to the ports themselves */
    uint64_t sessions_started, ended_by_agent, terminated_by_api, timed_out;
    uint64_t client_connections, agent_connections, upgrades_refused, tokens_refused;
    uint64_t messages_to_agent, messages_to_client, acknowledged_for_client, dropped;
    uint64_t gateway_restarts;
    uint64_t faults_lost, faults_duplicated, faults_reordered, faults_corrupted, faults_truncated;
    struct agent_counters agents; /* of built-in sessions that are over */
};

struct lab {
    struct lab_options options;
    char state_dir[400];
    bool owns_state_dir;
    struct certificate_files certificates;
    struct certificate_authority *authority;
    struct chance chance;
    struct sha256 *hash;
    struct event_loop *loop;
    struct lws_context *lws;
    int api_port, gateway_port; /* once listening */
    char activation_id[40], activation_code[24];
    struct credential_store *credentials;
    struct identity *identity;
    struct kms *kms;
    struct node_table *nodes;
    struct instance_table *instances;
    struct session_table *sessions;
    struct command_table *commands;
    struct connect_key_table *connect_keys;
    struct document_store *documents;
    struct association_table *associations;
    struct fault_settings faults;
    struct call_faults call_faults;
    struct listener *gateway_listener;
    struct proxy_server *proxy;
    struct outage *outage;
    struct fault_intervals *intervals;
    struct peer *peers; /* every websocket */
    struct lab_counters counters;
    int children_fd; /* readable when a child has ended */
    bool is_stopping;
};

/* Seconds since 1970 on the service's clock, which a fault can set off. */
static inline time_t lab_time(const struct lab *lab)
{
    return (time_t)(event_loop_unix_ms() / 1000u) + (time_t)lab->faults.clock_offset_s;
}

#define LAB_TIME_TEXT_SIZE 32

/* "2026-01-02T03:04:05Z" */
static inline void lab_time_text(time_t time, char ret_text[LAB_TIME_TEXT_SIZE])
{
    struct tm tm;
    gmtime_r(&time, &tm);
    strftime(ret_text, LAB_TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

#endif
