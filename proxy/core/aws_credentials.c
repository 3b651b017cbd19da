#include "proxy/core/aws_credentials.h"

/* Header values: visible ASCII, nothing that could end a line or split a field. */
static bool is_header_safe(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') {
            return false;
        }
    }
    return true;
}

enum err aws_credentials_set(struct aws_credentials *credentials, const char *access_key_id,
                             const char *secret_access_key, const char *session_token)
{
    const char *token = session_token == NULL ? "" : session_token;
    if (*access_key_id == '\0' || *secret_access_key == '\0' || !is_header_safe(access_key_id) ||
        !is_header_safe(secret_access_key) || !is_header_safe(token)) {
        return ERR_MALFORMED;
    }
    size_t id_len = strlen(access_key_id);
    if (id_len > LIMIT_ACCESS_KEY_ID) {
        return ERR_TOO_LONG;
    }
    AUTO_SECRET struct secret secret = {0};
    AUTO_SECRET struct secret session = {0};
    TRY(secret_set(&secret, bytes_of_text(secret_access_key)));
    if (*token != '\0') {
        TRY(secret_set(&session, bytes_of_text(token)));
    }
    aws_credentials_wipe(credentials);
    memcpy(credentials->access_key_id, access_key_id, id_len + 1);
    credentials->secret_access_key = secret;
    credentials->session_token = session;
    secret = (struct secret){0};
    session = (struct secret){0};
    return ERR_OK;
}

void aws_credentials_move(struct aws_credentials *from, struct aws_credentials *to)
{
    aws_credentials_wipe(to);
    *to = *from;
    *from = (struct aws_credentials){0};
}

void aws_credentials_wipe(struct aws_credentials *credentials)
{
    secret_wipe(&credentials->secret_access_key);
    secret_wipe(&credentials->session_token);
    *credentials = (struct aws_credentials){0};
}
