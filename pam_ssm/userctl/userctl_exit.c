#include "pam_ssm/userctl/userctl_exit.h"

int userctl_exit_code(enum err err)
{
    if (err == ERR_OK) {
        return USERCTL_OK;
    }
    if (err == ERR_USAGE) {
        return USERCTL_USAGE;
    }
    return err == ERR_DENIED ? USERCTL_REFUSED : USERCTL_ERROR;
}
