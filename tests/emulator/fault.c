#include "tests/emulator/fault.h"

#include <stddef.h>
#include <stdlib.h>

#include "tests/emulator/settings.h"

#define NUMBER(name)                                                                                                   \
    {                                                                                                                  \
#name, SETTING_NUMBER, offsetof(struct fault_settings, name)                                                   \
    }
#define BOOLEAN(name)                                                                                                  \
    {                                                                                                                  \
#name, SETTING_BOOLEAN, offsetof(struct fault_settings, name)                                                  \
    }
static const struct setting members[] = {
    NUMBER(throttle_next),
    NUMBER(fail_next),
    NUMBER(api_delay_ms),
    NUMBER(start_session_delay_ms),
    NUMBER(clock_offset_s),
    {"stream_url", SETTING_TEXT, offsetof(struct fault_settings, stream_url)},
    BOOLEAN(no_token),
    NUMBER(refuse_resumes),
    {"resume_error", SETTING_TEXT, offsetof(struct fault_settings, resume_error)},
    NUMBER(resume_delay_ms),
    NUMBER(page_size),
    NUMBER(instance_pending_ms),
    NUMBER(agent_start_ms),
    NUMBER(invocation_delay_ms),
    NUMBER(delivery_timeout_ms),
    NUMBER(light_command_ms),
    NUMBER(connect_key_ms),
    {"connect_key_error", SETTING_TEXT, offsetof(struct fault_settings, connect_key_error)},
    BOOLEAN(expire_temporary),
    NUMBER(long_poll_ms),
    BOOLEAN(proxy_needs_password),
    NUMBER(proxy_status),
    NUMBER(proxy_delay_ms),
    NUMBER(refuse_upgrades),
    NUMBER(upgrade_status),
    NUMBER(max_message_bytes),
    NUMBER(refuse_tokens),
    BOOLEAN(no_start_publication),
    BOOLEAN(no_relay_to_client),
    BOOLEAN(no_relay_to_agent),
    NUMBER(loss_percent),
    NUMBER(duplicate_percent),
    NUMBER(reorder_percent),
    NUMBER(delay_ms),
    NUMBER(corrupt_to_client_percent),
    NUMBER(truncate_to_client_percent),
    NUMBER(corrupt_to_agent_percent),
    NUMBER(truncate_to_agent_percent),
    NUMBER(drop_client_after),
    NUMBER(drop_agent_after),
    NUMBER(drop_client_every_ms),
    NUMBER(drop_agent_every_ms),
    NUMBER(close_client_every_ms),
    NUMBER(close_code),
    NUMBER(publication_storm_every_ms),
    NUMBER(fragment_percent),
    BOOLEAN(split_writes),
    NUMBER(merge_ms),
    NUMBER(idle_timeout_s),
    BOOLEAN(no_handshake),
    NUMBER(worker_start_delay_ms),
    NUMBER(handshake_timeout_ms),
    NUMBER(handshake_complete_delay_ms),
    NUMBER(crash_report_ms),
    BOOLEAN(require_kms_challenge),
    NUMBER(shell_delay_ms),
    NUMBER(smux_idle_limit_ms),
    NUMBER(stuck_reconnect_ms),
    {"reset", ACTION_BOOLEAN, 0},
    {"calls", ACTION_LIST, 0},
    {"instance_states", ACTION_OBJECT, 0},
    {"drop_client_connections", ACTION_BOOLEAN, 0},
    {"drop_agent_connections", ACTION_BOOLEAN, 0},
    {"close_client_connections", ACTION_NUMBER, 0},
    {"restart_gateway", ACTION_OBJECT, 0},
    {"offline_nodes", ACTION_LIST, 0},
    {"inject", ACTION_OBJECT, 0},
};

void fault_reset(struct fault_settings *faults)
{
    fault_free(faults);
    *faults = (struct fault_settings){.long_poll_ms = 18000,
                                      .instance_pending_ms = 1000,
                                      .agent_start_ms = 1000,
                                      .invocation_delay_ms = 300,
                                      .light_command_ms = 10,
                                      .connect_key_ms = 60000,
                                      .upgrade_status = 503,
                                      .close_code = 1001,
                                      .idle_timeout_s = 1200,
                                      .handshake_timeout_ms = 15000,
                                      .crash_report_ms = 60000,
                                      .shell_delay_ms = 1000,
                                      .smux_idle_limit_ms = 30000,
                                      .stuck_reconnect_ms = 60000};
}

void fault_free(struct fault_settings *faults)
{
    free(faults->stream_url);
    free(faults->resume_error);
    free(faults->connect_key_error);
    faults->stream_url = NULL;
    faults->resume_error = NULL;
    faults->connect_key_error = NULL;
}

enum err fault_apply(struct fault_settings *faults, json_t *object, struct text *ret_problem)
{
    if (json_is_true(json_object_get(object, "reset"))) {
        fault_reset(faults);
    }
    const struct settings settings = {members, sizeof members / sizeof members[0], "fault"};
    return settings_apply(&settings, faults, object, ret_problem);
}

struct agent_timing fault_agent_timing(const struct fault_settings *faults)
{
    struct agent_timing timing = agent_core_real_timing();
    timing.handshake_timeout_us = (uint64_t)faults->handshake_timeout_ms * 1000u;
    timing.crash_report_us = (uint64_t)faults->crash_report_ms * 1000u;
    timing.complete_flag_delay_us = (uint64_t)faults->handshake_complete_delay_ms * 1000u;
    return timing;
}

bool fault_strikes(int64_t percent, struct chance *chance)
{
    return percent > 0 && (int64_t)chance_below(chance, 100) < percent;
}

bool fault_take(int64_t *countdown)
{
    if (*countdown <= 0) {
        return false;
    }
    --*countdown;
    return true;
}
