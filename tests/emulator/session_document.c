#include "tests/emulator/session_document.h"

#include <stdio.h>
#include <string.h>

#include "tests/emulator/pattern.h"

#define PORT_PATTERN "^([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$"
#define LOCAL_PORT_PATTERN                                                                                             \
    "^([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$"
#define HOST_PATTERN "^[^,$^&()!;'\"<>`{}|#=[:space:]]{3,}$"

#define INPUTS                                                                                                         \
    "{\"s3BucketName\":\"\",\"s3KeyPrefix\":\"\",\"s3EncryptionEnabled\":false,\"cloudWatchLogGroupName\":\"\","       \
    "\"cloudWatchEncryptionEnabled\":false,\"kmsKeyId\":\"\",\"runAsEnabled\":false,\"runAsDefaultUser\":\"\"}"

struct parameter {
    const char *name, *fallback, *pattern; /* fallback NULL: required; pattern NULL: any text */
};

struct session_document {
    const char *name, *session_type, *description, *properties;
    struct parameter parameters[4];
};

static const struct session_document documents[] = {
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
     "{\"linux\":{\"commands\":\"{{ command }}\",\"runAsElevated\":false},"
     "\"macos\":{\"commands\":\"{{ command }}\",\"runAsElevated\":false},"
     "\"windows\":{\"commands\":\"{{ command }}\",\"runAsElevated\":false}}",
     {{"command", NULL, NULL}}},
    {"AWS-StartNonInteractiveCommand",
     "NonInteractiveCommands",
     "Document to run single non-interactive command on an instance",
     "{\"linux\":{\"commands\":\"{{ command }}\",\"runAsElevated\":false},"
     "\"macos\":{\"commands\":\"{{ command }}\",\"runAsElevated\":false},"
     "\"windows\":{\"commands\":\"{{ command }}\",\"runAsElevated\":false}}",
     {{"command", NULL, NULL}}},
};

#define PARAMETER_COUNT (sizeof documents[0].parameters / sizeof documents[0].parameters[0])

const struct session_document *session_document_find(const char *name)
{
    const char *in_arn = strstr(name, ":document/");
    name = in_arn == NULL ? name : in_arn + strlen(":document/");
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        if (strcmp(documents[i].name, name) == 0) {
            return &documents[i];
        }
    }
    return NULL;
}

const char *session_document_name(const struct session_document *document)
{
    return document->name;
}

bool session_document_is_port(const struct session_document *document)
{
    return strcmp(document->session_type, "Port") == 0;
}

static const struct parameter *find_parameter(const struct session_document *document, const char *name)
{
    for (size_t i = 0; i < PARAMETER_COUNT && document->parameters[i].name != NULL; i++) {
        if (strcmp(document->parameters[i].name, name) == 0) {
            return &document->parameters[i];
        }
    }
    return NULL;
}

static enum err check_parameter(const struct session_document *document, const char *name, const json_t *values,
                                json_t *scalars, struct service_error *error)
{
    const struct parameter *parameter = find_parameter(document, name);
    const char *value = json_string_value(json_array_get(values, 0));
    if (parameter == NULL) {
        service_error_set(error, "InvalidParameters", "Parameter \"%s\" is not defined in the document.", name);
        return ERR_MALFORMED;
    }
    if (json_array_size(values) != 1 || value == NULL) {
        service_error_set(error, "InvalidParameters", "Parameter \"%s\" must have exactly one value.", name);
        return ERR_MALFORMED;
    }
    if (!pattern_fits(parameter->pattern, value)) {
        service_error_set(error, "InvalidParameters",
                          "Parameter \"%s\" has value \"%.100s\" not match the regular expression pattern: %s.", name,
                          value, parameter->pattern);
        return ERR_MALFORMED;
    }
    return json_object_set_new(scalars, name, json_string(value)) == 0 ? ERR_OK : ERR_MEMORY;
}

enum err session_document_check(const struct session_document *document, json_t *parameters, json_t **ret_scalars,
                                struct service_error *ret_error)
{
    json_t *scalars = json_object();
    const char *name = NULL;
    json_t *values = NULL;
    json_object_foreach(parameters, name, values)
    {
        enum err err = check_parameter(document, name, values, scalars, ret_error);
        if (err != ERR_OK) {
            json_decref(scalars);
            return err;
        }
    }
    for (size_t i = 0; i < PARAMETER_COUNT && document->parameters[i].name != NULL; i++) {
        const struct parameter *parameter = &document->parameters[i];
        if (parameter->fallback == NULL && json_object_get(scalars, parameter->name) == NULL) {
            service_error_set(ret_error, "InvalidParameters", "Parameter \"%s\" requires a value.", parameter->name);
            json_decref(scalars);
            return ERR_MALFORMED;
        }
    }
    *ret_scalars = scalars;
    return ERR_OK;
}

json_t *session_document_properties(const struct session_document *document, const json_t *scalars)
{
    json_t *properties = document->properties == NULL ? json_object() : json_loads(document->properties, 0, NULL);
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(properties, key, value)
    {
        char name[64];
        if (!json_is_string(value) || sscanf(json_string_value(value), "{{ %63[a-zA-Z0-9] }}", name) != 1) {
            continue;
        }
        const json_t *scalar = json_object_get(scalars, name);
        const struct parameter *parameter = find_parameter(document, name);
        json_string_set(value, scalar != NULL ? json_string_value(scalar) : parameter->fallback);
    }
    return properties;
}

json_t *session_document_content(const struct session_document *document)
{
    json_t *parameters = json_object();
    for (size_t i = 0; i < PARAMETER_COUNT && document->parameters[i].name != NULL; i++) {
        const struct parameter *parameter = &document->parameters[i];
        json_t *definition = json_pack("{s:s}", "type", "String");
        if (parameter->fallback != NULL) {
            json_object_set_new(definition, "default", json_string(parameter->fallback));
        }
        json_object_set_new(parameters, parameter->name, definition);
    }
    json_t *content =
        json_pack("{s:s,s:s,s:s,s:o,s:o}", "schemaVersion", "1.0", "description", document->description, "sessionType",
                  document->session_type, "inputs", json_loads(INPUTS, 0, NULL), "parameters", parameters);
    if (document->properties != NULL) {
        json_object_set_new(content, "properties", json_loads(document->properties, 0, NULL));
    }
    return content;
}
