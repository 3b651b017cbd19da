/* aws_name: host names of AWS services, for which ssm-lab answers when it is reached through its proxy. */
#ifndef SSM_LAB_AWS_NAME_H
#define SSM_LAB_AWS_NAME_H

#include <stdbool.h>

/* A name below amazonaws.com, amazonaws.com.cn, api.aws, api.amazonwebservices.com.cn or awsapps.com, without a port.
 */
bool aws_name_is_known(const char *host);

/* Of the message gateway: the first label begins with "ssmmessages". */
bool aws_name_is_gateway(const char *host);

#endif
