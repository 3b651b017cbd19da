#include "pam_ssm/core/accepted_key.h"

#include "common/limits.h"

#include <inttypes.h>

#define OPTIONS_HEAD "from=\"127.0.0.1,::1\",expiry-time=\""
#define COMMENT_HEAD "ssm-bridge:"
#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 16384

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- base64 (RFC 4648, section 4), without anything that could be written otherwise ---- */

static int base64_value(char digit)
{
    const char *at = digit != '\0' ? strchr(alphabet, digit) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

/* `padding` characters "=" end the group. */
static bool decode_group(const char *group, size_t padding, uint8_t *ret_bytes)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - padding ? base64_value(group[i]) : 0;
        if (value < 0 || (i >= 4 - padding && group[i] != '=')) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i < 3 - padding; i++) {
        ret_bytes[i] = (uint8_t)(bits >> (16 - 8 * i));
    }
    return (bits & ((1u << (8 * padding)) - 1)) == 0; /* bits that belong to no byte */
}

static bool decode(const char *base64, uint8_t *blob, size_t *ret_len)
{
    size_t len = strlen(base64);
    if (len == 0 || len % 4 != 0 || len > ACCEPTED_KEY_BASE64) {
        return false;
    }
    size_t last = base64[len - 2] == '=' ? 2 : (size_t)(base64[len - 1] == '=');
    for (size_t at = 0; at < len; at += 4) {
        if (!decode_group(base64 + at, at + 4 == len ? last : 0, blob + at / 4 * 3)) {
            return false;
        }
    }
    *ret_len = len / 4 * 3 - last;
    return true;
}

/* Without the padding, as fingerprints are written. */
static void put_base64(struct text *text, struct bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t bits = 0;
        size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (j < have ? bytes.data[i + j] : 0);
        }
        for (size_t j = 0; j <= have; j++) {
            text_put_char(text, alphabet[bits >> (18 - 6 * j) & 63]);
        }
    }
}

/* ---- the key's blob (RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f) ---- */

static bool take_string(struct bytes *rest, struct bytes *ret_string)
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
static bool take_number(struct bytes *rest, size_t *ret_bits)
{
    struct bytes number;
    if (!take_string(rest, &number) || number.len == 0 || number.data[0] >= 0x80) {
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

static bool is_rsa(struct bytes rest)
{
    size_t exponent = 0;
    size_t modulus = 0;
    return take_number(&rest, &exponent) && take_number(&rest, &modulus) && exponent >= 2 && modulus >= RSA_MIN_BITS &&
           modulus <= RSA_MAX_BITS && rest.len == 0;
}

static const struct key_type {
    const char *name;
    const char *curve;    /* NULL: none */
    size_t point_len;     /* of the public point; 0: RSA */
    bool has_application; /* security keys */
} types[] = {
    {"ssh-ed25519", NULL, 32, false},
    {"ecdsa-sha2-nistp256", "nistp256", 65, false},
    {"ecdsa-sha2-nistp384", "nistp384", 97, false},
    {"ecdsa-sha2-nistp521", "nistp521", 133, false},
    {"ssh-rsa", NULL, 0, false},
    {"sk-ssh-ed25519@openssh.com", NULL, 32, true},
    {"sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", 65, true},
};

static const struct key_type *find_type(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, name) == 0) {
            return &types[i];
        }
    }
    return NULL;
}

static bool is_blob_of(struct bytes rest, const struct key_type *type)
{
    struct bytes part;
    if (!take_string(&rest, &part) || !bytes_equal_text(part, type->name)) {
        return false;
    }
    if (type->point_len == 0) {
        return is_rsa(rest);
    }
    if (type->curve != NULL && (!take_string(&rest, &part) || !bytes_equal_text(part, type->curve))) {
        return false;
    }
    /* A point of a curve is uncompressed: 4, x, y. */
    if (!take_string(&rest, &part) || part.len != type->point_len || (type->curve != NULL && part.data[0] != 4)) {
        return false;
    }
    return (!type->has_application || (take_string(&rest, &part) && part.len > 0)) && rest.len == 0;
}

/* ---- one key ---- */

static bool is_key(const struct accepted_key *key)
{
    uint8_t blob[ACCEPTED_KEY_BLOB];
    size_t len = 0;
    const struct key_type *type = find_type(key->type);
    return type != NULL && decode(key->base64, blob, &len) && is_blob_of(bytes_of(blob, len), type);
}

size_t accepted_key_blob(const struct accepted_key *key, uint8_t *ret_blob)
{
    size_t len = 0;
    return decode(key->base64, ret_blob, &len) ? len : 0;
}

void accepted_key_put_fingerprint(const uint8_t digest[ACCEPTED_KEY_DIGEST], struct text *text)
{
    text_put(text, "SHA256:");
    put_base64(text, bytes_of(digest, ACCEPTED_KEY_DIGEST));
}

/* Up to a blank; false when it does not fit. */
static bool take_word(struct bytes *rest, char *ret_word, size_t size)
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

enum err accepted_key_parse(struct bytes line, struct accepted_key *ret_key, struct text *ret_why)
{
    if (line.len > 0 && line.data[line.len - 1] == '\n') {
        line.len--;
    }
    for (size_t i = 0; i < line.len; i++) {
        if (text_is_control((char)line.data[i])) {
            text_put(ret_why, "a public key is one line of text");
            return ERR_MALFORMED;
        }
    }
    struct accepted_key key = {.not_after_unix_s = ret_key->not_after_unix_s};
    memcpy(key.expiry, ret_key->expiry, sizeof key.expiry);
    if (!take_word(&line, key.type, sizeof key.type) || find_type(key.type) == NULL) {
        text_put(ret_why, "no public key of a type that is accepted (ssh-ed25519, ecdsa-sha2-nistp256, -nistp384, "
                          "-nistp521, ssh-rsa, sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com)");
        return ERR_MALFORMED;
    }
    if (!take_word(&line, key.base64, sizeof key.base64) || !is_key(&key)) {
        text_format(ret_why, "what follows %s is no such key%s", key.type,
                    strcmp(key.type, "ssh-rsa") == 0 ? " of 2048 to 16384 bits" : "");
        return ERR_MALFORMED;
    }
    *ret_key = key;
    return ERR_OK;
}

/* ---- the file ---- */

static bool take_literal(struct bytes *rest, const char *literal)
{
    size_t len = strlen(literal);
    if (rest->len < len || memcmp(rest->data, literal, len) != 0) {
        return false;
    }
    *rest = bytes_from(*rest, len);
    return true;
}

/* Digits, and perhaps a Z. */
static bool take_expiry(struct bytes *rest, char ret_expiry[16])
{
    size_t len = 0;
    while (len < rest->len && len < 14 && rest->data[len] >= '0' && rest->data[len] <= '9') {
        len++;
    }
    if (len != 14) {
        return false;
    }
    len += rest->len > 14 && rest->data[14] == 'Z';
    memcpy(ret_expiry, rest->data, len);
    ret_expiry[len] = '\0';
    *rest = bytes_from(*rest, len);
    return true;
}

static bool read_line(struct bytes line, struct accepted_key *ret_key)
{
    char number[24], words[256];
    struct text why = text_in(words, sizeof words);
    struct accepted_key key = {0};
    if (!take_literal(&line, OPTIONS_HEAD) || !take_expiry(&line, key.expiry) || !take_literal(&line, "\" ") ||
        accepted_key_parse(line, &key, &why) != ERR_OK) {
        return false;
    }
    line = bytes_from(line, strlen(key.type) + 1 + strlen(key.base64) + 1);
    if (!take_literal(&line, COMMENT_HEAD) || !take_word(&line, number, sizeof number) || line.len > 0 ||
        text_parse_decimal(number, 1, INT64_MAX, &key.not_after_unix_s) != ERR_OK) {
        return false;
    }
    *ret_key = key;
    return true;
}

void accepted_key_read(struct bytes file, struct accepted_keys *ret_keys)
{
    ret_keys->count = 0;
    while (file.len > 0 && ret_keys->count < ACCEPTED_KEYS) {
        const uint8_t *newline = memchr(file.data, '\n', file.len);
        size_t len = newline != NULL ? (size_t)(newline - file.data) : file.len;
        if (read_line(bytes_of(file.data, len), &ret_keys->keys[ret_keys->count])) {
            ret_keys->count++;
        }
        file = bytes_from(file, len + 1);
    }
}

void accepted_key_render(const struct accepted_keys *keys, struct text *text)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct accepted_key *key = &keys->keys[i];
        text_format(text, OPTIONS_HEAD "%s\" %s %s " COMMENT_HEAD "%" PRId64 "\n", key->expiry, key->type, key->base64,
                    key->not_after_unix_s);
    }
}

void accepted_key_take_out(struct accepted_keys *keys, size_t index)
{
    keys->count--;
    memmove(&keys->keys[index], &keys->keys[index + 1], (keys->count - index) * sizeof keys->keys[0]);
}

size_t accepted_key_sweep(struct accepted_keys *keys, int64_t now_unix_s)
{
    size_t before = keys->count;
    for (size_t i = keys->count; i-- > 0;) {
        if (keys->keys[i].not_after_unix_s <= now_unix_s) {
            accepted_key_take_out(keys, i);
        }
    }
    return before - keys->count;
}

enum err accepted_key_add(struct accepted_keys *keys, const struct accepted_key *key)
{
    size_t index = 0;
    while (index < keys->count && strcmp(keys->keys[index].base64, key->base64) != 0) {
        index++;
    }
    if (index == ACCEPTED_KEYS) {
        return ERR_TOO_LONG;
    }
    keys->keys[index] = *key;
    keys->count += index == keys->count;
    return ERR_OK;
}

bool accepted_key_is_account(const char *name)
{
    size_t len = strnlen(name, LIMIT_USER + 1);
    return len > 0 && len <= LIMIT_USER && name[0] != '.' && name[0] != '-' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-") == len;
}
