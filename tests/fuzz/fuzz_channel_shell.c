/* channel_shell: the engine of a shell's session under a script of what the agent, the person and the network do. The
 * agent's payloads are sealed with the session's key or not, as the script says: those that are have the top bit set in
 * every byte, those that are not do not have it in any. So once a session is encrypted, everything that comes out must
 * have the bit, and everything that goes in must be sealed. The end comes when it is asked for. */
#include "tests/fuzz/fuzz_support.h"

#include "common/base64.h"
#include "proxy/core/agent_message.h"
#include "proxy/core/channel.h"

#define PAYLOAD_MAX 96

#define REQUEST(type, encryption)                                                                                      \
    "{\"AgentVersion\":\"3.3.0.0\",\"RequestedClientActions\":[{\"ActionType\":\"SessionType\",\"ActionParameters\":"  \
    "{\"SessionType\":\"" type "\",\"Properties\":null}}" encryption "]}"
#define ENCRYPTION                                                                                                     \
    ",{\"ActionType\":\"KMSEncryption\",\"ActionParameters\":{\"KMSKeyId\":\"k\",\"Challenge\":\"Zm9v\"}}"

static const char *const texts[] = {
    REQUEST("Standard_Stream", ""),
    REQUEST("InteractiveCommands", ENCRYPTION),
    REQUEST("NonInteractiveCommands", ENCRYPTION),
    REQUEST("NonInteractiveCommands", ""),
    REQUEST("Port", ENCRYPTION),
    "{\"HandshakeTimeToComplete\":1,\"CustomerMessage\":\"hello\"}",
    "{\"Output\":\"\"}",
    "EXIT_CODE: 7",
};

static const struct channel_config config = {
    .purpose = CHANNEL_FOR_SHELL,
    .send_messages = 8,
    .send_bytes = 4096,
    .recv_messages = 8,
    .recv_payload_bytes = 128,
    .ack_messages = 8,
    .output_bytes = 512,
    .safe_payload_bytes = 24,
    .payload_bytes = 64,
    .request_timeout_us = 2 * 1000 * 1000,
    .handshake_timeout_us = 1000 * 1000,
};

static struct sha256 *hash;
static struct session_crypt *ours;
static struct session_crypt *agents;

struct world {
    struct bytes script;
    struct channel *channel;
    struct instant now;
    uint64_t sealed; /* payloads */
};

static uint8_t next(struct world *world)
{
    uint8_t byte = world->script.len == 0 ? 0 : world->script.data[0];
    world->script = bytes_from(world->script, 1);
    return byte;
}

static void make_keys(void)
{
    uint8_t key[SESSION_CRYPT_KEY_LEN] = {1};
    MUST(sha256_new(&hash) == ERR_OK && session_crypt_new(key, &ours) == ERR_OK);
    memset(key, 0, sizeof key);
    key[SESSION_CRYPT_KEY_LEN / 2] = 1;
    MUST(session_crypt_new(key, &agents) == ERR_OK);
}

/* ---- the agent ---- */

static struct bytes seal(struct world *world, struct bytes plain, uint8_t *memory)
{
    uint8_t nonce[SESSION_CRYPT_NONCE_LEN] = {0};
    bytes_put_be64(nonce, world->sealed++);
    MUST(session_crypt_seal(agents, nonce, plain, memory) == ERR_OK);
    return bytes_of(memory, plain.len + SESSION_CRYPT_OVERHEAD);
}

static struct bytes challenge(struct world *world, char *memory, size_t size)
{
    uint8_t sealed[PAYLOAD_MAX + SESSION_CRYPT_OVERHEAD];
    struct text text = text_in(memory, size);
    text_put(&text, "{\"Challenge\":\"");
    base64_put(seal(world, bytes_of_text("challenge"), sealed), &text);
    text_put(&text, "\"}");
    return text_bytes(&text);
}

static struct bytes choose_payload(struct world *world, uint8_t kind, uint8_t *memory)
{
    static uint8_t plain[PAYLOAD_MAX];
    static char text[256];
    if (kind % 4 == 0) {
        return bytes_of_text(texts[next(world) % (sizeof texts / sizeof *texts)]);
    }
    if (kind % 4 == 1) {
        return challenge(world, text, sizeof text);
    }
    bool is_sealed = kind % 4 == 2;
    size_t len = next(world) % PAYLOAD_MAX;
    for (size_t i = 0; i < len; i++) {
        plain[i] = (uint8_t)(is_sealed ? next(world) | 0x80 : next(world) & 0x7f);
    }
    return is_sealed ? seal(world, bytes_of(plain, len), memory) : bytes_of(plain, len);
}

static void agent_sends(struct world *world)
{
    static uint8_t wire[AGENT_MESSAGE_HEADER_LEN + 1024];
    uint8_t memory[PAYLOAD_MAX + SESSION_CRYPT_OVERHEAD];
    char acknowledge[64];
    uint8_t kind = next(world);
    struct agent_message message = {
        .type = AGENT_MESSAGE_OUTPUT_STREAM_DATA,
        .created_unix_ms = world->now.unix_ms,
        .sequence_number = next(world) % 16,
        .payload_type = next(world) % 14,
    };
    if (kind >= 0xc0) {
        struct text text = text_in(acknowledge, sizeof acknowledge);
        text_format(&text, "{\"AcknowledgedMessageSequenceNumber\":%u}", (unsigned)message.sequence_number);
        message.type = AGENT_MESSAGE_ACKNOWLEDGE;
        message.payload = text_bytes(&text);
    } else {
        message.type = kind >= 0xb8 ? AGENT_MESSAGE_CHANNEL_CLOSED : message.type;
        message.payload = choose_payload(world, kind, memory);
    }
    size_t len;
    MUST(agent_message_encode(&message, hash, wire, sizeof wire, &len) == ERR_OK);
    channel_receive(world->channel, bytes_of(wire, len), world->now);
}

/* ---- what comes out ---- */

static void check_frame(const struct world *world, struct bytes frame)
{
    struct agent_message message;
    struct bytes plain;
    MUST(agent_message_parse(frame, &message) == ERR_OK && agent_message_verify(&message, hash) == ERR_OK);
    if (message.type != AGENT_MESSAGE_INPUT_STREAM_DATA) {
        return;
    }
    MUST(message.payload_type != PAYLOAD_FLAG); /* no agent of a shell listens to one */
    if (message.payload_type == PAYLOAD_OUTPUT && channel_is_encrypted(world->channel)) {
        MUST(session_crypt_open(agents, message.payload, &plain) == ERR_OK);
    }
}

static void take_frames(const struct world *world, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t room = channel_next_frame_len(world->channel);
        struct bytes frame = channel_take_frame(world->channel, world->now);
        MUST(frame.len <= room);
        if (frame.len == 0) {
            return;
        }
        check_frame(world, frame);
    }
}

static void consume(const struct world *world, size_t most)
{
    struct bytes output = channel_output(world->channel);
    size_t len = output.len < most ? output.len : most;
    for (size_t i = 0; i < len && channel_is_encrypted(world->channel); i++) {
        MUST((output.data[i] & 0x80) != 0);
    }
    channel_output_consume(world->channel, len);
}

/* ---- the script ---- */

static void write_input(const struct world *world, size_t len)
{
    static const uint8_t input[256];
    enum channel_state state = channel_state(world->channel);
    size_t taken = channel_write(world->channel, bytes_of(input, len), world->now);
    MUST(taken == 0 || state == CHANNEL_OPEN);
}

static void give_key_or_resize(const struct world *world, size_t amount)
{
    struct channel_key_wish wish;
    if (amount % 2 == 0) {
        channel_resize(world->channel, (uint16_t)amount, 24, world->now);
    } else if (channel_wants_key(world->channel, &wish)) {
        MUST(strcmp(wish.key_id, "k") == 0 && strcmp(wish.challenge, "Zm9v") == 0);
        channel_give_key(world->channel, ours, "Zm9v", world->now);
    }
}

static void step(struct world *world)
{
    uint8_t operation = next(world);
    size_t amount = operation >> 3;
    switch (operation & 7) {
    case 0:
    case 1:
        agent_sends(world);
        break;
    case 2:
        write_input(world, amount * 8);
        break;
    case 3:
        world->now.mono_us += (int64_t)(amount * amount) * 20 * 1000;
        channel_tick(world->channel, world->now);
        break;
    case 4:
        take_frames(world, amount);
        break;
    case 5:
        consume(world, amount * 4);
        break;
    case 6:
        give_key_or_resize(world, amount);
        break;
    default:
        if (amount % 2 == 0) {
            channel_transport_down(world->channel, world->now);
        } else {
            channel_transport_up(world->channel, world->now);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(channel_free) struct channel *channel = NULL;
    if (hash == NULL) {
        make_keys();
    }
    MUST(channel_new(&config, chance_from_number(1), hash, &channel) == ERR_OK);
    struct world world = {
        .script = bytes_of(data, size),
        .channel = channel,
        .now = {.mono_us = 1000000, .unix_ms = 1700000000000},
    };
    channel_transport_up(channel, world.now);
    while (world.script.len > 0) {
        bool was_encrypted = channel_is_encrypted(channel);
        step(&world);
        MUST(channel_check(channel));
        MUST(!was_encrypted || channel_is_encrypted(channel));
    }
    channel_end(channel, world.now);
    MUST(channel_state(channel) == CHANNEL_CLOSED);
    while (channel_output(channel).len > 0) {
        consume(&world, 512);
    }
    MUST(channel_is_finished(channel));
    return 0;
}
