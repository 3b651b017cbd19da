#include "proxy/core/target.h"

#include "common/text.h"

#include <arpa/inet.h>

/* ---- ids ---- */

static bool is_hex_tail(const char *text, size_t wanted)
{
    size_t len = strspn(text, "0123456789abcdef");
    return len == wanted && text[len] == '\0';
}

/* A cluster's name may have underscores in it; task and runtime id have none. */
static bool is_task(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if (strncmp(text, "ecs:", 4) != 0 || text[4 + strspn(text + 4, allowed)] != '\0') {
        return false;
    }
    const char *runtime = strrchr(text, '_');
    if (runtime == NULL || runtime[1] == '\0') {
        return false;
    }
    const char *task = memrchr(text, '_', (size_t)(runtime - text));
    return task != NULL && task + 1 < runtime && task > text + 4;
}

/* ---- regions ---- */

/* Skips `word`, or returns NULL. */
static const char *skip(const char *at, const char *word)
{
    size_t len = strlen(word);
    return at != NULL && strncmp(at, word, len) == 0 ? at + len : NULL;
}

/* The form that every region has: one of these, a word, '-', digits. Source: regionRegex of the partitions in the AWS
 * SDKs' endpoint rules. */
static bool is_region(const char *label, size_t len)
{
    static const char *const prefixes[] = {"us-gov-", "us-iso-", "us-isob-", "us-isof-", "eu-isoe-", "eusc-de-",
                                           "us-",     "eu-",     "ap-",      "sa-",      "ca-",      "me-",
                                           "af-",     "il-",     "mx-",      "cn-"};
    char region[LIMIT_REGION + 1];
    if (len > LIMIT_REGION) {
        return false;
    }
    memcpy(region, label, len);
    region[len] = '\0';
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        const char *word = skip(region, prefixes[i]);
        size_t word_len = word == NULL ? 0 : strspn(word, "abcdefghijklmnopqrstuvwxyz");
        const char *number = word_len == 0 ? NULL : skip(word + word_len, "-");
        size_t digits = number == NULL ? 0 : strspn(number, "0123456789");
        if (digits > 0 && digits <= 2 && number[digits] == '\0') {
            return true;
        }
    }
    return false;
}

/* ---- one whole ---- */

static void set_name(struct target *target, const char *text)
{
    target->kind = TARGET_NAME;
    memcpy(target->text, text, strlen(text) + 1);
    memcpy(target->tag_key, "Name", sizeof "Name");
}

/* KEY=VALUE, where the value may have '=' in it; or KEY:VALUE, where the key may have ':' in it, as AWS's own keys
 * have. */
static enum err set_tag(struct target *target, const char *text)
{
    const char *key = text + strlen("tag:");
    const char *separator = strchr(key, '=');
    separator = separator == NULL ? strrchr(key, ':') : separator;
    if (separator == NULL || separator == key || separator[1] == '\0' || separator - key > LIMIT_TAG_KEY) {
        return ERR_USAGE;
    }
    target->kind = TARGET_TAG;
    memcpy(target->text, text, strlen(text) + 1);
    memcpy(target->tag_key, key, (size_t)(separator - key));
    target->tag_key[separator - key] = '\0';
    target->tag_value_at = (size_t)(separator + 1 - text);
    return ERR_OK;
}

/* "[...]" is IPv6 alone. */
static bool set_address(struct target *target, const char *text)
{
    char bare[INET6_ADDRSTRLEN + 2];
    size_t len = strlen(text);
    bool has_brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (len >= sizeof bare) {
        return false;
    }
    memcpy(bare, text + (has_brackets ? 1 : 0), len + 1 - (has_brackets ? 1 : 0));
    bare[has_brackets ? len - 2 : len] = '\0';
    struct in6_addr ipv6;
    struct in_addr ipv4;
    const char *written = NULL;
    if (inet_pton(AF_INET6, bare, &ipv6) == 1) {
        written = inet_ntop(AF_INET6, &ipv6, target->text, sizeof target->text);
    } else if (!has_brackets && inet_pton(AF_INET, bare, &ipv4) == 1) {
        written = inet_ntop(AF_INET, &ipv4, target->text, sizeof target->text);
    }
    target->kind = TARGET_ADDRESS;
    return written != NULL;
}

/* HOST.REGION.ZONE, or HOST.ZONE where the zone is us-east-1's. Source: the EC2 user guide, instance hostname types. */
static const struct dns_zone {
    const char *zone;
    const char *region; /* NULL: the label before the zone */
    enum target_kind kind;
} dns_zones[] = {
    {".ec2.internal", "us-east-1", TARGET_PRIVATE_DNS},           {".compute.internal", NULL, TARGET_PRIVATE_DNS},
    {".compute-1.amazonaws.com", "us-east-1", TARGET_PUBLIC_DNS}, {".compute.amazonaws.com", NULL, TARGET_PUBLIC_DNS},
    {".compute.amazonaws.com.cn", NULL, TARGET_PUBLIC_DNS},
};

static bool is_host_label(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool is_letter = text[i] >= 'a' && text[i] <= 'z';
        if (!is_letter && text[i] != '-' && (text[i] < '0' || text[i] > '9')) {
            return false;
        }
    }
    return len > 0;
}

/* The host's name ends where its region begins, or its zone. */
static bool take_dns_region(struct target *target, const struct dns_zone *zone, size_t *ret_host_len)
{
    size_t len = strlen(target->text) - strlen(zone->zone);
    const char *region = zone->region;
    size_t region_len = region == NULL ? 0 : strlen(region);
    if (region == NULL) {
        const char *dot = memrchr(target->text, '.', len);
        if (dot == NULL) {
            return false;
        }
        region = dot + 1;
        region_len = len - (size_t)(region - target->text);
        len = (size_t)(dot - target->text);
    }
    if (!is_host_label(target->text, len) || !is_region(region, region_len)) {
        return false;
    }
    memcpy(target->region, region, region_len);
    target->region[region_len] = '\0';
    *ret_host_len = len;
    return true;
}

static bool ends_in(const char *text, const char *tail)
{
    size_t len = strlen(text);
    size_t tail_len = strlen(tail);
    return len > tail_len && strcmp(text + len - tail_len, tail) == 0;
}

static bool is_instance(const char *text)
{
    const char *digits = skip(text, "i-");
    return digits != NULL && (is_hex_tail(digits, 8) || is_hex_tail(digits, 17));
}

static bool set_dns(struct target *target, const char *text)
{
    size_t host_len = 0;
    for (size_t i = 0; i <= strlen(text); i++) {
        target->text[i] = text_lower(text[i]);
    }
    for (size_t i = 0; i < sizeof dns_zones / sizeof dns_zones[0]; i++) {
        if (ends_in(target->text, dns_zones[i].zone) && take_dns_region(target, &dns_zones[i], &host_len)) {
            target->kind = dns_zones[i].kind;
            char host[LIMIT_TARGET + 1];
            memcpy(host, target->text, host_len);
            host[host_len] = '\0';
            if (is_instance(host)) { /* the resource name: nothing is to be looked up */
                target->kind = TARGET_INSTANCE;
                memcpy(target->text, host, host_len + 1);
            }
            return true;
        }
    }
    return false;
}

static bool has_control_character(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (text_is_control(*at)) {
            return true;
        }
    }
    return false;
}

static enum err classify(const char *text, struct target *target)
{
    if (is_instance(text) || (strncmp(text, "mi-", 3) == 0 && is_hex_tail(text + 3, 17)) || is_task(text)) {
        target->kind = text[0] == 'i' ? TARGET_INSTANCE : text[0] == 'm' ? TARGET_MANAGED_NODE : TARGET_TASK;
        memcpy(target->text, text, strlen(text) + 1);
        return ERR_OK;
    }
    if (strncmp(text, "tag:", 4) == 0) {
        return set_tag(target, text);
    }
    if (!set_address(target, text) && !set_dns(target, text)) {
        set_name(target, text);
    }
    return ERR_OK;
}

enum err target_parse(const char *text, struct target *ret_target)
{
    size_t len = strnlen(text, LIMIT_TARGET + 1);
    if (len == 0 || len > LIMIT_TARGET || has_control_character(text)) {
        return ERR_USAGE;
    }
    struct target target = {.kind = TARGET_NAME};
    TRY(classify(text, &target));
    *ret_target = target;
    return ERR_OK;
}

/* ---- with a suffix ---- */

/* Reads `text` with the suffix that begins at `at`; `profile` is what follows the region, or NULL. False when that is
 * no reading. */
static bool read_suffix(const char *text, size_t at, struct bytes region, const char *profile, struct target *reading)
{
    char base[LIMIT_TARGET + 1];
    memcpy(base, text, at);
    base[at] = '\0';
    if (target_parse(base, reading) != ERR_OK || (profile != NULL && strlen(profile) > LIMIT_PROFILE)) {
        return false;
    }
    /* A DNS name has its region already: another one is none of its suffixes. */
    if (reading->region[0] != '\0' && !bytes_equal_text(region, reading->region)) {
        return false;
    }
    memcpy(reading->region, region.data, region.len);
    reading->region[region.len] = '\0';
    if (profile != NULL) {
        memcpy(reading->profile, profile, strlen(profile) + 1);
    }
    return true;
}

/* The length of a separator that begins at `at`: '.' or "--"; 0: there is none. */
static size_t separator_len(const char *at)
{
    return at[0] == '.' ? 1 : strncmp(at, "--", 2) == 0 ? 2 : 0;
}

/* A name may be a whole that happens to end so; nothing else is. */
static bool is_only_this(const struct target *reading)
{
    return reading->kind != TARGET_NAME && reading->kind != TARGET_TAG;
}

enum err target_read(const char *text, struct target ret_readings[TARGET_READINGS_MAX], size_t *ret_count)
{
    struct target *readings = ret_readings;
    TRY(target_parse(text, &readings[0]));
    size_t count = 1;
    for (size_t at = strlen(text); at > 0 && count < TARGET_READINGS_MAX && !is_only_this(&readings[0]); at--) {
        size_t separator = separator_len(text + at);
        const char *label = text + at + separator;
        size_t len = separator == 0 ? 0 : strcspn(label, ".");
        if (len == 0 || !is_region(label, len) || (label[len] == '.' && label[len + 1] == '\0')) {
            continue;
        }
        const char *profile = label[len] == '.' ? label + len + 1 : NULL;
        if (!read_suffix(text, at, bytes_of(label, len), profile, &readings[count])) {
            continue;
        }
        if (is_only_this(&readings[count])) {
            readings[0] = readings[count];
            count = 1;
        } else {
            count++;
        }
    }
    *ret_count = count;
    return ERR_OK;
}

enum err target_parse_port(const char *text, uint16_t *ret_port)
{
    int64_t port;
    if (text[0] == '0' || text_parse_decimal(text, 1, UINT16_MAX, &port) != ERR_OK) {
        return ERR_USAGE;
    }
    *ret_port = (uint16_t)port;
    return ERR_OK;
}
