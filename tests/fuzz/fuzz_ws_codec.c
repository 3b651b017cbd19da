/* ws_codec: whatever a gateway sends, whole or in pieces of the size that the first byte gives, the events are the
 * same, and nothing is held beyond the limits. */
#include "proxy/core/ws_codec.h"

#include <stdlib.h>

#include "common/auto.h"
#include "common/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t hash; /* of the events in their order */
    enum err err;
};

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
    }
    return hash;
}

static struct outcome read_all(struct bytes input, size_t piece)
{
    AUTO(ws_codec_free) struct ws_codec *codec = NULL;
    if (ws_codec_new(&codec) != ERR_OK) {
        abort();
    }
    struct outcome outcome = {.hash = 0xcbf29ce484222325u};
    for (;;) {
        char words[256];
        struct text why = text_in(words, sizeof words);
        struct ws_event event;
        outcome.err = ws_codec_next(codec, &event, &why);
        if (outcome.err == ERR_AGAIN && input.len > 0) {
            size_t len = input.len < piece ? input.len : piece;
            ws_codec_feed(codec, bytes_of(input.data, len));
            input = bytes_from(input, len);
            continue;
        }
        if (outcome.err != ERR_OK) {
            return outcome;
        }
        if (event.payload.len > LIMIT_WEBSOCKET_MESSAGE) {
            abort();
        }
        outcome.hash = mix(outcome.hash, &event.opcode, sizeof event.opcode);
        outcome.hash = mix(outcome.hash, &event.close_code, sizeof event.close_code);
        outcome.hash = mix(outcome.hash, event.payload.data, event.payload.len);
        outcome.hash = mix(outcome.hash, &event.payload.len, sizeof event.payload.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes input = bytes_of(data + 1, size - 1);
    struct outcome whole = read_all(input, SIZE_MAX);
    struct outcome pieces = read_all(input, 1u + data[0]);
    if (whole.err != pieces.err || whole.hash != pieces.hash) {
        abort();
    }
    return 0;
}
