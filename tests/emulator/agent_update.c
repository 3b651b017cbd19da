#include "tests/emulator/agent_update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/agent_core.h"
#include "tests/emulator/agent_version.h"

bool agent_update_is_latest(const struct node *node)
{
    return agent_version_compare(node->agent_version, AGENT_CORE_VERSION) >= 0;
}

bool agent_update_run(struct node *node, const struct command_plan *plan, char **ret_output, char **ret_error)
{
    const char *wanted = plan->version[0] == '\0' ? AGENT_CORE_VERSION : plan->version;
    char output[300] = "", error[200] = "";
    int order = agent_version_compare(wanted, node->agent_version);
    if (agent_version_compare(wanted, AGENT_CORE_VERSION) > 0) {
        snprintf(error, sizeof error, "failed to update amazon-ssm-agent: version %.31s is unsupported", wanted);
    } else if (order < 0 && !plan->allows_downgrade) {
        snprintf(error, sizeof error,
                 "updating amazon-ssm-agent to an older version, please enable allow downgrade to proceed");
    } else if (order == 0) {
        snprintf(output, sizeof output, "amazon-ssm-agent %.31s has already been installed, update skipped\n", wanted);
    } else {
        snprintf(output, sizeof output,
                 "Updating amazon-ssm-agent from %s to %.31s\namazon-ssm-agent updated successfully to %.31s\n",
                 node->agent_version, wanted, wanted);
        snprintf(node->agent_version, sizeof node->agent_version, "%s", wanted);
    }
    *ret_output = strdup(output);
    *ret_error = strdup(error);
    return error[0] == '\0';
}
