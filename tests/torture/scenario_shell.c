/* A session of a shell that is encrypted, from the handshake to output and input; the agent is played by hand. Only the
 * engine's calls fail, never the agent's. */
#include "tests/torture/scenario.h"

#include "common/auto.h"
#include "common/base64.h"
#include "proxy/core/agent_message.h"
#include "proxy/core/channel.h"
#include "tests/torture/torture.h"

#include <string.h>

#define REQUEST                                                                                                        \
    "{\"AgentVersion\":\"3.3.0.0\",\"RequestedClientActions\":[{\"ActionType\":\"SessionType\",\"ActionParameters\":"  \
    "{\"SessionType\":\"Standard_Stream\",\"Properties\":null}},{\"ActionType\":\"KMSEncryption\","                    \
    "\"ActionParameters\":{\"KMSKeyId\":\"k\",\"Challenge\":\"Zm9v\"}}]}"

/* Both halves of the key are the same: what the agent encrypts, either side can read. */
static const uint8_t data_key[SESSION_CRYPT_KEY_LEN];

static struct {
    struct channel *channel;
    struct session_crypt *agents;
    struct sha256 *agents_hash;
    int64_t sequence;
} world;

static const struct instant now = {.mono_us = 1000000, .unix_ms = 1700000000000};

static void agent_says(enum payload_type type, struct bytes payload)
{
    uint8_t wire[AGENT_MESSAGE_HEADER_LEN + 512];
    size_t len;
    struct agent_message message = {
        .type = AGENT_MESSAGE_OUTPUT_STREAM_DATA,
        .created_unix_ms = now.unix_ms,
        .sequence_number = world.sequence++,
        .payload_type = type,
        .payload = payload,
    };
    torture_pause();
    enum err err = agent_message_encode(&message, world.agents_hash, wire, sizeof wire, &len);
    scenario_demand(err == ERR_OK, "the agent's message");
    torture_go_on();
    channel_receive(world.channel, bytes_of(wire, len), now);
}

static struct bytes seal(const char *plain, uint8_t *memory)
{
    uint8_t nonce[SESSION_CRYPT_NONCE_LEN] = {(uint8_t)world.sequence};
    torture_pause();
    enum err err = session_crypt_seal(world.agents, nonce, bytes_of_text(plain), memory);
    scenario_demand(err == ERR_OK, "the agent's encryption");
    torture_go_on();
    return bytes_of(memory, strlen(plain) + SESSION_CRYPT_OVERHEAD);
}

static void agent_challenges(void)
{
    uint8_t memory[64];
    char text_memory[256];
    struct text text = text_in(text_memory, sizeof text_memory);
    text_put(&text, "{\"Challenge\":\"");
    base64_put(seal("challenge", memory), &text);
    text_put(&text, "\"}");
    agent_says(PAYLOAD_ENC_CHALLENGE_REQUEST, text_bytes(&text));
}

static void play(struct session_crypt *crypt)
{
    struct channel_key_wish wish;
    uint8_t memory[64];
    channel_transport_up(world.channel, now);
    agent_says(PAYLOAD_HANDSHAKE_REQUEST, bytes_of_text(REQUEST));
    if (channel_wants_key(world.channel, &wish)) {
        channel_give_key(world.channel, crypt, "Zm9v", now);
    }
    agent_challenges();
    agent_says(PAYLOAD_HANDSHAKE_COMPLETE, bytes_of_text("{}"));
    agent_says(PAYLOAD_OUTPUT, seal("$ ", memory));
    (void)channel_write(world.channel, bytes_of_text("ls\r"), now);
    while (channel_take_frame(world.channel, now).len > 0) {
    }
}

/* What has come out, if anything, is what went in. */
static enum err judge(void)
{
    struct bytes output = channel_output(world.channel);
    struct channel_result result = channel_result(world.channel);
    if (channel_state(world.channel) == CHANNEL_CLOSED) {
        scenario_demand(result.err != ERR_OK && result.reason[0] != '\0', "a reason");
        scenario_demand(output.len == 0 || bytes_equal_text(output, "$ "), "the output");
        return result.err;
    }
    scenario_demand(channel_state(world.channel) == CHANNEL_OPEN && bytes_equal_text(output, "$ "), "the output");
    return ERR_OK;
}

static enum err make_and_play(void)
{
    AUTO(sha256_free) struct sha256 *hash = NULL;
    AUTO(session_crypt_free) struct session_crypt *crypt = NULL;
    struct channel_config config = channel_config_default();
    config.purpose = CHANNEL_FOR_SHELL;
    TRY(sha256_new(&hash));
    TRY(session_crypt_new(data_key, &crypt));
    TRY(channel_new(&config, chance_from_number(1), hash, &world.channel));
    play(crypt);
    return judge();
}

static enum err run_shell(void)
{
    torture_pause();
    world.sequence = 0;
    scenario_demand(session_crypt_new(data_key, &world.agents) == ERR_OK, "the agent's key");
    scenario_demand(sha256_new(&world.agents_hash) == ERR_OK, "the agent's hash");
    torture_go_on();
    enum err err = make_and_play();
    channel_free(&world.channel);
    session_crypt_free(&world.agents);
    sha256_free(&world.agents_hash);
    return err;
}

const struct scenario shell_scenarios[] = {{"encrypted shell", NULL, run_shell}};
const size_t shell_scenario_count = 1;
