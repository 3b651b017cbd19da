#include "proxy/core/sts_api.h"

#include "proxy/core/aws_service.h"
#include "proxy/core/calendar.h"
#include "proxy/core/percent_encoding.h"
#include "proxy/core/xml_view.h"

#define VERSION "2011-06-15"

/* ---- requests ---- */

struct parameter {
    const char *name;
    const char *value; /* NULL: not sent */
};

static void put_form(const struct parameter *parameters, size_t count, struct text *form)
{
    for (size_t i = 0; i < count; i++) {
        if (parameters[i].value != NULL) {
            text_put(form, form->len == 0 ? "" : "&");
            text_put(form, parameters[i].name);
            text_put_char(form, '=');
            percent_encoding_put(parameters[i].value, form);
        }
    }
}

/* The form goes through memory of its own, which is wiped: a token or an MFA code is in it. */
static enum err set_form(struct aws_request *request, const struct parameter *parameters, size_t count)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        size += parameters[i].value == NULL ? 0 : strlen(parameters[i].name) + 3 * strlen(parameters[i].value) + 2;
    }
    char *memory = malloc(size);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text form = text_in(memory, size);
    put_form(parameters, count, &form);
    enum err err = aws_request_set_body(request, AWS_REQUEST_FORM, text_bytes(&form));
    explicit_bzero(memory, size);
    free(memory);
    return err;
}

struct form {
    const struct parameter *parameters;
    size_t count;
};

static enum err make_request(const struct endpoint_url *endpoint, const char *region, const char *signing_name,
                             const struct form *form, struct aws_request *ret_request)
{
    AUTO(aws_request_free) struct aws_request request = {.method = "POST", .url = *endpoint};
    request.signing_name = signing_name;
    struct text signed_for = text_in(request.region, sizeof request.region);
    text_put(&signed_for, region);
    TRY(text_finish(&signed_for));
    TRY(set_form(&request, form->parameters, form->count));
    *ret_request = request;
    request = (struct aws_request){.method = NULL};
    return ERR_OK;
}

enum err sts_api_assume_role(const struct endpoint_url *endpoint, const char *region, const struct sts_api_role *role,
                             struct aws_request *ret_request)
{
    bool is_web_identity = role->web_identity_token != NULL;
    char duration[24];
    struct text seconds = text_in(duration, sizeof duration);
    text_format(&seconds, "%lld", (long long)role->duration_seconds);
    const struct parameter parameters[] = {
        {"Action", is_web_identity ? "AssumeRoleWithWebIdentity" : "AssumeRole"},
        {"Version", VERSION},
        {"RoleArn", role->role_arn},
        {"RoleSessionName", role->role_session_name},
        {"ExternalId", role->external_id},
        {"SerialNumber", role->serial_number},
        {"TokenCode", role->token_code},
        {"WebIdentityToken", role->web_identity_token},
        {"DurationSeconds", role->duration_seconds == 0 ? NULL : duration},
    };
    const char *signing_name = is_web_identity ? NULL : aws_service_signing_name(AWS_SERVICE_STS);
    struct form form = {parameters, sizeof parameters / sizeof parameters[0]};
    return make_request(endpoint, region, signing_name, &form, ret_request);
}

enum err sts_api_caller_identity(const struct endpoint_url *endpoint, const char *region,
                                 struct aws_request *ret_request)
{
    const struct parameter parameters[] = {{"Action", "GetCallerIdentity"}, {"Version", VERSION}};
    struct form form = {parameters, sizeof parameters / sizeof parameters[0]};
    return make_request(endpoint, region, aws_service_signing_name(AWS_SERVICE_STS), &form, ret_request);
}

/* ---- replies ---- */

void sts_api_assumed_role_wipe(struct sts_api_assumed_role *role)
{
    aws_credentials_wipe(&role->credentials);
    *role = (struct sts_api_assumed_role){.id = ""};
}

/* `root` is <AssumeRoleResponse>, whose first element is the result, or that of the other call. */
static enum err read_assumed_role(const struct xml_node *root, struct sts_api_assumed_role *role)
{
    const struct xml_node *result = xml_view_child(root, "AssumeRoleResult");
    if (result == NULL) {
        result = xml_view_child(root, "AssumeRoleWithWebIdentityResult");
    }
    const char *access_key_id = xml_view_text(result, "Credentials/AccessKeyId");
    const char *secret = xml_view_text(result, "Credentials/SecretAccessKey");
    const char *token = xml_view_text(result, "Credentials/SessionToken");
    const char *expiration = xml_view_text(result, "Credentials/Expiration");
    if (access_key_id == NULL || secret == NULL || !text_is_given(token) || expiration == NULL) {
        return ERR_MALFORMED;
    }
    TRY(aws_credentials_set(&role->credentials, access_key_id, secret, token));
    TRY(calendar_parse_timestamp(expiration, &role->credentials.expires_unix_s));
    text_copy_for_display(xml_view_text(result, "AssumedRoleUser/AssumedRoleId"), role->id, sizeof role->id);
    text_copy_for_display(xml_view_text(result, "AssumedRoleUser/Arn"), role->arn, sizeof role->arn);
    return ERR_OK;
}

enum err sts_api_parse_assumed_role(const struct aws_reply *reply, struct sts_api_assumed_role *ret_role,
                                    struct service_failure *ret_failure)
{
    if (reply->http_status != 200) {
        return service_failure_read_xml(reply, ret_failure);
    }
    AUTO(xml_view_free) struct xml_view *view = NULL;
    AUTO(sts_api_assumed_role_wipe) struct sts_api_assumed_role role = {.id = ""};
    enum err err = xml_view_parse(reply->body, &view);
    if (err == ERR_OK) {
        err = read_assumed_role(xml_view_root(view), &role);
    }
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "the reply lacks credentials, or has unusable ones", ret_failure);
    }
    *ret_role = role;
    role = (struct sts_api_assumed_role){.id = ""};
    return ERR_OK;
}

enum err sts_api_parse_caller_identity(const struct aws_reply *reply, char ret_arn[LIMIT_ARN + 1],
                                       struct service_failure *ret_failure)
{
    if (reply->http_status != 200) {
        return service_failure_read_xml(reply, ret_failure);
    }
    AUTO(xml_view_free) struct xml_view *view = NULL;
    enum err err = xml_view_parse(reply->body, &view);
    const char *arn = err == ERR_OK ? xml_view_text(xml_view_root(view), "GetCallerIdentityResult/Arn") : NULL;
    if (err == ERR_OK && (!text_is_given(arn) || strlen(arn) > LIMIT_ARN)) {
        err = ERR_MALFORMED;
    }
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "the reply does not say who calls", ret_failure);
    }
    text_copy_for_display(arn, ret_arn, LIMIT_ARN + 1);
    return ERR_OK;
}
