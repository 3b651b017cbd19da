/* smux_session: the server's end of a multiplexed port session, without I/O or clock: frames in, frames out, and what
 * stands in each stream. Written from docs/protocol.md (8.3), version 1 of smux.
 *
 *     from the client:  smux_session_receive -> smux_session_accept, smux_session_received, smux_session_consume
 *     to the client:    smux_session_write, smux_session_close -> smux_session_frames, smux_session_sent
 *     time:             smux_session_tick at smux_session_deadline
 *
 * There is no flow control of a stream. One allowance of 4 MiB is shared by all: when that much stands unread, nothing
 * more is received, and one stalled stream stalls all the others. Nor is there a half-close: a closed stream is
 * forgotten, and what still comes for it is thrown away. After a failure nothing more happens. */
#ifndef SSM_LAB_SMUX_SESSION_H
#define SSM_LAB_SMUX_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/emulator/byte_queue.h"

#define SMUX_HEADER_LEN 8
#define SMUX_MAX_FRAME 32768          /* data of one frame that is sent */
#define SMUX_RECEIVE_BUFFER (4 << 20) /* MaxReceiveBuffer */
#define SMUX_BACKLOG 1024             /* streams that nobody has accepted yet; then nothing more is received */
#define SMUX_KEEP_ALIVE_US 10000000u  /* a NOP so often */
#define SMUX_IDLE_LIMIT_US 30000000u  /* no frame at all for so long, looked at so often: the session is over */

struct smux_config {
    bool has_keep_alive;
    uint64_t keep_alive_us, idle_limit_us;
};

struct smux_session;

enum err smux_session_new(const struct smux_config *config, uint64_t now_us,
                          struct smux_session **ret_session) SSM_MUST_USE;
void smux_session_free(struct smux_session *session);

/* Takes as much as it may and returns how much that was; less than all while the allowance is used up, or the backlog
 * is full, or after a failure. */
size_t smux_session_receive(struct smux_session *session, struct bytes bytes);

/* The next stream that the client has opened; 0: none. */
uint32_t smux_session_accept(struct smux_session *session);

/* What stands in an accepted stream, until it is consumed. */
struct bytes smux_session_received(const struct smux_session *session, uint32_t id);
void smux_session_consume(struct smux_session *session, uint32_t id, size_t len);
/* The client sends nothing more in it. */
bool smux_session_is_finished(const struct smux_session *session, uint32_t id);

/* Nothing is sent in a stream that is closed. Without memory, the session has failed. */
void smux_session_write(struct smux_session *session, uint32_t id, struct bytes bytes);
/* Sends FIN and forgets the stream. Safe to repeat. */
void smux_session_close(struct smux_session *session, uint32_t id);

/* Frames on their way to the client. */
struct bytes smux_session_frames(const struct smux_session *session);
void smux_session_sent(struct smux_session *session, size_t len);

void smux_session_tick(struct smux_session *session, uint64_t now_us);
/* UINT64_MAX: no tick is needed. */
uint64_t smux_session_deadline(const struct smux_session *session);

/* Bytes that stand in all the streams. */
size_t smux_session_standing(const struct smux_session *session);
bool smux_session_is_failed(const struct smux_session *session);
/* Invariants, for tests. */
bool smux_session_check(const struct smux_session *session);

#endif
