#include "proxy/core/channel_state.h"

/* Sessions without a handshake. The agent shakes hands for a shell only where the session is encrypted; otherwise the
 * first that it sends is output, and its first message decides: both have number 0. A program that says nothing (`cat`)
 * decides nothing, and must be told apart from a handshake that is late: input in the clear would be thrown away by the
 * agent, but it would have been on its way. So after a while the terminal's size is sent, which is no secret and which
 * an agent acknowledges either when the program's terminal is there, or, to throw it away, in the middle of a
 * handshake. In the latter case its HandshakeRequest is on the way before the acknowledgement, and again every second
 * at most. When none has come SILENT_US after the acknowledgement, over a connection that held, there is no handshake.
 */
#define ASK_US (1500 * 1000) /* a shell's prompt comes about a second after its start */
#define SILENT_US (3 * 1000 * 1000)

void channel_shell_timed_out(struct channel *channel, struct instant now)
{
    struct shell *shell = &channel->shell;
    if (channel->state == CHANNEL_WAITING && channel_shell_is(channel)) {
        channel_state_enter(channel, CHANNEL_ASKING, now.mono_us + channel->config.request_timeout_us);
        shell->is_size_due = true;
        channel_shell_send_size(channel, now);
    } else if (channel->state == CHANNEL_ASKING && shell->is_heard) {
        channel_state_open(channel, now);
        shell->is_size_due = true;
        channel_shell_send_size(channel, now);
    } else {
        channel->is_unanswered = true;
        channel_state_finish(channel, ERR_TIMEOUT, "the agent did not begin the session", false);
    }
}

void channel_shell_acknowledged(struct channel *channel, int64_t sequence, struct instant now)
{
    if (channel->state == CHANNEL_ASKING && sequence == 0) {
        channel->shell.is_heard = true;
        channel->state_deadline_us = now.mono_us + SILENT_US;
    }
}

void channel_shell_transport_up(struct channel *channel, struct instant now)
{
    if (channel->state == CHANNEL_WAITING) {
        channel->state_deadline_us = now.mono_us + ASK_US;
    } else if (channel->state == CHANNEL_ASKING) {
        channel->state_deadline_us =
            now.mono_us + (channel->shell.is_heard ? SILENT_US : channel->config.request_timeout_us);
    }
}

void channel_shell_transport_down(struct channel *channel)
{
    if (channel->state == CHANNEL_ASKING) {
        channel->state_deadline_us = INSTANT_NEVER;
    }
}

/* ---- the terminal ---- */

void channel_shell_send_size(struct channel *channel, struct instant now)
{
    struct shell *shell = &channel->shell;
    bool is_taken = channel->state == CHANNEL_OPEN || channel->state == CHANNEL_ASKING;
    if (!channel_shell_is(channel) || !shell->is_size_due || !is_taken) {
        return;
    }
    char memory[64];
    struct text size = text_in(memory, sizeof memory);
    if (control_message_size(shell->columns, shell->rows, &size) == ERR_OK) {
        shell->is_size_due = !channel_state_send(channel, PAYLOAD_SIZE, text_bytes(&size), now);
    }
}

void channel_resize(struct channel *channel, uint16_t columns, uint16_t rows, struct instant now)
{
    struct shell *shell = &channel->shell;
    if (shell->columns != columns || shell->rows != rows) {
        shell->columns = columns;
        shell->rows = rows;
        shell->is_size_due = true;
        channel_shell_send_size(channel, now);
    }
}

/* Without a handshake it is a shell's: a session of NonInteractiveCommands always has one. */
bool channel_has_terminal(const struct channel *channel)
{
    return channel_shell_is(channel) && channel->shell.request.session_type != SESSION_TYPE_COMMAND;
}

/* ---- output ---- */

static bool is_of_program(uint32_t payload_type)
{
    return payload_type == PAYLOAD_OUTPUT || payload_type == PAYLOAD_STDERR || payload_type == PAYLOAD_EXIT_CODE;
}

bool channel_shell_may_deliver(const struct channel *channel, uint32_t payload_type, size_t len)
{
    bool is_other_stream = is_of_program(payload_type) && channel->output.len > 0 &&
                           channel->shell.is_output_stderr != (payload_type == PAYLOAD_STDERR);
    return channel_state_has_room(channel, len) && (!channel_shell_is(channel) || !is_other_stream);
}

bool channel_output_is_stderr(const struct channel *channel)
{
    return channel->output.len > 0 && channel->shell.is_output_stderr;
}

void channel_shell_take_exit_code(struct channel *channel, struct bytes payload)
{
    struct shell *shell = &channel->shell;
    shell->has_exit_code = control_message_parse_exit_code(payload, &shell->exit_code) == ERR_OK;
}

/* ---- encryption ---- */

bool channel_wants_key(const struct channel *channel, struct channel_key_wish *ret_wish)
{
    const struct handshake_request *request = &channel->shell.request;
    *ret_wish = (struct channel_key_wish){
        .key_id = request->kms_key_id,
        .challenge = request->challenge[0] != '\0' ? request->challenge : NULL,
    };
    return channel->state == CHANNEL_KEYING;
}

void channel_give_key(struct channel *channel, struct session_crypt *crypt, const char *ciphertext, struct instant now)
{
    struct shell *shell = &channel->shell;
    if (channel->state != CHANNEL_KEYING) {
        return;
    }
    char memory[HANDSHAKE_RESPONSE_SIZE];
    struct text response = text_in(memory, sizeof memory);
    struct handshake_answer answer = {.has_session_type = true, .key_ciphertext = ciphertext};
    enum err err = control_message_handshake_response(&shell->request, &answer, &response);
    if (err != ERR_OK) {
        channel_state_finish(channel, err, "cannot build a message", false);
        return;
    }
    shell->crypt = crypt;
    shell->nonce_prefix = (uint32_t)chance_next(&channel->chance);
    if (channel_state_send(channel, PAYLOAD_HANDSHAKE_RESPONSE, text_bytes(&response), now)) {
        channel_state_enter(channel, CHANNEL_CHALLENGE, now.mono_us + channel->config.handshake_timeout_us);
    }
}

bool channel_is_encrypted(const struct channel *channel)
{
    return channel->shell.crypt != NULL;
}

/* No nonce comes twice with one key: the count sees to it (NIST SP 800-38D, 8.2.1). */
static void next_nonce(struct shell *shell, uint8_t ret_nonce[SESSION_CRYPT_NONCE_LEN])
{
    bytes_put_be32(ret_nonce, shell->nonce_prefix);
    bytes_put_be64(ret_nonce + 4, shell->nonce_count++);
}

enum err channel_shell_seal(struct channel *channel, struct bytes payload, uint8_t *ret_wire)
{
    uint8_t nonce[SESSION_CRYPT_NONCE_LEN];
    next_nonce(&channel->shell, nonce);
    return session_crypt_seal(channel->shell.crypt, nonce, payload, ret_wire);
}

bool channel_shell_open_payload(struct channel *channel, uint32_t payload_type, struct bytes *payload)
{
    if (channel->shell.crypt == NULL || !is_of_program(payload_type)) {
        return true;
    }
    enum err err = session_crypt_open(channel->shell.crypt, *payload, payload);
    if (err == ERR_MEMORY) {
        channel_state_finish(channel, err, "cannot decrypt a message", false);
    } else if (err != ERR_OK) {
        channel_state_finish(channel, ERR_PROTOCOL, "output that is not encrypted with the key of the session", false);
    }
    return err == ERR_OK;
}

void channel_shell_answer_challenge(struct channel *channel, struct bytes payload, struct instant now)
{
    uint8_t nonce[SESSION_CRYPT_NONCE_LEN];
    char memory[SESSION_CRYPT_RESPONSE_SIZE];
    struct text response = text_in(memory, sizeof memory);
    next_nonce(&channel->shell, nonce);
    enum err err = session_crypt_answer_challenge(channel->shell.crypt, nonce, payload, &response);
    if (err == ERR_MEMORY) {
        channel_state_finish(channel, err, "cannot answer the challenge", false);
    } else if (err != ERR_OK) {
        channel_state_finish(channel, ERR_PROTOCOL,
                             "the agent's challenge is not encrypted with the key of the session", false);
    } else if (channel_state_send(channel, PAYLOAD_ENC_CHALLENGE_RESPONSE, text_bytes(&response), now)) {
        channel_state_enter(channel, CHANNEL_HANDSHAKE, now.mono_us + channel->config.handshake_timeout_us);
    }
}
