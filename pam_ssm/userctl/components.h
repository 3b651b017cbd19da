/* components: the parts of a node that ssm-userctl governs, each checked, mended and undone in the same way. */
#ifndef SSM_HOST_USERCTL_COMPONENTS_H
#define SSM_HOST_USERCTL_COMPONENTS_H

#include "pam_ssm/userctl/node.h"

/* All of one component's differences fit, or are cut. */
#define COMPONENT_TEXT (16 * 1024)

struct component {
    const char *name;
    /* Appends a line for each thing that is not as wanted: what is done about it. */
    enum err (*check)(struct node *node, struct text *differences, struct text *ret_why);
    /* Mends it and says what it did; when all is as wanted, it does and says nothing. */
    enum err (*apply)(struct node *node, struct text *ret_why);
    /* Takes what is ours away; with `restores`, what was there before comes back. */
    enum err (*undo)(struct node *node, bool restores, struct text *ret_why);
};

/* In the order in which they are applied: first what closes, so that no moment of it gives anything away. Ends with
 * NULL. */
extern const struct component *const components[];

#endif
