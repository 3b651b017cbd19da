/* smux: the client's side of smux version 1, without I/O: many streams over one byte stream, which here is that of a
 * data channel (CHANNEL_FOR_STREAMS); messages and frames begin and end independently.
 *
 *     offset  size
 *     0       1    version, 1
 *     1       1    command: 0 SYN opens a stream, 1 FIN ends it, 2 PSH carries data, 3 NOP keeps the peer awake
 *     2       2    length of the data behind the header, little-endian; 0 but for PSH
 *     4       4    id of the stream, little-endian: ours are odd, from 3 on; 0 for NOP
 *
 * FIN ends both directions: whoever has sent it has forgotten the stream and drops what still comes for it. So an end
 * of one direction alone cannot be said, and a stream is closed only when its answer may be lost.
 *
 * There is no flow control of a stream: what arrives for one that nobody reads waits here, up to a limit. At the limit
 * nothing more is taken for any stream (smux_full_stream), and it is for the caller to wait or to close that one.
 *
 * What comes from a peer is checked: another version, an unknown command, or data where none belongs, ends all. Data
 * for a stream that is not ours, or no more, is dropped, and so is a stream that the peer opens, which an agent never
 * does.
 *
 * Source: xtaci/smux as amazon-ssm-agent and session-manager-plugin use it, with what they set (frames of 32 KiB). */
#ifndef SSM_PROXY_CORE_SMUX_H
#define SSM_PROXY_CORE_SMUX_H

#include "common/bytes.h"
#include "common/err.h"

#define SMUX_STREAMS_MAX 512 /* at once: each is a descriptor of ours; a process may have 1024 */
#define SMUX_DATA_MAX 32768  /* in one frame that we make */
#define SMUX_NOP_INTERVAL_US                                                                                           \
    (10 * 1000 * 1000) /* between two NOPs to a peer that wants them, which gives up after 30 s */

struct smux;

/* `read_ahead`: the most that waits for the reader of one stream; `read_ahead_all`: for all of them. */
enum err smux_new(size_t read_ahead, size_t read_ahead_all, struct smux **ret_smux) SSM_MUST_USE;
void smux_free(struct smux **smux); /* NULL inside is fine; usable with AUTO() */

/* ---- the byte stream ---- */

/* Takes what the peer has sent, and returns how much of it: less than all while a stream is full, and after a failure.
 */
size_t smux_receive(struct smux *smux, struct bytes bytes);

/* What is to be sent to the peer; empty when there is nothing. Borrowed until the next call. */
struct bytes smux_output(const struct smux *smux);
void smux_output_consume(struct smux *smux, size_t len);

/* The stream that the next byte belongs to, for which there is no room; 0: none. */
uint32_t smux_full_stream(const struct smux *smux);
/* And that is because of what waits for all streams. */
bool smux_is_crowded(const struct smux *smux);

/* ERR_PROTOCOL, with words: the peer does not speak this; ERR_MEMORY. Nothing is taken or made any more then. */
enum err smux_failure(const struct smux *smux, const char **ret_why) SSM_MUST_USE;

/* ---- streams ---- */

/* May another one be opened now? When output is waiting, or SMUX_STREAMS_MAX are open, it may not. */
bool smux_may_open(const struct smux *smux);
/* The id of a new stream; only while smux_may_open. */
uint32_t smux_open(struct smux *smux);
/* Both directions; what is waiting for its reader is dropped. The id means nothing afterwards. */
void smux_close(struct smux *smux, uint32_t id);

/* How much smux_write takes now, for whatever stream: up to SMUX_DATA_MAX; 0 while enough output is waiting. */
size_t smux_room(const struct smux *smux);
/* One frame; `bytes` fit into smux_room and are not empty. */
void smux_write(struct smux *smux, uint32_t id, struct bytes bytes);

/* What has come for a stream, a contiguous piece; empty when nothing waits. Borrowed until the next call. */
struct bytes smux_input(const struct smux *smux, uint32_t id);
void smux_input_consume(struct smux *smux, uint32_t id, size_t len);
/* The peer has closed it: when no input waits any more, it is to be closed here, too. */
bool smux_has_ended(const struct smux *smux, uint32_t id);

/* A NOP, unless output is waiting, which is as good. */
void smux_keep_alive(struct smux *smux);

/* Invariants; for tests and fuzzers. */
bool smux_check(const struct smux *smux);

#endif
