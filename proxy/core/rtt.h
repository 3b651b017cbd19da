/* rtt: round-trip estimate and retransmission timeout of the messages that we send.
 *
 *     RTTVAR = 3/4 RTTVAR + 1/4 |RTT - sample|,  RTT = 7/8 RTT + 1/8 sample,  timeout = RTT + max(100 ms, 4 RTTVAR)
 *
 * as the agent and the plugin do, with four corrections: only messages that went out once are sampled (Karn), the
 * timeout doubles when it expires and stays doubled until the next sample, its margin of 100 ms (theirs is 10) is above
 * the hiccups of a busy machine, which are no loss, and its ceiling is above every round trip that a session survives
 * (the peers clamp at 1 s, below the round trip of a congested satellite link).
 * Source of the figures: agent/session/datachannel, session-manager-plugin src/config (initial 100 ms and 200 ms). */
#ifndef SSM_PROXY_CORE_RTT_H
#define SSM_PROXY_CORE_RTT_H

#include <stdint.h>

struct rtt {
    int64_t smoothed_us;
    int64_t variation_us;
    int64_t timeout_us;
};

struct rtt rtt_initial(void);

/* `sample_us`: from sending a message to its acknowledgement, the message sent once only. */
void rtt_sample(struct rtt *rtt, int64_t sample_us);

/* The timeout passed without an acknowledgement. */
void rtt_back_off(struct rtt *rtt);

#endif
