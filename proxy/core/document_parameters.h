/* document_parameters: the parameters of a document as a person writes them on a command line:
 *
 *     command=tail -f /var/log/syslog                       one parameter, up to the end
 *     {"command": "ls", "portNumber": ["22"]}               several; a value stands for a list of that one
 *
 * Into what the API wants: an object of lists of strings. */
#ifndef SSM_PROXY_CORE_DOCUMENT_PARAMETERS_H
#define SSM_PROXY_CORE_DOCUMENT_PARAMETERS_H

#include "common/json_view.h"

/* The caller owns *ret_parameters (AUTO_JSON). ERR_USAGE with words: neither of the two, a name or list that is empty,
 * a value that is no text. ERR_MEMORY. */
enum err document_parameters_parse(const char *text, json_t **ret_parameters, struct text *ret_why) SSM_MUST_USE;

#endif
