#include "tests/emulator/metadata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/emulator/identity.h"
#include "tests/emulator/listener.h"
#include "tests/emulator/settings.h"

#define CONTAINER_TOKEN_NAME "container-token"
#define FRESH_SECONDS 300

static const struct metadata_settings defaults = {.imds_enabled = true,
                                                  .imds_v1 = true,
                                                  .imds_v2 = true,
                                                  .imds_has_role = true,
                                                  .imds_fail_status = 500,
                                                  .imds_credential_seconds = 6 * 3600,
                                                  .container_fail_status = 500,
                                                  .container_credential_seconds = 6 * 3600};

static void free_texts(struct metadata_settings *settings)
{
    free(settings->imds_code);
    free(settings->imds_document);
    free(settings->container_document);
}

static void reset(struct metadata_settings *settings)
{
    free_texts(settings);
    *settings = defaults;
}

/* ---- life ---- */

static enum err set_container_token(struct metadata *metadata, const char *token)
{
    if (strlen(token) >= sizeof metadata->container_token) {
        return ERR_TOO_LONG;
    }
    strcpy(metadata->container_token, token);
    return identity_write_file(metadata->container_token_file, token);
}

enum err metadata_new(struct lab *lab, struct metadata **ret_metadata)
{
    struct metadata *metadata = calloc(1, sizeof *metadata);
    if (metadata == NULL) {
        return ERR_MEMORY;
    }
    *ret_metadata = metadata;
    char token[41];
    struct uuid id = uuid_v4(&lab->chance);
    uuid_to_text(&id, metadata->credential_id);
    metadata->settings = defaults;
    credential_store_random_text(&lab->chance, sizeof token - 1, token);
    int len = snprintf(metadata->container_token_file, sizeof metadata->container_token_file, "%s/%s", lab->state_dir,
                       CONTAINER_TOKEN_NAME);
    return len < 0 || (size_t)len >= sizeof metadata->container_token_file ? ERR_TOO_LONG
                                                                           : set_container_token(metadata, token);
}

void metadata_free(struct lab *lab, struct metadata *metadata)
{
    if (metadata == NULL) {
        return;
    }
    metadata_stop_listening(metadata);
    if (lab->owns_state_dir) {
        unlink(metadata->container_token_file);
    }
    free_texts(&metadata->settings);
    free(metadata);
}

static void adopt(void *vhost, int fd)
{
    (void)lws_adopt_socket_vhost(vhost, fd); /* closes it when it fails */
}

enum err metadata_listen(struct lab *lab, struct lws_vhost *vhost)
{
    struct metadata *metadata = lab->identity->metadata;
    const struct lab_options *options = &lab->options;
    struct listener_owner owner = {adopt, vhost};
    TRY(listener_new(lab->loop, &owner, options->imds_listen, options->imds_port, &metadata->imds_v4));
    TRY(listener_new(lab->loop, &owner, options->container_listen, options->container_port, &metadata->container));
    /* The same port, not a free one of its own: agents dial ::1 first, and somebody may serve at 127.0.0.1 there. */
    int port = listener_port(metadata->imds_v4);
    if (listener_new(lab->loop, &owner, options->imds_ipv6_listen, port, &metadata->imds_v6) != ERR_OK) {
        metadata->imds_v6 = NULL;
        log_debug("no instance metadata at %s", options->imds_ipv6_listen);
    }
    return ERR_OK;
}

void metadata_stop_listening(struct metadata *metadata)
{
    listener_free(metadata->imds_v4);
    listener_free(metadata->imds_v6);
    listener_free(metadata->container);
    metadata->imds_v4 = metadata->imds_v6 = metadata->container = NULL;
}

/* ---- requests ---- */

static void run(struct http_exchange *exchange, enum metadata_service service)
{
    struct metadata_settings *settings = &exchange->lab->identity->metadata->settings;
    bool is_imds = service == METADATA_IMDS;
    if (fault_take(is_imds ? &settings->imds_fail_next : &settings->container_fail_next)) {
        int64_t status = is_imds ? settings->imds_fail_status : settings->container_fail_status;
        http_exchange_reply(exchange, (int)status, "text/plain", "the lab was told to fail\n");
    } else if (is_imds) {
        imds_request(exchange);
    } else {
        container_request(exchange);
    }
}

static void imds_delay_is_over(void *owner, uint64_t now_us)
{
    (void)now_us;
    run(owner, METADATA_IMDS);
}

static void container_delay_is_over(void *owner, uint64_t now_us)
{
    (void)now_us;
    run(owner, METADATA_CONTAINER);
}

void metadata_request(struct http_exchange *exchange)
{
    struct metadata *metadata = exchange->lab->identity->metadata;
    bool is_imds = !listener_has_accepted(metadata->container, lws_get_socket_fd(exchange->wsi));
    enum metadata_service service = is_imds ? METADATA_IMDS : METADATA_CONTAINER;
    int64_t delay_ms = is_imds ? metadata->settings.imds_delay_ms : metadata->settings.container_delay_ms;
    delay_ms += is_imds && strcmp(exchange->request->method, "PUT") == 0 ? metadata->settings.imds_token_delay_ms : 0;
    (*(is_imds ? &metadata->counters.imds_requests : &metadata->counters.container_requests))++;
    log_debug("%s: %s %s", is_imds ? "imds" : "container", exchange->request->method, exchange->request->path);
    if (delay_ms <= 0) {
        run(exchange, service);
        return;
    }
    http_exchange_later(exchange, delay_ms, is_imds ? imds_delay_is_over : container_delay_is_over);
}

enum err metadata_credential(struct lab *lab, enum metadata_service service, const struct role *role,
                             const struct credential **ret_credential)
{
    struct metadata *metadata = lab->identity->metadata;
    char *held = metadata->given_key_id[service];
    const struct credential *credential = credential_store_find(lab->credentials, held);
    if (credential != NULL && !credential_store_is_expired(credential, lab_time(lab) + FRESH_SECONDS)) {
        *ret_credential = credential;
        return ERR_OK;
    }
    int64_t seconds = service == METADATA_IMDS ? metadata->settings.imds_credential_seconds
                                               : metadata->settings.container_credential_seconds;
    const char *session_name = service == METADATA_IMDS ? "i-0123456789abcdef0" : metadata->credential_id;
    TRY(role_issue(lab->credentials, role, session_name, lab_time(lab) + (time_t)seconds, &credential));
    strcpy(held, credential->access_key_id);
    *ret_credential = credential;
    return ERR_OK;
}

/* ---- ready line ---- */

static void set_url(json_t *object, const char *name, const char *address, int port, const char *path)
{
    char url[200];
    bool is_v6 = strchr(address, ':') != NULL;
    snprintf(url, sizeof url, "http://%s%s%s:%d%s", is_v6 ? "[" : "", address, is_v6 ? "]" : "", port, path);
    json_object_set_new(object, name, json_string(url));
}

void metadata_describe(const struct lab *lab, json_t *identity)
{
    const struct metadata *metadata = lab->identity->metadata;
    const struct lab_options *options = &lab->options;
    char path[80];
    set_url(identity, "imds_url", options->imds_listen, listener_port(metadata->imds_v4), "");
    if (metadata->imds_v6 != NULL) {
        set_url(identity, "imds_ipv6_url", options->imds_ipv6_listen, listener_port(metadata->imds_v6), "");
    }
    snprintf(path, sizeof path, "/v2/credentials/%s", metadata->credential_id);
    json_object_set_new(identity, "container_relative_uri", json_string(path));
    set_url(identity, "container_url", options->container_listen, listener_port(metadata->container), path);
    set_url(identity, "pod_url", options->container_listen, listener_port(metadata->container), "/v1/credentials");
    json_object_set_new(identity, "container_token", json_string(metadata->container_token));
    json_object_set_new(identity, "container_token_file", json_string(metadata->container_token_file));
}

/* ---- control ---- */

#define NUMBER(name)                                                                                                   \
    {                                                                                                                  \
#name, SETTING_NUMBER, offsetof(struct metadata_settings, name)                                                \
    }
#define BOOLEAN(name)                                                                                                  \
    {                                                                                                                  \
#name, SETTING_BOOLEAN, offsetof(struct metadata_settings, name)                                               \
    }
#define TEXT(name)                                                                                                     \
    {                                                                                                                  \
#name, SETTING_TEXT, offsetof(struct metadata_settings, name)                                                  \
    }
static const struct setting members[] = {
    BOOLEAN(imds_enabled),
    BOOLEAN(imds_v1),
    BOOLEAN(imds_v2),
    BOOLEAN(imds_has_role),
    TEXT(imds_code),
    TEXT(imds_document),
    NUMBER(imds_token_delay_ms),
    NUMBER(imds_delay_ms),
    NUMBER(imds_fail_next),
    NUMBER(imds_fail_status),
    NUMBER(imds_credential_seconds),
    BOOLEAN(container_needs_token),
    TEXT(container_document),
    NUMBER(container_delay_ms),
    NUMBER(container_fail_next),
    NUMBER(container_fail_status),
    NUMBER(container_credential_seconds),
    {"reset", ACTION_BOOLEAN, 0},
    {"imds_expire_tokens", ACTION_BOOLEAN, 0},
    {"imds_listening", ACTION_BOOLEAN, 0},
    {"container_listening", ACTION_BOOLEAN, 0},
    {"container_token", ACTION_TEXT, 0},
};

static enum err set_listening(struct listener *listener, const json_t *wanted)
{
    if (listener == NULL || wanted == NULL) {
        return ERR_OK;
    }
    return json_is_true(wanted) ? listener_open(listener) : listener_close(listener);
}

static enum err act(struct metadata *metadata, const json_t *object)
{
    const json_t *imds = json_object_get(object, "imds_listening");
    const char *token = json_string_value(json_object_get(object, "container_token"));
    if (json_is_true(json_object_get(object, "imds_expire_tokens"))) {
        memset(metadata->sessions, 0, sizeof metadata->sessions);
    }
    if (token != NULL) {
        TRY(set_container_token(metadata, token));
    }
    TRY(set_listening(metadata->imds_v4, imds));
    TRY(set_listening(metadata->imds_v6, imds));
    return set_listening(metadata->container, json_object_get(object, "container_listening"));
}

json_t *metadata_control(struct lab *lab, json_t *object, int *ret_status)
{
    struct metadata *metadata = lab->identity->metadata;
    const struct metadata_counters *counters = &metadata->counters;
    const struct settings settings = {members, sizeof members / sizeof members[0], "member"};
    char memory[200];
    struct text problem = text_in(memory, sizeof memory);
    *ret_status = 200;
    if (json_is_true(json_object_get(object, "reset"))) {
        reset(&metadata->settings);
    }
    if (object != NULL) {
        memset(metadata->given_key_id, 0, sizeof metadata->given_key_id); /* what follows counts for fresh ones */
        enum err err = settings_apply(&settings, &metadata->settings, object, &problem);
        if (err == ERR_OK && act(metadata, object) != ERR_OK) {
            err = ERR_SYSTEM;
            text_put(&problem, "a port could not be opened, or the token not be written");
        }
        if (err != ERR_OK) {
            *ret_status = 400;
            return json_pack("{s:s}", "error", memory);
        }
    }
    return json_pack("{s:{s:I,s:I,s:I,s:I,s:I}}", "counters", "imds_token_requests",
                     (json_int_t)counters->imds_token_requests, "imds_requests", (json_int_t)counters->imds_requests,
                     "imds_role_credentials", (json_int_t)counters->imds_role_credentials, "container_requests",
                     (json_int_t)counters->container_requests, "container_credentials",
                     (json_int_t)counters->container_credentials);
}
