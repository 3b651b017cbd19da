#include "proxy/core/key_agent_message.h"

#define FAILURE 5
#define SUCCESS 6
#define REQUEST_IDENTITIES 11
#define IDENTITIES_ANSWER 12
#define ADD_ID_CONSTRAINED 25
#define CONSTRAIN_LIFETIME 1

void key_agent_message_wipe(struct key_agent_message *message)
{
    explicit_bzero(message, sizeof *message);
}

/* ---- requests ---- */

static void put_byte(struct key_agent_message *message, uint8_t byte)
{
    message->data[message->len++] = byte;
}

static void put_number(struct key_agent_message *message, uint32_t number)
{
    bytes_put_be32(message->data + message->len, number);
    message->len += 4;
}

static void put_string(struct key_agent_message *message, struct bytes string)
{
    put_number(message, (uint32_t)string.len);
    memcpy(message->data + message->len, string.data, string.len);
    message->len += string.len;
}

static void begin(struct key_agent_message *message, uint8_t type)
{
    message->len = 4; /* for the length */
    put_byte(message, type);
}

static void finish(struct key_agent_message *message)
{
    bytes_put_be32(message->data, (uint32_t)(message->len - 4));
}

void key_agent_message_put_list(struct key_agent_message *ret_message)
{
    begin(ret_message, REQUEST_IDENTITIES);
    finish(ret_message);
}

enum err key_agent_message_put_add(const struct openssh_key *key, const char *comment, uint32_t lifetime_s,
                                   struct key_agent_message *ret_message)
{
    struct bytes halves = bytes_of(key->private_half, sizeof key->private_half);
    if (strlen(comment) > 128) {
        return ERR_TOO_LONG;
    }
    begin(ret_message, ADD_ID_CONSTRAINED);
    put_string(ret_message, bytes_of_text(OPENSSH_KEY_TYPE));
    put_string(ret_message, bytes_from(halves, halves.len / 2));
    put_string(ret_message, halves);
    put_string(ret_message, bytes_of_text(comment));
    put_byte(ret_message, CONSTRAIN_LIFETIME);
    put_number(ret_message, lifetime_s);
    finish(ret_message);
    return ERR_OK;
}

/* ---- replies ---- */

static enum err read_string(struct bytes *rest, struct bytes *ret_string)
{
    if (rest->len < 4) {
        return ERR_MALFORMED;
    }
    size_t len = bytes_get_be32(rest->data);
    *rest = bytes_from(*rest, 4);
    if (rest->len < len) {
        return ERR_MALFORMED;
    }
    *ret_string = bytes_of(rest->data, len);
    *rest = bytes_from(*rest, len);
    return ERR_OK;
}

static enum err read_type(struct bytes reply, uint8_t wanted)
{
    if (reply.len == 0) {
        return ERR_MALFORMED;
    }
    if (reply.data[0] == FAILURE) {
        return ERR_DENIED;
    }
    return reply.data[0] == wanted ? ERR_OK : ERR_MALFORMED;
}

enum err key_agent_message_read_list(struct bytes reply, const struct openssh_key *key, bool *ret_has)
{
    TRY(read_type(reply, IDENTITIES_ANSWER));
    if (reply.len < 5) {
        return ERR_MALFORMED;
    }
    bool has = false;
    uint32_t count = bytes_get_be32(reply.data + 1);
    struct bytes rest = bytes_from(reply, 5);
    for (; count > 0; count--) { /* each takes eight bytes at least: a reply ends before a count does */
        struct bytes blob;
        struct bytes comment;
        TRY(read_string(&rest, &blob));
        TRY(read_string(&rest, &comment));
        has = has || bytes_equal(blob, bytes_of(key->blob, sizeof key->blob));
    }
    *ret_has = has;
    return ERR_OK;
}

enum err key_agent_message_read_add(struct bytes reply)
{
    return read_type(reply, SUCCESS);
}
