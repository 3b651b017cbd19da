/* smux: an agent that says anything on the byte stream of a session. The first byte is how the rest is cut into pieces.
 * However it is cut, the streams get the same, and it is refused for the same reason; nothing is taken that has no
 * room. */
#include "tests/fuzz/fuzz_support.h"

#include "common/auto.h"
#include "proxy/core/smux.h"

#define STREAMS 4
#define READ_AHEAD 256

static struct smux *new_with_streams(size_t read_ahead)
{
    struct smux *smux;
    MUST(smux_new(read_ahead, 2 * read_ahead, &smux) == ERR_OK);
    for (uint32_t i = 0; i < STREAMS; i++) {
        MUST(smux_open(smux) == 3 + 2 * i);
    }
    return smux;
}

/* In pieces; what has no room is read away first, as a reader does. `ret_read` counts what each stream has given. */
static void feed(struct smux *smux, struct bytes bytes, size_t piece_len, size_t ret_read[STREAMS])
{
    const char *why;
    while (bytes.len > 0 && smux_failure(smux, &why) == ERR_OK) {
        size_t len = piece_len < bytes.len ? piece_len : bytes.len;
        size_t taken = smux_receive(smux, bytes_of(bytes.data, len));
        bytes = bytes_from(bytes, taken);
        uint32_t full = smux_full_stream(smux);
        MUST(taken == len || full != 0 || smux_failure(smux, &why) != ERR_OK);
        MUST(full == 0 || smux_is_crowded(smux) || smux_input(smux, full).len > 0);
        for (uint32_t id = 3; full != 0 && id < 3 + 2 * STREAMS; id += 2) {
            struct bytes input = smux_input(smux, id);
            MUST(input.len <= READ_AHEAD);
            smux_input_consume(smux, id, input.len);
            ret_read[(id - 3) / 2] += input.len;
        }
    }
    MUST(smux_check(smux));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    AUTO(smux_free) struct smux *whole = new_with_streams(size);
    AUTO(smux_free) struct smux *cut = new_with_streams(READ_AHEAD);
    size_t read[STREAMS] = {0};
    struct bytes bytes = bytes_of(data + 1, size - 1);
    const char *why_whole;
    const char *why_cut;
    size_t taken = smux_receive(whole, bytes);
    feed(cut, bytes, 1 + (size_t)data[0], read);
    MUST(smux_failure(whole, &why_whole) == smux_failure(cut, &why_cut) && strcmp(why_whole, why_cut) == 0);
    MUST(taken == bytes.len || smux_failure(whole, &why_whole) != ERR_OK);
    for (uint32_t i = 0; i < STREAMS; i++) {
        uint32_t id = 3 + 2 * i;
        for (struct bytes rest = smux_input(cut, id); rest.len > 0; rest = smux_input(cut, id)) {
            read[i] += rest.len;
            smux_input_consume(cut, id, rest.len);
        }
        size_t all = 0;
        for (struct bytes rest = smux_input(whole, id); rest.len > 0; rest = smux_input(whole, id)) {
            all += rest.len;
            smux_input_consume(whole, id, rest.len);
        }
        MUST(read[i] == all && smux_has_ended(whole, id) == smux_has_ended(cut, id));
    }
    return 0;
}
