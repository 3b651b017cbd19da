/* key_agent: one question to ssh-agent over its socket, and the answer. What they mean: core/key_agent_message. */
#ifndef SSM_PROXY_EDGE_KEY_AGENT_H
#define SSM_PROXY_EDGE_KEY_AGENT_H

#include "common/text.h"
#include "proxy/core/key_agent_message.h"

/* Owned; AUTO(key_agent_reply_free). */
struct key_agent_reply {
    uint8_t *data; /* without the length that comes before it */
    size_t len;
};

void key_agent_reply_free(struct key_agent_reply *reply);

/* `socket_path` is the value of SSH_AUTH_SOCK. Waits until deadline_us for an agent that asks its person. ERR_CONFIG:
 * nobody listens there. ERR_TIMEOUT, ERR_MALFORMED (too long an answer, or none), ERR_SYSTEM, ERR_MEMORY. All with
 * words. */
enum err key_agent_ask(const char *socket_path, const struct key_agent_message *request, int64_t deadline_us,
                       struct key_agent_reply *ret_reply, struct text *ret_why) SSM_MUST_USE;

#endif
