#include "tests/emulator/aws_name.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *const suffixes[] = {".amazonaws.com", ".amazonaws.com.cn", ".api.aws",
                                       ".api.amazonwebservices.com.cn", ".awsapps.com"};

bool aws_name_is_known(const char *host)
{
    size_t len = strlen(host);
    for (const char *at = host; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '.') {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        size_t suffix_len = strlen(suffixes[i]);
        if (len > suffix_len && len < 254 && host[0] != '.' && strcasecmp(host + len - suffix_len, suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool aws_name_is_gateway(const char *host)
{
    return strncasecmp(host, "ssmmessages", strlen("ssmmessages")) == 0;
}
