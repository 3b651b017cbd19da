/* aws_profile: one profile as the AWS CLI sees it, out of the shared config file and the shared credentials file.
 *
 * In the config file a profile is [default] or [profile NAME], where NAME may stand in shell quotes; of two sections
 * that mean the same profile the last counts. In the credentials file it is [NAME]. Keys of [DEFAULT], in capitals,
 * hold for every section of their file. Where both files have a key, the credentials file wins. Source: the AWS
 * CLI 2.9's botocore (configloader, session.full_config). */
#ifndef SSM_PROXY_CORE_AWS_PROFILE_H
#define SSM_PROXY_CORE_AWS_PROFILE_H

#include "common/ini.h"

/* Both files, parsed; a missing one is empty. Owned. */
struct aws_profile_files {
    struct ini config;
    struct ini credentials;
};

void aws_profile_files_free(struct aws_profile_files *files);

/* A view; lives as long as the files. Zero-initialised means a profile without keys. */
struct aws_profile {
    const struct aws_profile_files *files;
    const struct ini_section *in_config; /* NULL: not there */
    const struct ini_section *in_credentials;
};

/* Other profiles (source_profile) are found the same way. */
struct aws_profile aws_profile_find(const struct aws_profile_files *files, const char *name);

/* A section of another kind, in the config file: aws_profile_find_section(files, "sso-session", "corp") finds
 * [sso-session corp], with the same quotes and the same last one that counts. NULL when it is not there. */
const struct ini_section *aws_profile_find_section(const struct aws_profile_files *files, const char *kind,
                                                   const char *name);

/* The value of a key of such a section, or of [DEFAULT]; NULL when absent. */
const char *aws_profile_get_from_section(const struct aws_profile_files *files, const struct ini_section *section,
                                         const char *key);

static inline bool aws_profile_exists(const struct aws_profile *profile)
{
    return profile->in_config != NULL || profile->in_credentials != NULL;
}

/* The value of a key (lower case), or NULL. The first looks into both files, the others into one. */
const char *aws_profile_get(const struct aws_profile *profile, const char *key);
const char *aws_profile_get_from_config(const struct aws_profile *profile, const char *key);
const char *aws_profile_get_from_credentials(const struct aws_profile *profile, const char *key);

#endif
