/* imds: the instance metadata service of EC2: credentials of the instance's role, and the instance's region.
 *
 *   AWS_EC2_METADATA_DISABLED                 true: it is not asked
 *   AWS_EC2_METADATA_SERVICE_ENDPOINT         its URL; or ec2_metadata_service_endpoint of the profile; else
 *   AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE    IPv4 (http://169.254.169.254) or IPv6 (http://[fd00:ec2::254]); or
 *                                             ec2_metadata_service_endpoint_mode
 *   AWS_EC2_METADATA_V1_DISABLED              true: no request without a session token; or ec2_metadata_v1_disabled
 *   AWS_METADATA_SERVICE_TIMEOUT              seconds for one try (1); or metadata_service_timeout
 *   AWS_METADATA_SERVICE_NUM_ATTEMPTS         tries (1); or metadata_service_num_attempts
 *
 * First a session token (IMDSv2), then the role's name, then its credentials. Without a token (404, 403, 405, or no
 * answer) it is asked without one (IMDSv1) unless that is disabled. Where nothing answers at all, all of it together
 * takes one timeout per try: a second without settings. Nothing goes through a proxy.
 *
 * Credentials that have expired are used: the service gives out the last ones when it cannot renew them, and the other
 * services take them longer ("static stability").
 * Source: the AWS CLI 2.9 (botocore/utils.py, IMDSFetcher); EC2 user guide, "Use the Instance Metadata Service". */
#ifndef SSM_PROXY_CORE_IMDS_H
#define SSM_PROXY_CORE_IMDS_H

#include "proxy/core/aws_config.h"
#include "proxy/core/credential_want.h"

enum imds_item { IMDS_CREDENTIALS, IMDS_REGION };

struct imds;

/* Borrows `config`; what is wrong with it is said by the first step. ERR_MEMORY. */
enum err imds_new(const struct aws_config *config, enum imds_item item, struct imds **ret_imds) SSM_MUST_USE;
void imds_free(struct imds **imds); /* NULL inside is fine; usable with AUTO() */

/* There is a service, whatever it has said: then its words about having no credentials are worth telling. */
bool imds_has_answered(const struct imds *imds);

/* For IMDS_CREDENTIALS; see credential_want.h. ERR_NO_CREDENTIALS with words: it is turned off, nothing answers, the
 * instance has no role, it refuses. ERR_CONFIG: an endpoint or mode that cannot be used. ERR_SERVICE. */
enum err imds_next(struct imds *imds, const struct credential_answer *answer, struct credential_want *ret_want,
                   struct aws_credentials *ret_credentials, struct text *ret_why) SSM_MUST_USE;

/* For IMDS_REGION; the same steps, whose result is the region. */
enum err imds_next_region(struct imds *imds, const struct credential_answer *answer, struct credential_want *ret_want,
                          char ret_region[LIMIT_REGION + 1], struct text *ret_why) SSM_MUST_USE;

#endif
