#include "proxy/core/aws_settings.h"

#include "proxy/core/retry.h"

/* ---- region ---- */

static bool find_region(const struct aws_config *config, struct aws_config_setting *ret_region)
{
    const struct aws_config_names names = {
        .flag = config->input.flags.region,
        .flag_origin = "--region",
        .variables = {"AWS_REGION", "AWS_DEFAULT_REGION"},
        .key = "region",
        .key_origin = "region of the profile",
    };
    return aws_config_find(config, &names, ret_region);
}

bool aws_settings_has_region(const struct aws_config *config)
{
    struct aws_config_setting region;
    return find_region(config, &region);
}

/* "fips-us-east-1" and "us-east-1-fips" were names of endpoints before there was a setting for it. */
static bool is_fips_pseudo_region(const char *region)
{
    size_t len = strlen(region);
    return strncmp(region, "fips-", 5) == 0 || (len > 5 && strcmp(region + len - 5, "-fips") == 0);
}

enum err aws_settings_region(const struct aws_config *config, char ret_region[LIMIT_REGION + 1], struct text *ret_why)
{
    struct aws_config_setting region;
    if (!find_region(config, &region)) {
        text_format(ret_why, "no region: give --region, set AWS_REGION, or set region in profile \"%s\" of %s",
                    config->profile_name, config->input.config.path);
        return ERR_CONFIG;
    }
    if (!endpoint_region_is_valid(region.value)) {
        text_format(ret_why, "\"%.120s\" (%s) is not the name of a region", region.value, region.origin);
        return ERR_CONFIG;
    }
    if (is_fips_pseudo_region(region.value)) {
        text_format(ret_why, "\"%s\" (%s) names an endpoint: give the region, and set AWS_USE_FIPS_ENDPOINT=true",
                    region.value, region.origin);
        return ERR_CONFIG;
    }
    memcpy(ret_region, region.value, strlen(region.value) + 1);
    return ERR_OK;
}

/* ---- tries ---- */

#define LEGACY_TRIES 5 /* botocore's legacy mode, which was the AWS CLI 1's */
#define MOST_TRIES 100

static enum err choose_tries(const struct aws_config *config, int *ret_tries, struct text *ret_why)
{
    const struct aws_config_names mode_names = {
        .variables = {"AWS_RETRY_MODE"}, .key = "retry_mode", .key_origin = "retry_mode of the profile"};
    const struct aws_config_names number_names = {
        .variables = {"AWS_MAX_ATTEMPTS"}, .key = "max_attempts", .key_origin = "max_attempts of the profile"};
    struct aws_config_setting mode = {"standard", ""};
    struct aws_config_setting number;
    (void)aws_config_find(config, &mode_names, &mode);
    bool is_legacy = strcmp(mode.value, "legacy") == 0;
    if (!is_legacy && strcmp(mode.value, "standard") != 0 && strcmp(mode.value, "adaptive") != 0) {
        text_format(ret_why, "%s is none of standard, adaptive and legacy: \"%.120s\"", mode.origin, mode.value);
        return ERR_CONFIG;
    }
    int64_t tries = is_legacy ? LEGACY_TRIES : RETRY_TRIES;
    if (aws_config_find(config, &number_names, &number) &&
        text_parse_decimal(number.value, 1, MOST_TRIES, &tries) != ERR_OK) {
        text_format(ret_why, "%s is not a number from 1 to %d: \"%.120s\"", number.origin, MOST_TRIES, number.value);
        return ERR_CONFIG;
    }
    *ret_tries = (int)tries;
    return ERR_OK;
}

/* ---- trust ---- */

static enum err copy_path(const struct aws_config_names *names, const struct aws_config *config,
                          char ret_path[LIMIT_PATH + 1], struct text *ret_why)
{
    struct aws_config_setting setting = {"", ""};
    struct text path = text_in(ret_path, LIMIT_PATH + 1);
    (void)aws_config_find(config, names, &setting);
    text_put(&path, setting.value);
    if (path.overflowed) {
        text_format(ret_why, "the path in %s is too long", setting.origin);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

static enum err choose_ca(const struct aws_config *config, struct aws_settings *settings, struct text *ret_why)
{
    const struct aws_config_names bundle = {
        .flag = config->input.flags.ca_bundle,
        .flag_origin = "--ca-bundle",
        .variables = {"AWS_CA_BUNDLE"},
        .key = "ca_bundle",
        .key_origin = "ca_bundle of the profile",
    };
    const struct aws_config_names file = {.variables = {"SSL_CERT_FILE"}};
    const struct aws_config_names directory = {.variables = {"SSL_CERT_DIR"}};
    TRY(copy_path(&bundle, config, settings->ca_path, ret_why));
    if (settings->ca_path[0] != '\0') {
        return ERR_OK;
    }
    TRY(copy_path(&file, config, settings->ssl_cert_file, ret_why));
    return copy_path(&directory, config, settings->ssl_cert_dir, ret_why);
}

/* ---- all of it ---- */

enum err aws_settings_begin(const struct aws_config *config, struct aws_settings *ret_settings, struct text *ret_why)
{
    struct aws_settings settings = {.region = ""};
    memcpy(settings.profile, config->profile_name, sizeof settings.profile);
    TRY(choose_tries(config, &settings.tries, ret_why));
    TRY(choose_ca(config, &settings, ret_why));
    *ret_settings = settings;
    return ERR_OK;
}

enum err aws_settings_choose(const struct aws_config *config, struct aws_settings *ret_settings, struct text *ret_why)
{
    struct aws_settings settings;
    TRY(aws_settings_begin(config, &settings, ret_why));
    TRY(aws_settings_region(config, settings.region, ret_why));
    TRY(aws_service_endpoint(config, AWS_SERVICE_SSM, settings.region, &settings.api, ret_why));
    TRY(aws_service_gateway(config, settings.region, &settings.gateway, ret_why));
    *ret_settings = settings;
    return ERR_OK;
}

void aws_settings_apply_gateway(const struct aws_settings *settings, struct endpoint_url *stream_url)
{
    if (settings->gateway.replaces_address) {
        endpoint_replace_address(stream_url, &settings->gateway.url);
    }
}
