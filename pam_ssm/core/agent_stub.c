#include "pam_ssm/core/agent_stub.h"

struct bytes agent_stub_content(void)
{
    return bytes_of_text(
        "# Kept without rules by ssm-userctl: the SSM agent does not change a file that it finds here.\n"
        "# What sudo does for this account is decided in zzz-ssm-bridge.\n"
        "# Before ssm-userctl: ssm-userctl uninstall --restore puts it back.\n");
}
