/* What is special about programs: encryption, sizes, interrupts, and output that ends between characters. */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/emulator/agent_core_state.h"

#define CTRL_C 0x03
#define CTRL_BACKSLASH 0x1c

/* ---- encryption ---- */

static enum err get_key(struct agent_core *core, char ret_problem[512])
{
    uint8_t data_key[AGENT_CRYPT_DATA_KEY_LEN];
    const char *challenge = core->has_acknowledged_challenge ? core->kms_challenge : NULL;
    if (core->requires_challenge && challenge == NULL) {
        snprintf(ret_problem, 512, "client does not support required encryption context random challenge");
        return ERR_UNSUPPORTED;
    }
    char words[512] = "";
    const char *ciphertext = core->ciphertext_key == NULL ? "" : core->ciphertext_key;
    if (!core->ports.decrypt_key(core->owner, ciphertext, challenge, data_key, words)) {
        snprintf(ret_problem, 512,
                 "Fetching data key failed: Unable to retrieve data key, Error when decrypting data key %.400s", words);
        return ERR_DENIED;
    }
    agent_crypt_set_key(&core->crypt, data_key, core->sender.chance);
    return ERR_OK;
}

void agent_core_begin_encryption(struct agent_core *core, struct agent_time now)
{
    char problem[512] = "";
    if (get_key(core, problem) != ERR_OK) {
        agent_core_end(core, "Failed", problem, now);
        return;
    }
    char *challenge = agent_crypt_challenge(&core->crypt, core->sender.chance);
    if (challenge != NULL) {
        agent_sender_stream(&core->sender, PAYLOAD_ENC_CHALLENGE_REQUEST, bytes_of_text(challenge), now);
        free(challenge);
    }
    core->state = STATE_CHALLENGE;
    core->state_due_us = now.mono_us + core->timing.handshake_timeout_us;
}

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
    uint8_t sealed[sizeof core->rest + AGENT_CORE_PAYLOAD + AES_GCM_EXTRA_LEN];
    if (!core->crypt.has_key) {
        agent_sender_stream(&core->sender, type, bytes, now);
    } else if (bytes.len > 0 && bytes.len <= sizeof sealed - AES_GCM_EXTRA_LEN &&
               agent_crypt_seal(&core->crypt, bytes, sealed) == ERR_OK) {
        agent_sender_stream(&core->sender, type, bytes_of(sealed, bytes.len + AES_GCM_EXTRA_LEN), now);
    }
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
