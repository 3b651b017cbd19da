#include "common/public_key.h"

#define PUBLIC_KEY_RSA_MIN_BITS 2048
#define PUBLIC_KEY_RSA_MAX_BITS 16384

/* ---- the key's blob (RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f) ---- */

static bool public_key_take_string(struct bytes *rest, struct bytes *ret_string)
{
    if (rest->len < 4) {
        return false;
    }
    size_t len = bytes_get_be32(rest->data);
    if (len > rest->len - 4) {
        return false;
    }
    *ret_string = bytes_of(rest->data + 4, len);
    *rest = bytes_from(*rest, 4 + len);
    return true;
}

/* A positive mpint in its shortest form; its bits. */
static bool public_key_take_number(struct bytes *rest, size_t *ret_bits)
{
    struct bytes number;
    if (!public_key_take_string(rest, &number) || number.len == 0 || number.data[0] >= 0x80) {
        return false;
    }
    if (number.data[0] == 0) {
        number = bytes_from(number, 1);
        if (number.len == 0 || number.data[0] < 0x80) {
            return false;
        }
    }
    *ret_bits = number.len * 8;
    for (uint8_t top = number.data[0]; top < 0x80; top = (uint8_t)(top << 1)) {
        --*ret_bits;
    }
    return true;
}

static bool public_key_is_rsa(struct bytes rest)
{
    size_t exponent = 0;
    size_t modulus = 0;
    return public_key_take_number(&rest, &exponent) && public_key_take_number(&rest, &modulus) && exponent >= 2 &&
           modulus >= PUBLIC_KEY_RSA_MIN_BITS && modulus <= PUBLIC_KEY_RSA_MAX_BITS && rest.len == 0;
}

static const struct public_key_type {
    const char *name;
    const char *curve;    /* NULL: none */
    size_t point_len;     /* of the public point; 0: RSA */
    bool has_application; /* security keys */
} public_key_types[] = {
    {"ssh-ed25519", NULL, 32, false},
    {"ecdsa-sha2-nistp256", "nistp256", 65, false},
    {"ecdsa-sha2-nistp384", "nistp384", 97, false},
    {"ecdsa-sha2-nistp521", "nistp521", 133, false},
    {"ssh-rsa", NULL, 0, false},
    {"sk-ssh-ed25519@openssh.com", NULL, 32, true},
    {"sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", 65, true},
};

static const struct public_key_type *public_key_find_type(const char *name)
{
    for (size_t i = 0; i < sizeof public_key_types / sizeof public_key_types[0]; i++) {
        if (strcmp(public_key_types[i].name, name) == 0) {
            return &public_key_types[i];
        }
    }
    return NULL;
}

static bool public_key_is_blob_of(struct bytes rest, const struct public_key_type *type)
{
    struct bytes part;
    if (!public_key_take_string(&rest, &part) || !bytes_equal_text(part, type->name)) {
        return false;
    }
    if (type->point_len == 0) {
        return public_key_is_rsa(rest);
    }
    if (type->curve != NULL && (!public_key_take_string(&rest, &part) || !bytes_equal_text(part, type->curve))) {
        return false;
    }
    /* A point of a curve is uncompressed: 4, x, y. */
    if (!public_key_take_string(&rest, &part) || part.len != type->point_len ||
        (type->curve != NULL && part.data[0] != 4)) {
        return false;
    }
    return (!type->has_application || (public_key_take_string(&rest, &part) && part.len > 0)) && rest.len == 0;
}

/* ---- a key ---- */

static bool public_key_decode(const struct public_key *key, uint8_t *ret_blob, size_t *ret_len)
{
    return base64_decode(bytes_of_text(key->base64), ret_blob, ret_len) == ERR_OK;
}

static bool public_key_is_whole(const struct public_key *key)
{
    uint8_t blob[PUBLIC_KEY_BLOB];
    size_t len = 0;
    const struct public_key_type *type = public_key_find_type(key->type);
    return type != NULL && public_key_decode(key, blob, &len) && public_key_is_blob_of(bytes_of(blob, len), type);
}

bool public_key_is_security_key(const struct public_key *key)
{
    const struct public_key_type *type = public_key_find_type(key->type);
    return type != NULL && type->has_application;
}

size_t public_key_blob(const struct public_key *key, uint8_t *ret_blob)
{
    size_t len = 0;
    return public_key_decode(key, ret_blob, &len) ? len : 0;
}

void public_key_put_fingerprint(const uint8_t digest[PUBLIC_KEY_DIGEST], struct text *text)
{
    text_put(text, "SHA256:");
    base64_put_unpadded(bytes_of(digest, PUBLIC_KEY_DIGEST), text);
}

/* Up to a blank; false when it does not fit. */
static bool public_key_take_word(struct bytes *rest, char *ret_word, size_t size)
{
    size_t len = 0;
    while (len < rest->len && rest->data[len] != ' ') {
        len++;
    }
    struct text word = text_in(ret_word, size);
    text_put_bytes(&word, bytes_of(rest->data, len));
    *rest = bytes_from(*rest, len + 1);
    return text_finish(&word) == ERR_OK && strlen(ret_word) == len;
}

enum err public_key_take(struct bytes *rest, struct public_key *ret_key, struct text *ret_why)
{
    struct public_key key;
    if (!public_key_take_word(rest, key.type, sizeof key.type) || public_key_find_type(key.type) == NULL) {
        text_put(ret_why, "no public key of a type that is accepted (ssh-ed25519, ecdsa-sha2-nistp256, -nistp384, "
                          "-nistp521, ssh-rsa, sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com)");
        return ERR_MALFORMED;
    }
    if (!public_key_take_word(rest, key.base64, sizeof key.base64) || !public_key_is_whole(&key)) {
        text_format(ret_why, "what follows %s is no such key%s", key.type,
                    strcmp(key.type, "ssh-rsa") == 0 ? " of 2048 to 16384 bits" : "");
        return ERR_MALFORMED;
    }
    *ret_key = key;
    return ERR_OK;
}
