/* container_credentials: credentials from the agent of a container's host: ECS, EKS Pod Identity, Greengrass,
 * CloudShell.
 *
 *   AWS_CONTAINER_CREDENTIALS_RELATIVE_URI   below http://169.254.170.2; wins over
 *   AWS_CONTAINER_CREDENTIALS_FULL_URI       a whole URL: https to any host; http to this machine and to the agents'
 *                                            own addresses (169.254.170.2, 169.254.170.23, fd00:ec2::23) alone
 *   AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE   what is in it becomes the header Authorization; read again each time;
 *                                            wins over
 *   AWS_CONTAINER_AUTHORIZATION_TOKEN        that itself
 *
 * The call never goes through a proxy. Source: the AWS CLI 2.9 (botocore/utils.py, ContainerMetadataFetcher), which
 * knows neither the token file nor EKS's addresses; AWS SDKs and tools reference guide, "Container credential
 * provider". */
#ifndef SSM_PROXY_CORE_CONTAINER_CREDENTIALS_H
#define SSM_PROXY_CORE_CONTAINER_CREDENTIALS_H

#include "proxy/core/aws_config.h"
#include "proxy/core/credential_want.h"

struct container_credentials;

/* True when one of the two URI variables is set. */
bool container_credentials_are_offered(const struct aws_config *config);

/* Borrows `config`. ERR_CONFIG with words: a URI that makes no sense, or a host that gets no token. ERR_NO_CREDENTIALS
 * with words: neither variable is set. ERR_MEMORY. */
enum err container_credentials_new(const struct aws_config *config, struct container_credentials **ret_container,
                                   struct text *ret_why) SSM_MUST_USE;
void container_credentials_free(struct container_credentials **container); /* usable with AUTO() */

/* See credential_want.h. ERR_CREDENTIALS: the agent refuses (4xx: the token may have to be renewed), or what it gives
 * has expired. ERR_NO_CREDENTIALS: what it gives are none, or the token file is missing. ERR_UNREACHABLE, ERR_TIMEOUT,
 * ERR_SERVICE: no answer of use. */
enum err container_credentials_next(struct container_credentials *container, const struct credential_answer *answer,
                                    struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                                    struct text *ret_why) SSM_MUST_USE;

#endif
