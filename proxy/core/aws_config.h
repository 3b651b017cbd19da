/* aws_config: flags, environment and the two shared files, with the AWS CLI's precedence. Pure: the environment is a
 * function, the files are text that the edge has read. Region, CA and the like: aws_settings; endpoints: aws_service;
 * credentials: credential_chain.
 *
 *     struct aws_config_paths paths;
 *     TRY(aws_config_paths(&environment, &paths, &why));            which files to read
 *     ... the edge reads them ...
 *     AUTO(aws_config_free) struct aws_config *config = NULL;
 *     TRY(aws_config_open(&input, &config, &why));                  parses them, chooses the profile
 *
 * Every failure leaves one plain sentence in `ret_why`: what is wrong, where, and what to do. No secret is in it.
 *
 *   profile       --profile, AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". One that is asked for must exist.
 *
 * A variable that is set but empty counts as not set. A key of the credentials file wins over the same key of the same
 * profile in the config file. Source: the AWS CLI 2.9 (its botocore: session, configloader), the AWS SDKs
 * and tools reference guide. */
#ifndef SSM_PROXY_CORE_AWS_CONFIG_H
#define SSM_PROXY_CORE_AWS_CONFIG_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/text.h"
#include "proxy/core/aws_profile.h"
#include "proxy/core/endpoint.h"

/* Looks up an environment variable; NULL when unset. What it returns must outlive the struct aws_config. */
struct aws_config_environment {
    const char *(*get)(void *context, const char *name);
    void *context;
};

/* From the command line; each may be NULL. Borrowed. */
struct aws_config_flags {
    const char *profile;
    const char *region;
    const char *endpoint_url;
    const char *ca_bundle;
};

struct aws_config_paths {
    char config[LIMIT_PATH + 1];
    char credentials[LIMIT_PATH + 1];
};

/* AWS_CONFIG_FILE or ~/.aws/config, AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials; "~" and "~/" and $NAME or
 * ${NAME} are expanded as the AWS CLI does. The environment gives HOME; without it "~" stays and the file will not be
 * found. ERR_CONFIG when a path is over LIMIT_PATH. */
enum err aws_config_paths(const struct aws_config_environment *environment, struct aws_config_paths *ret_paths,
                          struct text *ret_why) SSM_MUST_USE;

/* One file as the edge found it. */
struct aws_config_file {
    const char *path;  /* for messages */
    struct bytes text; /* all of it; data NULL when there is no such file, which is no error */
};

/* All borrowed; must outlive the struct aws_config, except the files' texts and paths. */
struct aws_config_input {
    struct aws_config_environment environment;
    struct aws_config_flags flags;
    struct aws_config_file config;
    struct aws_config_file credentials;
};

/* The files, parsed, and the profile chosen. Owned by its creator; never copied, because the profile points into it. */
struct aws_config {
    struct aws_config_input input; /* the texts of the files are dropped */
    struct aws_config_paths paths; /* of the files, which `input` points to */
    struct aws_profile_files files;
    struct aws_profile profile;
    char profile_name[LIMIT_PROFILE + 1]; /* "default" when none was asked for */
    char found_region[LIMIT_REGION + 1];  /* see aws_config_set_region */
};

/* ERR_CONFIG: a file that cannot be parsed, a profile that is not there. ERR_MEMORY. */
enum err aws_config_open(const struct aws_config_input *input, struct aws_config **ret_config,
                         struct text *ret_why) SSM_MUST_USE;
void aws_config_free(struct aws_config **config); /* NULL inside is fine; usable with AUTO() */

/* From here on as if --region had said so: what the metadata service gave where nothing was configured. ERR_CONFIG when
 * it is no name of a region. */
enum err aws_config_set_region(struct aws_config *config, const char *region) SSM_MUST_USE;

/* An environment variable; NULL when it is not set or empty. */
const char *aws_config_variable(const struct aws_config *config, const char *name);

/* A key of the chosen profile (lower case), from the credentials file or else the config file; NULL when absent. */
const char *aws_config_get(const struct aws_config *config, const char *key);

/* ---- a setting: the first of a flag, some variables and a key of the profile ---- */

#define AWS_CONFIG_VARIABLES_MAX 4

/* Where to look; what is NULL is not looked at. */
struct aws_config_names {
    const char *flag; /* its value */
    const char *flag_origin;
    const char *variables[AWS_CONFIG_VARIABLES_MAX];
    const char *key;        /* of the profile */
    const char *key_origin; /* in words */
};

/* A value, never empty, and where a person finds it. Borrowed. */
struct aws_config_setting {
    const char *value;
    const char *origin;
};

/* False when it is nowhere. */
bool aws_config_find(const struct aws_config *config, const struct aws_config_names *names,
                     struct aws_config_setting *ret_setting);

/* A setting that is "true" or "false", in any case; false when it is nowhere. ERR_CONFIG for anything else: what was to
 * be switched on must not stay off without a word. */
enum err aws_config_switch(const struct aws_config *config, const char *variable, const char *key, bool *ret_is_on,
                           struct text *ret_why) SSM_MUST_USE;

#endif
