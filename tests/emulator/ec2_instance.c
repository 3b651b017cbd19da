/* DescribeInstances, GetConsoleOutput and StartInstances. */
#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "tests/emulator/ec2.h"
#include "tests/emulator/ec2_filter.h"
#include "tests/emulator/instance.h"

#define RESULT_SIZE (256 * 1024) /* a hundred instances */
#define TOKEN_PREFIX "lab-instances-"
#define PAGE_MIN 5
#define PAGE_MAX 1000

/* ---- ids ---- */

static const char *id_at(const struct form *form, unsigned number)
{
    char key[40];
    snprintf(key, sizeof key, "InstanceId.%u", number);
    return form_get(form, key);
}

static bool is_id(const char *id)
{
    size_t len = strlen(id);
    return strncmp(id, "i-", 2) == 0 && (len == 10 || len == 19) && strspn(id + 2, "0123456789abcdef") == len - 2;
}

/* All ids must exist, or the call fails. */
static bool check_ids(const struct ec2_call *call)
{
    char missing[1500];
    struct text list = text_in(missing, sizeof missing);
    const char *id = NULL;
    unsigned count = 0;
    for (unsigned number = 1; (id = id_at(call->form, number)) != NULL; number++) {
        if (!is_id(id)) {
            ec2_fail(call, 400, "InvalidInstanceID.Malformed", "Invalid id: \"%.200s\"", id);
            return false;
        }
        if (instance_find(call->lab->instances, id, call->region) == NULL) {
            text_format(&list, "%s%s", count++ == 0 ? "" : ", ", id);
        }
    }
    if (count > 0) {
        ec2_fail(call, 400, "InvalidInstanceID.NotFound", "The instance ID%s '%s' do%s not exist",
                 count == 1 ? "" : "s", missing, count == 1 ? "es" : "");
    }
    return count == 0;
}

static bool is_asked_for(const struct form *form, const struct instance *instance)
{
    const char *id = NULL;
    for (unsigned number = 1; (id = id_at(form, number)) != NULL; number++) {
        if (strcmp(id, instance->id) == 0) {
            return true;
        }
    }
    return id_at(form, 1) == NULL;
}

/* ---- one instance ---- */

static void put_state(struct text *text, const char *name, enum instance_state state)
{
    char code[8];
    snprintf(code, sizeof code, "%d", (int)state);
    xml_writer_open(text, name);
    xml_writer_element(text, "code", code);
    xml_writer_element(text, "name", instance_state_name(state));
    xml_writer_close(text, name);
}

static void put_tags(struct text *text, const struct tag *tags)
{
    xml_writer_open(text, "tagSet");
    for (; tags != NULL && tags->key != NULL; tags++) {
        xml_writer_open(text, "item");
        xml_writer_element(text, "key", tags->key);
        xml_writer_element(text, "value", tags->value);
        xml_writer_close(text, "item");
    }
    xml_writer_close(text, "tagSet");
}

static void put_interface(struct text *text, const struct instance *instance)
{
    text_put(text, "<networkInterfaceSet><item>");
    text_format(text, "<networkInterfaceId>eni-%s</networkInterfaceId><status>in-use</status>", instance->id + 2);
    xml_writer_element(text, "privateIpAddress", instance->private_ipv4);
    xml_writer_element(text, "privateDnsName", instance->private_dns);
    if (instance_has_public_address(instance)) {
        xml_writer_open(text, "association");
        xml_writer_element(text, "publicIp", instance->public_ipv4);
        xml_writer_element(text, "publicDnsName", instance->public_dns);
        xml_writer_element(text, "ipOwnerId", "amazon");
        xml_writer_close(text, "association");
    }
    text_put(text, "<ipv6AddressesSet><item>");
    xml_writer_element(text, "ipv6Address", instance->ipv6);
    text_put(text, "</item></ipv6AddressesSet></item></networkInterfaceSet>");
    xml_writer_element(text, "ipv6Address", instance->ipv6);
}

/* A terminated instance keeps its names and tags for an hour, and no address. */
static void put_addresses(struct text *text, const struct instance *instance)
{
    bool is_gone = instance->state == INSTANCE_TERMINATED || instance->state == INSTANCE_SHUTTING_DOWN;
    xml_writer_element(text, "privateDnsName", is_gone ? "" : instance->private_dns);
    xml_writer_element(text, "dnsName", instance_has_public_address(instance) ? instance->public_dns : "");
    if (is_gone) {
        text_put(text, "<networkInterfaceSet/>");
        return;
    }
    xml_writer_element(text, "privateIpAddress", instance->private_ipv4);
    if (instance_has_public_address(instance)) {
        xml_writer_element(text, "ipAddress", instance->public_ipv4);
    }
    put_interface(text, instance);
}

static void put_reason(struct text *text, const struct instance *instance)
{
    if (instance->state == INSTANCE_RUNNING || instance->state == INSTANCE_PENDING) {
        text_put(text, "<reason/>");
        return;
    }
    text_put(text, "<reason>User initiated</reason><stateReason><code>Client.UserInitiatedShutdown</code>"
                   "<message>Client.UserInitiatedShutdown: User initiated shutdown</message></stateReason>");
}

static void put_instance(struct text *text, const struct instance *instance)
{
    char launched[32], zone[80];
    struct tm tm;
    gmtime_r(&instance->launched_at, &tm);
    strftime(launched, sizeof launched, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
    snprintf(zone, sizeof zone, "%sa", instance->region);
    xml_writer_open(text, "item");
    xml_writer_element(text, "instanceId", instance->id);
    text_put(text, "<imageId>ami-00000000000000000</imageId>");
    put_state(text, "instanceState", instance->state);
    put_addresses(text, instance);
    put_reason(text, instance);
    text_put(text, "<amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>t3.micro</instanceType>");
    xml_writer_element(text, "launchTime", launched);
    xml_writer_open(text, "placement");
    xml_writer_element(text, "availabilityZone", zone);
    text_put(text, "<groupName/><tenancy>default</tenancy></placement><monitoring><state>disabled</state></monitoring>"
                   "<architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType>"
                   "<virtualizationType>hvm</virtualizationType><hypervisor>xen</hypervisor>");
    if (instance->profile[0] != '\0') {
        text_format(text,
                    "<iamInstanceProfile><arn>arn:aws:iam::" LAB_ACCOUNT ":instance-profile/%s</arn>"
                    "<id>AIPA00000000000000000</id></iamInstanceProfile>",
                    instance->profile);
    }
    if (instance->tags != NULL) {
        put_tags(text, instance->tags);
    }
    xml_writer_close(text, "item");
}

/* ---- DescribeInstances ---- */

struct page {
    size_t begin, len;
};

static bool parse_page(const struct ec2_call *call, struct page *ret_page)
{
    const char *limit = form_get(call->form, "MaxResults"), *token = form_get(call->form, "NextToken");
    int64_t len = PAGE_MAX, begin = 0;
    if (limit != NULL && id_at(call->form, 1) != NULL) {
        ec2_fail(call, 400, "InvalidParameterCombination",
                 "The parameter instancesSet cannot be used with the parameter maxResults");
        return false;
    }
    if (limit != NULL && text_parse_decimal(limit, PAGE_MIN, PAGE_MAX, &len) != ERR_OK) {
        ec2_fail(call, 400, "InvalidParameterValue",
                 "Value ( %.20s ) for parameter maxResults is invalid. Expecting a value between %d and %d.", limit,
                 PAGE_MIN, PAGE_MAX);
        return false;
    }
    bool is_token = token == NULL || strncmp(token, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0;
    if (!is_token ||
        (token != NULL && text_parse_decimal(token + strlen(TOKEN_PREFIX), 1, INT32_MAX, &begin) != ERR_OK)) {
        ec2_fail(call, 400, "InvalidNextToken", "The token '%.100s' is invalid", token);
        return false;
    }
    *ret_page = (struct page){(size_t)begin, (size_t)len};
    return true;
}

static const char *name_of(const struct instance *instance)
{
    const char *name = tag_value(instance->tags, "Name");
    return name == NULL ? "" : name;
}

/* Neighbours of one name were launched together: they share a reservation. */
static void put_in_reservation(struct text *text, const struct instance *previous, const struct instance *instance)
{
    bool is_shared = previous != NULL && strcmp(name_of(previous), name_of(instance)) == 0;
    if (previous != NULL && !is_shared) {
        text_put(text, "</instancesSet></item>");
    }
    if (!is_shared) {
        text_format(text,
                    "<item><reservationId>r-%s</reservationId><ownerId>" LAB_ACCOUNT
                    "</ownerId><groupSet/><instancesSet>",
                    instance->id + 2);
    }
    put_instance(text, instance);
}

/* With the fault page_size, the page is cut before the filters are applied. 0: it was the last. */
static size_t put_page(const struct ec2_call *call, const struct page *page, struct text *text)
{
    const struct instance *previous = NULL, *at = instance_first(call->lab->instances);
    size_t index = 0, count = 0, next = 0, limit = (size_t)call->lab->faults.page_size;
    for (; at != NULL && next == 0; at = at->next) {
        if (strcmp(at->region, call->region) != 0 || !is_asked_for(call->form, at) || index++ < page->begin) {
            continue;
        }
        bool is_match = ec2_filter_passes(call->form, at);
        if ((limit > 0 && index > page->begin + limit) || (is_match && count == page->len)) {
            next = index - 1;
        } else if (is_match) {
            put_in_reservation(text, previous, at);
            previous = at;
            count++;
        }
    }
    text_put(text, previous == NULL ? "" : "</instancesSet></item>");
    return next;
}

void ec2_instance_describe(const struct ec2_call *call)
{
    struct page page = {0};
    AUTO_FREE char *memory = malloc(RESULT_SIZE);
    if (memory == NULL) {
        ec2_fail(call, 500, "InternalError", "An internal error has occurred");
        return;
    }
    if (!check_ids(call) || !ec2_filter_check(call) || !parse_page(call, &page)) {
        return;
    }
    struct text text = text_in(memory, RESULT_SIZE);
    xml_writer_open(&text, "reservationSet");
    size_t next = put_page(call, &page, &text);
    xml_writer_close(&text, "reservationSet");
    if (next > 0) {
        text_format(&text, "<nextToken>" TOKEN_PREFIX "%zu</nextToken>", next);
    }
    ec2_reply(call, "DescribeInstances", &text);
}

/* ---- GetConsoleOutput ---- */

/* NULL after having failed the call. */
static const struct instance *asked_instance(const struct ec2_call *call)
{
    const char *id = form_get(call->form, "InstanceId");
    const struct instance *instance = id == NULL ? NULL : instance_find(call->lab->instances, id, call->region);
    if (id == NULL) {
        ec2_fail(call, 400, "MissingParameter", "The request must contain the parameter InstanceId");
    } else if (!is_id(id)) {
        ec2_fail(call, 400, "InvalidInstanceID.Malformed", "Invalid id: \"%.200s\"", id);
    } else if (instance == NULL) {
        ec2_fail(call, 400, "InvalidInstanceID.NotFound", "The instance ID '%.200s' does not exist", id);
    }
    return instance;
}

/* Without output, EC2 leaves that element out. */
void ec2_instance_console(const struct ec2_call *call)
{
    const struct instance *instance = asked_instance(call);
    if (instance == NULL) {
        return;
    }
    size_t len = instance->console == NULL ? 0 : strlen(instance->console), size = len / 3 * 4 + 1024;
    AUTO_FREE char *memory = malloc(size), *base64 = malloc(size);
    if (memory == NULL || base64 == NULL) {
        ec2_fail(call, 500, "InternalError", "An internal error has occurred");
        return;
    }
    char at[LAB_TIME_TEXT_SIZE];
    struct text text = text_in(memory, size);
    lab_time_text(len > 0 ? instance->console_at : lab_time(call->lab), at);
    xml_writer_element(&text, "instanceId", instance->id);
    xml_writer_element(&text, "timestamp", at);
    if (len > 0) {
        EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)instance->console, (int)len);
        xml_writer_element(&text, "output", base64);
    }
    ec2_reply(call, "GetConsoleOutput", &text);
}

/* ---- StartInstances ---- */

static bool check_start(const struct ec2_call *call)
{
    const char *id = NULL, *is_dry = form_get(call->form, "DryRun");
    if (id_at(call->form, 1) == NULL) {
        ec2_fail(call, 400, "MissingParameter", "The request must contain the parameter InstanceId");
        return false;
    }
    if (!check_ids(call)) {
        return false;
    }
    for (unsigned number = 1; (id = id_at(call->form, number)) != NULL; number++) {
        if (!instance_can_start(instance_find(call->lab->instances, id, call->region))) {
            ec2_fail(call, 400, "IncorrectInstanceState",
                     "The instance '%s' is not in a state from which it can be started.", id);
            return false;
        }
    }
    if (is_dry != NULL && strcmp(is_dry, "true") == 0) {
        ec2_fail(call, 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
        return false;
    }
    return true;
}

void ec2_instance_start(const struct ec2_call *call)
{
    char memory[32 * 1024];
    struct text text = text_in(memory, sizeof memory);
    const char *id = NULL;
    if (!check_start(call)) {
        return;
    }
    xml_writer_open(&text, "instancesSet");
    for (unsigned number = 1; (id = id_at(call->form, number)) != NULL; number++) {
        struct instance *instance = instance_find(call->lab->instances, id, call->region);
        enum instance_state before = instance->state;
        instance_start(instance);
        xml_writer_open(&text, "item");
        xml_writer_element(&text, "instanceId", id);
        put_state(&text, "currentState", instance->state);
        put_state(&text, "previousState", before);
        xml_writer_close(&text, "item");
    }
    xml_writer_close(&text, "instancesSet");
    ec2_reply(call, "StartInstances", &text);
}
