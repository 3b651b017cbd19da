/* node_diagnosis: why a node takes no session, in one sentence: the cause and what to do about it, from what Systems
 * Manager and EC2 say about it. */
#ifndef SSM_PROXY_CORE_NODE_DIAGNOSIS_H
#define SSM_PROXY_CORE_NODE_DIAGNOSIS_H

#include "common/limits.h"
#include "common/text.h"

enum node_knowledge {
    NODE_UNKNOWN = 0, /* the service was not asked, or gave no answer, or may not be asked */
    NODE_ABSENT,      /* it knows no such node */
    NODE_PRESENT
};

/* Zero-initialised: nothing is known. */
struct node_facts {
    const char *id;
    const char *region;
    enum node_knowledge registration; /* with Systems Manager */
    bool is_online;                   /* PingStatus */
    int64_t last_ping_unix_s;         /* 0: unknown */
    enum node_knowledge instance;     /* of EC2 */
    char state[32];                   /* of the instance, EC2's word */
    bool has_role;                    /* an instance profile */
    char elsewhere[LIMIT_REGION + 1]; /* a region in which it is registered; "" none that is known */
    bool has_searched;                /* other regions were looked at, and all have answered */
};

/* False, and nothing in `text`, when too little is known to say more than that the node is not connected. */
bool node_diagnosis_put(const struct node_facts *facts, struct text *text);

#endif
