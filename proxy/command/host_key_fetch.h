/* host_key_fetch: sees to it, beside a session, that ssh gets the host keys of the node: leaves the note by which
 * `known-hosts` finds out what node that is, looks whether the keys that are kept are still those of this node, and
 * asks for them where there are none. It never fails the session: what it cannot do, it says in one line.
 *
 *     TRY(host_key_fetch_choose(value, &fetch.source, &why));   --host-keys
 *     host_key_fetch_begin(&fetch, client, &note, &is_open);    the node is known, no byte has passed
 *     host_key_fetch_end(&fetch);                               before the client goes; safe on a zeroed one */
#ifndef SSM_PROXY_COMMAND_HOST_KEY_FETCH_H
#define SSM_PROXY_COMMAND_HOST_KEY_FETCH_H

#include "proxy/command/companion.h"
#include "proxy/command/host_key_files.h"
#include "proxy/command/node_birth.h"
#include "proxy/command/node_command.h"
#include "proxy/command/proxy_options.h"
#include "proxy/core/connection_note.h"
#include "proxy/edge/connection_notes.h"

enum host_key_source {
    HOST_KEY_SOURCE_NONE,     /* ssh is told nothing */
    HOST_KEY_SOURCE_DOCUMENT, /* Run Command: HOST_KEY_FETCH_DOCUMENT */
    HOST_KEY_SOURCE_CONSOLE,  /* EC2's GetConsoleOutput */
};

#define HOST_KEY_FETCH_DOCUMENT "ssm-bridge-host-keys"

/* Zero-initialised means "none". Stays where it is from begin to end. */
struct host_key_fetch {
    enum host_key_source source;
    struct companion companion;
    struct client *client; /* NULL before begin */
    struct connection_note note;
    struct connection_notes notes;
    struct host_key_cache cache; /* what is kept; node_id is "" when there is nothing */
    struct node_birth birth;     /* of the node */
    int lock;                    /* of the node: one of us asks at a time; -1 */
    int64_t lock_again_us;
    struct node_command *command;
    struct api_call *console;
    struct host_keys keys;
    bool has_keys; /* of the node, but its birth may not be known yet */
    bool is_done;
    const bool *is_tunnel_open; /* borrowed */
    int64_t late_us;            /* ssh waits no longer than that; INSTANT_NEVER before the tunnel is open */
    bool is_answered;           /* ssh need not wait, whatever still comes */
    char why_memory[1024];
    struct text why; /* there are no keys; said once the tunnel is open */
};

/* document, console or none, as --host-keys has it. ERR_USAGE with words. */
enum err host_key_fetch_choose(const char *name, enum host_key_source *ret_source, struct text *ret_why) SSM_MUST_USE;

/* Beside the client's turns, whose credentials are there. `note`: as connection_note_make has made it, with the node.
 * While *is_tunnel_open is false, why there are no keys is not said: then there may be no session, and a better reason.
 * Begins anew when it has begun before. */
void host_key_fetch_begin(struct host_key_fetch *fetch, struct client *client, const struct connection_note *note,
                          const bool *is_tunnel_open);
void host_key_fetch_end(struct host_key_fetch *fetch);

#endif
