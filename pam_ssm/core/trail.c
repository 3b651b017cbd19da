#include "pam_ssm/core/trail.h"

#include "pam_ssm/core/agent_state.h"
#include "pam_ssm/core/rfc3339.h"

#include <stdlib.h>
#include <string.h>

/* sudo asks PAM, then notes when the command starts: some milliseconds later; longer on a machine under load. */
#define CHECK_BEFORE_MS 3000
#define CHECK_AFTER_MS 500

#define COMMAND_SIZE (8 * 1024)

static enum err set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0 ? ERR_OK : ERR_MEMORY;
}

enum err trail_parse_own(struct bytes line, struct trail_entry *ret_entry)
{
    AUTO_JSON json_t *event = NULL;
    TRY(json_view_parse_object(line, &event));
    const char *time = json_view_text(event, "time");
    int64_t unix_ms = 0;
    if (time == NULL || json_view_text(event, "event") == NULL || rfc3339_parse(time, &unix_ms) != ERR_OK) {
        return ERR_MALFORMED;
    }
    TRY(set(event, "source", json_string("ssm-bridge")));
    *ret_entry = (struct trail_entry){unix_ms, MOVE(event)};
    return ERR_OK;
}

/* ---- sudo ---- */

static enum err copy_member(const json_t *from, const char *member, json_t *to, const char *name)
{
    const char *value = json_view_text(from, member);
    return value != NULL ? set(to, name, json_string(value)) : ERR_OK;
}

/* The program by its path, and its arguments; what is too long is cut. */
static void put_command(const json_t *log, struct text *command)
{
    const char *program = json_view_text(log, "command");
    text_put(command, program != NULL ? program : "?");
    const json_t *arguments = json_object_get(log, "runargv");
    for (size_t i = 1; i < json_array_size(arguments); i++) {
        const char *argument = json_string_value(json_array_get(arguments, i));
        text_format(command, " %s", argument != NULL ? argument : "?");
    }
}

/* A text that was cut may end within a character: nothing of it is lost by dropping that. */
static json_t *string_of(struct text *text)
{
    json_t *string = json_string(text->data);
    for (int i = 0; string == NULL && i < 3 && text->len > 0; i++) {
        text->data[--text->len] = '\0';
        string = json_string(text->data);
    }
    return string;
}

enum err trail_parse_sudo(struct bytes file, const char *id, struct trail_entry *ret_entry)
{
    AUTO_JSON json_t *log = NULL;
    TRY(json_view_parse_object(file, &log));
    const json_t *time = json_object_get(log, "timestamp");
    const json_t *seconds = json_object_get(time, "seconds");
    json_int_t nanoseconds = json_integer_value(json_object_get(time, "nanoseconds"));
    json_int_t unix_s = json_integer_value(seconds);
    if (!json_is_integer(seconds) || unix_s < 0 || unix_s > INT64_C(253402300799) || nanoseconds < 0 ||
        nanoseconds >= 1000000000) {
        return ERR_MALFORMED;
    }
    AUTO_FREE char *memory = malloc(COMMAND_SIZE);
    AUTO_JSON json_t *event = json_object();
    if (memory == NULL || event == NULL) {
        return ERR_MEMORY;
    }
    struct text command = text_in(memory, COMMAND_SIZE);
    put_command(log, &command);
    TRY(set(event, "source", json_string("sudo")));
    TRY(set(event, "event", json_string("sudo-command")));
    TRY(copy_member(log, "submituser", event, "user"));
    TRY(copy_member(log, "runuser", event, "run_as"));
    TRY(copy_member(log, "submitcwd", event, "directory"));
    TRY(set(event, "command", string_of(&command)));
    TRY(set(event, "log", json_string(id)));
    *ret_entry = (struct trail_entry){unix_s * 1000 + nanoseconds / 1000000, MOVE(event)};
    return ERR_OK;
}

/* ---- the agent ---- */

/* What the agent's session worker says about the account (agent/session/utility). */
static const struct {
    const char *words, *event;
} agent_lines[] = {
    {"Successfully created ssm-user", "agent-created-account"},
    {"Successfully created file /etc/sudoers.d/ssm-agent-users", "agent-wrote-sudoers"},
    {"Successfully changed mode of /etc/sudoers.d/ssm-agent-users", "agent-changed-sudoers-mode"},
    {"ssm-user already exists.", "agent-shell"},
};

/* "2026-11-21 10:00:00": what follows, a fraction or the level, does not matter. */
static enum err parse_time(const char *line, int64_t *ret_unix_ms)
{
    char memory[32];
    struct text text = text_in(memory, sizeof memory);
    if (strlen(line) < 19 || line[10] != ' ') {
        return ERR_MALFORMED;
    }
    text_format(&text, "%.10sT%.8sZ", line, line + 11);
    return rfc3339_parse(memory, ret_unix_ms);
}

/* "[ssm-session-worker] [SESSION]": ret_id "" when there is none that could be one. */
static void copy_session_id(const char *line, char ret_id[LIMIT_SESSION_ID + 1])
{
    static const char worker[] = "[ssm-session-worker] [";
    const char *at = strstr(line, worker);
    struct text id = text_in(ret_id, LIMIT_SESSION_ID + 1);
    if (at != NULL) {
        at += sizeof worker - 1;
        text_put_bytes(&id, bytes_of(at, strcspn(at, "]")));
    }
    if (text_finish(&id) != ERR_OK || !agent_state_is_session_id(ret_id)) {
        text_clear(&id);
    }
}

enum err trail_parse_agent(struct bytes line, struct trail_entry *ret_entry)
{
    char memory[1024]; /* these lines are short */
    struct text copy = text_in(memory, sizeof memory);
    text_put_bytes(&copy, line);
    const char *name = NULL;
    for (size_t i = 0; i < sizeof agent_lines / sizeof agent_lines[0] && name == NULL; i++) {
        name = strstr(memory, agent_lines[i].words) != NULL ? agent_lines[i].event : NULL;
    }
    int64_t unix_ms = 0;
    if (name == NULL || parse_time(memory, &unix_ms) != ERR_OK) {
        return ERR_NO_TARGET;
    }
    char id[LIMIT_SESSION_ID + 1];
    copy_session_id(memory, id);
    AUTO_JSON json_t *event = json_object();
    TRY(set(event, "source", json_string("agent")));
    TRY(set(event, "event", json_string(name)));
    if (id[0] != '\0') {
        TRY(set(event, "session_id", json_string(id)));
    }
    *ret_entry = (struct trail_entry){unix_ms, MOVE(event)};
    return ERR_OK;
}

/* ---- together ---- */

static void merge(struct trail_entry *entries, size_t middle, size_t count, struct trail_entry *room)
{
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < count; i++) {
        bool takes_left = left < middle && (right == count || entries[left].unix_ms <= entries[right].unix_ms);
        room[i] = takes_left ? entries[left++] : entries[right++];
    }
    memcpy(entries, room, count * sizeof *entries);
}

void trail_sort(struct trail_entry *entries, size_t count)
{
    struct trail_entry *room = count > 1 ? malloc(count * sizeof *room) : NULL;
    if (room == NULL) {
        return; /* nothing to sort, or no memory: the order of the files, which is nearly right */
    }
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0; at + width < count; at += 2 * width) {
            size_t len = count - at < 2 * width ? count - at : 2 * width;
            merge(entries + at, width, len, room);
        }
    }
    free(room);
}

static bool is_check_of(const struct trail_entry *entry, const char *user)
{
    const char *event = json_view_text(entry->event, "event");
    const char *who = json_view_text(entry->event, "user");
    const char *source = json_view_text(entry->event, "source");
    return strcmp(source, "ssm-bridge") == 0 &&
           (strcmp(event, "sudo-allowed") == 0 || strcmp(event, "sudo-unverified") == 0) && who != NULL &&
           strcmp(who, user) == 0;
}

/* The one check that can be meant; NULL: none, or several sessions'. */
static const json_t *find_check(const struct trail_entry *entries, size_t count, const struct trail_entry *command,
                                const char *user, bool *ret_is_ambiguous)
{
    const json_t *found = NULL;
    for (size_t i = 0; i < count; i++) {
        int64_t before_ms = command->unix_ms - entries[i].unix_ms;
        if (before_ms > CHECK_BEFORE_MS || before_ms < -CHECK_AFTER_MS || !is_check_of(&entries[i], user)) {
            continue;
        }
        const char *id = json_view_text(entries[i].event, "session_id");
        const char *other = json_view_text(found, "session_id");
        if (found != NULL && strcmp(id != NULL ? id : "", other != NULL ? other : "") != 0) {
            *ret_is_ambiguous = true;
            return NULL;
        }
        found = entries[i].event;
    }
    return found;
}

void trail_attribute(struct trail_entry *entries, size_t count)
{
    static const char *const members[] = {"session_id", "owner_arn", "document", "grant_id"};
    size_t first = 0; /* checks before it are too old for this command and those behind it */
    for (size_t i = 0; i < count; i++) {
        const char *user = json_view_text(entries[i].event, "user");
        if (strcmp(json_view_text(entries[i].event, "source"), "sudo") != 0 || user == NULL) {
            continue;
        }
        while (entries[first].unix_ms < entries[i].unix_ms - CHECK_BEFORE_MS) {
            first++;
        }
        size_t end = i;
        while (end < count && entries[end].unix_ms <= entries[i].unix_ms + CHECK_AFTER_MS) {
            end++;
        }
        bool is_ambiguous = false;
        const json_t *check = find_check(entries + first, end - first, &entries[i], user, &is_ambiguous);
        for (size_t m = 0; check != NULL && m < sizeof members / sizeof members[0]; m++) {
            json_t *value = json_object_get(check, members[m]);
            if (value != NULL) {
                (void)json_object_set(entries[i].event, members[m], value);
            }
        }
        if (is_ambiguous) {
            (void)json_object_set_new(entries[i].event, "attribution", json_string("ambiguous"));
        }
    }
}
