/* The texts are AWS's public documents, as far as agent and plugin read them. */
#include <string.h>

#include "tests/emulator/session_document.h"

#define PORT_PATTERN "^([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$"
#define LOCAL_PORT_PATTERN                                                                                             \
    "^([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$"
#define HOST_PATTERN "^[^,$^&()!;'\"<>`{}|#=[:space:]]{3,}$"

#define INPUTS                                                                                                         \
    "{\"s3BucketName\":\"\",\"s3KeyPrefix\":\"\",\"s3EncryptionEnabled\":false,\"cloudWatchLogGroupName\":\"\","       \
    "\"cloudWatchEncryptionEnabled\":false,\"kmsKeyId\":\"\",\"runAsEnabled\":false,\"runAsDefaultUser\":\"\"}"

#define PREFIX_PATTERN "^[0-9a-zA-Z\r\n_:-]{0,30}$"

#define FOR_ALL(what) "{\"linux\":" what ",\"macos\":" what ",\"windows\":" what "}"
#define NON_INTERACTIVE                                                                                                \
    FOR_ALL("{\"commands\":\"{{ command }}\",\"runAsElevated\":false,"                                                 \
            "\"separateOutputStream\":\"{{ separateOutputStream }}\","                                                 \
            "\"stdOutSeparatorPrefix\":\"{{ stdOutSeparatorPrefix }}\","                                               \
            "\"stdErrSeparatorPrefix\":\"{{ stdErrSeparatorPrefix }}\"}")

struct parameter {
    const char *name, *fallback, *pattern; /* fallback NULL: required; pattern NULL: any text */
};

struct builtin {
    const char *name, *session_type, *description, *properties;
    struct parameter parameters[5];
};

static const struct builtin builtins[] = {
    {"AWS-StartSSHSession",
     "Port",
     "Document to start SSH session",
     "{\"portNumber\":\"{{ portNumber }}\"}",
     {{"portNumber", "22", PORT_PATTERN}}},
    {"AWS-StartPortForwardingSession",
     "Port",
     "Document to start port forwarding session over Session Manager",
     "{\"portNumber\":\"{{ portNumber }}\",\"type\":\"LocalPortForwarding\","
     "\"localPortNumber\":\"{{ localPortNumber }}\"}",
     {{"portNumber", "80", PORT_PATTERN}, {"localPortNumber", "0", LOCAL_PORT_PATTERN}}},
    {"AWS-StartPortForwardingSessionToRemoteHost",
     "Port",
     "Document to start port forwarding session over Session Manager to remote host",
     "{\"portNumber\":\"{{ portNumber }}\",\"type\":\"LocalPortForwarding\","
     "\"localPortNumber\":\"{{ localPortNumber }}\",\"host\":\"{{ host }}\"}",
     {{"portNumber", "80", PORT_PATTERN},
      {"localPortNumber", "0", LOCAL_PORT_PATTERN},
      {"host", "localhost", HOST_PATTERN}}},
    {"AWS-StartPortForwardingSessionToSocket",
     "Port",
     "Document to start port forwarding session over Session Manager to a unix socket of the client",
     "{\"portNumber\":\"{{ portNumber }}\",\"type\":\"LocalPortForwarding\","
     "\"localConnectionType\":\"{{ localConnectionType }}\",\"localUnixSocket\":\"{{ localUnixSocket }}\"}",
     {{"portNumber", "80", PORT_PATTERN}, {"localConnectionType", "unix", "^unix$"}, {"localUnixSocket", NULL, NULL}}},
    {"SSM-SessionManagerRunShell",
     "Standard_Stream",
     "Document to hold regional settings for Session Manager",
     NULL,
     {{NULL, NULL, NULL}}},
    {"AWS-StartInteractiveCommand",
     "InteractiveCommands",
     "Document to run single interactive command on an instance",
     FOR_ALL("{\"commands\":\"{{ command }}\",\"runAsElevated\":false}"),
     {{"command", NULL, NULL}}},
    {"AWS-StartNonInteractiveCommand",
     "NonInteractiveCommands",
     "Document to run single non-interactive command on an instance",
     NON_INTERACTIVE,
     {{"command", NULL, NULL},
      {"separateOutputStream", "False", "^(True|False|true|false)$"},
      {"stdOutSeparatorPrefix", "", PREFIX_PATTERN},
      {"stdErrSeparatorPrefix", "", PREFIX_PATTERN}}},
};

#define PARAMETER_COUNT (sizeof builtins[0].parameters / sizeof builtins[0].parameters[0])

static json_t *describe_parameters(const struct builtin *builtin)
{
    json_t *parameters = json_object();
    for (size_t i = 0; i < PARAMETER_COUNT && builtin->parameters[i].name != NULL; i++) {
        const struct parameter *parameter = &builtin->parameters[i];
        json_t *definition = json_pack("{s:s}", "type", "String");
        if (parameter->fallback != NULL) {
            json_object_set_new(definition, "default", json_string(parameter->fallback));
        }
        if (parameter->pattern != NULL) {
            json_object_set_new(definition, "allowedPattern", json_string(parameter->pattern));
        }
        json_object_set_new(parameters, parameter->name, definition);
    }
    return parameters;
}

static json_t *describe(const struct builtin *builtin)
{
    bool has_inputs =
        strcmp(builtin->session_type, "Standard_Stream") == 0 || strcmp(builtin->session_type, "Port") == 0;
    json_t *content = json_pack("{s:s,s:s,s:s,s:o}", "schemaVersion", "1.0", "description", builtin->description,
                                "sessionType", builtin->session_type, "parameters", describe_parameters(builtin));
    if (has_inputs) {
        json_object_set_new(content, "inputs", json_loads(INPUTS, 0, NULL));
    }
    if (builtin->properties != NULL) {
        json_object_set_new(content, "properties", json_loads(builtin->properties, 0, NULL));
    }
    return content;
}

const char *session_document_builtin_name(size_t index)
{
    return index < sizeof builtins / sizeof builtins[0] ? builtins[index].name : NULL;
}

char *session_document_builtin_text(size_t index)
{
    json_t *content = describe(&builtins[index]);
    char *text = content == NULL ? NULL : json_dumps(content, JSON_COMPACT);
    json_decref(content);
    return text;
}
