/* ssm-lab: a local Session Manager. See ssm-lab(1). */
#include <stdio.h>

#include "common/log.h"
#include "tests/emulator/lab_process.h"

int main(int argc, char **argv)
{
    struct lab_options options;
    log_open("ssm-lab", false);
    enum err err = lab_options_parse(argc, argv, &options);
    if (err != ERR_OK) {
        return err_exit_code(err);
    }
    if (options.wants_help) {
        lab_options_help();
        return 0;
    }
    if (options.wants_version) {
        puts("ssm-lab " SSM_VERSION);
        return 0;
    }
    log_open("ssm-lab", options.is_debug);
    err = lab_process_run(&options);
    if (err != ERR_OK) {
        log_error("%s", err_text(err));
    }
    return err_exit_code(err);
}
