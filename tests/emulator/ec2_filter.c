#include "tests/emulator/ec2_filter.h"

#include <stdio.h>

#define VALUES_MAX 200 /* of all filters of a call */

static const char *filter_name(const struct form *form, unsigned filter)
{
    char key[40];
    snprintf(key, sizeof key, "Filter.%u.Name", filter);
    return form_get(form, key);
}

static const char *filter_value(const struct form *form, unsigned filter, unsigned number)
{
    char key[60];
    snprintf(key, sizeof key, "Filter.%u.Value.%u", filter, number);
    return form_get(form, key);
}

/* ---- one instance ---- */

/* A terminated instance has lost its addresses. */
static bool has_addresses(const struct instance *instance)
{
    return instance->state != INSTANCE_TERMINATED && instance->state != INSTANCE_SHUTTING_DOWN;
}

struct attributes {
    char state_code[8], profile_arn[128];
    struct {
        const char *name, *value; /* NULL: the instance has none */
    } list[16];
};

static void collect(const struct instance *instance, struct attributes *ret)
{
    bool has_any = has_addresses(instance), has_public = instance_has_public_address(instance);
    snprintf(ret->state_code, sizeof ret->state_code, "%d", (int)instance->state);
    snprintf(ret->profile_arn, sizeof ret->profile_arn, "arn:aws:iam::" LAB_ACCOUNT ":instance-profile/%s",
             instance->profile);
    struct attributes all = {
        .list = {
            {"instance-id", instance->id},
            {"instance-state-name", instance_state_name(instance->state)},
            {"instance-state-code", ret->state_code},
            {"private-ip-address", has_any ? instance->private_ipv4 : NULL},
            {"network-interface.addresses.private-ip-address", has_any ? instance->private_ipv4 : NULL},
            {"private-dns-name", has_any ? instance->private_dns : NULL},
            {"network-interface.private-dns-name", has_any ? instance->private_dns : NULL},
            {"network-interface.ipv6-addresses.ipv6-address", has_any ? instance->ipv6 : NULL},
            {"ipv6-address", has_any ? instance->ipv6 : NULL},
            {"ip-address", has_public ? instance->public_ipv4 : NULL},
            {"network-interface.addresses.association.public-ip", has_public ? instance->public_ipv4 : NULL},
            {"network-interface.association.public-ip", has_public ? instance->public_ipv4 : NULL},
            {"dns-name", has_public ? instance->public_dns : NULL},
            {"iam-instance-profile.arn", instance->profile[0] == '\0' ? NULL : ret->profile_arn},
            {"owner-id", LAB_ACCOUNT},
        }};
    memcpy(ret->list, all.list, sizeof ret->list);
}

static bool find(const struct attributes *attributes, const char *name, const char **ret_value)
{
    for (size_t i = 0; attributes->list[i].name != NULL; i++) {
        if (strcmp(attributes->list[i].name, name) == 0) {
            *ret_value = attributes->list[i].value;
            return true;
        }
    }
    return false;
}

/* `pattern` against the whole of `value`. On a mismatch behind a "*", that star takes one character more. */
static bool is_like(const char *pattern, const char *value)
{
    const char *star = NULL, *retry = NULL;
    while (*value != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            retry = value;
            continue;
        }
        bool is_escaped = *pattern == '\\' && pattern[1] != '\0';
        char wanted = is_escaped ? pattern[1] : *pattern;
        if (wanted == *value || (!is_escaped && wanted == '?')) {
            pattern += is_escaped ? 2 : 1;
            value++;
        } else if (star != NULL) {
            pattern = star;
            value = ++retry;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

static bool has_tag_key_like(const struct instance *instance, const char *pattern)
{
    for (const struct tag *tag = instance->tags; tag != NULL && tag->key != NULL; tag++) {
        if (is_like(pattern, tag->key)) {
            return true;
        }
    }
    return false;
}

static bool matches(const struct instance *instance, const char *name, const char *pattern)
{
    struct attributes attributes;
    const char *value = NULL;
    if (strcmp(name, "tag-key") == 0) {
        return has_tag_key_like(instance, pattern);
    }
    if (strncmp(name, "tag:", 4) == 0) {
        value = tag_value(instance->tags, name + 4);
    } else {
        collect(instance, &attributes);
        (void)find(&attributes, name, &value);
    }
    return value != NULL && is_like(pattern, value);
}

/* ---- the filters ---- */

bool ec2_filter_passes(const struct form *form, const struct instance *instance)
{
    const char *name = NULL, *value = NULL;
    for (unsigned filter = 1; (name = filter_name(form, filter)) != NULL; filter++) {
        bool is_match = false;
        for (unsigned number = 1; (value = filter_value(form, filter, number)) != NULL; number++) {
            is_match = is_match || matches(instance, name, value);
        }
        if (!is_match) {
            return false;
        }
    }
    return true;
}

static bool is_known(const char *name)
{
    static const struct instance nobody;
    struct attributes attributes;
    const char *ignored = NULL;
    collect(&nobody, &attributes);
    return strncmp(name, "tag:", 4) == 0 || strcmp(name, "tag-key") == 0 || find(&attributes, name, &ignored);
}

bool ec2_filter_check(const struct ec2_call *call)
{
    const char *name = NULL;
    unsigned values = 0;
    for (unsigned filter = 1; (name = filter_name(call->form, filter)) != NULL; filter++) {
        unsigned number = 1;
        if (!is_known(name)) {
            ec2_fail(call, 400, "InvalidParameterValue", "The filter '%.100s' is invalid", name);
            return false;
        }
        while (filter_value(call->form, filter, number) != NULL) {
            number++;
        }
        if (number == 1) {
            ec2_fail(call, 400, "InvalidParameterValue", "The filter '%.100s' has no value", name);
            return false;
        }
        values += number - 1;
    }
    if (values > VALUES_MAX) {
        ec2_fail(call, 400, "FilterLimitExceeded",
                 "The maximum number of filter values specified on a single call is %d", VALUES_MAX);
        return false;
    }
    return true;
}
