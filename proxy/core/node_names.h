/* node_names: names of nodes that `config --install` and `ls` keep, one a line: for ssh, and for the completion of
 * command lines. */
#ifndef SSM_PROXY_CORE_NODE_NAMES_H
#define SSM_PROXY_CORE_NODE_NAMES_H

#include "common/text.h"

/* What is kept: no control characters, also none of ISO 8859-1, and no first '-' or '#'. It may be anything else. */
bool node_names_is_kept(struct bytes name);

/* What ssh may ask for: letters, digits, '-' and '_', the first a letter or a digit: a name without a dot, which
 * nothing on the way from ssh reads as anything else. */
bool node_names_is_usable(const char *name);

/* `file`: the kept names, as they lie on the disk. False for every name that is not usable, whatever the file holds. */
bool node_names_has(struct bytes file, const char *name);

/* Takes the next name from the beginning of the file, past lines that are none. False at its end. */
bool node_names_next(struct bytes *file, struct bytes *ret_name);

#endif
