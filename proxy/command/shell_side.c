#include "proxy/command/shell_side.h"

#include "common/log.h"

#include <errno.h>
#include <unistd.h>

#define CONTROL_D 4
#define END_PAUSE_US (1000 * 1000)          /* the second time; then twice as long */
#define END_PAUSE_MAX_US (60 * 1000 * 1000) /* each time */
/* Without a terminal here, as the plugin has it: lines are not broken. */
#define NO_TERMINAL_COLUMNS 300
#define NO_TERMINAL_ROWS 100

enum err shell_side_open(struct shell_side *side, struct client *client)
{
    *side = (struct shell_side){
        .client = client,
        .is_terminal = isatty(STDIN_FILENO) == 1,
        .is_resized = true,
        .last_byte = '\n',
        .next_end_us = INSTANT_NEVER,
        .end_pause_us = END_PAUSE_US,
    };
    TRY(stdio_open(client->loop, STDIN_FILENO, STDIO_READ, &side->in));
    TRY(stdio_open(client->loop, STDOUT_FILENO, STDIO_WRITE, &side->out));
    TRY(stdio_open(client->loop, STDERR_FILENO, STDIO_WRITE, &side->errors));
    return side->is_terminal ? terminal_signals_open(client->loop, &side->signals) : ERR_OK;
}

static void restore_terminal(struct shell_side *side)
{
    terminal_restore(&side->terminal);
    log_raw_terminal(false);
}

void shell_side_close(struct shell_side *side)
{
    if (side->client == NULL) {
        return;
    }
    restore_terminal(side);
    terminal_signals_close(&side->signals);
    stdio_close(&side->in);
    stdio_close(&side->out);
    stdio_close(&side->errors);
    side->client = NULL;
}

/* ---- the terminal ---- */

static void begin(struct shell_side *side, const struct channel *channel)
{
    side->is_begun = true;
    if (!side->is_terminal) {
        return;
    }
    bool is_raw = channel_has_terminal(channel);
    if (terminal_change(&side->terminal, is_raw ? TERMINAL_RAW : TERMINAL_CBREAK) != ERR_OK) {
        log_debug("the terminal stays as it is: %s", strerror(errno));
        return;
    }
    log_raw_terminal(is_raw);
}

static void suspend(struct shell_side *side)
{
    log_raw_terminal(false);
    terminal_suspend(&side->terminal);
    log_raw_terminal(side->terminal.is_changed && side->terminal.mode == TERMINAL_RAW);
    side->is_resized = true;
}

static void heed_signals(struct shell_side *side)
{
    if (!side->is_terminal || !side->signals.source.can_read) {
        return;
    }
    for (int signal = terminal_signals_take(&side->signals); signal != 0;
         signal = terminal_signals_take(&side->signals)) {
        if (signal == SIGTSTP) {
            suspend(side);
        } else if (signal == SIGCONT) {
            terminal_change_again(&side->terminal); /* a shell that had us stopped has used it meanwhile */
        }
        side->is_resized = true;
    }
}

static void tell_size(struct shell_side *side, struct channel *channel, struct instant now)
{
    uint16_t columns = NO_TERMINAL_COLUMNS;
    uint16_t rows = NO_TERMINAL_ROWS;
    if (side->is_resized) {
        side->is_resized = false;
        (void)terminal_size(&columns, &rows);
        channel_resize(channel, columns, rows, now);
    }
}

/* ---- input ---- */

/* What comes next begins a line. */
static void echo_command(struct shell_side *side, const char *typed)
{
    size_t len;
    if (stdio_write(&side->errors, bytes_of_text(typed), &len) != ERR_OK) {
        log_debug("standard error does not show \"%.2s\"", typed);
    }
}

static void obey(struct shell_side *side, enum escape_command command)
{
    switch (command) {
    case ESCAPE_NONE:
        break;
    case ESCAPE_END:
        echo_command(side, "~.\r\n");
        side->is_ended = true;
        break;
    case ESCAPE_SUSPEND:
        echo_command(side, "~^Z\r\n");
        suspend(side);
        break;
    case ESCAPE_HELP:
        echo_command(side, "~?\r\n");
        log_notice("~.  end the session   ~^Z  suspend ssm-proxy   ~~  a tilde   ~?  this line");
        break;
    }
}

/* What a person has typed: ours is done, the rest waits for the channel. */
static void take_typed(struct shell_side *side, struct bytes typed)
{
    side->pending_at = side->pending_len = 0;
    while (typed.len > 0 && !side->is_ended) {
        size_t len;
        uint8_t *end = side->pending + side->pending_len;
        enum escape_command command = escape_take(&side->escape, &typed, end, &len);
        side->pending_len += len;
        obey(side, command);
    }
}

/* A terminal knows no end of input. Its Ctrl-D is one where a line begins, for a program that reads at that moment; a
 * shell that edits lines itself takes only one that comes while it does so, and a shell that is running a program in
 * between gets none. So it is told again, while nothing comes. */
static void tell_end(struct shell_side *side, const struct channel *channel, int64_t now_us)
{
    uint64_t progress = channel_progress(channel);
    bool is_quiet = progress == side->end_progress;
    side->end_progress = progress;
    side->end_pause_us = is_quiet && side->end_pause_us < END_PAUSE_MAX_US ? 2 * side->end_pause_us : END_PAUSE_US;
    side->next_end_us = now_us + side->end_pause_us;
    side->pending_at = side->pending_len = 0;
    if (side->last_byte != '\n' && side->last_byte != '\r') {
        side->pending[side->pending_len++] = '\n'; /* as a shell reads the last line of a file */
        side->last_byte = '\n';
    }
    side->pending[side->pending_len++] = CONTROL_D;
}

static void end_input(struct shell_side *side, const struct channel *channel, int64_t now_us)
{
    side->has_lost_input = side->in.end == STDIO_FAILED && side->in.end_errno != EBADF;
    if (!side->is_terminal) {
        tell_end(side, channel, now_us);
    }
}

/* False: nothing more can be read now. */
static bool read_input(struct shell_side *side, const struct channel *channel, struct instant now)
{
    uint8_t memory[SHELL_SIDE_INPUT];
    size_t len;
    if (side->in.end != STDIO_OPEN) {
        if (now.mono_us < side->next_end_us) {
            return false;
        }
        tell_end(side, channel, now.mono_us);
        return true;
    }
    if (side->is_dry && !side->in.source.can_read) {
        return false;
    }
    enum err err = stdio_read(&side->in, memory, sizeof memory, &len);
    side->is_dry = err == ERR_AGAIN;
    if (err == ERR_OK && side->is_terminal) {
        take_typed(side, bytes_of(memory, len));
    } else if (err == ERR_OK) {
        memcpy(side->pending, memory, len);
        side->pending_at = 0;
        side->pending_len = len;
        side->last_byte = memory[len - 1];
    } else if (err != ERR_AGAIN) {
        end_input(side, channel, now.mono_us);
    }
    return err == ERR_OK || side->pending_len > 0;
}

/* A program without a terminal here or there reads nothing. */
static bool has_input(const struct shell_side *side, const struct channel *channel)
{
    return side->is_begun && !side->is_ended && (side->is_terminal || channel_has_terminal(channel));
}

/* Of a terminal it is read even when the channel cannot take it, as far as there is room: an escape may be in it. */
static bool may_read(const struct shell_side *side, const struct channel *channel)
{
    return side->pending_len == 0 && (side->is_terminal || channel_wants_input(channel));
}

static void take_input(void *context, struct channel *channel, struct instant now)
{
    struct shell_side *side = context;
    heed_signals(side);
    tell_size(side, channel, now);
    if (!side->is_begun && channel_state(channel) == CHANNEL_OPEN) {
        begin(side, channel);
    }
    while (has_input(side, channel)) {
        size_t taken = channel_write(channel, bytes_of(side->pending + side->pending_at, side->pending_len), now);
        side->pending_at += taken;
        side->pending_len -= taken;
        if (!may_read(side, channel) || !read_input(side, channel, now)) {
            return;
        }
    }
}

/* ---- output ---- */

/* A reader that left is an end like others; a disk that is full is a failure. */
static void give_up_output(struct shell_side *side, const struct stdio_stream *stream, struct channel *channel)
{
    if (stream->end == STDIO_FAILED) {
        side->lost = stream == &side->out ? "standard output" : "standard error";
        side->lost_errno = stream->end_errno;
    }
    channel_discard_output(channel);
}

static void take_output(void *context, struct channel *channel, struct instant now)
{
    struct shell_side *side = context;
    (void)now;
    for (struct bytes piece = channel_output(channel); piece.len > 0; piece = channel_output(channel)) {
        struct stdio_stream *stream = channel_output_is_stderr(channel) ? &side->errors : &side->out;
        size_t len;
        enum err err = stdio_write(stream, piece, &len);
        if (err == ERR_AGAIN) {
            return;
        }
        if (err == ERR_OK) {
            channel_output_consume(channel, len);
        } else {
            give_up_output(side, stream, channel);
        }
    }
}

/* ---- for the tunnel ---- */

static bool is_over(const void *context)
{
    const struct shell_side *side = context;
    return side->is_ended || stdio_reader_is_gone(&side->out) || side->errors.end != STDIO_OPEN;
}

static void watch(void *context, const struct channel *channel, bool is_held)
{
    struct shell_side *side = context;
    bool has_output = !is_held && channel_output(channel).len > 0;
    bool is_stderr = channel_output_is_stderr(channel);
    side->is_taking = has_input(side, channel) && may_read(side, channel);
    side->in.source.want_read = side->in.end == STDIO_OPEN && side->is_taking;
    side->out.source.want_write = has_output && !is_stderr;
    side->errors.source.want_write = has_output && is_stderr;
}

static int64_t deadline_us(const void *context)
{
    const struct shell_side *side = context;
    return side->is_taking ? side->next_end_us : INSTANT_NEVER;
}

/* A terminal that hangs up fails, too, and says so by its signal. */
static enum err judge(const void *context, struct text *ret_why)
{
    const struct shell_side *side = context;
    if (side->lost != NULL) {
        text_format(ret_why, "cannot write to %s: %s", side->lost, strerror(side->lost_errno));
        return ERR_SYSTEM;
    }
    if (side->has_lost_input && side->client->signal == 0) {
        text_format(ret_why, "cannot read from standard input: %s", strerror(side->in.end_errno));
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

struct tunnel_local shell_side_local(struct shell_side *side)
{
    return (struct tunnel_local){
        .context = side,
        .take_input = take_input,
        .take_output = take_output,
        .is_over = is_over,
        .watch = watch,
        .deadline_us = deadline_us,
        .judge = judge,
    };
}
