/* resume: brings the connection of a session back after it was lost: ResumeSession with credentials resolved afresh, a
 * new connection to the same StreamUrl, OpenDataChannel with the new token. The service closes every connection about
 * once an hour, so this is an ordinary event. Nothing waits: pump it once a turn.
 *
 * It never asks anybody anything: the terminal belongs to ssh, or to the program on the node. Credentials that are
 * missing, expired or refused, a configuration that cannot be read and a wrong clock are told to last.log, once, and
 * tried again like everything else: somebody may put them right before the time is over. */
#ifndef SSM_PROXY_COMMAND_RESUME_H
#define SSM_PROXY_COMMAND_RESUME_H

#include "proxy/command/stream.h"
#include "proxy/core/reconnect.h"

/* Zero-initialised means "nothing is lost". */
struct resume {
    bool is_active;
    const char *name; /* borrowed; for lines of the log */
    int64_t began_us;
    struct reconnect reconnect;
    struct account account; /* of this try */
    struct api_call *call;  /* ResumeSession; NULL before it, during a pause, and once the token is here */
    struct secret token;
    bool is_trying; /* a try is under way: API call and connection side by side */
    bool is_upgrading;
    int64_t try_ends_us;
    bool is_from_environment; /* the credentials of the last try */
    bool has_told;            /* a person what only a person can put right; once is enough */
    char why_memory[1024];
    struct text why; /* words about the last failure */
};

/* The connection was lost. The first try begins with the next pump; after a pause, when the connection was of no use
 * and had been brought back itself. */
void resume_begin(struct resume *resume, const char *name, struct stream *stream, int64_t budget_us, bool was_useful,
                  int64_t now_us);

/* ERR_AGAIN while it goes on. ERR_OK: the stream's websocket is open and OpenDataChannel has been sent; nothing is
 * active any more. Anything else is final, with words in resume->why: ERR_SESSION_ENDED (the service no longer knows
 * the session), ERR_DENIED (ssm:ResumeSession is not allowed), ERR_SESSION_LOST (the time is over; the words are those
 * of the last try). */
enum err resume_pump(struct resume *resume, struct client *client, struct stream *stream, const char *session_id,
                     int64_t now_us) SSM_MUST_USE;

/* INSTANT_NEVER while only the network matters. */
int64_t resume_deadline_us(const struct resume *resume);

void resume_free(struct resume *resume); /* cancels; safe on a zeroed one */

#endif
