/* session: one Session Manager session, and the table of all of them, ended ones included (State=History). */
#ifndef SSM_LAB_SESSION_H
#define SSM_LAB_SESSION_H

#include "tests/emulator/ack_window.h"
#include "tests/emulator/byte_queue.h"
#include "tests/emulator/node_table.h"
#include "tests/emulator/session_document.h"

struct peer;
struct node_worker;

enum session_status {
    SESSION_CONNECTING, /* the agent has not said Connected */
    SESSION_CONNECTED,
    SESSION_TERMINATING, /* the agent has been told to end it */
    SESSION_TERMINATED,  /* ended, on both sides */
    SESSION_FAILED
};

#define SESSION_TOKEN_SIZE 480

struct session {
    struct lab *lab;
    struct node *node; /* nodes are never removed */
    char id[97];
    char target[256], owner[200], reason[257], document[160];
    char *properties;     /* JSON, resolved */
    char kms_key_id[512]; /* of the document or the preferences; "": none */
    enum session_status status;
    int64_t start_unix_ms, end_unix_ms;
    char details[1100];   /* Output of channel_closed, or "" */
    char cell_number[96]; /* of the StreamUrl */
    char client_token[SESSION_TOKEN_SIZE], agent_token[SESSION_TOKEN_SIZE];
    bool has_client_connected; /* at least once */
    struct peer *client, *agent;
    struct node_worker *worker; /* of a built-in node */
    bool is_worker_attached, is_worker_over;
    struct byte_queue early;        /* length-prefixed agent messages from before the client's first connection */
    struct ack_window acknowledged; /* agent messages that the client has acknowledged */
    uint64_t last_activity_us;
    struct loop_timer idle, give_up;
    uint64_t client_messages, agent_messages; /* that passed on the connection, either way */
    bool is_worker_cut;                       /* its link is about to be lost: nothing passes any more */
    struct loop_timer cut_worker;
    struct relay_delay *delay;       /* the delay fault's, when it is in use */
    struct session *previous, *next; /* newest first */
    struct session *next_working;    /* of those with a worker */
};

struct session_table {
    struct lab *lab;
    struct session *first, *last, *working;
    size_t open, ended;
};

enum err session_table_new(struct lab *lab, struct session_table **ret_table) SSM_MUST_USE;
void session_table_free(struct session_table *table);

struct session *session_table_find(const struct session_table *table, const char *id);

/* A fresh session in state Connecting, with id, cell number and tokens. ERR_TOO_LONG: too many are open. */
enum err session_new(struct session_table *table, const char *session_name, struct session **ret_session) SSM_MUST_USE;

static inline bool session_is_open(const struct session *session)
{
    return session->status < SESSION_TERMINATED;
}

/* Tokens are opaque and of several hundred characters; a new one replaces the old. */
void session_new_client_token(struct session *session);
void session_new_agent_token(struct session *session);

/* As in DescribeSessions: "Connected". */
const char *session_status_text(enum session_status status);

/* "/v1/data-channel/{id}?role=publish_subscribe&cell-number={cell}", to be sent byte for byte. */
void session_stream_path(const struct session *session, char *ret_path, size_t size);

/* The session has got a worker: from now on it takes part in session_table_flush. */
void session_set_worker(struct session *session, struct node_worker *worker);

/* Once after each round of the event loop: lets every worker write what it has gathered, and frees those that are over.
 */
void session_table_flush(struct session_table *table);

/* To be told of every child that has ended, before it is waited for. */
void session_table_child_ended(struct session_table *table, pid_t pid, int exit_code);

/* Marks it ended and lets go of what an ended session does not need. `details` is kept. */
void session_end(struct session *session, enum session_status status, const char *details);

#endif
