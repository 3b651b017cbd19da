/* ssh_tags: does the ssh in PATH know `Match tagged` (OpenSSH 9.4 and later)? An older one refuses the whole file. */
#ifndef SSM_PROXY_COMMAND_SSH_TAGS_H
#define SSM_PROXY_COMMAND_SSH_TAGS_H

#include "common/text.h"

/* False also when there is no ssh, or it gives no answer within some seconds. */
bool ssh_tags_are_known(void);

#endif
