#include "tests/emulator/service_error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void service_error_set(struct service_error *error, const char *type, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool is_fault = strcmp(type, "InternalServerError") == 0 || strcmp(type, "ServiceException") == 0;
    error->http_status = is_fault ? 500 : 400;
    snprintf(error->type, sizeof error->type, "%s", type);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
}
