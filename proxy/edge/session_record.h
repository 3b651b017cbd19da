/* session_record: which sessions are open, on disk, so that a run that is killed leaves its session for the next run
 * to end.
 *
 * One file a session in the directory sessions/ of state_directory.h, named by a hash of the session id, mode 0600,
 * written beside and renamed. Lines of "key value"; no token is in it:
 *
 *     ssm-bridge-session 1
 *     session alice-0a1b2c3d4e5f67890
 *     region eu-west-1
 *     endpoint https://ssm.eu-west-1.amazonaws.com/
 *     profile default
 *     process 4711 8915523 pid:[4026531836] 0d0f6f6c-...
 *     host workstation 1f0c...
 *
 * "process" is pid, start time (field 22 of /proc/PID/stat), pid namespace and boot id; "host" is host name and
 * /etc/machine-id. A record is stale when its process is gone for certain:
 *     same host, another boot                      the process died with its boot
 *     same host, boot and pid namespace            no such pid, or one with another start time
 *     anything else (a home directory on NFS, a container with the same home): whether it lives cannot be seen from
 *     here, and ending a session that somebody is using is worse than leaving one open. Not stale.
 * After 7 days, longer than the service keeps a session, the file of any of them is removed.
 * A stale record is claimed by flock, so that two runs never end the same session at once; the lock falls with the
 * process. Files that make no sense are removed after a day (a newer version may have written them); files of another
 * kind are left alone.
 *
 * Nothing here is fatal: without HOME, with a read-only directory, with a full disk, a tunnel works all the same. */
#ifndef SSM_PROXY_EDGE_SESSION_RECORD_H
#define SSM_PROXY_EDGE_SESSION_RECORD_H

#include "common/err.h"
#include "common/limits.h"
#include "common/text.h"

#include <stdbool.h>

/* The values are without control characters; an empty one is "". */
struct session_record {
    char session_id[LIMIT_SESSION_ID + 1];
    char region[LIMIT_REGION + 1];
    char endpoint_url[LIMIT_STREAM_URL + 1];
    char profile[LIMIT_PROFILE + 1];
};

struct session_records; /* the directory; owned by its creator */

/* Finds the directory, without making it. `xdg_state_home` and `home` are the variables' values, or NULL. ERR_CONFIG
 * when neither gives a place, ERR_MEMORY. */
enum err session_record_open(const char *xdg_state_home, const char *home,
                             struct session_records **ret_records) SSM_MUST_USE;
void session_record_close(struct session_records **records); /* NULL inside is fine; usable with AUTO() */

/* Writes it for this process, making the directories. ERR_SYSTEM or ERR_MALFORMED with words; nothing is left behind
 * then. Writing the same session again replaces it. */
enum err session_record_write(struct session_records *records, const struct session_record *record,
                              struct text *ret_why) SSM_MUST_USE;

/* The session is ended. A record that is gone already is fine. */
void session_record_remove(struct session_records *records, const char *session_id);

/* The next stale record that nobody else has claimed, each at most once in the life of `records`; it is claimed until
 * the next call, or until `records` is closed. False: no more. */
bool session_record_next_stale(struct session_records *records, struct session_record *ret_record);

#endif
