/* key_agent_message: any answer of an ssh-agent. One that is taken names a key by its bytes. */
#include "tests/fuzz/fuzz_support.h"

#include "proxy/core/key_agent_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct openssh_key key = {.has_private = false};
    struct bytes reply = bytes_of(data, size);
    if (size >= sizeof key.blob) { /* the key that the last bytes but one comment would be */
        memcpy(key.blob, data + (size - sizeof key.blob), sizeof key.blob);
    }
    bool has = false;
    enum err err = key_agent_message_read_list(reply, &key, &has);
    MUST(err == ERR_OK || err == ERR_MALFORMED || err == ERR_DENIED);
    MUST(!has || (err == ERR_OK && memmem(data, size, key.blob, sizeof key.blob) != NULL));
    err = key_agent_message_read_add(reply);
    MUST(err != ERR_OK || data[0] == 6);
    return 0;
}
