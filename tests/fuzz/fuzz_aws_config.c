/* aws_config, ini, aws_profile: any environment and any two files. The input is the environment (NAME=value lines), the
 * config file and the credentials file, each ended by a NUL byte; variables that begin with "--" are flags. What is
 * resolved is valid; what is refused has a sentence, without the secret in it. */
#include "tests/fuzz/fuzz_aws.h"

#include "proxy/core/aws_settings.h"
#include "proxy/core/http_proxy.h"

/* Where the only occurrence of MARK stands as the value of this line of a file, no sentence may contain it. */
#define SECRET_LINE "\naws_secret_access_key = "
#define MARK "Zx9+MARK"

static bool holds_secret(struct bytes file)
{
    const char *found = file.len == 0 ? NULL : memmem(file.data, file.len, SECRET_LINE MARK, strlen(SECRET_LINE MARK));
    return found != NULL;
}

static bool is_once(struct bytes input)
{
    const uint8_t *first = memmem(input.data, input.len, MARK, strlen(MARK));
    struct bytes rest = first == NULL ? bytes_of(NULL, 0) : bytes_from(input, (size_t)(first - input.data) + 1);
    return rest.len > 0 && memmem(rest.data, rest.len, MARK, strlen(MARK)) == NULL;
}

/* Every section and key is found again under its name, and every entry belongs to one section. */
static void check_ini(struct bytes file)
{
    char words[256];
    struct text why = text_in(words, sizeof words);
    AUTO(ini_free) struct ini ini = {.memory = NULL};
    enum err err = ini_parse(file, &ini, &why);
    MUST(err == ERR_OK || (err == ERR_CONFIG && why.len > 0));
    size_t entries = 0;
    for (size_t i = 0; i < ini.section_count; i++) {
        const struct ini_section *section = &ini.sections[i];
        MUST(section->entry_at == entries && ini_find_section(&ini, section->name) == section);
        entries += section->entry_count;
        MUST(entries <= ini.entry_count);
        for (size_t j = section->entry_at; j < entries; j++) {
            const struct ini_entry *entry = &ini.entries[j];
            MUST(entry->nested != NULL || ini_get(&ini, section, entry->key) == entry->value);
            MUST(entry->nested == NULL || ini_get_nested(&ini, section, entry->key, entry->nested) != NULL);
        }
    }
    MUST(entries == ini.entry_count);
}

static void check_settings(const struct aws_settings *settings)
{
    MUST(endpoint_region_is_valid(settings->region) && settings->profile[0] != '\0');
    MUST(settings->api.scheme == ENDPOINT_HTTPS ||
         (settings->api.scheme == ENDPOINT_HTTP && endpoint_is_loopback(&settings->api)));
    const struct aws_service_gateway *gateway = &settings->gateway;
    MUST(gateway->url.scheme == ENDPOINT_WSS && gateway->url.host[0] != '\0' && gateway->url.port != 0);
    MUST(gateway->is_known || !gateway->replaces_address);
    MUST(settings->ca_path[0] == '\0' || (settings->ssl_cert_file[0] == '\0' && settings->ssl_cert_dir[0] == '\0'));
}

static void resolve(const struct aws_config_input *input, struct text *why)
{
    AUTO(aws_config_free) struct aws_config *config = NULL;
    enum err err = aws_config_open(input, &config, why);
    MUST((err == ERR_OK && why->len == 0) || (err == ERR_CONFIG && why->len > 0));
    if (err != ERR_OK) {
        return;
    }
    struct aws_settings settings;
    err = aws_settings_choose(config, &settings, why);
    MUST((err == ERR_OK && why->len == 0) || (err == ERR_CONFIG && why->len > 0));
    if (err == ERR_OK) {
        check_settings(&settings);
    }
}

static void check_proxy(const struct aws_config_environment *environment)
{
    char words[512];
    struct text why = text_in(words, sizeof words);
    AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = NULL};
    enum err err = http_proxy_find(environment, &proxy, &why);
    MUST(err == ERR_OK || (err == ERR_CONFIG && why.len > 0));
    static const char *const urls[] = {"https://ssm.eu-west-1.amazonaws.com", "https://10.1.2.3:8443",
                                       "wss://[fd00::1]/"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct endpoint_url url;
        MUST(endpoint_parse(bytes_of_text(urls[i]), &url) == ERR_OK);
        MUST(!http_proxy_applies(&proxy, &url) || (proxy.variable != NULL && proxy.address.port != 0));
    }
    MUST(proxy.variable == NULL || strchr(proxy.url, '@') == NULL);
}

static void check_paths(const struct aws_config_environment *environment)
{
    char words[256];
    struct text why = text_in(words, sizeof words);
    struct aws_config_paths paths;
    enum err err = aws_config_paths(environment, &paths, &why);
    MUST(err == ERR_OK || (err == ERR_CONFIG && why.len > 0));
    MUST(err != ERR_OK || (strlen(paths.config) <= LIMIT_PATH && strlen(paths.credentials) <= LIMIT_PATH));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char words[64 * 1024];
    struct text why = text_in(words, sizeof words);
    struct bytes rest = bytes_of(data, size);
    AUTO(fuzz_environment_free)
    struct fuzz_environment environment = fuzz_environment_read(fuzz_take_until(&rest, '\0'));
    struct bytes config = fuzz_take_until(&rest, '\0');
    struct bytes credentials = fuzz_take_until(&rest, '\0');
    struct aws_config_input input = {
        .environment = {fuzz_environment_look_up, &environment},
        .flags = {fuzz_environment_look_up(&environment, "--profile"),
                  fuzz_environment_look_up(&environment, "--region"),
                  fuzz_environment_look_up(&environment, "--endpoint-url"),
                  fuzz_environment_look_up(&environment, "--ca-bundle")},
        .config = {"config", config},
        .credentials = {"credentials", credentials},
    };
    check_ini(config);
    check_paths(&input.environment);
    check_proxy(&input.environment);
    resolve(&input, &why);
    bool has_secret = holds_secret(config) || holds_secret(credentials);
    MUST(!has_secret || !is_once(bytes_of(data, size)) || strstr(words, MARK) == NULL);
    return 0;
}
