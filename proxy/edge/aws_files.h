/* aws_files: the environment and the two shared files of AWS, read for core/aws_config. */
#ifndef SSM_PROXY_EDGE_AWS_FILES_H
#define SSM_PROXY_EDGE_AWS_FILES_H

#include "common/text.h"
#include "proxy/core/aws_config.h"

/* getenv as the core wants it. A secret stays where the kernel put it: in our environment. */
struct aws_config_environment aws_files_environment(void);

/* One file, read whole; owned, wiped on free because credentials are in it. */
struct aws_file {
    char *data; /* terminated; NULL when there is no such file */
    size_t len;
};

/* A file that is not there, or below a directory that is not there, is no error: data is NULL. ERR_CONFIG with words:
 * it cannot be read, is a directory, or is over LIMIT_CONFIG_FILE. A FIFO is read to its end (process substitution),
 * which must come until deadline_us (INSTANT_NEVER: as long as it takes); other devices are refused. */
enum err aws_files_read(const char *path, int64_t deadline_us, struct aws_file *ret_file,
                        struct text *ret_why) SSM_MUST_USE;

void aws_files_wipe(struct aws_file *file); /* safe to repeat; usable with AUTO() */

#endif
