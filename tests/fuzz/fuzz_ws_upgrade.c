/* ws_upgrade: whatever answers, whole or in pieces of the size that the first byte gives, the verdict is the same, and
 * so is the place where the websocket begins. The right Accept stands in place of every "@", so that the
 * fuzzer comes past it. */
#include "proxy/core/ws_upgrade.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct verdict {
    enum err err;
    size_t used;
};

static struct ws_upgrade begin(void)
{
    static const uint8_t nonce[] = "the sample nonce";
    static char request[WS_UPGRADE_REQUEST_MAX];
    struct endpoint_url url;
    struct text text = text_in(request, sizeof request);
    struct ws_upgrade upgrade;
    if (endpoint_parse(bytes_of_text("wss://gateway.example/"), &url) != ERR_OK ||
        ws_upgrade_begin(&upgrade, &url, nonce, &text) != ERR_OK) {
        abort();
    }
    return upgrade;
}

static struct verdict judge(struct bytes answer, size_t piece)
{
    struct ws_upgrade upgrade = begin();
    struct verdict verdict = {.err = ERR_AGAIN};
    char words[512];
    struct text why = text_in(words, sizeof words);
    while (verdict.err == ERR_AGAIN && verdict.used < answer.len) {
        struct bytes rest = bytes_from(answer, verdict.used);
        size_t used = 0;
        verdict.err =
            ws_upgrade_accept(&upgrade, bytes_of(rest.data, rest.len < piece ? rest.len : piece), &used, &why);
        verdict.used += used;
    }
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char answer[2 * LIMIT_UPGRADE_ANSWER];
    if (size == 0) {
        return 0;
    }
    struct text text = text_in(answer, sizeof answer);
    for (size_t i = 1; i < size; i++) {
        if (data[i] == '@') {
            text_put(&text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        } else {
            text_put_char(&text, (char)data[i]);
        }
    }
    struct verdict whole = judge(text_bytes(&text), SIZE_MAX);
    struct verdict pieces = judge(text_bytes(&text), 1u + data[0]);
    bool is_same_place = whole.err != ERR_OK || whole.used == pieces.used;
    if (whole.err != pieces.err || !is_same_place) {
        abort();
    }
    return 0;
}
