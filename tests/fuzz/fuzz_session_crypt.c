/* session_crypt: the input is a payload of the agent's, and behind a NUL byte an EncChallengeRequest. Nothing that the
 * agent did not encrypt is taken; a challenge is answered with its own bytes under our key, or not at all; base64 that
 * is read is written back the same. */
#include "tests/fuzz/fuzz_support.h"

#include "common/base64.h"
#include "common/json_view.h"
#include "common/limits.h"
#include "proxy/core/session_crypt.h"

/* Ours, and the agent's: the same halves the other way round. */
static struct session_crypt *ours;
static struct session_crypt *theirs;

static const uint8_t nonce[SESSION_CRYPT_NONCE_LEN] = {7};

static void make_keys(void)
{
    uint8_t key[SESSION_CRYPT_KEY_LEN] = {1};
    MUST(session_crypt_new(key, &ours) == ERR_OK);
    memset(key, 0, sizeof key);
    key[SESSION_CRYPT_KEY_LEN / 2] = 1;
    MUST(session_crypt_new(key, &theirs) == ERR_OK);
}

static void check_payload(struct bytes payload)
{
    struct bytes plain;
    uint8_t *sealed = malloc(payload.len + SESSION_CRYPT_OVERHEAD);
    MUST(sealed != NULL);
    MUST(session_crypt_open(ours, payload, &plain) != ERR_OK); /* nobody guesses a tag */
    enum err err = session_crypt_seal(theirs, nonce, payload, sealed);
    if (payload.len > LIMIT_WEBSOCKET_MESSAGE) {
        MUST(err == ERR_TOO_LONG);
    } else {
        struct bytes all = bytes_of(sealed, payload.len + SESSION_CRYPT_OVERHEAD);
        MUST(err == ERR_OK && session_crypt_open(ours, all, &plain) == ERR_OK);
        MUST(bytes_equal(plain, payload));
    }
    free(sealed);
}

static void check_base64(struct bytes text)
{
    uint8_t *bytes = malloc(BASE64_DECODED_SIZE(text.len) + 1);
    char *again = malloc(text.len + 1);
    size_t len;
    MUST(bytes != NULL && again != NULL);
    if (base64_decode(text, bytes, &len) == ERR_OK) {
        struct text written = text_in(again, text.len + 1);
        base64_put(bytes_of(bytes, len), &written);
        MUST(text_finish(&written) == ERR_OK && bytes_equal(text_bytes(&written), text));
    }
    free(bytes);
    free(again);
}

static void ask(struct bytes request, struct text *ret_response)
{
    enum err err = session_crypt_answer_challenge(ours, nonce, request, ret_response);
    MUST(err == ERR_MALFORMED || err == ERR_TOO_LONG || err == ERR_DIGEST);
    MUST(ret_response->len == 0);
}

/* The same bytes as a challenge that is good. */
static void answer(struct bytes challenge)
{
    uint8_t payload[BASE64_DECODED_SIZE(BASE64_LEN(SESSION_CRYPT_CHALLENGE_MAX + SESSION_CRYPT_OVERHEAD))];
    struct bytes plain;
    char memory[SESSION_CRYPT_RESPONSE_SIZE];
    char response_memory[SESSION_CRYPT_RESPONSE_SIZE];
    struct text request = text_in(memory, sizeof memory);
    struct text response = text_in(response_memory, sizeof response_memory);
    size_t len = challenge.len + SESSION_CRYPT_OVERHEAD;
    MUST(session_crypt_seal(theirs, nonce, challenge, payload) == ERR_OK);
    text_put(&request, "{\"Challenge\":\"");
    base64_put(bytes_of(payload, len), &request);
    text_put(&request, "\"}");
    MUST(session_crypt_answer_challenge(ours, nonce, text_bytes(&request), &response) == ERR_OK);
    AUTO_JSON json_t *root = NULL;
    MUST(json_view_parse_object(text_bytes(&response), &root) == ERR_OK);
    const char *answered = json_view_text(root, "Challenge");
    MUST(strlen(answered) <= BASE64_LEN(SESSION_CRYPT_CHALLENGE_MAX + SESSION_CRYPT_OVERHEAD));
    MUST(base64_decode(bytes_of_text(answered), payload, &len) == ERR_OK);
    MUST(session_crypt_open(theirs, bytes_of(payload, len), &plain) == ERR_OK);
    MUST(bytes_equal(plain, challenge));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes request = bytes_of(data, size);
    struct bytes payload = fuzz_take_until(&request, '\0');
    char memory[SESSION_CRYPT_RESPONSE_SIZE];
    struct text response = text_in(memory, sizeof memory);
    if (ours == NULL) {
        make_keys();
    }
    check_payload(payload);
    check_base64(payload);
    ask(request, &response);
    if (payload.len <= SESSION_CRYPT_CHALLENGE_MAX) {
        answer(payload);
    }
    return 0;
}
