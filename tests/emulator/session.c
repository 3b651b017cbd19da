#include "tests/emulator/session.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/lab_limits.h"
#include "tests/emulator/node_worker.h"
#include "tests/emulator/relay.h"

enum err session_table_new(struct lab *lab, struct session_table **ret_table)
{
    struct session_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return ERR_MEMORY;
    }
    table->lab = lab;
    *ret_table = table;
    return ERR_OK;
}

static void release(struct session *session)
{
    event_loop_disarm(session->lab->loop, &session->idle);
    event_loop_disarm(session->lab->loop, &session->give_up);
    relay_release(session);
    byte_queue_free(&session->early);
    ack_window_free(&session->acknowledged);
}

static void free_session(struct session *session)
{
    release(session);
    node_worker_free(session->worker);
    free(session->properties);
    free(session);
}

void session_table_free(struct session_table *table)
{
    if (table == NULL) {
        return;
    }
    while (table->first != NULL) {
        struct session *next = table->first->next;
        free_session(table->first);
        table->first = next;
    }
    free(table);
}

struct session *session_table_find(const struct session_table *table, const char *id)
{
    for (struct session *session = table->first; session != NULL; session = session->next) {
        if (strcmp(session->id, id) == 0) {
            return session;
        }
    }
    return NULL;
}

static void unlink_session(struct session_table *table, struct session *session)
{
    *(session->previous == NULL ? &table->first : &session->previous->next) = session->next;
    *(session->next == NULL ? &table->last : &session->next->previous) = session->previous;
}

/* History forgets its oldest session. */
static void trim_history(struct session_table *table)
{
    struct session *session = table->last;
    while (session != NULL &&
           (session_is_open(session) || session->worker != NULL || session->client != NULL || session->agent != NULL)) {
        session = session->previous;
    }
    if (session != NULL) {
        unlink_session(table, session);
        free_session(session);
        table->ended--;
    }
}

/* Base64 of 61 bytes ends in "=="; it must hold a "+" and a "/" too, because clients stumble over exactly these.
 */
static void fill_cell_number(struct chance *chance, char *ret_text)
{
    uint8_t bytes[61] = {0, 1, 0, 0}; /* all that have been seen begin with AAEAA */
    char text[88];
    do {
        for (size_t i = 4; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)chance_next(chance);
        }
        EVP_EncodeBlock((unsigned char *)text, bytes, sizeof bytes);
    } while (strchr(text, '+') == NULL || strchr(text, '/') == NULL);
    strcpy(ret_text, text);
}

static void fill_token(struct chance *chance, char ret_token[SESSION_TOKEN_SIZE])
{
    uint8_t bytes[348];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)chance_next(chance);
    }
    char *end = stpcpy(ret_token, "AAEAA");
    EVP_EncodeBlock((unsigned char *)end, bytes, sizeof bytes);
}

void session_new_client_token(struct session *session)
{
    fill_token(&session->lab->chance, session->client_token);
}

void session_new_agent_token(struct session *session)
{
    fill_token(&session->lab->chance, session->agent_token);
}

enum err session_new(struct session_table *table, const char *session_name, struct session **ret_session)
{
    if (table->open >= LAB_LIMIT_SESSIONS) {
        return ERR_TOO_LONG;
    }
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return ERR_MEMORY;
    }
    if (table->ended >= LAB_LIMIT_HISTORY) {
        trim_history(table);
    }
    char suffix[27];
    credential_store_random_text(&table->lab->chance, 26, suffix);
    snprintf(session->id, sizeof session->id, "%.64s-%s", session_name, suffix);
    session->lab = table->lab;
    fill_cell_number(&table->lab->chance, session->cell_number);
    session_new_client_token(session);
    session_new_agent_token(session);
    session->start_unix_ms = (int64_t)event_loop_unix_ms();
    session->last_activity_us = event_loop_now_us();
    session->next = table->first;
    if (table->first != NULL) {
        table->first->previous = session;
    } else {
        table->last = session;
    }
    table->first = session;
    table->open++;
    *ret_session = session;
    return ERR_OK;
}

void session_set_worker(struct session *session, struct node_worker *worker)
{
    session->worker = worker;
    session->next_working = session->lab->sessions->working;
    session->lab->sessions->working = session;
}

void session_table_flush(struct session_table *table)
{
    struct session **link = &table->working;
    while (*link != NULL) {
        struct session *session = *link;
        if (!session->is_worker_over) {
            node_worker_flush(session->worker);
        }
        if (session->is_worker_over) {
            agent_core_counters_add(&table->lab->counters.agents, node_worker_counters(session->worker));
            node_worker_free(session->worker);
            session->worker = NULL;
            *link = session->next_working;
        } else {
            link = &session->next_working;
        }
    }
}

void session_table_child_ended(struct session_table *table, pid_t pid, int exit_code)
{
    for (struct session *session = table->working; session != NULL; session = session->next_working) {
        node_worker_child_ended(session->worker, pid, exit_code);
    }
}

const char *session_status_text(enum session_status status)
{
    switch (status) {
    case SESSION_CONNECTING:
        return "Connecting";
    case SESSION_CONNECTED:
        return "Connected";
    case SESSION_TERMINATING:
        return "Terminating";
    case SESSION_TERMINATED:
        return "Terminated";
    case SESSION_FAILED:
        break;
    }
    return "Failed";
}

void session_stream_path(const struct session *session, char *ret_path, size_t size)
{
    snprintf(ret_path, size, "/v1/data-channel/%s?role=publish_subscribe&cell-number=%s", session->id,
             session->cell_number);
}

void session_end(struct session *session, enum session_status status, const char *details)
{
    if (!session_is_open(session)) {
        return;
    }
    session->status = status;
    session->end_unix_ms = (int64_t)event_loop_unix_ms();
    snprintf(session->details, sizeof session->details, "%s", details);
    session->lab->sessions->open--;
    session->lab->sessions->ended++;
    release(session);
}
