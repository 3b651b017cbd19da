#include "pam_ssm/edge/account.h"

#include "common/auto.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* One line of passwd or group: a group with thousands of members fits. */
#define LINE_SIZE (256 * 1024)

/* Groups of one account; Linux allows 65536, useradd and people far fewer. */
#define GROUPS_MAX 1024

static enum err refuse(const char *what, int error, struct text *ret_why)
{
    text_format(ret_why, "%s: %s", what, strerror(error));
    errno = error;
    return error == ERANGE ? ERR_TOO_LONG : ERR_SYSTEM;
}

static void close_file(FILE **file)
{
    if (*file != NULL) {
        (void)fclose(*file);
    }
}

static enum err copy(const char *string, char *target, size_t size)
{
    struct text text = text_in(target, size);
    text_put(&text, string);
    return text_finish(&text);
}

/* ---- login.defs ---- */

/* "KEY VALUE": absent, or no number, gives what shadow-utils take then. */
static int64_t read_login_definition(const char *key, int64_t otherwise)
{
    AUTO(close_file) FILE *file = fopen("/etc/login.defs", "re");
    char line[512];
    int64_t value = otherwise;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *state = NULL;
        const char *word = strtok_r(line, " \t\r\n", &state);
        const char *number = word != NULL && strcmp(word, key) == 0 ? strtok_r(NULL, " \t\r\n", &state) : NULL;
        if (number != NULL) {
            (void)!text_parse_decimal(number, 0, UINT32_MAX - 1, &value);
        }
    }
    return value;
}

static void read_uid_range(int64_t *ret_min, int64_t *ret_max)
{
    *ret_min = read_login_definition("UID_MIN", 1000);
    *ret_max = read_login_definition("UID_MAX", 60000);
}

/* ---- users ---- */

/* One turn over /etc/passwd itself: is it there, and who else is what? */
static enum err read_local_users(const struct account_question *question, struct account_facts *facts,
                                 struct text *ret_why)
{
    AUTO(close_file) FILE *file = fopen("/etc/passwd", "re");
    if (file == NULL) {
        return refuse("/etc/passwd", errno, ret_why);
    }
    for (struct passwd *user = fgetpwent(file); user != NULL; user = fgetpwent(file)) {
        bool is_it = strcmp(user->pw_name, question->name) == 0;
        facts->is_local = facts->is_local || is_it;
        if (!is_it && user->pw_uid == (uid_t)question->uid && facts->uid_owner[0] == '\0') {
            TRY(copy(user->pw_name, facts->uid_owner, sizeof facts->uid_owner));
        }
        if (!is_it && facts->has_group && user->pw_gid == (gid_t)facts->group_gid) {
            facts->group_is_used = true;
        }
    }
    return ERR_OK;
}

static enum err read_user(const struct account_question *question, char *line, struct account_facts *facts,
                          struct text *ret_why)
{
    struct passwd memory;
    struct passwd *user = NULL;
    int error = getpwnam_r(question->name, &memory, line, LINE_SIZE, &user);
    if (error != 0) {
        return refuse(question->name, error, ret_why);
    }
    if (user != NULL) {
        facts->is_known = true;
        facts->uid = user->pw_uid;
        facts->gid = user->pw_gid;
        TRY(copy(user->pw_dir, facts->home, sizeof facts->home));
        TRY(copy(user->pw_shell, facts->shell, sizeof facts->shell));
    }
    error = getpwuid_r((uid_t)question->uid, &memory, line, LINE_SIZE, &user);
    if (error != 0) {
        return refuse("getpwuid", error, ret_why);
    }
    if (user != NULL && strcmp(user->pw_name, question->name) != 0) {
        TRY(copy(user->pw_name, facts->uid_owner, sizeof facts->uid_owner));
    }
    return ERR_OK;
}

static enum err read_shadow(const char *name, char *line, struct account_facts *facts, struct text *ret_why)
{
    struct spwd memory;
    struct spwd *shadow = NULL;
    int error = getspnam_r(name, &memory, line, LINE_SIZE, &shadow);
    if (error != 0 && error != ENOENT) {
        return refuse("shadow", error, ret_why);
    }
    if (shadow == NULL) {
        return ERR_OK;
    }
    facts->has_shadow = true;
    facts->is_locked = shadow->sp_pwdp[0] == '!';
    facts->last_change_day = shadow->sp_lstchg;
    facts->min_days = shadow->sp_min;
    facts->max_days = shadow->sp_max;
    facts->warn_days = shadow->sp_warn;
    facts->inactive_days = shadow->sp_inact;
    facts->expire_day = shadow->sp_expire;
    return ERR_OK;
}

/* ---- groups ---- */

static enum err read_own_group(const char *name, char *line, struct account_facts *facts, struct text *ret_why)
{
    struct group memory;
    struct group *group = NULL;
    int error = getgrnam_r(name, &memory, line, LINE_SIZE, &group);
    if (error != 0) {
        return refuse(name, error, ret_why);
    }
    if (group == NULL) {
        return ERR_OK;
    }
    facts->has_group = true;
    facts->group_gid = group->gr_gid;
    for (char **member = group->gr_mem; *member != NULL; member++) {
        facts->group_is_used = facts->group_is_used || strcmp(*member, name) != 0;
    }
    return ERR_OK;
}

/* "" when the gid has no name. */
static enum err read_group_name(gid_t gid, char *line, char ret_name[LIMIT_USER + 1], struct text *ret_why)
{
    struct group memory;
    struct group *group = NULL;
    int error = getgrgid_r(gid, &memory, line, LINE_SIZE, &group);
    if (error != 0) {
        return refuse("getgrgid", error, ret_why);
    }
    return copy(group != NULL ? group->gr_name : "", ret_name, LIMIT_USER + 1);
}

/* A group without a name is told by its number: it is one that the policy does not want. */
static enum err read_memberships(const char *name, char *line, struct account_facts *facts, struct text *ret_why)
{
    gid_t gids[GROUPS_MAX];
    int count = GROUPS_MAX;
    if (getgrouplist(name, (gid_t)facts->gid, gids, &count) < 0) {
        text_format(ret_why, "%s is in more than %d groups", name, GROUPS_MAX);
        return ERR_TOO_LONG;
    }
    char words[LIMIT_WORD_LIST];
    struct text text = text_in(words, sizeof words);
    for (int i = 0; i < count; i++) {
        char group[LIMIT_USER + 1];
        TRY(read_group_name(gids[i], line, group, ret_why));
        if (gids[i] == (gid_t)facts->gid) {
            TRY(copy(group, facts->primary_group, sizeof facts->primary_group));
        } else if (group[0] != '\0') {
            text_format(&text, "%s ", group);
        } else {
            text_format(&text, "%u ", (unsigned)gids[i]);
        }
    }
    TRY(text_finish(&text));
    return word_list_set(&facts->groups, words);
}

static enum err read_missing_group(const struct word_list *groups, char *line, struct account_facts *facts,
                                   struct text *ret_why)
{
    for (const char *name = word_list_first(groups); name != NULL; name = word_list_next(groups, name)) {
        struct group memory;
        struct group *group = NULL;
        int error = getgrnam_r(name, &memory, line, LINE_SIZE, &group);
        if (error != 0) {
            return refuse(name, error, ret_why);
        }
        if (group == NULL) {
            return copy(name, facts->missing_group, sizeof facts->missing_group);
        }
    }
    return ERR_OK;
}

/* ---- home ---- */

static bool is_empty_directory(const char *path)
{
    DIR *stream = opendir(path);
    if (stream == NULL) {
        return false;
    }
    bool is_empty = true;
    for (struct dirent *entry = readdir(stream); entry != NULL && is_empty; entry = readdir(stream)) {
        is_empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    (void)closedir(stream);
    return is_empty;
}

static enum err read_home(const char *path, struct account_facts *facts, struct text *ret_why)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        facts->home_kind = ACCOUNT_HOME_ABSENT;
        return errno == ENOENT ? ERR_OK : refuse(path, errno, ret_why);
    }
    facts->home_owner = status.st_uid;
    facts->home_kind = ACCOUNT_HOME_OTHER;
    if (S_ISDIR(status.st_mode)) {
        facts->home_kind = is_empty_directory(path) ? ACCOUNT_HOME_EMPTY : ACCOUNT_HOME_USED;
    }
    return ERR_OK;
}

/* ---- all of it ---- */

enum err account_read(const struct account_question *question, int64_t today_day, struct account_facts *ret_facts,
                      struct text *ret_why)
{
    AUTO_FREE char *line = malloc(LINE_SIZE);
    AUTO_FREE struct account_facts *facts = calloc(1, sizeof *facts);
    if (line == NULL || facts == NULL) {
        return ERR_MEMORY;
    }
    facts->today_day = today_day;
    read_uid_range(&facts->uid_min, &facts->uid_max);
    facts->has_shell = access(question->shell, X_OK) == 0;
    TRY(read_user(question, line, facts, ret_why));
    TRY(read_own_group(question->name, line, facts, ret_why));
    TRY(read_local_users(question, facts, ret_why));
    if (facts->is_known) {
        TRY(read_shadow(question->name, line, facts, ret_why));
        TRY(read_memberships(question->name, line, facts, ret_why));
    }
    TRY(read_missing_group(question->groups, line, facts, ret_why));
    TRY(read_home(question->home, facts, ret_why));
    *ret_facts = *facts;
    return ERR_OK;
}

/* ---- a new uid ---- */

static bool is_free(int64_t id, char *line)
{
    struct passwd user_memory;
    struct passwd *user = NULL;
    struct group group_memory;
    struct group *group = NULL;
    return getpwuid_r((uid_t)id, &user_memory, line, LINE_SIZE, &user) == 0 && user == NULL &&
           getgrgid_r((gid_t)id, &group_memory, line, LINE_SIZE, &group) == 0 && group == NULL;
}

static enum err highest_local_uid(int64_t min, int64_t max, int64_t *ret_uid, struct text *ret_why)
{
    AUTO(close_file) FILE *file = fopen("/etc/passwd", "re");
    if (file == NULL) {
        return refuse("/etc/passwd", errno, ret_why);
    }
    int64_t highest = min - 1;
    for (struct passwd *user = fgetpwent(file); user != NULL; user = fgetpwent(file)) {
        int64_t uid = user->pw_uid;
        highest = uid <= max && uid > highest ? uid : highest;
    }
    *ret_uid = highest;
    return ERR_OK;
}

enum err account_free_uid(int64_t *ret_uid, struct text *ret_why)
{
    AUTO_FREE char *line = malloc(LINE_SIZE);
    if (line == NULL) {
        return ERR_MEMORY;
    }
    int64_t min, max, highest;
    read_uid_range(&min, &max);
    TRY(highest_local_uid(min, max, &highest, ret_why));
    for (int64_t tried = 0; tried <= max - min; tried++) {
        int64_t uid = highest + 1 + tried;
        uid = uid <= max ? uid : min + (uid - max - 1);
        if (is_free(uid, line)) {
            *ret_uid = uid;
            return ERR_OK;
        }
    }
    text_format(ret_why, "no user id from %lld to %lld is free (UID_MIN, UID_MAX in /etc/login.defs)", (long long)min,
                (long long)max);
    return ERR_NO_TARGET;
}
