#include "proxy/command/ssh_helper.h"

#include "common/auto.h"
#include "common/limits.h"
#include "proxy/edge/child_process.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/own_program.h"

#define RUN_US (10 * 1000 * 1000)
#define OUTPUT_MAX LIMIT_SECRET

static enum err wait_for(struct loop *loop, struct child_process *child, struct child_process_result *ret_result,
                         struct text *ret_why)
{
    for (;;) {
        enum err err = child_process_result(child, ret_result, ret_why);
        if (err != ERR_AGAIN) {
            return err;
        }
        TRY(loop_wait(loop, child_process_deadline_us(child)));
    }
}

static enum err run(struct loop *loop, struct secret *ret_output, struct text *ret_why)
{
    char path[LIMIT_PATH + 1];
    TRY(own_program_helper(SSH_HELPER_NAME, path, ret_why));
    const char *const arguments[] = {path, "keygen", NULL};
    struct child_process_command command = {arguments, OUTPUT_MAX, clock_mono_us() + RUN_US};
    AUTO(child_process_free) struct child_process *child = NULL;
    struct child_process_result result;
    TRY(child_process_start(loop, &command, &child, ret_why));
    TRY(wait_for(loop, child, &result, ret_why));
    if (result.exit_status != 0) { /* it has said why on our standard error */
        text_format(ret_why, "%s keygen ended with exit status %d", path, result.exit_status);
        return ERR_SYSTEM;
    }
    return secret_set(ret_output, result.output);
}

enum err ssh_helper_keygen(struct loop *loop, struct secret *ret_file, struct openssh_key *ret_key,
                           struct text *ret_why)
{
    TRY(run(loop, ret_file, ret_why));
    if (openssh_key_read(secret_bytes(ret_file), ret_key) != ERR_OK || !ret_key->has_private) {
        text_put(ret_why, SSH_HELPER_NAME " printed no key");
        return ERR_SYSTEM;
    }
    return ERR_OK;
}
