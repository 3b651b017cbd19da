/* fault: what ssm-lab is told to do wrong, by POST /lab/faults. Everything is off at the start. Chances are drawn from
 * the seeded generator, so that a run can be repeated. */
#ifndef SSM_LAB_FAULT_H
#define SSM_LAB_FAULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/text.h"
#include "tests/emulator/agent_core.h"
#include "tests/emulator/lab_limits.h"

struct fault_settings {
    /* API */
    int64_t throttle_next, fail_next; /* so many calls, of any service, are throttled, or fail with 500 */
    int64_t api_delay_ms, start_session_delay_ms;
    int64_t clock_offset_s;
    char *stream_url;                        /* StartSession and ResumeSession answer this one; NULL: the true one */
    bool no_token;                           /* ResumeSession answers without TokenValue */
    int64_t refuse_resumes, resume_delay_ms; /* so many calls of ResumeSession get resume_error */
    char *resume_error;                      /* NULL: AccessDeniedException */
    int64_t page_size;           /* lists look at so many items for a page, whatever is asked for; 0: as asked for */
    int64_t instance_pending_ms; /* of StartInstances, 1000: until the instance runs */
    int64_t agent_start_ms;      /* 1000: and then, until its agent is connected */
    int64_t invocation_delay_ms; /* 300: until what SendCommand began can be seen */
    int64_t delivery_timeout_ms; /* takes the place of TimeoutSeconds, at least 30 s; 0: does not */
    int64_t light_command_ms;    /* 10: how long a light node takes for a command */
    int64_t connect_key_ms;      /* 60000: how long sshd accepts a key of EC2 Instance Connect */
    char *connect_key_error;     /* what SendSSHPublicKey fails with; NULL: it does not */
    bool expire_temporary;       /* every temporary credential of a person has expired by now */
    int64_t long_poll_ms;        /* how long GetMessages is held: 18000; the agent gives up after 20 s */
    /* Proxy */
    bool proxy_needs_password;
    int64_t proxy_status, proxy_delay_ms; /* CONNECT is answered with this status, after so long; 0: as it should be */
    /* Gateway */
    int64_t refuse_upgrades; /* so many websocket upgrades are answered with upgrade_status */
    int64_t upgrade_status;
    int64_t max_message_bytes; /* a longer message of a client closes its websocket, code 1009; 0: no bound */
    int64_t refuse_tokens;     /* so many first messages are answered by closing the socket */
    bool no_start_publication, no_relay_to_client, no_relay_to_agent;
    /* Per message between client and agent, either way, in percent; delay in milliseconds */
    int64_t loss_percent, duplicate_percent, reorder_percent, delay_ms;
    /* Data messages between them whose payload is changed (a bit flipped) or cut, in percent */
    int64_t corrupt_to_client_percent, truncate_to_client_percent;
    int64_t corrupt_to_agent_percent, truncate_to_agent_percent;
    /* Every connection ends after so many messages, both directions counted; 0: never */
    int64_t drop_client_after, drop_agent_after;
    /* Connections that end again and again, see fault_interval.h; 0: never */
    int64_t drop_client_every_ms, drop_agent_every_ms; /* without a Close frame */
    int64_t close_client_every_ms, close_code;         /* with one, as the service does every hour */
    int64_t publication_storm_every_ms;                /* pause_publication or start_publication, to both sides */
    /* How messages to clients lie on the wire: percent of those in several websocket frames; writes in pieces, each a
     * TLS record; how long messages wait, to go out together in one record */
    int64_t fragment_percent;
    bool split_writes;
    int64_t merge_ms;
    int64_t idle_timeout_s; /* 1200 */
    /* Built-in nodes; apply to sessions started afterwards */
    bool no_handshake;
    int64_t worker_start_delay_ms, handshake_timeout_ms, handshake_complete_delay_ms, crash_report_ms;
    bool require_kms_challenge; /* Kms.RequireKMSChallengeResponse of the agent's configuration */
    int64_t shell_delay_ms;     /* 1000: before a shell starts, and again before its first output is read */
    int64_t smux_idle_limit_ms; /* 30000: a multiplexer that keeps alive ends after so long; NOPs come three times as
                                   often */
    int64_t stuck_reconnect_ms; /* 60000: blocked by its target for so long, the agent connects anew */
};

/* What becomes of a call of a service, see call_fault.h. */
enum call_answer { CALL_THROTTLED, CALL_INTERNAL, CALL_UNAVAILABLE, CALL_DENIED, CALL_CLOSED, CALL_HANGS, CALL_CUT };

struct call_fault {
    char action[80]; /* an IAM action; with "*" at the end all that begin so */
    enum call_answer answer;
    bool is_lasting;
    int64_t count; /* how often it strikes, unless lasting */
};

struct call_faults {
    struct call_fault list[LAB_LIMIT_CALL_FAULTS];
    size_t count;
};

void fault_reset(struct fault_settings *faults);
void fault_free(struct fault_settings *faults);

/* Sets the members that `object` names; {"reset":true} puts all back first. ERR_MALFORMED with the reason: an unknown
 * member, or one of the wrong type. Members that are actions (see lab_control) are left alone. */
enum err fault_apply(struct fault_settings *faults, json_t *object, struct text *ret_problem) SSM_MUST_USE;

struct agent_timing fault_agent_timing(const struct fault_settings *faults);

/* True with a chance of `percent` in 100. */
bool fault_strikes(int64_t percent, struct chance *chance);

/* Takes one from a countdown; false when it stands at zero. */
bool fault_take(int64_t *countdown);

#endif
