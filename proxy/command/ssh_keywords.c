#include "proxy/command/ssh_keywords.h"

#include "common/auto.h"
#include "common/log.h"
#include "proxy/edge/child_process.h"
#include "proxy/edge/clock.h"

#define PATIENCE_US (5 * 1000 * 1000)
#define OUTPUT_MAX (256 * 1024) /* of ssh -G: 5 KB */

/* ssh itself is asked, not its version: distributions port back, and the option Tag came with the criterion. One that
 * does not know an option leaves it out of what it prints. No file is read and nothing connected. */
static const char *const command[] = {"ssh",
                                      "-G",
                                      "-T",
                                      "-F",
                                      "none",
                                      "-o",
                                      "IgnoreUnknown=Tag,KnownHostsCommand",
                                      "-o",
                                      "Tag=ssm",
                                      "-o",
                                      "KnownHostsCommand=/ssm",
                                      "localhost",
                                      NULL};

static enum err ask(struct loop *loop, struct ssh_keywords *ret_keywords, struct text *why)
{
    int64_t deadline_us = clock_mono_us() + PATIENCE_US;
    struct child_process_command what = {.arguments = command, .output_max = OUTPUT_MAX, .deadline_us = deadline_us};
    AUTO(child_process_free) struct child_process *child = NULL;
    TRY(child_process_start(loop, &what, &child, why));
    for (;;) {
        struct child_process_result result;
        enum err err = child_process_result(child, &result, why);
        if (err == ERR_OK && result.exit_status == 0) {
            const char *output = (const char *)result.output.data;
            ret_keywords->has_tag = strstr(output, "\ntag ssm\n") != NULL;
            ret_keywords->has_known_hosts_command = strstr(output, "\nknownhostscommand /ssm\n") != NULL;
        }
        if (err != ERR_AGAIN) {
            return err;
        }
        TRY(loop_wait(loop, child_process_deadline_us(child)));
    }
}

struct ssh_keywords ssh_keywords_ask(void)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    AUTO(loop_free) struct loop *loop = NULL;
    struct ssh_keywords keywords = {.has_tag = false};
    enum err err = loop_new(&loop);
    err = err == ERR_OK ? ask(loop, &keywords, &why) : err;
    if (err != ERR_OK) {
        log_debug("what ssh knows is not known: %s: %s", err_text(err), why.data);
    }
    return keywords;
}
