/* What is special about programs: sizes, interrupts, and output that ends between characters. */
#include <jansson.h>
#include <signal.h>

#include "tests/emulator/agent_core_state.h"

#define CTRL_C 0x03
#define CTRL_BACKSLASH 0x1c

/* ---- input ---- */

static uint16_t member(const json_t *size, const char *name)
{
    return (uint16_t)json_integer_value(json_object_get(size, name)); /* u32 there, u16 for the terminal */
}

bool agent_core_take_size(struct agent_core *core, struct bytes payload)
{
    json_t *size = payload.len == 0 ? NULL : json_loadb((const char *)payload.data, payload.len, 0, NULL);
    bool is_size = json_is_object(size);
    if (is_size && core->session_type != AGENT_SESSION_NON_INTERACTIVE_COMMANDS) {
        core->ports.resize(core->owner, member(size, "cols"), member(size, "rows"));
    }
    json_decref(size);
    return is_size;
}

void agent_core_take_interrupts(struct agent_core *core, struct bytes payload)
{
    for (size_t i = 0; i < payload.len; i++) {
        if (payload.data[i] == CTRL_C || payload.data[i] == CTRL_BACKSLASH) {
            core->ports.interrupt(core->owner, payload.data[i] == CTRL_C ? SIGINT : SIGQUIT);
        }
    }
}

/* ---- output ---- */

/* How many bytes a character has that begins so; 1 for what begins none. */
static size_t character_len(uint8_t first)
{
    return first >= 0xf0 && first < 0xf8   ? 4
           : first >= 0xe0 && first < 0xf0 ? 3
           : first >= 0xc0 && first < 0xe0 ? 2
                                           : 1;
}

/* Up to three bytes at the end are the beginning of a character that is not complete. */
static size_t incomplete_len(struct bytes bytes)
{
    for (size_t back = 1; back <= 3 && back <= bytes.len; back++) {
        uint8_t byte = bytes.data[bytes.len - back];
        if ((byte & 0xc0) != 0x80) {
            return character_len(byte) > back ? back : 0;
        }
    }
    return 0;
}

void agent_core_output_as(struct agent_core *core, enum payload_type type, struct bytes bytes, struct agent_time now)
{
    agent_sender_stream(&core->sender, type, bytes, now);
}

void agent_core_output(struct agent_core *core, struct bytes bytes, struct agent_time now)
{
    uint8_t whole[sizeof core->rest + AGENT_CORE_PAYLOAD];
    if (!agent_core_is_shell(core) || core->separates_output || bytes.len > AGENT_CORE_PAYLOAD) {
        agent_core_output_as(core, PAYLOAD_OUTPUT, bytes, now);
        return;
    }
    memcpy(whole, core->rest, core->rest_len);
    memcpy(whole + core->rest_len, bytes.data, bytes.len);
    struct bytes all = bytes_of(whole, core->rest_len + bytes.len);
    size_t rest_len = incomplete_len(all);
    all.len -= rest_len;
    memcpy(core->rest, whole + all.len, rest_len);
    core->rest_len = rest_len;
    agent_core_output_as(core, PAYLOAD_OUTPUT, all, now);
}

void agent_core_flush_output(struct agent_core *core, struct agent_time now)
{
    agent_core_output_as(core, PAYLOAD_OUTPUT, bytes_of(core->rest, core->rest_len), now);
    core->rest_len = 0;
}
