/* remove_tree: a directory of ssm-lab's own, with everything in it. */
#ifndef SSM_LAB_REMOVE_TREE_H
#define SSM_LAB_REMOVE_TREE_H

/* What cannot be removed stays. Links are not followed. */
void remove_tree(const char *path);

#endif
