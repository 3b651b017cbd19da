#include "proxy/core/static_credentials.h"

#include "proxy/core/calendar.h"

/* Three values and the words for them. */
struct keys {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL: none */
    const char *secret_name;   /* of the second, as the person wrote it */
    const char *place;
};

static enum err use_keys(struct keys keys, enum aws_credentials_source source, struct aws_credentials *ret_credentials,
                         struct text *ret_why)
{
    if (!text_is_given(keys.access_key_id) || !text_is_given(keys.secret_access_key)) {
        text_format(ret_why, "half a pair of keys in %s: an access key id without %s", keys.place, keys.secret_name);
        return ERR_NO_CREDENTIALS;
    }
    enum err err = aws_credentials_set(ret_credentials, keys.access_key_id, keys.secret_access_key, keys.session_token);
    if (err == ERR_MALFORMED || err == ERR_TOO_LONG) {
        text_format(ret_why, "the keys in %s cannot be right: a key or the token %s", keys.place,
                    err == ERR_TOO_LONG ? "is too long" : "has blanks, control or non-ASCII characters");
        return ERR_NO_CREDENTIALS;
    }
    TRY(err);
    ret_credentials->source = source;
    return ERR_OK;
}

/* ---- environment ---- */

bool static_credentials_are_in_environment(const struct aws_config *config)
{
    return aws_config_variable(config, "AWS_ACCESS_KEY_ID") != NULL;
}

static enum err read_expiry(const char *expiration, int64_t unix_seconds, int64_t *ret_expires, struct text *ret_why)
{
    if (calendar_parse_timestamp(expiration, ret_expires) != ERR_OK) {
        text_put(ret_why, "AWS_CREDENTIAL_EXPIRATION is not a time like 2026-01-31T12:00:00Z");
        return ERR_NO_CREDENTIALS;
    }
    if (*ret_expires <= unix_seconds) {
        text_format(ret_why, "the keys in the environment were good until %.40s (AWS_CREDENTIAL_EXPIRATION)",
                    expiration);
        return ERR_CREDENTIALS;
    }
    return ERR_OK;
}

enum err static_credentials_of_environment(const struct aws_config *config, int64_t unix_seconds,
                                           struct aws_credentials *ret_credentials, struct text *ret_why)
{
    const char *legacy_token = aws_config_variable(config, "AWS_SECURITY_TOKEN");
    struct keys keys = {
        .access_key_id = aws_config_variable(config, "AWS_ACCESS_KEY_ID"),
        .secret_access_key = aws_config_variable(config, "AWS_SECRET_ACCESS_KEY"),
        .session_token = legacy_token != NULL ? legacy_token : aws_config_variable(config, "AWS_SESSION_TOKEN"),
        .secret_name = "AWS_SECRET_ACCESS_KEY",
        .place = "the environment",
    };
    const char *expiration = aws_config_variable(config, "AWS_CREDENTIAL_EXPIRATION");
    int64_t expires = 0;
    if (expiration != NULL) {
        TRY(read_expiry(expiration, unix_seconds, &expires, ret_why));
    }
    TRY(use_keys(keys, AWS_CREDENTIALS_ENVIRONMENT, ret_credentials, ret_why));
    ret_credentials->expires_unix_s = expires;
    return ERR_OK;
}

/* ---- files ---- */

static const char *get(const struct aws_profile *profile, enum aws_credentials_source source, const char *key)
{
    return source == AWS_CREDENTIALS_SHARED_FILE ? aws_profile_get_from_credentials(profile, key)
                                                 : aws_profile_get_from_config(profile, key);
}

bool static_credentials_are_in_file(const struct aws_profile *profile, enum aws_credentials_source source)
{
    return get(profile, source, "aws_access_key_id") != NULL;
}

enum err static_credentials_of_file(const struct aws_config *config, const struct aws_profile *profile,
                                    enum aws_credentials_source source, struct aws_credentials *ret_credentials,
                                    struct text *ret_why)
{
    const struct aws_config_input *input = &config->input;
    const char *legacy_token = get(profile, source, "aws_security_token");
    struct keys keys = {
        .access_key_id = get(profile, source, "aws_access_key_id"),
        .secret_access_key = get(profile, source, "aws_secret_access_key"),
        .session_token = legacy_token != NULL ? legacy_token : get(profile, source, "aws_session_token"),
        .secret_name = "aws_secret_access_key",
        .place = source == AWS_CREDENTIALS_SHARED_FILE ? input->credentials.path : input->config.path,
    };
    return use_keys(keys, source, ret_credentials, ret_why);
}
