/* CreateDocument, GetDocument, DescribeDocument and DeleteDocument. A document has one version here. */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/emulator/api.h"
#include "tests/emulator/command_document.h"
#include "tests/emulator/document_store.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/pattern.h"
#include "tests/emulator/permission.h"
#include "tests/emulator/session_document.h"

#define NEW_NAME_PATTERN "^[a-zA-Z0-9_.-]{3,128}$"

/* ---- input ---- */

static bool is_new_name(const char *name)
{
    return pattern_fits(NEW_NAME_PATTERN, name) && strncasecmp(name, "aws", 3) != 0 &&
           strncasecmp(name, "amazon", 6) != 0 && strncasecmp(name, "amzn", 4) != 0;
}

/* NULL after having failed the call: no name, or none that the caller may do this with. */
static const char *permitted_name(const struct api_call *call, const char *action)
{
    const char *name = api_text(call, "Name", 3, 200);
    char arn[DOCUMENT_ARN_SIZE];
    document_store_arn(name == NULL ? "" : name, call->region, arn);
    struct permission_request request = {.action = action, .resource = arn};
    return name != NULL && api_allows(call, &request) ? name : NULL;
}

static bool is_first_version(const struct api_call *call)
{
    const char *version = api_optional(call->input, "DocumentVersion");
    bool is_first = version[0] == '\0' || version[0] == '$' || strcmp(version, "1") == 0;
    if (!is_first) {
        api_fail(call, "InvalidDocumentVersion", "The document version is not valid or does not exist.");
    }
    return is_first;
}

/* ---- shapes ---- */

static json_t *describe_parameters(json_t *declared)
{
    const char *name = NULL;
    json_t *declaration = NULL, *list = json_array();
    json_object_foreach(declared, name, declaration)
    {
        json_t *fallback = json_object_get(declaration, "default");
        char *text = fallback == NULL || json_is_string(fallback) ? NULL : json_dumps(fallback, JSON_COMPACT);
        json_t *item = json_pack("{s:s,s:s,s:s}", "Name", name, "Type", api_optional(declaration, "type"),
                                 "Description", api_optional(declaration, "description"));
        if (fallback != NULL) {
            json_object_set_new(item, "DefaultValue", json_string(text == NULL ? json_string_value(fallback) : text));
        }
        free(text);
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *describe_platforms(const struct document *document)
{
    static const char *const platforms[] = {"Linux", "MacOS", "Windows"};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof platforms / sizeof platforms[0]; i++) {
        bool is_session = strcmp(document->type, "Session") == 0;
        if (is_session || command_document_is_for(document->content, platforms[i])) {
            json_array_append_new(list, json_string(platforms[i]));
        }
    }
    return list;
}

static json_t *describe(const struct document *document)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char hash[2 * SHA256_DIGEST_LENGTH + 1];
    SHA256((const unsigned char *)document->text, strlen(document->text), digest);
    bytes_to_hex(bytes_of(digest, sizeof digest), hash);
    json_t *object =
        json_pack("{s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:[]}", "Hash", hash, "HashType", "Sha256",
                  "Name", document->name, "Owner", document->region == NULL ? "Amazon" : LAB_ACCOUNT, "CreatedDate",
                  (json_int_t)document->created_at, "Status", "Active", "DocumentVersion", "1", "Description",
                  api_optional(document->content, "description"), "DocumentType", document->type, "SchemaVersion",
                  api_optional(document->content, "schemaVersion"), "LatestVersion", "1", "DefaultVersion", "1",
                  "DocumentFormat", "JSON", "Tags");
    json_object_set_new(object, "PlatformTypes", describe_platforms(document));
    json_object_set_new(object, "Parameters", describe_parameters(json_object_get(document->content, "parameters")));
    return object;
}

/* ---- CreateDocument ---- */

/* *ret_type is a literal. A session document says what it is by sessionType alone. */
static bool check_content(const struct api_call *call, const char *text, const char **ret_type)
{
    const char *type = api_optional(call->input, "DocumentType"), *format = api_optional(call->input, "DocumentFormat");
    struct service_error error = {0};
    json_t *content = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool is_session = strcmp(type, "Session") == 0;
    enum agent_session_type session_type = AGENT_SESSION_PORT;
    enum err err = ERR_MALFORMED;
    if (strlen(text) > LAB_LIMIT_DOCUMENT_BYTES) {
        service_error_set(&error, "MaxDocumentSizeExceeded", "%s", "The size limit of a document is 64 KB.");
    } else if ((type[0] != '\0' && !is_session && strcmp(type, "Command") != 0) ||
               (format[0] != '\0' && strcmp(format, "JSON") != 0)) {
        service_error_set(&error, "InvalidDocumentContent", "%s", "The lab has Command and Session documents in JSON.");
    } else if (!is_session) {
        err = command_document_judge(content, &error);
    } else if (strcmp(api_optional(content, "schemaVersion"), "1.0") != 0) {
        service_error_set(&error, "InvalidDocumentSchemaVersion", "%s", "Session documents have schema version 1.0");
    } else if (session_document_judge(content, &session_type) != ERR_OK) {
        service_error_set(&error, "InvalidDocumentContent", "%s",
                          "A Session document has a sessionType, and objects for inputs, parameters and properties");
    } else {
        err = ERR_OK;
    }
    json_decref(content);
    if (err != ERR_OK) {
        api_fail_error(call, &error);
    }
    *ret_type = is_session ? "Session" : "Command";
    return err == ERR_OK;
}

void api_document_create(const struct api_call *call)
{
    const char *name = api_denies(call, "ssm:CreateDocument") ? NULL : permitted_name(call, "ssm:CreateDocument");
    const char *type = NULL;
    const char *text = name == NULL ? NULL : api_text(call, "Content", 1, LAB_LIMIT_REQUEST_BODY);
    struct document request = {.region = call->region, .created_at = lab_time(call->lab)}, *document = NULL;
    if (text == NULL) {
        return;
    }
    if (!is_new_name(name)) {
        api_fail(call, "ValidationException", "%.128s is no name for a document of one's own", name);
        return;
    }
    const struct document *existing = document_store_find(call->lab->documents, name, NULL, call->region);
    bool has_only_defaults =
        existing != NULL && existing->region == NULL && strcmp(name, SESSION_DOCUMENT_PREFERENCES) == 0;
    if (existing != NULL && !has_only_defaults) {
        api_fail(call, "DocumentAlreadyExists", "Document with same name %s already exists", name);
        return;
    }
    if (!check_content(call, text, &type)) {
        return;
    }
    request.type = type;
    snprintf(request.name, sizeof request.name, "%s", name);
    enum err err = document_store_add(call->lab->documents, &request, text, &document);
    if (err == ERR_TOO_LONG) {
        api_fail(call, "DocumentLimitExceeded", "You can have at most %d active Systems Manager documents.",
                 LAB_LIMIT_DOCUMENTS);
        return;
    }
    api_reply(call, err != ERR_OK ? NULL : json_pack("{s:o}", "DocumentDescription", describe(document)));
}

/* ---- the others ---- */

static struct document *find(const struct api_call *call, const char *action)
{
    const char *name = permitted_name(call, action);
    if (name == NULL || !is_first_version(call)) {
        return NULL;
    }
    struct document *document = document_store_find(call->lab->documents, name, NULL, call->region);
    if (document == NULL) {
        api_fail(call, "InvalidDocument", "Document with name %.128s does not exist.", name);
    }
    return document;
}

void api_document_get(const struct api_call *call)
{
    const struct document *document = find(call, "ssm:GetDocument");
    if (document != NULL) {
        api_reply(call, json_pack("{s:s,s:I,s:s,s:s,s:s,s:s,s:s}", "Name", document->name, "CreatedDate",
                                  (json_int_t)document->created_at, "DocumentVersion", "1", "Status", "Active",
                                  "Content", document->text, "DocumentType", document->type, "DocumentFormat", "JSON"));
    }
}

void api_document_describe(const struct api_call *call)
{
    const struct document *document = find(call, "ssm:DescribeDocument");
    if (document != NULL) {
        api_reply(call, json_pack("{s:o}", "Document", describe(document)));
    }
}

void api_document_delete(const struct api_call *call)
{
    struct document *document = api_denies(call, "ssm:DeleteDocument") ? NULL : find(call, "ssm:DeleteDocument");
    if (document != NULL && document->region == NULL) {
        api_fail(call, "InvalidDocument", "Document %s is not yours.", document->name);
    } else if (document != NULL) {
        document_store_remove(call->lab->documents, document);
        api_reply(call, json_object());
    }
}
