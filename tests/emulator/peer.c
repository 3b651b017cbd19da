#include "tests/emulator/peer.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/emulator/frame.h"
#include "tests/emulator/gateway.h"
#include "tests/emulator/lab_limits.h"

/* OpenDataChannel and its like follow the upgrade at once. */
#define FIRST_MESSAGE_US 30000000u

/* After a full kernel buffer: the time in which loopback carries it away; then twice that and so on, up to the last. */
#define KERNEL_IS_FULL_US 300u
#define KERNEL_STAYS_FULL_US 5000u

/* Bytes of the largest piece that the split fault writes. */
#define SPLIT_PIECE 700u

/* How long a peer may take to read what is queued when it is told to go. */
#define CLOSING_US 10000000u

static void deadline_passed(void *owner, uint64_t now_us)
{
    struct peer *peer = owner;
    (void)now_us;
    if (peer->is_closing) {
        peer_drop(peer);
    } else {
        peer_close(peer, LWS_CLOSE_STATUS_NORMAL);
    }
}

static void request_writable(struct peer *peer)
{
    if (!peer->is_writable_requested) {
        peer->is_writable_requested = true;
        lws_callback_on_writable(peer->wsi);
    }
}

static void kernel_may_have_room(void *owner, uint64_t now_us)
{
    (void)now_us;
    request_writable(owner);
}

enum err peer_new(struct lab *lab, struct lws *wsi, enum peer_channel channel, const char *id, struct peer **ret_peer)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        return ERR_MEMORY;
    }
    if (strlen(id) >= sizeof peer->id) {
        free(peer);
        return ERR_TOO_LONG;
    }
    strcpy(peer->id, id);
    peer->lab = lab;
    peer->wsi = wsi;
    peer->channel = channel;
    peer->is_reading = true;
    peer->close_code = LWS_CLOSE_STATUS_NORMAL;
    peer->deadline = (struct loop_timer){.expired = deadline_passed, .owner = peer};
    event_loop_arm(lab->loop, &peer->deadline, event_loop_now_us() + FIRST_MESSAGE_US);
    peer->kernel_is_full = (struct loop_timer){.expired = kernel_may_have_room, .owner = peer};
    (void)setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_SNDBUF, &(int){LAB_KERNEL_BUFFER}, sizeof(int));
    peer->next = lab->peers;
    if (peer->next != NULL) {
        peer->next->previous = peer;
    }
    lab->peers = peer;
    *ret_peer = peer;
    return ERR_OK;
}

void peer_free(struct peer *peer)
{
    if (peer == NULL) {
        return;
    }
    *(peer->previous == NULL ? &peer->lab->peers : &peer->previous->next) = peer->next;
    if (peer->next != NULL) {
        peer->next->previous = peer->previous;
    }
    event_loop_disarm(peer->lab->loop, &peer->deadline);
    event_loop_disarm(peer->lab->loop, &peer->kernel_is_full);
    byte_queue_free(&peer->out);
    byte_queue_free(&peer->partial);
    free(peer);
}

/* As one frame, or as the faults have it. */
static bool queue_message(struct peer *peer, struct bytes message)
{
    bool is_client = peer->role == PEER_CLIENT;
    if (byte_queue_len(&peer->out) + message.len > LAB_QUEUE_HARD) {
        return false;
    }
    return is_client && fault_strikes(peer->lab->faults.fragment_percent, &peer->lab->chance)
               ? frame_put_fragments(&peer->out, message, &peer->lab->chance)
               : frame_put(&peer->out, message);
}

void peer_send(struct peer *peer, struct bytes message)
{
    if (peer->is_dead || peer->is_closing) {
        return;
    }
    if (byte_queue_len(&peer->out) == 0) {
        peer->queued_since_us = event_loop_now_us();
    }
    if (!queue_message(peer, message)) {
        peer->lab->counters.dropped++;
        return;
    }
    if (byte_queue_len(&peer->out) > LAB_QUEUE_HIGH && !peer->is_full) {
        peer->is_full = true;
        gateway_peer_flow(peer);
    }
    request_writable(peer);
}

bool peer_is_full(const struct peer *peer)
{
    return peer->is_full;
}

void peer_set_reading(struct peer *peer, bool is_reading)
{
    if (peer->is_reading != is_reading && !peer->is_dead) {
        peer->is_reading = is_reading;
        lws_rx_flow_control(peer->wsi, is_reading ? 1 : 0);
    }
}

void peer_close(struct peer *peer, int code)
{
    if (!peer->is_dead && !peer->is_closing) {
        peer->is_closing = true;
        peer->close_code = code;
        event_loop_arm(peer->lab->loop, &peer->deadline, event_loop_now_us() + CLOSING_US);
        request_writable(peer);
    }
}

void peer_hang_up(struct peer *peer)
{
    peer_close(peer, 0);
}

void peer_drop(struct peer *peer)
{
    if (!peer->is_dead) {
        peer->is_dead = true;
        shutdown(lws_get_socket_fd(peer->wsi), SHUT_RDWR);
        lws_set_timeout(peer->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    }
}

void peer_drop_all(struct lab *lab)
{
    for (struct peer *at = lab->peers; at != NULL; at = at->next) {
        peer_drop(at);
    }
}

/* One whole message, mostly straight from the network buffer. */
static void take_message(struct peer *peer, struct bytes message, bool is_binary)
{
    if (peer->role == PEER_UNKNOWN) {
        event_loop_disarm(peer->lab->loop, &peer->deadline);
        gateway_first_message(peer, message, is_binary);
    } else {
        gateway_message(peer, message);
    }
}

static size_t longest_message(const struct peer *peer)
{
    int64_t max = peer->lab->faults.max_message_bytes;
    return peer->role == PEER_CLIENT && max > 0 ? (size_t)max : LAB_LIMIT_WEBSOCKET_MESSAGE;
}

bool peer_receive(struct peer *peer, struct bytes piece)
{
    if (peer->is_dead || peer->is_closing) {
        return !peer->is_dead;
    }
    bool is_whole = lws_is_final_fragment(peer->wsi) && lws_remaining_packet_payload(peer->wsi) == 0;
    bool is_binary = lws_frame_is_binary(peer->wsi) != 0;
    if (byte_queue_len(&peer->partial) + piece.len > longest_message(peer)) {
        lws_close_reason(peer->wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
        return false;
    }
    if (is_whole && byte_queue_len(&peer->partial) == 0) {
        take_message(peer, piece, is_binary);
        return true;
    }
    if (byte_queue_append(&peer->partial, piece) != ERR_OK) {
        return false;
    }
    if (is_whole) {
        struct byte_queue message = peer->partial;
        peer->partial = (struct byte_queue){0};
        take_message(peer, byte_queue_bytes(&message), is_binary);
        byte_queue_free(&message);
    }
    return true;
}

/* As many whole frames as fit into one record, at least one: libwebsockets puts its pongs between our writes. */
static size_t next_chunk(const struct peer *peer)
{
    struct bytes out = byte_queue_bytes(&peer->out);
    size_t len = 0;
    while (len < out.len) {
        size_t frame = frame_len(out.data + len);
        if (len > 0 && len + frame > LAB_WRITE_CHUNK) {
            break;
        }
        len += frame;
    }
    return len;
}

/* libwebsockets reads nothing from a connection while part of a write waits in its own buffer, and such a part is
 * always there when one writes as long as the kernel takes anything. A client that sends as fast as it receives would
 * wait for us, and we for it. So we stop while the kernel still has room. */
static bool kernel_has_room(const struct peer *peer)
{
    int queued;
    return ioctl(lws_get_socket_fd(peer->wsi), SIOCOUTQ, &queued) != 0 || queued < LAB_KERNEL_QUEUE;
}

static void wait_for_kernel(struct peer *peer, bool has_written)
{
    uint64_t longer_us = peer->kernel_wait_us * 2;
    peer->kernel_wait_us = has_written || longer_us == 0      ? KERNEL_IS_FULL_US
                           : longer_us > KERNEL_STAYS_FULL_US ? KERNEL_STAYS_FULL_US
                                                              : longer_us;
    event_loop_arm(peer->lab->loop, &peer->kernel_is_full, event_loop_now_us() + peer->kernel_wait_us);
}

/* The merge fault: messages to a client wait for each other, until they fill a record. */
static bool waits_for_more(struct peer *peer)
{
    uint64_t due_us = peer->queued_since_us + (uint64_t)peer->lab->faults.merge_ms * 1000u;
    size_t len = byte_queue_len(&peer->out);
    bool waits = peer->lab->faults.merge_ms > 0 && peer->role == PEER_CLIENT && !peer->is_closing && len > 0 &&
                 len < LAB_WRITE_CHUNK && event_loop_now_us() < due_us;
    if (waits) {
        event_loop_arm(peer->lab->loop, &peer->kernel_is_full, due_us);
    }
    return waits;
}

/* In one piece, which is one TLS record, or as the split fault has it. All of it in this turn, since libwebsockets puts
 * its pongs between our turns. */
static bool write_out(struct peer *peer, uint8_t *data, size_t len)
{
    bool is_split = peer->lab->faults.split_writes && peer->role == PEER_CLIENT;
    for (size_t done = 0; done < len;) {
        size_t left = len - done;
        size_t piece = is_split ? 1 + (size_t)chance_below(&peer->lab->chance, SPLIT_PIECE) : left;
        piece = piece < left ? piece : left;
        if (lws_write(peer->wsi, data + done, piece, LWS_WRITE_RAW) < 0) {
            return false;
        }
        done += piece;
    }
    return true;
}

static void after_write(struct peer *peer)
{
    if (peer->is_full && byte_queue_len(&peer->out) < LAB_QUEUE_LOW) {
        peer->is_full = false;
        gateway_peer_flow(peer);
    }
}

int peer_writable(struct peer *peer)
{
    peer->is_writable_requested = false;
    if (peer->is_dead) {
        return -1;
    }
    if (waits_for_more(peer)) {
        return 0;
    }
    bool has_room = true, has_written = false;
    while (byte_queue_len(&peer->out) > 0 && !lws_partial_buffered(peer->wsi)) {
        has_room = kernel_has_room(peer);
        if (!has_room) {
            break;
        }
        size_t len = next_chunk(peer);
        if (!write_out(peer, peer->out.data + peer->out.start, len)) {
            return -1;
        }
        byte_queue_drop(&peer->out, len);
        has_written = true;
    }
    after_write(peer);
    if (!has_room) {
        wait_for_kernel(peer, has_written);
        return 0;
    }
    bool is_all_out = byte_queue_len(&peer->out) == 0 && !lws_partial_buffered(peer->wsi);
    if (peer->is_closing && is_all_out && peer->close_code == 0) {
        peer_drop(peer);
        return -1;
    }
    if (peer->is_closing && is_all_out) {
        lws_close_reason(peer->wsi, (enum lws_close_status)peer->close_code, NULL, 0);
        return -1;
    }
    if (peer->is_closing || byte_queue_len(&peer->out) > 0) {
        request_writable(peer);
    }
    return 0;
}
