/* metadata: the two plain-HTTP services that a machine finds beside itself: the instance metadata service of EC2
 * (imds.c) and the credential endpoint of containers (container.c), each at a loopback port of its own. What both share
 * is here: settings, counters, listeners, faults, and the credentials that they give out. */
#ifndef SSM_LAB_METADATA_H
#define SSM_LAB_METADATA_H

#include <jansson.h>

#include "tests/emulator/http_exchange.h"
#include "tests/emulator/role.h"

enum metadata_service { METADATA_IMDS, METADATA_CONTAINER, METADATA_SERVICE_COUNT };

struct metadata_settings {
    bool imds_enabled;           /* else everything is forbidden, as with the instance's endpoint turned off */
    bool imds_v1;                /* requests without a session token are answered */
    bool imds_v2;                /* session tokens are to be had */
    bool imds_has_role;          /* the instance has a profile */
    char *imds_document;         /* stands for the credentials document; NULL: the true one */
    char *imds_code;             /* of the credentials document, which then has none; NULL: Success */
    int64_t imds_token_delay_ms; /* of session tokens alone, as where a hop too many swallows them */
    int64_t imds_delay_ms, imds_fail_next, imds_fail_status, imds_credential_seconds;
    bool container_needs_token; /* /v2/credentials, too, wants Authorization */
    char *container_document;   /* as imds_document */
    int64_t container_delay_ms, container_fail_next, container_fail_status, container_credential_seconds;
};

struct metadata_counters {
    uint64_t imds_token_requests, imds_requests, imds_role_credentials, container_requests, container_credentials;
};

struct metadata_session {
    char token[57];
    time_t expires_unix_s;
};

struct listener;

struct metadata {
    struct metadata_settings settings;
    struct metadata_counters counters;
    struct metadata_session sessions[LAB_LIMIT_IMDS_SESSIONS]; /* the oldest makes room */
    size_t session_count;                                      /* ever made */
    char given_key_id[METADATA_SERVICE_COUNT][24];             /* of the credentials that were given out last */
    char credential_id[UUID_TEXT_SIZE];                        /* in the relative URI */
    char container_token[64];
    char container_token_file[440];
    struct listener *imds_v4, *imds_v6, *container; /* imds_v6 is NULL without ::1 */
};

/* The listeners come with metadata_listen. Writes the container's token into the lab's state_dir. */
enum err metadata_new(struct lab *lab, struct metadata **ret_metadata) SSM_MUST_USE;
/* Removes that file, too, when the directory is the lab's own. */
void metadata_free(struct lab *lab, struct metadata *metadata);

/* Opens the ports; connections go to `vhost`, which speaks plain HTTP. */
enum err metadata_listen(struct lab *lab, struct lws_vhost *vhost) SSM_MUST_USE;
void metadata_stop_listening(struct metadata *metadata);

/* A request that came to one of the ports; which one tells the service. */
void metadata_request(struct http_exchange *exchange);

/* Adds imds_url, imds_ipv6_url, container_url, ... to the ready line's "identity". */
void metadata_describe(const struct lab *lab, json_t *identity);

/* GET (`object` is NULL) and POST of /lab/metadata, as identity_control. */
json_t *metadata_control(struct lab *lab, json_t *object, int *ret_status);

/* Those of a role that the service has in hand, until they have less than five minutes left. */
enum err metadata_credential(struct lab *lab, enum metadata_service service, const struct role *role,
                             const struct credential **ret_credential) SSM_MUST_USE;

/* The services themselves. */
void imds_request(struct http_exchange *exchange);
void container_request(struct http_exchange *exchange);

#endif
