#include "tests/emulator/relay_fault.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/core/agent_message.h"
#include "tests/emulator/node_worker.h"
#include "tests/emulator/outage.h"
#include "tests/emulator/peer.h"
#include "tests/emulator/relay_delay.h"

/* ---- messages that are changed ---- */

/* Where the payload of a data message begins; 0 for another message, or one without a payload. */
static size_t payload_offset(struct bytes message)
{
    static const char *const types[] = {"input_stream_data", "output_stream_data"};
    for (size_t i = 0; i < sizeof types / sizeof types[0] && message.len > AGENT_MESSAGE_HEADER_LEN; i++) {
        if (memcmp(message.data + 4, types[i], strlen(types[i])) == 0) {
            return AGENT_MESSAGE_HEADER_LEN;
        }
    }
    return 0;
}

/* One bit of the payload. */
static void corrupt(struct chance *chance, uint8_t *payload, size_t len)
{
    payload[chance_below(chance, len)] ^= (uint8_t)(1u << chance_below(chance, 8));
}

/* The payload loses at least its last byte, and its length says so: only the digest still tells. */
static size_t truncate_payload(struct chance *chance, uint8_t *message, size_t offset, size_t len)
{
    size_t kept = (size_t)chance_below(chance, len - offset);
    bytes_put_be32(message + offset - 4, (uint32_t)kept);
    return offset + kept;
}

/* A changed copy, to be freed; NULL when the message stays as it is. */
static uint8_t *change(struct lab *lab, bool is_to_agent, struct bytes message, size_t *ret_len)
{
    const struct fault_settings *faults = &lab->faults;
    size_t offset = payload_offset(message);
    int64_t corrupt_percent = is_to_agent ? faults->corrupt_to_agent_percent : faults->corrupt_to_client_percent;
    int64_t truncate_percent = is_to_agent ? faults->truncate_to_agent_percent : faults->truncate_to_client_percent;
    bool is_corrupted = offset != 0 && fault_strikes(corrupt_percent, &lab->chance);
    bool is_truncated = offset != 0 && fault_strikes(truncate_percent, &lab->chance);
    uint8_t *copy = is_corrupted || is_truncated ? malloc(message.len) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, message.data, message.len);
    *ret_len = message.len;
    if (is_corrupted) {
        lab->counters.faults_corrupted++;
        corrupt(&lab->chance, copy + offset, message.len - offset);
    }
    if (is_truncated) {
        lab->counters.faults_truncated++;
        *ret_len = truncate_payload(&lab->chance, copy, offset, message.len);
    }
    return copy;
}

/* ---- messages that are lost, late or doubled ---- */

static bool is_lost(const struct fault_settings *faults, struct chance *chance, bool is_to_agent)
{
    bool is_cut_off = is_to_agent ? faults->no_relay_to_agent : faults->no_relay_to_client;
    return is_cut_off || fault_strikes(faults->loss_percent, chance);
}

static void send_on(struct session *session, bool is_to_agent, struct bytes message, uint64_t delay_us)
{
    struct lab *lab = session->lab;
    const struct fault_settings *faults = &lab->faults;
    delay_us += (uint64_t)faults->delay_ms * 1000u;
    if (fault_strikes(faults->duplicate_percent, &lab->chance)) {
        lab->counters.faults_duplicated++;
        relay_delay_add(session, is_to_agent, message, delay_us + chance_below(&lab->chance, 20000));
    }
    if (fault_strikes(faults->reorder_percent, &lab->chance)) {
        lab->counters.faults_reordered++;
        delay_us += 1000 + chance_below(&lab->chance, 20000);
    }
    if (delay_us == 0) {
        relay_deliver(session, is_to_agent, message);
    } else {
        relay_delay_add(session, is_to_agent, message, delay_us);
    }
}

void relay_fault_pass(struct session *session, bool is_to_agent, struct bytes message, uint64_t delay_us)
{
    struct lab *lab = session->lab;
    if (is_lost(&lab->faults, &lab->chance, is_to_agent)) {
        lab->counters.faults_lost++;
        return;
    }
    size_t len = 0;
    uint8_t *changed = change(lab, is_to_agent, message, &len);
    send_on(session, is_to_agent, changed == NULL ? message : bytes_of(changed, len), delay_us);
    free(changed);
}

/* ---- connections that end after so many messages ---- */

void relay_fault_count_client(struct session *session)
{
    int64_t most = session->lab->faults.drop_client_after;
    session->client_messages++;
    if (most > 0 && session->client_messages >= (uint64_t)most && session->client != NULL) {
        peer_hang_up(session->client);
    }
}

static void cut_worker(void *owner, uint64_t now_us)
{
    struct session *session = owner;
    (void)now_us;
    session->is_worker_cut = false;
    if (session->worker != NULL) {
        node_worker_lose_link(session->worker, outage_left_us(session->lab->outage));
    }
}

void relay_fault_count_agent(struct session *session)
{
    int64_t most = session->lab->faults.drop_agent_after;
    session->agent_messages++;
    if (most <= 0 || session->agent_messages < (uint64_t)most) {
        return;
    }
    if (session->agent != NULL) {
        peer_hang_up(session->agent);
    } else if (session->worker != NULL && !session->is_worker_cut) {
        /* Not from within a call of its own. */
        session->is_worker_cut = true;
        session->cut_worker = (struct loop_timer){.expired = cut_worker, .owner = session};
        event_loop_arm(session->lab->loop, &session->cut_worker, 0);
    }
}
