/* person_file: a small file that belongs to a person and is changed for them: whole or not at all, its mode kept, a
 * symbolic link left one, and what was there before kept beside it. */
#ifndef SSM_PROXY_EDGE_PERSON_FILE_H
#define SSM_PROXY_EDGE_PERSON_FILE_H

#include "common/limits.h"
#include "common/text.h"

#include <sys/stat.h>

#define PERSON_FILE_BACKUP_SUFFIX ".before-ssm-bridge"

/* Owned; AUTO(person_file_free). */
struct person_file {
    char path[LIMIT_PATH + 1]; /* without links; as given where there is no file yet */
    char backup[LIMIT_PATH + 1];
    bool exists;
    struct stat status;
    char *data; /* NULL when there is no file, or nothing in it */
    size_t len;
};

/* Reads it. `path` is absolute. A file that is not there is no error. ERR_CONFIG with words: a link to nothing, no
 * regular file, one with several names (hard links), over LIMIT_CONFIG_FILE, or not to be read. ERR_MEMORY. */
enum err person_file_open(const char *path, struct person_file *ret_file, struct text *ret_why) SSM_MUST_USE;

/* Puts `head` and then `tail` in place of its content; with a file that was there, its content goes to `backup` first.
 * A file that is new has mode 0600. ERR_CONFIG with words when somebody has changed it since it was read; ERR_SYSTEM
 * with words. Then nothing has changed. */
enum err person_file_replace(const struct person_file *file, struct bytes head, struct bytes tail,
                             struct text *ret_why) SSM_MUST_USE;

void person_file_free(struct person_file *file);

#endif
