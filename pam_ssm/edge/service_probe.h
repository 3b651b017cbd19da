/* service_probe: tries the way to some services of AWS at once: name, connection to port 443, TLS with certificate and
 * host name, an answer. Each is tried by a process of its own, because nothing else ends a look-up of a name in time.
 */
#ifndef SSM_HOST_EDGE_SERVICE_PROBE_H
#define SSM_HOST_EDGE_SERVICE_PROBE_H

#include "pam_ssm/core/doctor_agent.h"

/* `host` of each is given; the rest is filled in. What is not done within `timeout_ms` is marked so. ERR_SYSTEM. */
enum err service_probe_run(struct doctor_probe *probes, size_t count, int64_t timeout_ms) SSM_MUST_USE;

#endif
