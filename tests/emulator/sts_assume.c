/* The operations of STS that give credentials: AssumeRole, AssumeRoleWithWebIdentity. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/identity.h"
#include "tests/emulator/role.h"
#include "tests/emulator/sts.h"

#define DEFAULT_SECONDS 3600
#define CHAINED_SECONDS 3600
#define MFA_OWNER "arn:aws:iam::" LAB_ACCOUNT ":user/lab-user"

/* ---- parameters ---- */

/* From STS's service description. */
struct constraint {
    const char *name;        /* as in the request */
    const char *punctuation; /* allowed beside letters, digits and "_"; NULL: no pattern */
    const char *pattern;     /* as the message shows it */
    size_t min, max;
    bool is_required;
};

static const struct constraint role_arn = {"RoleArn", NULL, "", 20, 2048, true};
static const struct constraint session_name = {"RoleSessionName", "+=,.@-", "[\\w+=,.@-]*", 2, 64, true};
static const struct constraint external_id = {"ExternalId", "+=,.@:/-", "[\\w+=,.@:\\/-]*", 2, 1224, false};
static const struct constraint serial_number = {"SerialNumber", "+=/:,.@-", "[\\w+=/:,.@-]*", 9, 256, false};
static const struct constraint token_code = {"TokenCode", "", "[\\d]*", 6, 6, false};
static const struct constraint web_token = {"WebIdentityToken", NULL, "", 4, 20000, true};

/* Everything that is wrong with the parameters, told at once as AWS does. */
struct violations {
    struct text text;
    int count;
};

static void add_violation(struct violations *violations, const char *name, const char *value, const char *constraint)
{
    text_format(&violations->text, "%sValue %s%.200s%s at '%c%s' failed to satisfy constraint: %s",
                violations->count == 0 ? "" : "; ", value == NULL ? "" : "'", value == NULL ? "null" : value,
                value == NULL ? "" : "'", tolower((unsigned char)name[0]), name + 1, constraint);
    violations->count++;
}

static bool has_pattern(const struct constraint *constraint, const char *value)
{
    bool digits_only = strcmp(constraint->pattern, "[\\d]*") == 0;
    for (const char *at = value; *at != '\0' && constraint->punctuation != NULL; at++) {
        bool is_word = isalnum((unsigned char)*at) || *at == '_';
        if (digits_only ? !isdigit((unsigned char)*at) : !is_word && strchr(constraint->punctuation, *at) == NULL) {
            return false;
        }
    }
    return true;
}

static const char *take(const struct sts_call *call, const struct constraint *constraint, struct violations *violations)
{
    const char *value = form_get(call->form, constraint->name);
    char words[160];
    if (value == NULL) {
        if (constraint->is_required) {
            add_violation(violations, constraint->name, NULL, "Member must not be null");
        }
        return NULL;
    }
    if (strlen(value) < constraint->min || strlen(value) > constraint->max) {
        bool is_short = strlen(value) < constraint->min;
        snprintf(words, sizeof words, "Member must have length %s than or equal to %zu", is_short ? "greater" : "less",
                 is_short ? constraint->min : constraint->max);
        add_violation(violations, constraint->name, value, words);
    } else if (!has_pattern(constraint, value)) {
        snprintf(words, sizeof words, "Member must satisfy regular expression pattern: %s", constraint->pattern);
        add_violation(violations, constraint->name, value, words);
    }
    return value;
}

static long take_seconds(const struct sts_call *call, struct violations *violations)
{
    const char *value = form_get(call->form, "DurationSeconds");
    if (value == NULL) {
        return DEFAULT_SECONDS;
    }
    char *end = NULL;
    long seconds = strtol(value, &end, 10);
    if (value[0] == '\0' || *end != '\0') {
        add_violation(violations, "DurationSeconds", value, "Member must be an integer");
    } else if (seconds < 900) {
        add_violation(violations, "DurationSeconds", value, "Member must have value greater than or equal to 900");
    } else if (seconds > 43200) {
        add_violation(violations, "DurationSeconds", value, "Member must have value less than or equal to 43200");
    }
    return seconds;
}

static bool are_parameters_good(const struct sts_call *call, const struct violations *violations)
{
    if (violations->count > 0) {
        sts_fail(call, 400, "ValidationError", "%d validation error%s detected: %s", violations->count,
                 violations->count == 1 ? "" : "s", violations->text.data);
    }
    return violations->count == 0;
}

/* ---- credentials ---- */

static void put_time(struct text *text, const char *name, time_t time)
{
    char memory[LAB_TIME_TEXT_SIZE];
    lab_time_text(time, memory);
    xml_writer_element(text, name, memory);
}

static void put_assumed_role(struct text *result, const struct credential *credential)
{
    char id[22], assumed_id[100];
    role_unique_id("AROA", credential->role, id);
    snprintf(assumed_id, sizeof assumed_id, "%s:%s", id, credential->session_name);
    xml_writer_open(result, "AssumedRoleUser");
    xml_writer_element(result, "AssumedRoleId", assumed_id);
    xml_writer_element(result, "Arn", credential->principal);
    xml_writer_close(result, "AssumedRoleUser");
    xml_writer_open(result, "Credentials");
    xml_writer_element(result, "AccessKeyId", credential->access_key_id);
    xml_writer_element(result, "SecretAccessKey", credential->secret_access_key);
    xml_writer_element(result, "SessionToken", credential->session_token);
    put_time(result, "Expiration", credential->expires_unix_s);
    xml_writer_close(result, "Credentials");
}

static const struct credential *issue(const struct sts_call *call, const struct role *role, const char *name,
                                      long seconds)
{
    const struct credential *credential = NULL;
    if (role_issue(call->lab->credentials, role, name, lab_time(call->lab) + (time_t)seconds, &credential) != ERR_OK) {
        sts_fail(call, 500, "InternalFailure", "An internal error occurred.");
        return NULL;
    }
    return credential;
}

/* MaxSessionDuration, and the hour that credentials have which were got with credentials of a role. */
static bool is_duration_good(const struct sts_call *call, const struct role *role, long seconds)
{
    bool is_chained = call->caller != NULL && call->caller->role[0] != '\0';
    if (is_chained && seconds > CHAINED_SECONDS) {
        sts_fail(call, 400, "ValidationError",
                 "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining");
        return false;
    }
    if (seconds > role->max_seconds) {
        sts_fail(call, 400, "ValidationError",
                 "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
        return false;
    }
    return true;
}

/* ---- AssumeRole ---- */

static bool is_trusted(const struct role *role, const struct credential *caller, const char *external)
{
    unsigned kind = caller->role[0] == '\0' ? ROLE_TRUSTS_USERS : ROLE_TRUSTS_ROLES;
    bool is_external_right =
        role->external_id == NULL || (external != NULL && strcmp(external, role->external_id) == 0);
    return !caller->is_denied && (role->trust & kind) != 0 && is_external_right;
}

/* Serial number and code are checked whenever they are sent, whether or not the role asks for them. */
static bool is_mfa_good(const struct sts_call *call, const char *serial, const char *code)
{
    struct lab *lab = call->lab;
    if (serial == NULL && code == NULL) {
        return true;
    }
    if (serial == NULL || code == NULL) {
        sts_fail(call, 403, "AccessDenied",
                 "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.");
    } else if (strcmp(serial, IDENTITY_MFA_SERIAL) != 0 || strcmp(call->caller->principal, MFA_OWNER) != 0) {
        sts_fail(call, 403, "AccessDenied",
                 "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number "
                 "is valid and associated with this user.");
    } else if (!mfa_device_use(&lab->identity->mfa, code, lab_time(lab))) {
        sts_fail(call, 403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ");
    } else {
        return true;
    }
    return false;
}

/* The role, when its ARN is one and `is_allowed` says so. */
static const struct role *find_role(const struct sts_call *call, const char *arn, const char *external, bool has_mfa)
{
    const struct role *role = NULL;
    if (!role_of_arn(arn, &role)) {
        sts_fail(call, 400, "ValidationError", "%.300s is invalid", arn);
        return NULL;
    }
    if (role == NULL || !is_trusted(role, call->caller, external) || (role->needs_mfa && !has_mfa)) {
        sts_fail(call, 403, "AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %.300s",
                 call->caller->principal, arn);
        return NULL;
    }
    return role;
}

void sts_assume_role(const struct sts_call *call)
{
    char words[1600], memory[4096];
    struct violations violations = {.text = text_in(words, sizeof words)};
    call->lab->identity->counters.assume_role++;
    const char *arn = take(call, &role_arn, &violations);
    const char *name = take(call, &session_name, &violations);
    const char *external = take(call, &external_id, &violations);
    const char *serial = take(call, &serial_number, &violations);
    const char *code = take(call, &token_code, &violations);
    long seconds = take_seconds(call, &violations);
    if (!are_parameters_good(call, &violations) || !is_mfa_good(call, serial, code)) {
        return;
    }
    const struct role *role = find_role(call, arn, external, code != NULL);
    if (role == NULL || !is_duration_good(call, role, seconds)) {
        return;
    }
    const struct credential *credential = issue(call, role, name, seconds);
    if (credential != NULL) {
        struct text result = text_in(memory, sizeof memory);
        put_assumed_role(&result, credential);
        sts_reply(call, "AssumeRole", &result);
    }
}

/* ---- AssumeRoleWithWebIdentity ---- */

static void put_web_identity(struct text *result)
{
    xml_writer_element(result, "SubjectFromWebIdentityToken", WEB_IDENTITY_SUBJECT);
    xml_writer_element(result, "Audience", WEB_IDENTITY_AUDIENCE);
    xml_writer_element(result, "Provider",
                       "arn:aws:iam::" LAB_ACCOUNT ":oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/"
                       "0123456789ABCDEF0123456789ABCDEF");
}

void sts_assume_role_with_web_identity(const struct sts_call *call)
{
    char words[1600], memory[4096];
    struct violations violations = {.text = text_in(words, sizeof words)};
    struct service_error error = {0};
    const struct role *role = NULL;
    call->lab->identity->counters.assume_role_with_web_identity++;
    const char *arn = take(call, &role_arn, &violations);
    const char *name = take(call, &session_name, &violations);
    const char *token = take(call, &web_token, &violations);
    long seconds = take_seconds(call, &violations);
    if (!are_parameters_good(call, &violations)) {
        return;
    }
    if (!role_of_arn(arn, &role)) {
        sts_fail(call, 400, "ValidationError", "Request ARN is invalid");
        return;
    }
    if (web_identity_check(&call->lab->identity->web, token, lab_time(call->lab), &error) != ERR_OK) {
        sts_fail(call, 400, error.type, "%s", error.message);
        return;
    }
    if (role == NULL || (role->trust & ROLE_TRUSTS_WEB_IDENTITY) == 0) {
        sts_fail(call, 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
        return;
    }
    if (!is_duration_good(call, role, seconds)) {
        return;
    }
    const struct credential *credential = issue(call, role, name, seconds);
    if (credential != NULL) {
        struct text result = text_in(memory, sizeof memory);
        put_assumed_role(&result, credential);
        put_web_identity(&result);
        sts_reply(call, "AssumeRoleWithWebIdentity", &result);
    }
}
