#include "tests/emulator/aws_document.h"

/* 1 to 172800 seconds. */
#define TIMEOUT_PATTERN "([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)"

#define SCRIPT(plugin, what)                                                                                           \
    "{\"schemaVersion\":\"1.2\",\"description\":\"" what "\",\"parameters\":{"                                         \
    "\"commands\":{\"type\":\"StringList\",\"description\":\"(Required) The commands to run.\",\"minItems\":1},"       \
    "\"workingDirectory\":{\"type\":\"String\",\"default\":\"\",\"description\":\"(Optional) The path to the "         \
    "working directory on your instance.\",\"maxChars\":4096},"                                                        \
    "\"executionTimeout\":{\"type\":\"String\",\"default\":\"3600\",\"description\":\"(Optional) The time in seconds " \
    "for a command to be completed before it is considered to have failed.\",\"allowedPattern\":\"" TIMEOUT_PATTERN    \
    "\"}},\"runtimeConfig\":{\"" plugin "\":{\"properties\":[{\"id\":\"0." plugin "\",\"runCommand\":"                 \
    "\"{{ commands }}\",\"workingDirectory\":\"{{ workingDirectory }}\",\"timeoutSeconds\":"                           \
    "\"{{ executionTimeout }}\"}]}}}"

static const struct aws_document documents[] = {
    {"AWS-RunShellScript", SCRIPT("aws:runShellScript", "Run a shell script or specify the commands to run.")},
    {"AWS-RunPowerShellScript",
     SCRIPT("aws:runPowerShellScript", "Run a PowerShell script or specify the paths to scripts to run.")},
    {"AWS-UpdateSSMAgent",
     "{\"schemaVersion\":\"1.2\",\"description\":\"Update the Amazon SSM Agent to the latest version or specified "
     "version.\",\"parameters\":{"
     "\"version\":{\"default\":\"\",\"description\":\"(Optional) A specific version of the Amazon SSM Agent to "
     "install. If not specified, the agent will be updated to the latest version.\",\"type\":\"String\","
     "\"allowedPattern\":\"(|[0-9]+(\\\\.[0-9]+){0,3})\"},"
     "\"allowDowngrade\":{\"default\":\"false\",\"description\":\"(Optional) Allow the Amazon SSM Agent service to be "
     "downgraded to an earlier version. If set to false, the service can be upgraded to newer versions only "
     "(default).\",\"type\":\"String\",\"allowedValues\":[\"true\",\"false\"]}},"
     "\"runtimeConfig\":{\"aws:updateSsmAgent\":{\"properties\":[{\"agentName\":\"amazon-ssm-agent\","
     "\"allowDowngrade\":\"{{ allowDowngrade }}\",\"targetVersion\":\"{{ version }}\"}]}}}"},
};

const struct aws_document *aws_document(size_t index)
{
    return index < sizeof documents / sizeof documents[0] ? &documents[index] : NULL;
}
