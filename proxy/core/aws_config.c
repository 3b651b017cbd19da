#include "proxy/core/aws_config.h"

#include "proxy/core/ssm_api.h"

#define SERVICE_GATEWAY "ssmmessages"

static const char *filled(const char *value)
{
    return text_is_given(value) ? value : NULL;
}

const char *aws_config_variable(const struct aws_config *config, const char *name)
{
    const struct aws_config_environment *environment = &config->input.environment;
    return filled(environment->get(environment->context, name));
}

/* ---- opening ---- */

void aws_config_free(struct aws_config **config)
{
    if (*config != NULL) {
        aws_profile_files_free(&(*config)->files);
        free(*config);
        *config = NULL;
    }
}

static enum err parse_file(const struct aws_config_file *file, struct ini *ret_ini, struct text *ret_why)
{
    if (file->text.data == NULL) {
        return ERR_OK;
    }
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    enum err err = ini_parse(file->text, ret_ini, &why);
    if (err != ERR_OK) {
        text_format(ret_why, "%s: %s", file->path, err == ERR_CONFIG ? memory : err_text(err));
    }
    return err;
}

static void put_file(const struct aws_config_file *file, struct text *ret_why)
{
    text_format(ret_why, "%s%s", file->path, file->text.data == NULL ? " (no such file)" : "");
}

static enum err choose_profile(struct aws_config *config, struct text *ret_why)
{
    const char *name = filled(config->input.flags.profile);
    const char *asked_by = "--profile";
    const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0] && name == NULL; i++) {
        name = aws_config_variable(config, variables[i]);
        asked_by = variables[i];
    }
    struct text chosen = text_in(config->profile_name, sizeof config->profile_name);
    text_put(&chosen, name != NULL ? name : "default");
    if (chosen.overflowed) {
        text_format(ret_why, "the profile name in %s is longer than %d characters", asked_by, LIMIT_PROFILE);
        return ERR_CONFIG;
    }
    config->profile = aws_profile_find(&config->files, config->profile_name);
    if (name != NULL && !aws_profile_exists(&config->profile)) {
        text_format(ret_why, "there is no profile \"%s\" (%s) in ", name, asked_by);
        put_file(&config->input.config, ret_why);
        text_put(ret_why, " or ");
        put_file(&config->input.credentials, ret_why);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

static const char *keep_path(const char *path, char ret_path[LIMIT_PATH + 1])
{
    struct text text = text_in(ret_path, LIMIT_PATH + 1);
    text_put(&text, path);
    return ret_path;
}

enum err aws_config_open(const struct aws_config_input *input, struct aws_config **ret_config, struct text *ret_why)
{
    AUTO(aws_config_free) struct aws_config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        return ERR_MEMORY;
    }
    config->input = *input;
    config->input.config.path = keep_path(input->config.path, config->paths.config);
    config->input.credentials.path = keep_path(input->credentials.path, config->paths.credentials);
    TRY(parse_file(&input->config, &config->files.config, ret_why));
    TRY(parse_file(&input->credentials, &config->files.credentials, ret_why));
    TRY(choose_profile(config, ret_why));
    config->input.config.text = bytes_of(NULL, 0);
    config->input.credentials.text = bytes_of(NULL, 0);
    *ret_config = MOVE(config);
    return ERR_OK;
}

const char *aws_config_get(const struct aws_config *config, const char *key)
{
    return aws_profile_get(&config->profile, key);
}

/* ---- settings ---- */

/* A value and where a person finds it. */
struct setting {
    const char *value; /* NULL: nowhere */
    const char *origin;
};

static struct setting first_setting(struct setting flag, const struct aws_config *config, const char *const *variables,
                                    size_t count)
{
    struct setting found = {filled(flag.value), flag.origin};
    for (size_t i = 0; i < count && found.value == NULL; i++) {
        found = (struct setting){aws_config_variable(config, variables[i]), variables[i]};
    }
    return found;
}

static enum err choose_region(const struct aws_config *config, char ret_region[LIMIT_REGION + 1], struct text *ret_why)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    struct setting region =
        first_setting((struct setting){config->input.flags.region, "--region"}, config, variables, 2);
    if (region.value == NULL) {
        region = (struct setting){filled(aws_config_get(config, "region")), "region of the profile"};
    }
    if (region.value == NULL) {
        text_format(ret_why, "no region: give --region, set AWS_REGION, or set region in profile \"%s\" of %s",
                    config->profile_name, config->input.config.path);
        return ERR_CONFIG;
    }
    if (!endpoint_region_is_valid(region.value)) {
        text_format(ret_why, "\"%.120s\" (%s) is not the name of a region", region.value, region.origin);
        return ERR_CONFIG;
    }
    memcpy(ret_region, region.value, strlen(region.value) + 1);
    return ERR_OK;
}

static enum err parse_endpoint(struct setting setting, struct endpoint_url *ret_url, struct text *ret_why)
{
    if (strchr(setting.value, '?') != NULL || endpoint_parse(bytes_of_text(setting.value), ret_url) != ERR_OK) {
        text_format(ret_why, "the URL in %s cannot be used; it looks like https://host or https://host:port",
                    setting.origin);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

static bool ignores_endpoint_variables(const struct aws_config *config)
{
    const char *value = aws_config_variable(config, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    return value != NULL && strcasecmp(value, "true") == 0;
}

/* Plain http only to this machine: the session token travels in a header, the stream token in the reply. */
static enum err choose_api(const struct aws_config *config, struct aws_settings *settings, struct text *ret_why)
{
    static const char *const variables[] = {"AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL"};
    struct setting endpoint = first_setting((struct setting){config->input.flags.endpoint_url, "--endpoint-url"},
                                            config, variables, ignores_endpoint_variables(config) ? 0 : 2);
    if (endpoint.value == NULL) {
        struct endpoint_variant plain = {.fips = false};
        return endpoint_for_service(SSM_API_SERVICE, settings->region, plain, &settings->api);
    }
    TRY(parse_endpoint(endpoint, &settings->api, ret_why));
    bool is_plain_http = settings->api.scheme == ENDPOINT_HTTP && endpoint_is_loopback(&settings->api);
    if (settings->api.scheme != ENDPOINT_HTTPS && !is_plain_http) {
        text_format(ret_why, "the URL in %s must begin with https:// (http:// only for this machine)", endpoint.origin);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

static enum err choose_gateway(const struct aws_config *config, struct aws_settings *settings, struct text *ret_why)
{
    static const char *const variables[] = {"AWS_ENDPOINT_URL_SSMMESSAGES", "AWS_ENDPOINT_URL"};
    bool ignores = ignores_endpoint_variables(config);
    struct setting own = first_setting((struct setting){NULL, NULL}, config, variables, ignores ? 0 : 1);
    struct setting shared = first_setting((struct setting){config->input.flags.endpoint_url, "--endpoint-url"}, config,
                                          variables + 1, ignores ? 0 : 1);
    struct endpoint_url gateway;
    struct endpoint_variant plain = {.fips = false};
    settings->replaces_stream_address = own.value != NULL;
    if (own.value != NULL) {
        TRY(parse_endpoint(own, &gateway, ret_why));
        if (!endpoint_is_tls(&gateway)) {
            text_format(ret_why, "the URL in %s must begin with https:// or wss://", own.origin);
            return ERR_CONFIG;
        }
    } else if (shared.value != NULL) {
        TRY(parse_endpoint(shared, &gateway, ret_why));
    } else {
        TRY(endpoint_for_service(SERVICE_GATEWAY, settings->region, plain, &gateway));
    }
    gateway.scheme = ENDPOINT_WSS;
    settings->gateway = gateway;
    return ERR_OK;
}

static enum err copy_path(struct setting setting, char ret_path[LIMIT_PATH + 1], struct text *ret_why)
{
    struct text path = text_in(ret_path, LIMIT_PATH + 1);
    text_put(&path, setting.value == NULL ? "" : setting.value);
    if (path.overflowed) {
        text_format(ret_why, "the path in %s is too long", setting.origin);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

static enum err choose_ca(const struct aws_config *config, struct aws_settings *settings, struct text *ret_why)
{
    static const char *const variables[] = {"AWS_CA_BUNDLE"};
    struct setting bundle =
        first_setting((struct setting){config->input.flags.ca_bundle, "--ca-bundle"}, config, variables, 1);
    if (bundle.value == NULL) {
        bundle = (struct setting){filled(aws_config_get(config, "ca_bundle")), "ca_bundle of the profile"};
    }
    struct setting file = {aws_config_variable(config, "SSL_CERT_FILE"), "SSL_CERT_FILE"};
    struct setting directory = {aws_config_variable(config, "SSL_CERT_DIR"), "SSL_CERT_DIR"};
    if (bundle.value != NULL) {
        file.value = NULL;
        directory.value = NULL;
    }
    TRY(copy_path(bundle, settings->ca_path, ret_why));
    TRY(copy_path(file, settings->ssl_cert_file, ret_why));
    return copy_path(directory, settings->ssl_cert_dir, ret_why);
}

enum err aws_config_settings(const struct aws_config *config, struct aws_settings *ret_settings, struct text *ret_why)
{
    struct aws_settings settings = {.replaces_stream_address = false};
    memcpy(settings.profile, config->profile_name, sizeof settings.profile);
    TRY(choose_region(config, settings.region, ret_why));
    TRY(choose_api(config, &settings, ret_why));
    TRY(choose_gateway(config, &settings, ret_why));
    TRY(choose_ca(config, &settings, ret_why));
    *ret_settings = settings;
    return ERR_OK;
}

void aws_config_apply_gateway(const struct aws_settings *settings, struct endpoint_url *stream_url)
{
    if (settings->replaces_stream_address) {
        endpoint_replace_address(stream_url, &settings->gateway);
    }
}
