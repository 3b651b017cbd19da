/* host_key_files: where host keys and notes about connections lie, below $XDG_STATE_HOME/ssm-bridge:
 *
 *     host-keys/i-0123456789abcdef0     core/host_key_cache; .lock behind it while somebody asks the node
 *     connections/                      edge/connection_notes, of core/connection_note
 *
 * Linked into ssh-answer: nothing here may need libcurl or OpenSSL. */
#ifndef SSM_PROXY_COMMAND_HOST_KEY_FILES_H
#define SSM_PROXY_COMMAND_HOST_KEY_FILES_H

#include "proxy/core/host_key_cache.h"
#include "proxy/edge/state_directory.h"

/* So long does ssh wait for keys that the node is asked for: known-hosts answers then, and connect says why. */
#define HOST_KEY_FILES_WAIT_S 10

/* ERR_CONFIG with words: there is no place. */
enum err host_key_files_connections(char ret_path[STATE_DIRECTORY_PATH_SIZE], struct text *ret_why) SSM_MUST_USE;

/* Of a node for which host_key_cache_is_for holds; as file_lock_try, and released by file_lock_release. */
enum err host_key_files_lock(const char *node_id, int *ret_fd, struct text *ret_why) SSM_MUST_USE;

/* What is kept for the node. ERR_NO_TARGET: nothing, or nothing that makes sense; others with words. */
enum err host_key_files_load(const char *node_id, struct host_key_cache *ret_cache, struct text *ret_why) SSM_MUST_USE;
enum err host_key_files_store(const struct host_key_cache *cache, struct text *ret_why) SSM_MUST_USE;

/* ERR_NO_TARGET: there was nothing; others with words. */
enum err host_key_files_forget(const char *node_id, struct text *ret_why) SSM_MUST_USE;

#endif
