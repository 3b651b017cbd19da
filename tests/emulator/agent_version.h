/* agent_version: how amazon-ssm-agent compares version numbers. Source: docs/protocol.md, 7.5. */
#ifndef SSM_LAB_AGENT_VERSION_H
#define SSM_LAB_AGENT_VERSION_H

/* Below, at or above 0, as `left` is older, the same or newer. Component by component, as numbers where both are, as
 * text otherwise; of two that agree as far as both go, the one with more components is the newer. */
int agent_version_compare(const char *left, const char *right);

#endif
