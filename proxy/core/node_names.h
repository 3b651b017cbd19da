/* node_names: names of nodes that `ssm-proxy config` keeps, one a line, and whether one of them is a certain name. */
#ifndef SSM_PROXY_CORE_NODE_NAMES_H
#define SSM_PROXY_CORE_NODE_NAMES_H

#include "common/text.h"

/* Letters, digits, '-' and '_', the first a letter or a digit: a name without a dot, which nothing on the way from ssh
 * reads as anything else. */
bool node_names_is_usable(const char *name);

/* `file`: the kept names, as they lie on the disk. False for every name that is not usable, whatever the file holds. */
bool node_names_has(struct bytes file, const char *name);

#endif
