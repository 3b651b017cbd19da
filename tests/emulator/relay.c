#include "tests/emulator/relay.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emulator/ack_text.h"
#include "tests/emulator/gateway.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/node_worker.h"
#include "tests/emulator/peer.h"
#include "tests/emulator/relay_delay.h"
#include "tests/emulator/relay_fault.h"
#include "tests/emulator/service_message.h"

#define GIVE_UP_US 10000000u
#define IDLE_TEXT "Your session timed out due to inactivity and has been terminated."

/* ---- delivery ---- */

static void deliver_to_agent(struct session *session, struct bytes message)
{
    if (session->worker != NULL && session->is_worker_attached && !session->is_worker_cut) {
        relay_fault_count_agent(session);
        node_worker_deliver(session->worker, message);
        if (!node_worker_wants_input(session->worker)) {
            relay_update_flow(session);
        }
    } else if (session->agent != NULL) {
        peer_send(session->agent, message);
        relay_fault_count_agent(session);
    } else {
        session->lab->counters.dropped++;
    }
}

static int64_t sequence_number_of(struct bytes message)
{
    return (int64_t)bytes_get_be64(message.data + 48);
}

/* Keeps one copy of each message for the client that has yet to come. */
static void keep_early(struct session *session, struct bytes message)
{
    struct bytes early = byte_queue_bytes(&session->early);
    for (size_t at = 0; at < early.len;) {
        uint32_t len = 0;
        memcpy(&len, early.data + at, sizeof len);
        if (sequence_number_of(bytes_of(early.data + at + sizeof len, len)) == sequence_number_of(message)) {
            return;
        }
        at += sizeof len + len;
    }
    uint32_t len = (uint32_t)message.len;
    if (early.len + message.len <= LAB_LIMIT_EARLY_BYTES) {
        uint8_t *room = byte_queue_reserve(&session->early, sizeof len + message.len);
        if (room != NULL) {
            memcpy(room, &len, sizeof len);
            memcpy(room + sizeof len, message.data, message.len);
            byte_queue_commit(&session->early, sizeof len + message.len);
        }
    }
}

static void deliver_to_client(struct session *session, struct bytes message)
{
    if (session->client != NULL) {
        peer_send(session->client, message);
        relay_fault_count_client(session);
    } else if (!session->has_client_connected && message.len >= AGENT_MESSAGE_HEADER_LEN) {
        keep_early(session, message);
    } else {
        session->lab->counters.dropped++;
    }
}

void relay_deliver(struct session *session, bool is_to_agent, struct bytes message)
{
    if (is_to_agent) {
        deliver_to_agent(session, message);
    } else {
        deliver_to_client(session, message);
    }
}

void relay_deliver_delayed(struct session *session, bool is_to_agent, struct bytes message)
{
    if (session_is_open(session)) {
        relay_deliver(session, is_to_agent, message);
    }
}

/* ---- what passes ---- */

static bool has_type(struct bytes message, const char *type)
{
    size_t len = strlen(type);
    return message.len >= AGENT_MESSAGE_HEADER_LEN && memcmp(message.data + 4, type, len) == 0 &&
           (message.data[4 + len] == ' ' || message.data[4 + len] == '\0');
}

void relay_from_client(struct session *session, struct bytes message)
{
    struct lab *lab = session->lab;
    if (!session_is_open(session)) {
        return;
    }
    lab->counters.messages_to_agent++;
    uint64_t delay_us = 0;
    if (has_type(message, "acknowledge")) {
        int64_t number = 0;
        if (ack_text_parse(bytes_from(message, AGENT_MESSAGE_HEADER_LEN), &number)) {
            ack_window_add(&session->acknowledged, number);
        }
        /* The real agent lists a message as unacknowledged after having sent it: an acknowledgement that is faster than
         * that is lost. A network takes these milliseconds anyway. */
        delay_us = session->agent != NULL ? RELAY_ACK_DELAY_US : 0;
    } else {
        session->last_activity_us = event_loop_now_us();
    }
    relay_fault_pass(session, true, message, delay_us);
    relay_fault_count_client(session);
}

static void acknowledge_for_client(struct session *session, struct bytes message)
{
    struct uuid id;
    char text[ACK_TEXT_SIZE];
    memcpy(id.octets, message.data + 72, 8);
    memcpy(id.octets + 8, message.data + 64, 8);
    size_t len = ack_text_compose("output_stream_data", &id, sequence_number_of(message), text);
    struct service_message ack = service_message_to_agent(
        session->lab, AGENT_MESSAGE_ACKNOWLEDGE, AGENT_MESSAGE_FLAG_SYN | AGENT_MESSAGE_FLAG_FIN, bytes_of(text, len));
    session->lab->counters.acknowledged_for_client++;
    /* Never from within the agent's own sending: a built-in one would be entered a second time. */
    relay_delay_add(session, true, service_message_bytes(&ack), 0);
    free(ack.data);
}

void relay_from_agent(struct session *session, struct bytes message)
{
    if (!session_is_open(session) || session->is_worker_cut) {
        return;
    }
    if (has_type(message, "agent_session_state")) {
        if (session->status == SESSION_CONNECTING) {
            session->status = SESSION_CONNECTED;
        }
        return;
    }
    session->lab->counters.messages_to_client++;
    if (has_type(message, "output_stream_data")) {
        session->last_activity_us = event_loop_now_us();
        if (ack_window_has(&session->acknowledged, sequence_number_of(message))) {
            acknowledge_for_client(session, message);
        }
    }
    relay_fault_pass(session, false, message, 0);
    relay_fault_count_agent(session);
}

/* ---- what the service says itself ---- */

static void tell_client(struct session *session, enum agent_message_type type, struct bytes payload)
{
    if (session->client == NULL) {
        return;
    }
    uint64_t flags = type == AGENT_MESSAGE_CHANNEL_CLOSED ? 0 : AGENT_MESSAGE_FLAG_SYN | AGENT_MESSAGE_FLAG_FIN;
    struct service_message message = service_message_to_client(session->lab, type, flags, payload);
    peer_send(session->client, service_message_bytes(&message));
    free(message.data);
}

static void tell_agent(struct session *session, enum agent_message_type type, struct bytes payload)
{
    uint64_t flags = type == AGENT_MESSAGE_CHANNEL_CLOSED ? 0 : AGENT_MESSAGE_FLAG_SYN | AGENT_MESSAGE_FLAG_FIN;
    struct service_message message = service_message_to_agent(session->lab, type, flags, payload);
    if (message.data != NULL && ((session->worker != NULL && session->is_worker_attached) || session->agent != NULL)) {
        deliver_to_agent(session, service_message_bytes(&message));
    }
    free(message.data);
}

void relay_publish(struct session *session, bool is_to_agent, bool is_start)
{
    enum agent_message_type type = is_start ? AGENT_MESSAGE_START_PUBLICATION : AGENT_MESSAGE_PAUSE_PUBLICATION;
    struct bytes payload = bytes_of_text(agent_message_type_name(type));
    if (!session_is_open(session) || session->lab->faults.no_start_publication) {
        return;
    }
    if (is_to_agent) {
        tell_agent(session, type, payload);
    } else {
        tell_client(session, type, payload);
    }
}

/* ---- coming and going ---- */

static void send_early(struct session *session)
{
    struct bytes early = byte_queue_bytes(&session->early);
    for (size_t at = 0; at < early.len;) {
        uint32_t len = 0;
        memcpy(&len, early.data + at, sizeof len);
        peer_send(session->client, bytes_of(early.data + at + sizeof len, len));
        at += sizeof len + len;
    }
    byte_queue_free(&session->early);
}

void relay_attach_client(struct session *session, struct peer *peer)
{
    bool is_return = session->has_client_connected;
    if (session->client != NULL) {
        session->client->bound = NULL;
        peer_close(session->client, LWS_CLOSE_STATUS_NORMAL);
    }
    session->client = peer;
    session->client_messages = 0;
    session->has_client_connected = true;
    session->lab->counters.client_connections++;
    session->last_activity_us = event_loop_now_us();
    relay_publish(session, false, true);
    send_early(session);
    if (is_return) {
        relay_publish(session, true, true);
    }
    relay_update_flow(session);
}

void relay_attach_agent(struct session *session, struct peer *peer)
{
    if (session->agent != NULL) {
        session->agent->bound = NULL;
        peer_close(session->agent, LWS_CLOSE_STATUS_NORMAL);
    }
    bool is_return = session->status != SESSION_CONNECTING;
    session->agent = peer;
    session->agent_messages = 0;
    session->lab->counters.agent_connections++;
    if (is_return) {
        relay_publish(session, false, true);
    }
    relay_update_flow(session);
}

void relay_attach_worker(struct session *session, bool is_attached)
{
    session->is_worker_attached = is_attached;
    session->agent_messages = 0;
    if (is_attached) {
        session->lab->counters.agent_connections++;
    }
    if (!is_attached || session->status != SESSION_CONNECTING) {
        relay_publish(session, false, is_attached);
    }
    relay_update_flow(session);
}

void relay_lose_peer(struct session *session, struct peer *peer)
{
    if (session->client == peer) {
        session->client = NULL;
        relay_publish(session, true, false);
    }
    if (session->agent == peer) {
        session->agent = NULL;
        relay_publish(session, false, false);
    }
    relay_update_flow(session);
}

void relay_update_flow(struct session *session)
{
    bool client_has_room = session->client == NULL || !peer_is_full(session->client);
    bool agent_has_room = true;
    if (session->worker != NULL && session->is_worker_attached) {
        node_worker_set_room(session->worker, client_has_room);
        agent_has_room = node_worker_wants_input(session->worker);
    } else if (session->agent != NULL) {
        peer_set_reading(session->agent, client_has_room);
        agent_has_room = !peer_is_full(session->agent);
    }
    if (session->client != NULL) {
        peer_set_reading(session->client, agent_has_room || !session_is_open(session));
    }
}

/* ---- the end ---- */

static void close_client(struct session *session, const char *output)
{
    if (session->client == NULL) {
        return;
    }
    char *payload = service_message_channel_closed(session->lab, session->id, session->target, output);
    if (payload != NULL) {
        tell_client(session, AGENT_MESSAGE_CHANNEL_CLOSED, bytes_of_text(payload));
        free(payload);
    }
    peer_close(session->client, LWS_CLOSE_STATUS_NORMAL);
    peer_set_reading(session->client, true); /* to see it go */
}

static void finish(struct session *session, const char *output)
{
    bool has_begun = session->status != SESSION_CONNECTING;
    close_client(session, output);
    if (session->agent != NULL) {
        peer_close(session->agent, LWS_CLOSE_STATUS_NORMAL);
        peer_set_reading(session->agent, true);
    }
    session_end(session, has_begun ? SESSION_TERMINATED : SESSION_FAILED, output);
}

void relay_task_complete(struct session *session, const char *final_status, const char *output)
{
    (void)final_status; /* Failed comes with an Output that says why; the session's own status has no word for it */
    if (!session_is_open(session)) {
        return;
    }
    session->lab->counters.ended_by_agent += session->status == SESSION_TERMINATING ? 0 : 1;
    char kept[sizeof session->details];
    snprintf(kept, sizeof kept, "%s", session->status == SESSION_TERMINATING ? session->details : output);
    finish(session, kept);
}

static void give_up(void *owner, uint64_t now_us)
{
    struct session *session = owner;
    char kept[sizeof session->details];
    (void)now_us;
    memcpy(kept, session->details, sizeof kept);
    finish(session, kept);
}

void relay_terminate(struct session *session, const char *output)
{
    if (!session_is_open(session) || session->status == SESSION_TERMINATING) {
        return;
    }
    session->status = SESSION_TERMINATING;
    snprintf(session->details, sizeof session->details, "%s", output);
    close_client(session, output);
    session->give_up = (struct loop_timer){.expired = give_up, .owner = session};
    event_loop_arm(session->lab->loop, &session->give_up, event_loop_now_us() + GIVE_UP_US);
    if (session->worker != NULL) {
        node_worker_cancel(session->worker);
        return;
    }
    char *payload = service_message_channel_closed(session->lab, session->id, session->node->id, "");
    bool is_told = payload != NULL && gateway_tell_node(session->node, AGENT_MESSAGE_CHANNEL_CLOSED, payload);
    if (payload != NULL && session->agent != NULL) {
        tell_agent(session, AGENT_MESSAGE_CHANNEL_CLOSED, bytes_of_text(payload));
        is_told = true;
    }
    free(payload);
    if (!is_told) {
        finish(session, output); /* nobody is left who could report */
    }
}

static void check_idle(void *owner, uint64_t now_us)
{
    struct session *session = owner;
    uint64_t due_us = session->last_activity_us + (uint64_t)session->lab->faults.idle_timeout_s * 1000000u;
    if (now_us < due_us) {
        event_loop_arm(session->lab->loop, &session->idle, due_us);
        return;
    }
    session->lab->counters.timed_out++;
    relay_terminate(session, IDLE_TEXT);
}

void relay_watch_idle(struct session *session)
{
    uint64_t timeout_us = (uint64_t)session->lab->faults.idle_timeout_s * 1000000u;
    event_loop_disarm(session->lab->loop, &session->idle);
    session->idle = (struct loop_timer){.expired = check_idle, .owner = session};
    event_loop_arm(session->lab->loop, &session->idle, session->last_activity_us + timeout_us);
}

void relay_release(struct session *session)
{
    event_loop_disarm(session->lab->loop, &session->cut_worker);
    session->is_worker_cut = false;
    relay_delay_free(session);
}
