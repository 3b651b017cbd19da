/* ssh_keywords: does the ssh in PATH know what it may be told in its configuration? It refuses a whole file for one
 * keyword that it does not know. */
#ifndef SSM_PROXY_COMMAND_SSH_KEYWORDS_H
#define SSM_PROXY_COMMAND_SSH_KEYWORDS_H

#include "common/text.h"

struct ssh_keywords {
    bool has_tag;                 /* `Match tagged`, OpenSSH 9.4 */
    bool has_known_hosts_command; /* OpenSSH 8.5 */
};

/* None of them when there is no ssh, or it gives no answer within some seconds. */
struct ssh_keywords ssh_keywords_ask(void);

#endif
