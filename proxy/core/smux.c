#include "proxy/core/smux.h"

#include "proxy/core/byte_fifo.h"

#include <stdlib.h>

#define HEADER_LEN 8
#define VERSION 1
#define FIRST_ID 3
/* Output that waits for the channel: two whole frames. FIN goes out beyond that: there is one for each stream, and none
 * is opened while as much is waiting. */
#define OUTPUT_MAX (2 * (HEADER_LEN + SMUX_DATA_MAX))
#define OUTPUT_SIZE (OUTPUT_MAX + (1 + SMUX_STREAMS_MAX) * HEADER_LEN)

enum command { COMMAND_SYN = 0, COMMAND_FIN = 1, COMMAND_PSH = 2, COMMAND_NOP = 3 };

struct stream {
    uint32_t id; /* 0: none */
    bool has_ended;
    struct byte_fifo input;
};

struct smux {
    size_t read_ahead;
    size_t read_ahead_all;
    size_t waiting;                          /* for the readers of all streams */
    struct stream streams[SMUX_STREAMS_MAX]; /* each at the place that its id gives, see place_of */
    size_t stream_count;
    uint32_t next_id; /* 0: there are no more */
    uint8_t header[HEADER_LEN];
    size_t header_len; /* of the frame that is coming in, as far as it is here */
    uint32_t data_id;  /* of the PSH whose data is coming in */
    size_t data_left;
    uint32_t full_id;
    enum err err;
    const char *why;
    size_t output_at;
    size_t output_len;
    uint8_t output[OUTPUT_SIZE];
};

enum err smux_new(size_t read_ahead, size_t read_ahead_all, struct smux **ret_smux)
{
    struct smux *smux = calloc(1, sizeof *smux);
    if (smux == NULL) {
        return ERR_MEMORY;
    }
    smux->read_ahead = read_ahead;
    smux->read_ahead_all = read_ahead_all;
    smux->next_id = FIRST_ID;
    smux->why = "";
    *ret_smux = smux;
    return ERR_OK;
}

void smux_free(struct smux **smux)
{
    if (*smux == NULL) {
        return;
    }
    for (size_t i = 0; i < SMUX_STREAMS_MAX; i++) {
        byte_fifo_free(&(*smux)->streams[i].input);
    }
    free(*smux);
    *smux = NULL;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void fail(struct smux *smux, enum err err, const char *why)
{
    smux->err = err;
    smux->why = why;
}

enum err smux_failure(const struct smux *smux, const char **ret_why)
{
    *ret_why = smux->why;
    return smux->err;
}

/* ---- streams by their ids ---- */

/* Ids are odd and grow: those of SMUX_STREAMS_MAX in a row have a place each. */
static size_t place_of(uint32_t id)
{
    return (id >> 1) % SMUX_STREAMS_MAX;
}

static bool is_open(const struct smux *smux, uint32_t id)
{
    return id != 0 && smux->streams[place_of(id)].id == id;
}

static struct stream *find(struct smux *smux, uint32_t id)
{
    return is_open(smux, id) ? &smux->streams[place_of(id)] : NULL;
}

/* ---- output ---- */

static void put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    put_u16(at, value & 0xffff);
    put_u16(at + 2, value >> 16);
}

static uint32_t get_u16(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get_u32(const uint8_t *at)
{
    return get_u16(at) | get_u16(at + 2) << 16;
}

static void put_frame(struct smux *smux, enum command command, uint32_t id, struct bytes data)
{
    if (smux->output_at + smux->output_len + HEADER_LEN + data.len > OUTPUT_SIZE) {
        memmove(smux->output, smux->output + smux->output_at, smux->output_len);
        smux->output_at = 0;
    }
    uint8_t *at = smux->output + smux->output_at + smux->output_len;
    at[0] = VERSION;
    at[1] = (uint8_t)command;
    put_u16(at + 2, data.len);
    put_u32(at + 4, id);
    if (data.len > 0) {
        memcpy(at + HEADER_LEN, data.data, data.len);
    }
    smux->output_len += HEADER_LEN + data.len;
}

struct bytes smux_output(const struct smux *smux)
{
    return bytes_of(smux->output + smux->output_at, smux->output_len);
}

void smux_output_consume(struct smux *smux, size_t len)
{
    smux->output_len -= len;
    smux->output_at = smux->output_len == 0 ? 0 : smux->output_at + len;
}

/* A frame's worth of room is enough to begin one. */
size_t smux_room(const struct smux *smux)
{
    size_t left = smux->output_len + HEADER_LEN < OUTPUT_MAX ? OUTPUT_MAX - smux->output_len - HEADER_LEN : 0;
    if (smux->err != ERR_OK) {
        return 0;
    }
    return smaller(left, SMUX_DATA_MAX);
}

void smux_write(struct smux *smux, uint32_t id, struct bytes bytes)
{
    if (is_open(smux, id)) {
        put_frame(smux, COMMAND_PSH, id, bytes);
    }
}

void smux_keep_alive(struct smux *smux)
{
    if (smux->output_len == 0 && smux->err == ERR_OK) {
        put_frame(smux, COMMAND_NOP, 0, bytes_of(NULL, 0));
    }
}

/* ---- opening and closing ---- */

bool smux_may_open(const struct smux *smux)
{
    return smux->stream_count < SMUX_STREAMS_MAX && smux->next_id != 0 && smux_room(smux) > 0;
}

uint32_t smux_open(struct smux *smux)
{
    uint32_t id = smux->next_id;
    while (smux->streams[place_of(id)].id != 0) {
        id += 2; /* one that has been open for long has this place: the peer does not mind a gap */
    }
    smux->next_id = id <= UINT32_MAX - 2 * SMUX_STREAMS_MAX ? id + 2 : 0;
    smux->streams[place_of(id)].id = id;
    smux->stream_count++;
    put_frame(smux, COMMAND_SYN, id, bytes_of(NULL, 0));
    return id;
}

void smux_close(struct smux *smux, uint32_t id)
{
    struct stream *stream = find(smux, id);
    if (stream == NULL) {
        return;
    }
    smux_input_consume(smux, id, stream->input.len);
    byte_fifo_free(&stream->input);
    *stream = (struct stream){.id = 0};
    smux->stream_count--;
    smux->full_id = smux->full_id == id ? 0 : smux->full_id;
    put_frame(smux, COMMAND_FIN, id, bytes_of(NULL, 0));
}

/* ---- input ---- */

struct bytes smux_input(const struct smux *smux, uint32_t id)
{
    return is_open(smux, id) ? byte_fifo_front(&smux->streams[place_of(id)].input) : bytes_of(NULL, 0);
}

void smux_input_consume(struct smux *smux, uint32_t id, size_t len)
{
    struct stream *stream = find(smux, id);
    if (stream != NULL && len > 0) {
        bool was_crowded = smux_is_crowded(smux);
        byte_fifo_consume(&stream->input, len);
        smux->waiting -= len;
        smux->full_id = smux->full_id == id || was_crowded ? 0 : smux->full_id;
    }
}

bool smux_has_ended(const struct smux *smux, uint32_t id)
{
    return is_open(smux, id) && smux->streams[place_of(id)].has_ended;
}

uint32_t smux_full_stream(const struct smux *smux)
{
    return smux->full_id;
}

bool smux_is_crowded(const struct smux *smux)
{
    return smux->full_id != 0 && smux->waiting == smux->read_ahead_all;
}

static void take_frame(struct smux *smux)
{
    const uint8_t *header = smux->header;
    uint32_t id = get_u32(header + 4);
    size_t len = get_u16(header + 2);
    struct stream *stream = find(smux, id);
    smux->header_len = 0;
    if (header[0] != VERSION) {
        fail(smux, ERR_PROTOCOL, "the agent sends frames of another version of smux");
    } else if (header[1] > COMMAND_NOP) {
        fail(smux, ERR_PROTOCOL, "the agent sends a frame of smux with an unknown command");
    } else if (header[1] != COMMAND_PSH && len > 0) {
        fail(smux, ERR_PROTOCOL, "the agent sends data in a frame of smux that has none");
    } else if (header[1] == COMMAND_FIN && stream != NULL) {
        stream->has_ended = true;
    } else if (header[1] == COMMAND_PSH) {
        smux->data_id = id;
        smux->data_left = len;
    }
}

static size_t take_header(struct smux *smux, struct bytes bytes)
{
    size_t len = smaller(HEADER_LEN - smux->header_len, bytes.len);
    memcpy(smux->header + smux->header_len, bytes.data, len);
    smux->header_len += len;
    if (smux->header_len == HEADER_LEN) {
        take_frame(smux);
    }
    return len;
}

/* 0: the stream is full, or there is no memory for it. */
static size_t take_data(struct smux *smux, struct bytes bytes)
{
    struct stream *stream = find(smux, smux->data_id);
    size_t len = smaller(bytes.len, smux->data_left);
    if (stream != NULL && !stream->has_ended) {
        size_t room = smaller(smux->read_ahead - stream->input.len, smux->read_ahead_all - smux->waiting);
        smux->full_id = room == 0 ? stream->id : 0;
        len = smaller(len, room);
        if (byte_fifo_put(&stream->input, bytes_of(bytes.data, len)) != ERR_OK) {
            fail(smux, ERR_MEMORY, "no memory for what comes for a connection that does not read");
            return 0;
        }
        smux->waiting += len;
    }
    smux->data_left -= len;
    return len;
}

size_t smux_receive(struct smux *smux, struct bytes bytes)
{
    size_t taken = 0;
    while (taken < bytes.len && smux->err == ERR_OK) {
        struct bytes rest = bytes_from(bytes, taken);
        size_t len = smux->data_left > 0 ? take_data(smux, rest) : take_header(smux, rest);
        if (len == 0) {
            break;
        }
        taken += len;
    }
    return taken;
}

bool smux_check(const struct smux *smux)
{
    size_t count = 0;
    size_t waiting = 0;
    for (size_t i = 0; i < SMUX_STREAMS_MAX; i++) {
        const struct stream *stream = &smux->streams[i];
        bool is_right =
            byte_fifo_check(&stream->input) && stream->input.len <= smux->read_ahead &&
            (stream->id == 0 ? stream->input.memory == NULL : place_of(stream->id) == i && stream->id % 2 == 1);
        if (!is_right) {
            return false;
        }
        count += stream->id != 0;
        waiting += stream->input.len;
    }
    return count == smux->stream_count && waiting == smux->waiting && waiting <= smux->read_ahead_all &&
           smux->output_at + smux->output_len <= OUTPUT_SIZE && smux->header_len < HEADER_LEN &&
           (smux->full_id == 0 || is_open(smux, smux->full_id));
}
