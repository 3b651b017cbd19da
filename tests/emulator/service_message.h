/* service_message: agent messages that the service itself originates.
 *
 * To clients they have the short header (112 bytes, no payload type, type padded by NUL bytes), as third parties report
 * of the real service; to agents the full one, which is what was seen to work with the real agent. */
#ifndef SSM_LAB_SERVICE_MESSAGE_H
#define SSM_LAB_SERVICE_MESSAGE_H

#include "proxy/core/agent_message.h"
#include "tests/emulator/lab.h"

/* One message, to be freed with free(message.data); empty without memory. */
struct service_message {
    uint8_t *data;
    size_t len;
};

struct service_message service_message_to_client(struct lab *lab, enum agent_message_type type, uint64_t flags,
                                                 struct bytes payload);
struct service_message service_message_to_agent(struct lab *lab, enum agent_message_type type, uint64_t flags,
                                                struct bytes payload);

/* The payload of channel_closed, to be freed; NULL without memory. `destination` is the client's or the node's id. */
char *service_message_channel_closed(struct lab *lab, const char *session_id, const char *destination,
                                     const char *output);

static inline struct bytes service_message_bytes(const struct service_message *message)
{
    return bytes_of(message->data, message->len);
}

#endif
