/* agent_version: what an agent of a version can do.
 *
 * Source: session-manager-plugin src/version/versionutil: a feature is there above a version of as many components. */
#ifndef SSM_PROXY_CORE_AGENT_VERSION_H
#define SSM_PROXY_CORE_AGENT_VERSION_H

#include <stdbool.h>

/* The last agent that carries one connection at a time in a session of type LocalPortForwarding. */
#define AGENT_VERSION_WITHOUT_STREAMS "3.0.196.0"

/* The last agent that ends a session for streams in which nothing has come for 30 s, whatever client it has. */
#define AGENT_VERSION_IMPATIENT "3.1.1511.0"

/* "3.3.40.0" is above "3.3.9.0". False whenever one of the two is no list of decimal numbers with dots between them,
 * or they are not of the same length. */
bool agent_version_is_above(const char *version, const char *floor);

#endif
