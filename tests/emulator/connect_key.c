#include "tests/emulator/connect_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/remove_tree.h"

#define DIR_NAME "connect-keys"

struct connect_key {
    struct connect_key_table *table;
    char node_id[40], user[40];
    char *line;
    struct loop_timer timer; /* the end of its minute */
    struct connect_key *next;
};

struct connect_key_table {
    struct lab *lab;
    struct connect_key *newest;
    size_t count;
    char dir[440];
};

#define PATH_SIZE (sizeof((struct connect_key_table *)0)->dir + 100)

static bool is_same(const struct connect_key *a, const struct connect_key *b)
{
    return strcmp(a->node_id, b->node_id) == 0 && strcmp(a->user, b->user) == 0;
}

/* ---- the files ---- */

static enum err write_lines(const struct connect_key_table *table, const struct connect_key *key, int fd)
{
    for (const struct connect_key *at = table->newest; at != NULL; at = at->next) {
        if (is_same(at, key) && dprintf(fd, "%s\n", at->line) < 0) {
            return ERR_SYSTEM;
        }
    }
    return ERR_OK;
}

/* All that is good for the account of this key, in one go: sshd may be reading. */
static enum err write_file(const struct connect_key *key)
{
    const struct connect_key_table *table = key->table;
    char dir[PATH_SIZE], path[PATH_SIZE + 50], next[PATH_SIZE + 60];
    snprintf(dir, sizeof dir, "%s/%s", table->dir, key->node_id);
    snprintf(path, sizeof path, "%s/%s", dir, key->user);
    snprintf(next, sizeof next, "%s/.next", dir);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return ERR_SYSTEM;
    }
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    enum err err = write_lines(table, key, fd);
    bool is_closed = close(fd) == 0;
    return err == ERR_OK && is_closed && rename(next, path) == 0 ? ERR_OK : ERR_SYSTEM;
}

/* ---- the table ---- */

static void drop(struct connect_key *key)
{
    struct connect_key **at = &key->table->newest;
    while (*at != key) {
        at = &(*at)->next;
    }
    *at = key->next;
    key->table->count--;
    event_loop_disarm(key->table->lab->loop, &key->timer);
}

static void key_free(struct connect_key *key)
{
    free(key->line);
    free(key);
}

static void expired(void *owner, uint64_t now_us)
{
    struct connect_key *key = owner;
    (void)now_us;
    drop(key);
    if (write_file(key) != ERR_OK) {
        log_error("the key of %s on %s could not be taken out", key->user, key->node_id);
    }
    key_free(key);
}

enum err connect_key_table_new(struct lab *lab, struct connect_key_table **ret_table)
{
    struct connect_key_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return ERR_MEMORY;
    }
    table->lab = lab;
    *ret_table = table;
    int len = snprintf(table->dir, sizeof table->dir, "%s/%s", lab->state_dir, DIR_NAME);
    if (len < 0 || (size_t)len >= sizeof table->dir) {
        return ERR_TOO_LONG;
    }
    return mkdir(table->dir, 0700) == 0 || errno == EEXIST ? ERR_OK : ERR_SYSTEM;
}

void connect_key_table_free(struct connect_key_table *table)
{
    while (table != NULL && table->newest != NULL) {
        struct connect_key *key = table->newest;
        drop(key);
        key_free(key);
    }
    if (table != NULL) {
        remove_tree(table->dir);
    }
    free(table);
}

const char *connect_key_dir(const struct connect_key_table *table)
{
    return table->dir;
}

enum err connect_key_accept(struct connect_key_table *table, const char *node_id, const char *user, const char *line)
{
    if (table->count >= LAB_LIMIT_CONNECT_KEYS) {
        return ERR_TOO_LONG;
    }
    struct connect_key *key = calloc(1, sizeof *key);
    char *copy = strdup(line);
    if (key == NULL || copy == NULL) {
        free(key);
        free(copy);
        return ERR_MEMORY;
    }
    snprintf(key->node_id, sizeof key->node_id, "%s", node_id);
    snprintf(key->user, sizeof key->user, "%s", user);
    key->table = table;
    key->line = copy;
    key->next = table->newest;
    table->newest = key;
    table->count++;
    key->timer = (struct loop_timer){.expired = expired, .owner = key};
    uint64_t life_us = (uint64_t)table->lab->faults.connect_key_ms * 1000u;
    event_loop_arm(table->lab->loop, &key->timer, event_loop_now_us() + life_us);
    return write_file(key);
}
