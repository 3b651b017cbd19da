#include "tests/emulator/service_message.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SHORT_HEADER_LEN 112u

/* Made from the full form: the header length is 112, the padding NUL, and the payload type is not there. */
static void shorten(struct service_message *message)
{
    uint8_t *data = message->data;
    bytes_put_be32(data, SHORT_HEADER_LEN);
    for (size_t i = 4; i < 4 + AGENT_MESSAGE_TYPE_LEN; i++) {
        data[i] = data[i] == ' ' ? 0 : data[i];
    }
    memmove(data + SHORT_HEADER_LEN, data + SHORT_HEADER_LEN + 4, message->len - SHORT_HEADER_LEN - 4);
    message->len -= 4;
}

struct service_message service_message_to_agent(struct lab *lab, enum agent_message_type type, uint64_t flags,
                                                struct bytes payload)
{
    struct agent_message message = {.type = type,
                                    .flags = flags,
                                    .created_unix_ms = (uint64_t)lab_time(lab) * 1000u,
                                    .message_id = uuid_v4(&lab->chance),
                                    .payload = payload};
    size_t size = AGENT_MESSAGE_HEADER_LEN + payload.len;
    struct service_message made = {.data = malloc(size)};
    if (made.data == NULL || agent_message_encode(&message, lab->hash, made.data, size, &made.len) != ERR_OK) {
        free(made.data);
        return (struct service_message){0};
    }
    return made;
}

struct service_message service_message_to_client(struct lab *lab, enum agent_message_type type, uint64_t flags,
                                                 struct bytes payload)
{
    struct service_message made = service_message_to_agent(lab, type, flags, payload);
    if (made.data != NULL) {
        shorten(&made);
    }
    return made;
}

char *service_message_channel_closed(struct lab *lab, const char *session_id, const char *destination,
                                     const char *output)
{
    struct uuid id = uuid_v4(&lab->chance);
    char id_text[UUID_TEXT_SIZE], created[32];
    uuid_to_text(&id, id_text);
    time_t now = lab_time(lab);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
    json_t *payload = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:s}", "MessageId", id_text, "CreatedDate", created,
                                "DestinationId", destination, "SessionId", session_id, "MessageType", "channel_closed",
                                "SchemaVersion", 1, "Output", output);
    char *text = payload == NULL ? NULL : json_dumps(payload, JSON_COMPACT);
    json_decref(payload);
    return text;
}
