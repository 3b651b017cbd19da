#include "tests/emulator/lab_region.h"

#include <stdio.h>
#include <string.h>

#include "tests/emulator/aws_name.h"
#include "tests/emulator/signature.h"

static bool is_label(const char *host, const char *region)
{
    char label[80];
    snprintf(label, sizeof label, ".%s.", region);
    return strstr(host, label) != NULL;
}

const char *lab_region(const struct lab *lab, const struct http_request *request)
{
    const struct lab_options *options = &lab->options;
    char signed_region[65];
    const char *host = http_request_header(request, "host");
    if (options->other_region == NULL) {
        return options->region;
    }
    if (host != NULL && aws_name_is_known(host) && is_label(host, options->region)) {
        return options->region;
    }
    if (host != NULL && aws_name_is_known(host) && is_label(host, options->other_region)) {
        return options->other_region;
    }
    signature_region(request, signed_region);
    return strcmp(signed_region, options->other_region) == 0 ? options->other_region : options->region;
}
