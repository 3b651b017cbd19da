/* control_message: every parser over any payload; what was understood can be answered. */
#include "proxy/core/control_message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes payload = bytes_of(data, size);
    int64_t sequence = 0;
    if (control_message_parse_acknowledge(payload, &sequence) == ERR_OK && sequence < 0) {
        abort();
    }
    int64_t exit_code = 0;
    if (control_message_parse_exit_code(payload, &exit_code) == ERR_OK && exit_code > UINT32_MAX) {
        abort();
    }
    char words_memory[64];
    struct text words = text_in(words_memory, sizeof words_memory);
    if (control_message_parse_channel_closed(payload, &words) != ERR_OK ||
        control_message_parse_handshake_complete(payload, &words) != ERR_OK) {
        return 0; /* both take any JSON object, and so does everything below */
    }
    struct handshake_request request;
    if (control_message_parse_handshake_request(payload, &request) != ERR_OK) {
        return 0;
    }
    char memory[HANDSHAKE_RESPONSE_SIZE];
    struct text response = text_in(memory, sizeof memory);
    if (control_message_handshake_response(
            &request, &(struct handshake_answer){.has_session_type = request.session_type == SESSION_TYPE_PORT},
            &response) != ERR_OK) {
        abort(); /* whatever is parsed fits into an answer */
    }
    return 0;
}
