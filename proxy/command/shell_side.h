/* shell_side: standard input, output and error as the local side of a program on a node.
 *
 * Where standard input is a terminal it is the program's from the moment that the session is open: raw when the program
 * has a terminal of its own, so that every key is a byte there, Ctrl-C included; escapes (core/escape) are ours. Where
 * it is none, what it says goes to the program, and its end as the Ctrl-D that a terminal knows for it. A program
 * without a terminal gets no input but the keys of a terminal here: its agent heeds Ctrl-C and Ctrl-\\ alone. */
#ifndef SSM_PROXY_COMMAND_SHELL_SIDE_H
#define SSM_PROXY_COMMAND_SHELL_SIDE_H

#include "proxy/command/client.h"
#include "proxy/command/tunnel_local.h"
#include "proxy/core/escape.h"
#include "proxy/edge/stdio.h"
#include "proxy/edge/terminal.h"

#define SHELL_SIDE_INPUT 4096

/* Zero-initialised means "not open". */
struct shell_side {
    struct client *client; /* borrowed */
    struct stdio_stream in;
    struct stdio_stream out;
    struct stdio_stream errors;
    struct terminal terminal;
    struct terminal_signals signals;
    struct escape escape;
    bool is_terminal; /* standard input */
    bool is_begun;    /* the program's input may come from here */
    bool is_ended;    /* by an escape */
    bool is_dry;      /* the last read found nothing; nothing is there until the loop says so */
    bool is_resized;
    bool is_taking;                        /* input could go to the program now */
    uint8_t pending[SHELL_SIDE_INPUT + 8]; /* for the program, not taken by the channel yet */
    size_t pending_at;
    size_t pending_len;
    uint8_t last_byte;     /* of what was read; a line's end when nothing was */
    int64_t next_end_us;   /* when the end of input is told again; INSTANT_NEVER before it, and when nobody needs it */
    int64_t end_pause_us;  /* from one time to the next */
    uint64_t end_progress; /* of the channel, when it was last told */
    bool has_lost_input;   /* it could not be read */
    const char *lost; /* "standard output": it could not be written, for another reason than that nobody reads it */
    int lost_errno;
};

/* Afterwards shell_side_close is due, whatever this returns. ERR_SYSTEM, ERR_MEMORY. */
enum err shell_side_open(struct shell_side *side, struct client *client) SSM_MUST_USE;

/* The terminal is as it was before. Safe on a zeroed one, and to repeat. */
void shell_side_close(struct shell_side *side);

/* Good while the side is open and stays where it is. */
struct tunnel_local shell_side_local(struct shell_side *side);

#endif
