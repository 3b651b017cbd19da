#include "proxy/core/ws_upgrade.h"

#include "proxy/core/user_agent.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#define WS_UPGRADE_VERSION "HTTP/1.1 "
#define WS_REFUSAL_VERSION "HTTP/1.0 " /* an old proxy's; it may say no, and why */

/* RFC 6455, 1.3. */
#define WS_UPGRADE_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define WS_UPGRADE_KEY_LEN 24 /* base64 of the nonce */

enum err ws_upgrade_begin(struct ws_upgrade *upgrade, const struct endpoint_url *url, const uint8_t *nonce,
                          struct text *ret_request)
{
    char salted[WS_UPGRADE_KEY_LEN + sizeof WS_UPGRADE_GUID];
    (void)EVP_EncodeBlock((unsigned char *)salted, nonce, WS_UPGRADE_NONCE_LEN);
    text_put(ret_request, "GET ");
    text_put(ret_request, url->path);
    text_put(ret_request, " HTTP/1.1\r\nHost: ");
    endpoint_put_authority(url, ret_request);
    text_put(ret_request, "\r\nUser-Agent: " USER_AGENT "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
    text_put(ret_request, salted);
    text_put(ret_request, "\r\n\r\n");
    TRY(text_finish(ret_request));

    memcpy(salted + WS_UPGRADE_KEY_LEN, WS_UPGRADE_GUID, sizeof WS_UPGRADE_GUID);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    if (EVP_Digest(salted, strlen(salted), digest, &digest_len, EVP_sha1(), NULL) != 1 || digest_len != 20) {
        return ERR_SYSTEM; /* a library configured without SHA-1 */
    }
    (void)EVP_EncodeBlock((unsigned char *)upgrade->accept, digest, (int)digest_len);
    upgrade->answer_len = 0;
    return ERR_OK;
}

static enum err refuse(struct text *ret_why, const char *reason)
{
    text_put(ret_why, "the gateway's answer to the websocket upgrade cannot be used: ");
    text_put(ret_why, reason);
    return ERR_PROTOCOL;
}

/* ---- the answer, once it is complete ---- */

/* A line without its end; `rest` moves behind it. Lines end with LF; a CR before it goes too (RFC 9112, 2.2). */
static struct bytes take_line(struct bytes *rest)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    struct bytes line = bytes_of(rest->data, len);
    *rest = bytes_from(*rest, len + 1);
    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

static struct bytes trim(struct bytes value)
{
    while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t')) {
        value = bytes_from(value, 1);
    }
    while (value.len > 0 && (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t')) {
        value.len--;
    }
    return value;
}

static bool equal_ignoring_case(struct bytes value, const char *text)
{
    return value.len == strlen(text) && strncasecmp((const char *)value.data, text, value.len) == 0;
}

/* True when the comma-separated list holds the token. */
static bool lists(struct bytes list, const char *token)
{
    while (list.len > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.len);
        size_t len = comma == NULL ? list.len : (size_t)(comma - list.data);
        if (equal_ignoring_case(trim(bytes_of(list.data, len)), token)) {
            return true;
        }
        list = bytes_from(list, len + 1);
    }
    return false;
}

static enum err check_status(struct bytes line, struct text *ret_why)
{
    const size_t at = sizeof WS_UPGRADE_VERSION - 1;
    int status = 0;
    for (size_t i = at; i < at + 3; i++) {
        if (i >= line.len || line.data[i] < '0' || line.data[i] > '9') {
            return refuse(ret_why, "no status code");
        }
        status = status * 10 + (line.data[i] - '0');
    }
    if (line.len > at + 3 && line.data[at + 3] != ' ') {
        return refuse(ret_why, "no status code");
    }
    if (status == 101) {
        return ERR_OK;
    }
    text_put(ret_why, "the gateway refused the websocket upgrade: ");
    text_put_bytes(ret_why, bytes_from(line, at));
    if (status == 401 || status == 403) {
        return ERR_DENIED;
    }
    if (status == 429) {
        return ERR_THROTTLED;
    }
    return status >= 500 && status <= 599 ? ERR_SERVICE : ERR_PROTOCOL;
}

struct ws_upgrade_found {
    unsigned upgrades;
    unsigned connections;
    unsigned accepts;
};

static enum err check_header(const struct ws_upgrade *upgrade, struct bytes line, struct ws_upgrade_found *found,
                             struct text *ret_why)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);
    if (colon == NULL || colon == line.data || memchr(line.data, '\0', line.len) != NULL) {
        return refuse(ret_why, "a malformed header line");
    }
    struct bytes name = bytes_of(line.data, (size_t)(colon - line.data));
    struct bytes value = trim(bytes_from(line, name.len + 1));
    if (name.data[0] == ' ' || name.data[0] == '\t' || name.data[name.len - 1] == ' ') {
        return refuse(ret_why, "a malformed header line");
    }
    if (equal_ignoring_case(name, "Upgrade")) {
        if (!equal_ignoring_case(value, "websocket")) {
            return refuse(ret_why, "it upgrades to something else");
        }
        found->upgrades++;
    } else if (equal_ignoring_case(name, "Connection")) {
        found->connections += lists(value, "upgrade") ? 1 : 0;
    } else if (equal_ignoring_case(name, "Sec-WebSocket-Accept")) {
        if (!bytes_equal_text(value, upgrade->accept)) {
            return refuse(ret_why, "Sec-WebSocket-Accept is not for our key");
        }
        found->accepts++;
    } else if (equal_ignoring_case(name, "Sec-WebSocket-Extensions")) {
        return refuse(ret_why, "it uses an extension that was not asked for");
    } else if (equal_ignoring_case(name, "Sec-WebSocket-Protocol")) {
        return refuse(ret_why, "it chose a subprotocol that was not asked for");
    }
    return ERR_OK;
}

/* As far as it has come. */
static bool begins_like(const struct ws_upgrade *upgrade, const char *version)
{
    size_t len = strlen(version);
    return memcmp(upgrade->answer, version, upgrade->answer_len < len ? upgrade->answer_len : len) == 0;
}

static enum err check(const struct ws_upgrade *upgrade, struct text *ret_why)
{
    struct bytes rest = bytes_of(upgrade->answer, upgrade->answer_len);
    TRY(check_status(take_line(&rest), ret_why));
    if (!begins_like(upgrade, WS_UPGRADE_VERSION)) {
        return refuse(ret_why, "it is not HTTP/1.1");
    }
    struct ws_upgrade_found found = {0};
    for (;;) {
        struct bytes line = take_line(&rest);
        if (line.len == 0) {
            break;
        }
        TRY(check_header(upgrade, line, &found, ret_why));
    }
    if (found.upgrades != 1 || found.connections == 0 || found.accepts != 1) {
        return refuse(ret_why, found.accepts == 0    ? "Sec-WebSocket-Accept is missing"
                               : found.accepts > 1   ? "Sec-WebSocket-Accept comes twice"
                               : found.upgrades != 1 ? "the header Upgrade is missing or comes twice"
                                                     : "Connection does not say upgrade");
    }
    return ERR_OK;
}

/* ---- the answer, while it arrives ---- */

/* The end of the blank line that ends the header, or 0. */
static size_t header_end(const char *answer, size_t from, size_t len)
{
    for (size_t i = from; i < len; i++) {
        if (answer[i] != '\n' || i == 0) {
            continue;
        }
        if (answer[i - 1] == '\n' || (answer[i - 1] == '\r' && i >= 2 && answer[i - 2] == '\n')) {
            return i + 1;
        }
    }
    return 0;
}

enum err ws_upgrade_accept(struct ws_upgrade *upgrade, struct bytes piece, size_t *ret_used, struct text *ret_why)
{
    size_t before = upgrade->answer_len;
    size_t room = LIMIT_UPGRADE_ANSWER - before;
    size_t take = piece.len < room ? piece.len : room;
    if (take > 0) {
        memcpy(upgrade->answer + before, piece.data, take);
    }
    upgrade->answer_len += take;
    *ret_used = take;

    if (!begins_like(upgrade, WS_UPGRADE_VERSION) && !begins_like(upgrade, WS_REFUSAL_VERSION)) {
        return refuse(ret_why, "it is not HTTP/1.1");
    }
    size_t end = header_end(upgrade->answer, before, upgrade->answer_len);
    if (end == 0) {
        if (upgrade->answer_len < LIMIT_UPGRADE_ANSWER) {
            return ERR_AGAIN;
        }
        text_format(ret_why, "the gateway's answer to the websocket upgrade is longer than %d bytes",
                    LIMIT_UPGRADE_ANSWER);
        return ERR_TOO_LONG;
    }
    *ret_used = end - before;
    upgrade->answer_len = end;
    return check(upgrade, ret_why);
}
