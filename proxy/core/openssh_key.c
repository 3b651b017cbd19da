#include "proxy/core/openssh_key.h"

#include "common/auto.h"
#include "common/base64.h"

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define END "-----END OPENSSH PRIVATE KEY-----\n"
#define MAGIC "openssh-key-v1" /* and its NUL */
#define PUBLIC_LEN 32
#define BLOCK_MAX 16 /* the private part is padded to a whole number of blocks */

/* ---- base64 ---- */

/* A buffer for what one file decodes to, wiped whatever happens. */
struct decoded {
    uint8_t data[BASE64_DECODED_SIZE(OPENSSH_KEY_FILE_MAX)];
    char base64[OPENSSH_KEY_FILE_MAX];
    size_t len;
};

static void wipe_decoded(struct decoded *decoded)
{
    explicit_bzero(decoded, sizeof *decoded);
}

/* Ends of lines are passed over. */
static enum err decode(struct bytes text, struct decoded *decoded)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < sizeof decoded->base64; i++) {
        char c = (char)text.data[i];
        if (c != '\n' && c != '\r') {
            decoded->base64[len++] = c;
        }
    }
    return base64_decode(bytes_of(decoded->base64, len), decoded->data, &decoded->len);
}

/* ---- fields ---- */

static enum err take(struct bytes *rest, size_t len, struct bytes *ret_bytes)
{
    if (rest->len < len) {
        return ERR_MALFORMED;
    }
    *ret_bytes = bytes_of(rest->data, len);
    *rest = bytes_from(*rest, len);
    return ERR_OK;
}

static enum err take_number(struct bytes *rest, uint32_t *ret_number)
{
    struct bytes number;
    TRY(take(rest, 4, &number));
    *ret_number = bytes_get_be32(number.data);
    return ERR_OK;
}

static enum err take_string(struct bytes *rest, struct bytes *ret_string)
{
    uint32_t len = 0;
    TRY(take_number(rest, &len));
    return take(rest, len, ret_string);
}

static enum err expect(struct bytes *rest, struct bytes wanted)
{
    struct bytes string;
    TRY(take_string(rest, &string));
    return bytes_equal(string, wanted) ? ERR_OK : ERR_MALFORMED;
}

static enum err take_blob(struct bytes blob, struct openssh_key *key)
{
    struct bytes rest = blob;
    struct bytes public_half;
    TRY(expect(&rest, bytes_of_text(OPENSSH_KEY_TYPE)));
    TRY(take_string(&rest, &public_half));
    if (public_half.len != PUBLIC_LEN || rest.len != 0) {
        return ERR_MALFORMED;
    }
    memcpy(key->blob, blob.data, sizeof key->blob);
    return ERR_OK;
}

static enum err take_padding(struct bytes rest)
{
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.data[i] != i + 1) {
            return ERR_MALFORMED;
        }
    }
    return rest.len < BLOCK_MAX ? ERR_OK : ERR_MALFORMED;
}

static enum err take_private(struct bytes part, struct openssh_key *key)
{
    struct bytes public_half = bytes_of(key->blob + sizeof key->blob - PUBLIC_LEN, PUBLIC_LEN);
    struct bytes both;
    struct bytes comment;
    uint32_t check = 0;
    uint32_t check_again = 1;
    TRY(take_number(&part, &check));
    TRY(take_number(&part, &check_again));
    TRY(check == check_again ? ERR_OK : ERR_MALFORMED);
    TRY(expect(&part, bytes_of_text(OPENSSH_KEY_TYPE)));
    TRY(expect(&part, public_half));
    TRY(take_string(&part, &both));
    TRY(take_string(&part, &comment));
    TRY(take_padding(part));
    if (both.len != sizeof key->private_half || !bytes_equal(bytes_from(both, both.len - PUBLIC_LEN), public_half)) {
        return ERR_MALFORMED;
    }
    memcpy(key->private_half, both.data, sizeof key->private_half);
    key->has_private = true;
    return ERR_OK;
}

static enum err take_container(struct bytes rest, struct openssh_key *key)
{
    struct bytes magic;
    struct bytes blob;
    struct bytes part;
    uint32_t count = 0;
    TRY(take(&rest, sizeof MAGIC, &magic));
    TRY(bytes_equal(magic, bytes_of(MAGIC, sizeof MAGIC)) ? ERR_OK : ERR_MALFORMED);
    TRY(expect(&rest, bytes_of_text("none")));
    TRY(expect(&rest, bytes_of_text("none")));
    TRY(expect(&rest, bytes_of_text("")));
    TRY(take_number(&rest, &count));
    TRY(count == 1 ? ERR_OK : ERR_MALFORMED);
    TRY(take_string(&rest, &blob));
    TRY(take_string(&rest, &part));
    TRY(rest.len == 0 ? ERR_OK : ERR_MALFORMED);
    TRY(take_blob(blob, key));
    return take_private(part, key);
}

/* ---- files ---- */

static bool begins_with(struct bytes file, const char *with)
{
    size_t len = strlen(with);
    return file.len >= len && memcmp(file.data, with, len) == 0;
}

static enum err read_private(struct bytes file, struct openssh_key *key)
{
    struct bytes body = bytes_from(file, strlen(BEGIN));
    const uint8_t *end = body.len == 0 ? NULL : memmem(body.data, body.len, END, strlen(END));
    if (end == NULL) {
        return ERR_MALFORMED;
    }
    AUTO(wipe_decoded) struct decoded decoded = {.len = 0};
    TRY(decode(bytes_of(body.data, (size_t)(end - body.data)), &decoded));
    return take_container(bytes_of(decoded.data, decoded.len), key);
}

static enum err read_public(struct bytes file, struct openssh_key *key)
{
    struct bytes body = bytes_from(file, strlen(OPENSSH_KEY_TYPE " "));
    size_t len = 0;
    while (len < body.len && body.data[len] != ' ' && body.data[len] != '\n') {
        len++;
    }
    AUTO(wipe_decoded) struct decoded decoded = {.len = 0};
    TRY(decode(bytes_of(body.data, len), &decoded));
    return take_blob(bytes_of(decoded.data, decoded.len), key);
}

enum err openssh_key_read(struct bytes file, struct openssh_key *ret_key)
{
    AUTO(openssh_key_wipe) struct openssh_key key = {.has_private = false};
    if (file.len > OPENSSH_KEY_FILE_MAX) {
        return ERR_MALFORMED;
    }
    if (begins_with(file, BEGIN)) {
        TRY(read_private(file, &key));
    } else if (begins_with(file, OPENSSH_KEY_TYPE " ")) {
        TRY(read_public(file, &key));
    } else {
        return ERR_MALFORMED;
    }
    *ret_key = key;
    return ERR_OK;
}

void openssh_key_put_public(const struct openssh_key *key, struct text *text)
{
    text_put(text, OPENSSH_KEY_TYPE " ");
    base64_put(bytes_of(key->blob, sizeof key->blob), text);
}

void openssh_key_wipe(struct openssh_key *key)
{
    explicit_bzero(key, sizeof *key);
}
