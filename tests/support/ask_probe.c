/* ask_probe: asks a question as ssm-proxy does and tells what came of it, for tests.
 *
 *     ask_probe SECONDS QUESTION        prints "answer TEXT" or "ERROR: WORDS"; "signal N" when one ended it
 *
 * Standard input is never read. */
#include "proxy/command/ask.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/signals.h"

#include <stdio.h>
#include <stdlib.h>

struct probe {
    struct loop *loop;
    struct signals signals;
    struct ask *ask;
    struct text why;
    char why_memory[512];
};

static enum err wait_for_answer(struct probe *probe, struct bytes *ret_answer, int *ret_signal)
{
    for (;;) {
        enum err err = ask_result(probe->ask, ret_answer, &probe->why);
        if (err != ERR_AGAIN) {
            return err;
        }
        TRY(loop_wait(probe->loop, ask_deadline_us(probe->ask)));
        *ret_signal = signals_take(&probe->signals);
        if (*ret_signal != 0) {
            return ERR_INTERRUPTED;
        }
    }
}

static enum err ask(struct probe *probe, const char *question, int64_t seconds, struct bytes *ret_answer,
                    int *ret_signal)
{
    TRY(loop_new(&probe->loop));
    TRY(signals_open(probe->loop, &probe->signals));
    TRY(ask_start(probe->loop, question, clock_mono_us() + seconds * 1000 * 1000, &probe->ask, &probe->why));
    return wait_for_answer(probe, ret_answer, ret_signal);
}

int main(int argc, char **argv)
{
    int64_t seconds = 0;
    if (argc != 3 || text_parse_decimal(argv[1], 0, 3600, &seconds) != ERR_OK) {
        return 2;
    }
    struct probe probe = {.signals = {.source = {.fd = -1}}};
    probe.why = text_in(probe.why_memory, sizeof probe.why_memory);
    struct bytes answer = {NULL, 0};
    int signal = 0;
    enum err err = ask(&probe, argv[2], seconds, &answer, &signal);
    if (err == ERR_OK) {
        printf("answer %.*s\n", (int)answer.len, (const char *)answer.data);
    } else if (err == ERR_INTERRUPTED) {
        printf("signal %d\n", signal);
    } else {
        printf("%s: %s\n", err_text(err), probe.why.data);
    }
    (void)fflush(stdout);
    ask_free(&probe.ask);
    if (probe.signals.source.fd >= 0) {
        signals_close(&probe.signals);
    }
    loop_free(&probe.loop);
    return err_exit_code(err);
}
