#include "proxy/core/ec2_api.h"

#include "common/auto.h"
#include "common/base64.h"
#include "proxy/core/aws_service.h"
#include "proxy/core/calendar.h"
#include "proxy/core/percent_encoding.h"
#include "proxy/core/xml_view.h"

#define VERSION "2016-11-15"

/* ---- requests ---- */

/* A token three times as long when it is encoded, and some filters. */
#define FORM_SIZE (3 * LIMIT_API_NEXT_TOKEN + 4096)

/* '*' and '?' stand for other characters in the value of a filter, unless a backslash is before them. */
static void put_literal(const char *value, struct text *form)
{
    for (const char *at = value; *at != '\0'; at++) {
        text_put(form, strchr("*?\\", *at) != NULL ? "%5C" : "");
        percent_encoding_put_byte((uint8_t)*at, form);
    }
}

static enum err make_request(const struct ec2_api_place *place, const struct text *form,
                             struct aws_request *ret_request)
{
    AUTO(aws_request_free)
    struct aws_request request = {
        .method = "POST",
        .url = *place->endpoint,
        .signing_name = aws_service_signing_name(AWS_SERVICE_EC2),
    };
    struct text region = text_in(request.region, sizeof request.region);
    text_put(&region, place->region);
    TRY(text_finish(&region));
    TRY(text_finish(form));
    TRY(aws_request_set_body(&request, AWS_REQUEST_FORM, text_bytes(form)));
    *ret_request = request;
    request = (struct aws_request){.method = NULL};
    return ERR_OK;
}

enum err ec2_api_describe_instances(const struct ec2_api_place *place, const struct ec2_api_describe *describe,
                                    struct aws_request *ret_request)
{
    char memory[FORM_SIZE];
    struct text form = text_in(memory, sizeof memory);
    text_format(&form, "Action=DescribeInstances&Version=" VERSION "&MaxResults=%d", LIMIT_API_PAGE);
    size_t count = 0;
    for (size_t i = 0; i < EC2_API_FILTERS_MAX && describe->filters[i].name != NULL; i++) {
        count++;
        text_format(&form, "&Filter.%zu.Name=", i + 1);
        percent_encoding_put(describe->filters[i].name, &form);
        text_format(&form, "&Filter.%zu.Value.1=", i + 1);
        put_literal(describe->filters[i].value, &form);
    }
    if (describe->instance_id_count > 0) {
        text_format(&form, "&Filter.%zu.Name=instance-id", count + 1);
    }
    for (size_t i = 0; i < describe->instance_id_count; i++) {
        text_format(&form, "&Filter.%zu.Value.%zu=", count + 1, i + 1);
        put_literal(describe->instance_ids[i], &form);
    }
    if (describe->next_token != NULL) {
        text_put(&form, "&NextToken=");
        percent_encoding_put(describe->next_token, &form);
    }
    return make_request(place, &form, ret_request);
}

static enum err make_request_about(const struct ec2_api_place *place, const char *action_and_member,
                                   const char *instance_id, struct aws_request *ret_request)
{
    char memory[512 + 3 * LIMIT_TARGET];
    struct text form = text_in(memory, sizeof memory);
    text_format(&form, "Action=%s=", action_and_member);
    percent_encoding_put(instance_id, &form);
    return make_request(place, &form, ret_request);
}

enum err ec2_api_start_instance(const struct ec2_api_place *place, const char *instance_id,
                                struct aws_request *ret_request)
{
    return make_request_about(place, "StartInstances&Version=" VERSION "&InstanceId.1", instance_id, ret_request);
}

enum err ec2_api_get_console_output(const struct ec2_api_place *place, const char *instance_id,
                                    struct aws_request *ret_request)
{
    return make_request_about(place, "GetConsoleOutput&Version=" VERSION "&InstanceId", instance_id, ret_request);
}

/* ---- replies ---- */

static void free_tags(struct ec2_api_instance *instance)
{
    for (size_t i = 0; i < instance->tag_count; i++) {
        free(instance->tags[i].key);
        free(instance->tags[i].value);
    }
    free(instance->tags);
}

void ec2_api_instances_free(struct ec2_api_instances *instances)
{
    for (size_t i = 0; i < instances->count; i++) {
        free_tags(&instances->items[i]);
    }
    free(instances->items);
    free(instances->next_token);
    *instances = (struct ec2_api_instances){.items = NULL};
}

/* The outermost element of a successful reply, which is called `name`. The caller frees the view. */
static enum err read_reply(const struct aws_reply *reply, const char *name, struct xml_view **ret_view,
                           struct service_failure *ret_failure)
{
    if (reply->http_status != 200) {
        return service_failure_read_xml(reply, ret_failure);
    }
    enum err err = xml_view_parse(reply->body, ret_view);
    if (err == ERR_OK && strcmp(xml_view_name(xml_view_root(*ret_view)), name) != 0) {
        err = ERR_MALFORMED;
    }
    return err == ERR_OK ? err : service_failure_say(reply, err, "the reply is not one of EC2's", ret_failure);
}

static const struct xml_node *first_instance(const struct xml_node *reservation)
{
    return xml_view_child(reservation, "instancesSet/item");
}

static size_t count_instances(const struct xml_node *root)
{
    size_t count = 0;
    for (const struct xml_node *reservation = xml_view_child(root, "reservationSet/item"); reservation != NULL;
         reservation = xml_view_next(reservation)) {
        for (const struct xml_node *item = first_instance(reservation); item != NULL; item = xml_view_next(item)) {
            count++;
        }
    }
    return count;
}

static void copy_name_tag(const struct xml_node *item, struct ec2_api_instance *instance)
{
    for (const struct xml_node *tag = xml_view_child(item, "tagSet/item"); tag != NULL; tag = xml_view_next(tag)) {
        const char *key = xml_view_text(tag, "key");
        if (key != NULL && strcmp(key, "Name") == 0) {
            text_copy_for_display(xml_view_text(tag, "value"), instance->name, sizeof instance->name);
        }
    }
}

static void copy_address(const struct xml_node *item, struct ec2_api_instance *instance)
{
    static const char *const elements[] = {"privateIpAddress", "ipAddress", "ipv6Address"};
    for (size_t i = 0; i < sizeof elements / sizeof elements[0] && instance->address[0] == '\0'; i++) {
        text_copy_for_display(xml_view_text(item, elements[i]), instance->address, sizeof instance->address);
    }
}

static enum err copy_tags(const struct xml_node *item, struct ec2_api_instance *instance)
{
    size_t count = 0;
    for (const struct xml_node *tag = xml_view_child(item, "tagSet/item"); tag != NULL; tag = xml_view_next(tag)) {
        count++;
    }
    instance->tags = calloc(count + 1, sizeof *instance->tags);
    if (instance->tags == NULL) {
        return ERR_MEMORY;
    }
    for (const struct xml_node *tag = xml_view_child(item, "tagSet/item"); tag != NULL; tag = xml_view_next(tag)) {
        const char *key = xml_view_text(tag, "key");
        const char *value = xml_view_text(tag, "value");
        struct ec2_api_tag *copy = &instance->tags[instance->tag_count++];
        copy->key = strdup(key != NULL ? key : "");
        copy->value = strdup(value != NULL ? value : "");
        if (copy->key == NULL || copy->value == NULL) {
            return ERR_MEMORY;
        }
    }
    return ERR_OK;
}

/* An id may be shown, compared and sent back: nothing is cut or replaced in it. */
static enum err read_instance(const struct xml_node *item, struct ec2_api_instance *instance)
{
    const char *id = xml_view_text(item, "instanceId");
    text_copy_for_display(id, instance->id, sizeof instance->id);
    if (!text_is_given(id) || strcmp(id, instance->id) != 0) {
        return ERR_MALFORMED;
    }
    text_copy_for_display(xml_view_text(item, "instanceState/name"), instance->state, sizeof instance->state);
    copy_name_tag(item, instance);
    copy_address(item, instance);
    instance->has_role = xml_view_child(item, "iamInstanceProfile") != NULL;
    const char *launched = xml_view_text(item, "launchTime");
    if (launched == NULL || calendar_parse_timestamp(launched, &instance->launched_unix_s) != ERR_OK) {
        instance->launched_unix_s = 0;
    }
    return copy_tags(item, instance);
}

static enum err read_instances(const struct xml_node *root, struct ec2_api_instances *instances)
{
    const char *next_token = xml_view_text(root, "nextToken");
    size_t count = count_instances(root);
    if (count > LIMIT_API_INSTANCES || (next_token != NULL && strlen(next_token) > LIMIT_API_NEXT_TOKEN)) {
        return ERR_TOO_LONG;
    }
    instances->items = calloc(count + 1, sizeof *instances->items);
    if (instances->items == NULL) {
        return ERR_MEMORY;
    }
    for (const struct xml_node *reservation = xml_view_child(root, "reservationSet/item"); reservation != NULL;
         reservation = xml_view_next(reservation)) {
        for (const struct xml_node *item = first_instance(reservation); item != NULL; item = xml_view_next(item)) {
            TRY(read_instance(item, &instances->items[instances->count++]));
        }
    }
    if (text_is_given(next_token)) {
        instances->next_token = strdup(next_token);
        return instances->next_token == NULL ? ERR_MEMORY : ERR_OK;
    }
    return ERR_OK;
}

enum err ec2_api_parse_instances(const struct aws_reply *reply, struct ec2_api_instances *ret_instances,
                                 struct service_failure *ret_failure)
{
    AUTO(xml_view_free) struct xml_view *view = NULL;
    TRY(read_reply(reply, "DescribeInstancesResponse", &view, ret_failure));
    AUTO(ec2_api_instances_free) struct ec2_api_instances instances = {.items = NULL};
    enum err err = read_instances(xml_view_root(view), &instances);
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "the reply has an unusable list of instances", ret_failure);
    }
    ec2_api_instances_free(ret_instances);
    *ret_instances = instances;
    instances = (struct ec2_api_instances){.items = NULL};
    return ERR_OK;
}

enum err ec2_api_parse_started(const struct aws_reply *reply, struct service_failure *ret_failure)
{
    AUTO(xml_view_free) struct xml_view *view = NULL;
    return read_reply(reply, "StartInstancesResponse", &view, ret_failure);
}

/* ---- the console ---- */

/* In base64, which some services cut into lines. */
static enum err decode_output(const char *text, uint8_t **ret_output, size_t *ret_len)
{
    size_t len = strlen(text);
    AUTO_FREE char *packed = malloc(len + 1);
    AUTO_FREE uint8_t *output = malloc(BASE64_DECODED_SIZE(len) + 1);
    if (packed == NULL || output == NULL) {
        return ERR_MEMORY;
    }
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr(" \t\r\n", *at) == NULL) {
            packed[count++] = *at;
        }
    }
    *ret_len = 0;
    if (count > 0) {
        TRY(base64_decode(bytes_of(packed, count), output, ret_len));
    }
    *ret_output = MOVE(output);
    return ERR_OK;
}

enum err ec2_api_parse_console_output(const struct aws_reply *reply, const char *instance_id, uint8_t **ret_output,
                                      size_t *ret_len, struct service_failure *ret_failure)
{
    AUTO(xml_view_free) struct xml_view *view = NULL;
    TRY(read_reply(reply, "GetConsoleOutputResponse", &view, ret_failure));
    const char *id = xml_view_text(xml_view_root(view), "instanceId");
    const char *output = xml_view_text(xml_view_root(view), "output");
    if (id == NULL || strcmp(id, instance_id) != 0) {
        return service_failure_say(reply, ERR_MALFORMED, "the reply is about another instance", ret_failure);
    }
    enum err err = decode_output(output != NULL ? output : "", ret_output, ret_len);
    return err == ERR_OK ? err : service_failure_say(reply, err, "the output in the reply is unusable", ret_failure);
}
