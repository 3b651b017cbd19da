/* agent_message: no input reads outside its bytes, and what is parsed can be encoded and parsed again, the same. */
#include "proxy/core/agent_message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sha256 *hash;
    static uint8_t wire[1 << 20];
    if (hash == NULL && sha256_new(&hash) != ERR_OK) {
        abort();
    }
    struct agent_message message;
    if (agent_message_parse(bytes_of(data, size), &message) != ERR_OK) {
        return 0;
    }
    enum err verdict = agent_message_verify(&message, hash);
    (void)verdict;
    if (message.type == AGENT_MESSAGE_UNKNOWN) {
        return 0;
    }
    size_t len;
    struct agent_message again;
    if (agent_message_encode(&message, hash, wire, sizeof wire, &len) != ERR_OK ||
        agent_message_parse(bytes_of(wire, len), &again) != ERR_OK) {
        abort();
    }
    if (again.type != message.type || again.sequence_number != message.sequence_number ||
        again.flags != message.flags || again.payload_type != message.payload_type ||
        !uuid_equal(&again.message_id, &message.message_id) || !bytes_equal(again.payload, message.payload) ||
        agent_message_verify(&again, hash) != ERR_OK) {
        abort();
    }
    return 0;
}
