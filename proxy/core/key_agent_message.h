/* key_agent_message: the two questions that we ask ssh-agent: which keys it has, and to take one for a time. Source:
 * draft-ietf-sshm-ssh-agent, sections 3.2, 3.5 and 5; PROTOCOL.agent of OpenSSH.
 *
 *     uint32 length, byte 11                                                            SSH_AGENTC_REQUEST_IDENTITIES
 *     uint32 length, byte 25, string "ssh-ed25519", string public half (32 bytes),      SSH_AGENTC_ADD_ID_CONSTRAINED
 *         string seed and public half (64), string comment, byte 1, uint32 seconds
 *
 *     byte 12, uint32 count, count times: string public key, string comment             SSH_AGENT_IDENTITIES_ANSWER
 *     byte 5, or byte 6                                                     SSH_AGENT_FAILURE, SSH_AGENT_SUCCESS */
#ifndef SSM_PROXY_CORE_KEY_AGENT_MESSAGE_H
#define SSM_PROXY_CORE_KEY_AGENT_MESSAGE_H

#include "proxy/core/openssh_key.h"

/* What OpenSSH's agent takes and gives at most. */
#define KEY_AGENT_MESSAGE_MAX (256 * 1024)

/* A request; AUTO(key_agent_message_wipe): a private key may be in it. */
struct key_agent_message {
    uint8_t data[512];
    size_t len;
};

void key_agent_message_wipe(struct key_agent_message *message);

void key_agent_message_put_list(struct key_agent_message *ret_message);

/* The key has its private half. ERR_TOO_LONG: the comment. */
enum err key_agent_message_put_add(const struct openssh_key *key, const char *comment, uint32_t lifetime_s,
                                   struct key_agent_message *ret_message) SSM_MUST_USE;

/* Replies, without their length. ERR_DENIED: the agent refuses; ERR_MALFORMED. */
enum err key_agent_message_read_list(struct bytes reply, const struct openssh_key *key, bool *ret_has) SSM_MUST_USE;
enum err key_agent_message_read_add(struct bytes reply) SSM_MUST_USE;

#endif
