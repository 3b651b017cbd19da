/* sudoers_apply: makes our file below sudoers.d what policy, grants and limited.d say. Nothing is written where nothing
 * differs.
 *
 * What visudo does not accept is never installed, or taken back. A change that gives more is also taken back when sudo
 * does not do what it says; one that gives less stands then, with is_outranked: taking it back would only give more. */
#ifndef SSM_HOST_USERCTL_SUDOERS_APPLY_H
#define SSM_HOST_USERCTL_SUDOERS_APPLY_H

#include "pam_ssm/userctl/node.h"

enum sudoers_apply_how {
    SUDOERS_LOOK,    /* only find out whether something differs */
    SUDOERS_SHOW,    /* and print what would be in our file then */
    SUDOERS_TIGHTEN, /* it gives no more than what is installed, or mends that */
    SUDOERS_LOOSEN   /* it may give more */
};

struct sudoers_apply {
    struct node *node; /* with the lock when something is written */
    enum sudoers_apply_how how;
    int64_t planned_not_after_unix_s; /* when a grant ends that is not written down yet; 0: there is none */
    bool accepts_findings;            /* the linter's errors are accepted, and remembered for this list */
};

struct sudoers_applied {
    bool has_changed;  /* or would have */
    bool is_outranked; /* sudo gives the user another answer than our file, or none; the words are in ret_why */
};

/* ERR_DENIED: the linter found errors (they are said), or this sudo cannot do it; ERR_CONFIG: visudo, or a list. A node
 * without sudo needs nothing. */
enum err sudoers_apply(const struct sudoers_apply *wish, struct sudoers_applied *ret_applied,
                       struct text *ret_why) SSM_MUST_USE;

/* Takes our file away. */
enum err sudoers_apply_undo(const struct node *node, struct text *ret_why) SSM_MUST_USE;

#endif
