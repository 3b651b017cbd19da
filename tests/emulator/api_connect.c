/* EC2 Instance Connect: SendSSHPublicKey. Sources: its API reference and the CLI's service model, from which the
 * patterns are. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "tests/emulator/api.h"
#include "tests/emulator/connect_key.h"
#include "tests/emulator/instance.h"
#include "tests/emulator/pattern.h"
#include "tests/emulator/permission.h"

#define ACTION "ec2-instance-connect:SendSSHPublicKey"
#define ID_PATTERN "^i-[a-f0-9]+$"
#define USER_PATTERN "^[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?$"
#define ZONE_PATTERN "^([[:alnum:]_]+-){2,3}[0-9]+[[:alnum:]_]+$"
#define KEY_MIN 80
#define KEY_MAX 4096

/* Everything about it was checked. */
struct push {
    const struct instance *instance;
    const char *user;
    char key[KEY_MAX + 1];
};

static bool refuse(const struct api_call *call, const char *type, const char *message)
{
    api_fail(call, type, "%s", message);
    return false;
}

/* ---- what is pushed ---- */

/* Base64 whose bytes begin with the name of the type, after its length: RFC 4253, section 6.6. */
static bool is_of_type(const char *base64, size_t len, const char *type)
{
    uint8_t blob[KEY_MAX];
    size_t type_len = strlen(type);
    if (len == 0 || len % 4 != 0 || EVP_DecodeBlock(blob, (const unsigned char *)base64, (int)len) < 0) {
        return false;
    }
    return len / 4 * 3 > 4 + type_len && blob[0] == 0 && blob[1] == 0 && blob[2] == 0 && blob[3] == type_len &&
           memcmp(blob + 4, type, type_len) == 0;
}

/* One line, "TYPE BASE64" with or without a comment; the line's end goes. The service takes two types. */
static bool take_key(const char *text, char ret_key[KEY_MAX + 1])
{
    static const char *const types[] = {"ssh-ed25519", "ssh-rsa"};
    size_t len = strcspn(text, "\r\n");
    if (len + strspn(text + len, "\r\n") != strlen(text)) {
        return false;
    }
    snprintf(ret_key, KEY_MAX + 1, "%.*s", (int)len, text);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t type_len = strlen(types[i]);
        const char *base64 = ret_key + type_len + 1;
        if (strncmp(ret_key, types[i], type_len) == 0 && ret_key[type_len] == ' ') {
            return is_of_type(base64, strcspn(base64, " "), types[i]);
        }
    }
    return false;
}

static bool check_arguments(const struct api_call *call, struct push *push)
{
    const char *id = api_optional(call->input, "InstanceId"), *key = api_optional(call->input, "SSHPublicKey");
    const json_t *zone = json_object_get(call->input, "AvailabilityZone");
    push->user = api_optional(call->input, "InstanceOSUser");
    if (strlen(id) < 10 || strlen(id) > 32 || !pattern_fits(ID_PATTERN, id)) {
        return refuse(call, "InvalidArgsException", "Invalid instance ID");
    }
    if (!pattern_fits(USER_PATTERN, push->user)) {
        return refuse(call, "InvalidArgsException", "Invalid instance OS user");
    }
    if (zone != NULL && !pattern_fits(ZONE_PATTERN, api_optional(call->input, "AvailabilityZone"))) {
        return refuse(call, "InvalidArgsException", "Invalid availability zone");
    }
    if (strlen(key) < KEY_MIN || strlen(key) > KEY_MAX || !take_key(key, push->key)) {
        return refuse(call, "InvalidArgsException", "Invalid SSH public key");
    }
    return true;
}

/* ---- where to ---- */

/* That a zone must be the instance's is known; which error a wrong one gets is not. */
static bool is_in_zone(const struct instance *instance, const char *zone)
{
    size_t len = strlen(instance->region);
    return strncmp(zone, instance->region, len) == 0 && strcmp(zone + len, "a") == 0;
}

static bool find_instance(const struct api_call *call, struct push *push)
{
    const char *zone = api_optional(call->input, "AvailabilityZone");
    push->instance = instance_find(call->lab->instances, api_optional(call->input, "InstanceId"), call->region);
    if (push->instance == NULL || (zone[0] != '\0' && !is_in_zone(push->instance, zone))) {
        return refuse(call, "EC2InstanceNotFoundException", "Instance not found");
    }
    return push->instance->state == INSTANCE_RUNNING ||
           refuse(call, "EC2InstanceStateInvalidException",
                  "Instance is not in a valid state. The valid instance state is running.");
}

/* ---- SendSSHPublicKey ---- */

/* An agent's credentials are none that the service knows. */
static bool is_allowed(const struct api_call *call)
{
    char arn[200];
    const char *id = api_optional(call->input, "InstanceId"), *user = api_optional(call->input, "InstanceOSUser");
    const struct instance *instance = instance_find(call->lab->instances, id, call->region);
    snprintf(arn, sizeof arn, "arn:aws:ec2:%s:" LAB_ACCOUNT ":instance/%.64s", call->region, id);
    if (call->caller->node_id[0] != '\0') {
        return refuse(call, "AuthException",
                      "Either your AWS credentials are not valid or you do not have access to the EC2 instance.");
    }
    if (api_denies(call, ACTION)) {
        return false;
    }
    struct permission_request request = {
        .action = ACTION, .resource = arn, .tags = instance == NULL ? NULL : instance->tags, .os_user = user};
    return api_allows(call, &request);
}

void api_connect_send_key(const struct api_call *call)
{
    struct push push = {0};
    const char *forced = call->lab->faults.connect_key_error;
    if (!is_allowed(call) || !check_arguments(call, &push) || !find_instance(call, &push)) {
        return;
    }
    if (forced != NULL) {
        api_fail(call, forced, "The lab was told to fail this call.");
        return;
    }
    enum err err = connect_key_accept(call->lab->connect_keys, push.instance->id, push.user, push.key);
    if (err == ERR_TOO_LONG) {
        api_fail(call, "ThrottlingException", "Rate exceeded");
        return;
    }
    if (err != ERR_OK) {
        api_fail(call, "ServiceException", "An internal error occurred.");
        return;
    }
    api_reply(call, json_pack("{s:s,s:b}", "RequestId", http_exchange_request_id(call->exchange), "Success", 1));
}
