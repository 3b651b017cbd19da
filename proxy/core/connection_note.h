/* connection_note: what `connect` leaves for `known-hosts`: to which node an ssh is being connected, and by what words
 * it asked for it.
 *
 *     ssm-bridge-connection 1
 *     name Web-1.eu-west-1
 *     port 22
 *     user alice
 *     node i-0123456789abcdef0
 */
#ifndef SSM_PROXY_CORE_CONNECTION_NOTE_H
#define SSM_PROXY_CORE_CONNECTION_NOTE_H

#include "common/limits.h"
#include "common/text.h"

/* A user's name at a server: any text that ssh passes on. */
#define CONNECTION_NOTE_USER 255

struct connection_note {
    char name[LIMIT_TARGET + 1]; /* a target, as it was typed */
    char port[6];
    char user[CONNECTION_NOTE_USER + 1]; /* "": ssh did not say */
    char node_id[LIMIT_TARGET + 1];
};

#define CONNECTION_NOTE_FILE (sizeof(struct connection_note) + 128)

/* Takes the three words as ssh has them. ERR_TOO_LONG; ERR_MALFORMED: control characters. */
enum err connection_note_make(const char *name, const char *port, const char *user,
                              struct connection_note *ret_note) SSM_MUST_USE;

/* Is it about the connection that ssh asked for with these words? */
bool connection_note_is_of(const struct connection_note *note, const char *name, const char *port, const char *user);

/* Appends the file. */
void connection_note_put(const struct connection_note *note, struct text *text);

/* Reads it. Lines with another word at their beginning are of a newer version, and passed over. ERR_MALFORMED. */
enum err connection_note_parse(struct bytes file, struct connection_note *ret_note) SSM_MUST_USE;

#endif
