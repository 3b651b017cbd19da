#include "proxy/edge/session_record.h"

#include "common/auto.h"
#include "common/sha256.h"
#include "proxy/edge/process_identity.h"
#include "proxy/edge/state_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SESSION_RECORD_MAGIC "ssm-bridge-session 1"
#define SESSION_RECORD_SUFFIX ".session"
#define SESSION_RECORD_NAME_SIZE (32 + sizeof SESSION_RECORD_SUFFIX)

/* A record that makes no sense, and one older than any session can be, are removed after this time; see the header. */
#define SESSION_RECORD_MALFORMED_S (24 * 60 * 60)
#define SESSION_RECORD_OVERAGE_S (7 * 24 * 60 * 60)

struct session_records {
    char path[STATE_DIRECTORY_PATH_SIZE];
    int directory; /* -1 until it is found or made */
    DIR *scan;     /* NULL before the first session_record_next_stale */
    bool is_scanned;
    unsigned looked_at;
    int claim; /* of the record that came last: a descriptor with a lock; or -1 */
};

static void session_record_close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* The descriptor, which its cleanup then no longer closes. */
static int session_record_move_fd(int *fd)
{
    int moved = *fd;
    *fd = -1;
    return moved;
}

/* ---- the directory ---- */

enum err session_record_open(const char *xdg_state_home, const char *home, struct session_records **ret_records)
{
    AUTO(session_record_close) struct session_records *records = calloc(1, sizeof *records);
    if (records == NULL) {
        return ERR_MEMORY;
    }
    records->directory = -1;
    records->claim = -1;
    TRY(state_directory_path(xdg_state_home, home, "sessions", records->path));
    records->directory = state_directory_find(records->path);
    *ret_records = MOVE(records);
    return ERR_OK;
}

void session_record_close(struct session_records **records)
{
    if (*records == NULL) {
        return;
    }
    session_record_close_fd(&(*records)->claim); /* drops the lock */
    if ((*records)->scan != NULL) {
        closedir((*records)->scan);
    }
    session_record_close_fd(&(*records)->directory);
    free(*records);
    *records = NULL;
}

static enum err session_record_make_directory(struct session_records *records, struct text *ret_why)
{
    return records->directory >= 0 ? ERR_OK : state_directory_make(records->path, &records->directory, ret_why);
}

/* A hash: the id in a record that was read from disk may hold what a file name may not. */
static enum err session_record_name(const char *session_id, char ret_name[SESSION_RECORD_NAME_SIZE])
{
    AUTO(sha256_free) struct sha256 *hash = NULL;
    uint8_t digest[SHA256_LEN];
    TRY(sha256_new(&hash));
    TRY(sha256_digest(hash, bytes_of_text(session_id), digest));
    bytes_to_hex(bytes_of(digest, 16), ret_name);
    (void)stpcpy(ret_name + 32, SESSION_RECORD_SUFFIX);
    return ERR_OK;
}

/* ---- the text ---- */

static void session_record_put_line(struct text *text, const char *key, const char *value)
{
    text_put(text, key);
    text_put_char(text, ' ');
    text_put(text, value);
    text_put_char(text, '\n');
}

static bool session_record_is_line(const char *value)
{
    for (; *value != '\0'; value++) {
        if (text_is_control(*value)) {
            return false;
        }
    }
    return true;
}

static enum err session_record_format(const struct session_record *record, const struct process_identity *self,
                                      struct text *text)
{
    if (record->session_id[0] == '\0' || !session_record_is_line(record->session_id) ||
        !session_record_is_line(record->region) || !session_record_is_line(record->endpoint_url) ||
        !session_record_is_line(record->profile)) {
        return ERR_MALFORMED;
    }
    text_put(text, SESSION_RECORD_MAGIC "\n");
    session_record_put_line(text, "session", record->session_id);
    session_record_put_line(text, "region", record->region);
    session_record_put_line(text, "endpoint", record->endpoint_url);
    session_record_put_line(text, "profile", record->profile);
    text_put(text, "process ");
    process_identity_put_process(self, text);
    text_put(text, "\nhost ");
    process_identity_put_host(self, text);
    text_put_char(text, '\n');
    return text_finish(text);
}

static enum err session_record_set(char *ret_field, size_t size, const char *value)
{
    struct text text = text_in(ret_field, size);
    text_put(&text, value);
    return session_record_is_line(value) ? text_finish(&text) : ERR_MALFORMED;
}

/* One line; keys of a newer version are passed over. */
static enum err session_record_parse_line(const char *line, struct session_record *record,
                                          struct process_identity *process)
{
    const char *value = strchr(line, ' ');
    if (value == NULL) {
        return ERR_MALFORMED;
    }
    struct bytes key = bytes_of(line, (size_t)(value - line));
    value++;
    if (bytes_equal_text(key, "session")) {
        return session_record_set(record->session_id, sizeof record->session_id, value);
    }
    if (bytes_equal_text(key, "region")) {
        return session_record_set(record->region, sizeof record->region, value);
    }
    if (bytes_equal_text(key, "endpoint")) {
        return session_record_set(record->endpoint_url, sizeof record->endpoint_url, value);
    }
    if (bytes_equal_text(key, "profile")) {
        return session_record_set(record->profile, sizeof record->profile, value);
    }
    if (bytes_equal_text(key, "process")) {
        return process_identity_parse_process(value, process);
    }
    if (bytes_equal_text(key, "host")) {
        return process_identity_parse_host(value, process);
    }
    return ERR_OK;
}

/* `text` is cut into lines. */
static enum err session_record_parse(char *text, struct session_record *record, struct process_identity *process)
{
    char *rest = text;
    const char *line = strsep(&rest, "\n");
    if (strcmp(line, SESSION_RECORD_MAGIC) != 0) {
        return ERR_MALFORMED;
    }
    for (line = strsep(&rest, "\n"); line != NULL && rest != NULL; line = strsep(&rest, "\n")) {
        TRY(session_record_parse_line(line, record, process));
    }
    bool is_whole = record->session_id[0] != '\0' && process->pid > 0 && process->host_name[0] != '\0';
    return is_whole && line != NULL && line[0] == '\0' ? ERR_OK : ERR_MALFORMED;
}

/* ---- writing ---- */

static enum err session_record_write_file(int directory, const char *name, struct bytes content)
{
    (void)unlinkat(directory, name, 0); /* of a run with the same pid that was killed here */
    AUTO(session_record_close_fd)
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    ssize_t put = write(fd, content.data, content.len);
    if (put >= 0 && (size_t)put < content.len) {
        errno = ENOSPC;
    }
    return put == (ssize_t)content.len ? ERR_OK : ERR_SYSTEM;
}

enum err session_record_write(struct session_records *records, const struct session_record *record,
                              struct text *ret_why)
{
    char content[LIMIT_SESSION_RECORD];
    struct text text = text_in(content, sizeof content);
    struct process_identity self;
    char name[SESSION_RECORD_NAME_SIZE];
    if (process_identity_self(&self) != ERR_OK) {
        text_put(ret_why, "/proc cannot be read");
        return ERR_SYSTEM;
    }
    if (session_record_format(record, &self, &text) != ERR_OK) {
        text_put(ret_why, "the session's values do not fit a record");
        return ERR_MALFORMED;
    }
    TRY(session_record_name(record->session_id, name));
    TRY(session_record_make_directory(records, ret_why));
    char temporary[64];
    struct text temporary_text = text_in(temporary, sizeof temporary);
    text_format(&temporary_text, ".tmp-%ld", self.pid);
    enum err err = session_record_write_file(records->directory, temporary, text_bytes(&text));
    if (err == ERR_OK && renameat(records->directory, temporary, records->directory, name) != 0) {
        err = ERR_SYSTEM;
    }
    if (err != ERR_OK) {
        text_format(ret_why, "a file in %s cannot be written: %s", records->path, strerror(errno));
        (void)unlinkat(records->directory, temporary, 0);
    }
    return err;
}

void session_record_remove(struct session_records *records, const char *session_id)
{
    char name[SESSION_RECORD_NAME_SIZE];
    if (records->directory >= 0 && session_record_name(session_id, name) == ERR_OK) {
        (void)unlinkat(records->directory, name, 0);
    }
}

/* ---- what others left ---- */

static bool session_record_is_older(const struct stat *status, time_t age_s)
{
    return time(NULL) - status->st_mtime > age_s;
}

/* Opened, and ours: a regular file of this user. -1 otherwise. */
static int session_record_open_file(int directory, const char *name, struct stat *ret_status)
{
    int fd = openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, ret_status) != 0 || !S_ISREG(ret_status->st_mode) || ret_status->st_uid != geteuid()) {
        close(fd);
        return -1;
    }
    return fd;
}

static enum err session_record_read(int fd, struct session_record *ret_record, struct process_identity *ret_process)
{
    char content[LIMIT_SESSION_RECORD + 1];
    ssize_t got = pread(fd, content, sizeof content, 0);
    if (got <= 0 || (size_t)got >= sizeof content || memchr(content, '\0', (size_t)got) != NULL) {
        return ERR_MALFORMED;
    }
    content[got] = '\0';
    *ret_record = (struct session_record){0};
    *ret_process = (struct process_identity){0};
    return session_record_parse(content, ret_record, ret_process);
}

/* Locked, and still the file of that name: whoever had the lock before may have ended the session and removed it. */
static bool session_record_lock(int directory, const char *name, int fd, const struct stat *status)
{
    struct stat now;
    return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstatat(directory, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
           now.st_dev == status->st_dev && now.st_ino == status->st_ino;
}

static bool session_record_ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name);
    size_t suffix_len = strlen(suffix);
    return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/* True when the entry is a stale record, which is then claimed. */
static bool session_record_claim(struct session_records *records, const char *name, struct session_record *ret_record)
{
    bool is_record = session_record_ends_with(name, SESSION_RECORD_SUFFIX);
    if (!is_record && strncmp(name, ".tmp-", 5) != 0) {
        return false;
    }
    struct stat status;
    AUTO(session_record_close_fd) int fd = session_record_open_file(records->directory, name, &status);
    if (fd < 0) {
        return false;
    }
    struct process_identity process;
    struct process_identity self;
    if (!is_record || session_record_read(fd, ret_record, &process) != ERR_OK) {
        if (session_record_is_older(&status, SESSION_RECORD_MALFORMED_S)) {
            (void)unlinkat(records->directory, name, 0);
        }
        return false;
    }
    if (process_identity_self(&self) != ERR_OK || !process_identity_is_gone(&process, &self)) {
        if (session_record_is_older(&status, SESSION_RECORD_OVERAGE_S)) {
            (void)unlinkat(records->directory, name, 0);
        }
        return false;
    }
    if (session_record_is_older(&status, SESSION_RECORD_OVERAGE_S)) { /* nobody could end it; the service has */
        (void)unlinkat(records->directory, name, 0);
        return false;
    }
    if (!session_record_lock(records->directory, name, fd, &status)) {
        return false;
    }
    records->claim = session_record_move_fd(&fd);
    return true;
}

bool session_record_next_stale(struct session_records *records, struct session_record *ret_record)
{
    session_record_close_fd(&records->claim);
    if (records->directory < 0 || records->is_scanned) {
        return false;
    }
    if (records->scan == NULL) {
        int own = openat(records->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        records->scan = own >= 0 ? fdopendir(own) : NULL;
        if (records->scan == NULL && own >= 0) {
            close(own);
        }
    }
    while (records->scan != NULL && records->looked_at < LIMIT_SESSION_RECORDS) {
        const struct dirent *entry = readdir(records->scan);
        if (entry == NULL) {
            break;
        }
        records->looked_at++;
        if (session_record_claim(records, entry->d_name, ret_record)) {
            return true;
        }
    }
    records->is_scanned = true;
    return false;
}
