/* userctl_print: output of verbs whose words come from others: logs, state files, the network. */
#ifndef SSM_HOST_USERCTL_PRINT_H
#define SSM_HOST_USERCTL_PRINT_H

#include "common/json_view.h"

#include <stdbool.h>

/* On standard output. Whatever is not a printable character of ASCII is shown as \x1b: nothing drives the terminal. */
void userctl_print_safe(const char *words);

/* A JSON string; bytes from 0x7f up become '?'. NULL for NULL: json_object_set_new() then leaves the member out. */
json_t *userctl_print_string(const char *words);

/* One document and a line end; takes the reference. False: it could not be written. */
bool userctl_print_json(json_t *document);

#endif
