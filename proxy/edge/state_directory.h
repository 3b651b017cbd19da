/* state_directory: where what outlives a run is kept: $XDG_STATE_HOME/ssm-bridge, or ~/.local/state/ssm-bridge when
 * XDG_STATE_HOME is not set or not absolute, as the XDG base directory specification says. Directories that we make
 * have mode 0700; those that are there stay as they are. */
#ifndef SSM_PROXY_EDGE_STATE_DIRECTORY_H
#define SSM_PROXY_EDGE_STATE_DIRECTORY_H

#include "common/limits.h"
#include "common/text.h"

#define STATE_DIRECTORY_PATH_SIZE (LIMIT_PATH + 1)

/* The directory `name` below it, or it itself for "". The first two are the variables' values, or NULL. ERR_CONFIG when
 * they give no place, or too long a path. Nothing is looked at on the disk. */
enum err state_directory_path(const char *xdg_state_home, const char *home, const char *name,
                              char ret_path[STATE_DIRECTORY_PATH_SIZE]) SSM_MUST_USE;

/* A descriptor of it; -1 when it is not there, or not to be opened (errno). */
int state_directory_find(const char *path);

/* The same; what is missing of the path is made. ERR_SYSTEM with words. */
enum err state_directory_make(const char *path, int *ret_fd, struct text *ret_why) SSM_MUST_USE;

/* ERR_CONFIG with words unless it is this user's, and nobody else may write to it: who may could have us log in with a
 * key of his, or trust one. */
enum err state_directory_judge(int fd, const char *path, struct text *ret_why) SSM_MUST_USE;

#endif
