/* private_file: puts a small file with secrets in it, whole or not at all. Reading is aws_files_read's.
 *
 * Whoever opens the path finds the old content or the new, never a part: the content goes into a file beside it, which
 * then takes its name. Of several writers the last one wins. Nothing is synced to the disk: after a power failure a
 * cache may be missing. */
#ifndef SSM_PROXY_EDGE_PRIVATE_FILE_H
#define SSM_PROXY_EDGE_PRIVATE_FILE_H

#include "common/text.h"

/* `path` is absolute. The file has mode 0600, whatever it had before; directories that are missing are made with 0700,
 * the others stay as they are. A symbolic link stays one, when it leads to a file: that is replaced. ERR_SYSTEM with
 * words.
 */
enum err private_file_store(const char *path, struct bytes content, struct text *ret_why) SSM_MUST_USE;

#endif
