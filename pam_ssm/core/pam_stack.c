#include "pam_ssm/core/pam_stack.h"

#include "common/auto.h"
#include "common/limits.h"

#include <strings.h>

#define BLOCK_BEGIN "# BEGIN ssm-bridge: taken away by \"ssm-userctl pam disable\"\n"
#define BLOCK_END "# END ssm-bridge\n"
#define GATE_CONTROL "[success=done ignore=ignore module_unknown=ignore default=die]"

/* libpam 1.5 reads a line into a buffer of this size (_pam_assemble_line, BUF_SIZE). */
#define LINE_LIMIT 1000

/* ---- reading: lines of pam.conf(5), without the first column ---- */

enum line_type { LINE_NONE, LINE_AUTH, LINE_ACCOUNT, LINE_PASSWORD, LINE_SESSION, LINE_INCLUDE };

struct line {
    size_t start, end; /* in the file; the line end is in it */
    enum line_type type;
    struct bytes control;   /* with its brackets */
    struct bytes module;    /* or the file that is included */
    struct bytes arguments; /* all of them */
    bool is_ours;           /* inside a block of ours, its marks included */
};

struct lines {
    struct bytes file;
    struct line *lines; /* owned */
    size_t count;
};

static void lines_free(struct lines *lines)
{
    free(lines->lines);
}

static enum err refuse(struct text *why, size_t index, const char *words)
{
    text_format(why, "line %zu: %s", index + 1, words);
    return ERR_DENIED;
}

static bool is_blank(uint8_t character)
{
    return character == ' ' || character == '\t';
}

static struct bytes skip_blanks(struct bytes bytes)
{
    while (bytes.len > 0 && is_blank(bytes.data[0])) {
        bytes = bytes_from(bytes, 1);
    }
    return bytes;
}

static struct bytes trim(struct bytes bytes)
{
    bytes = skip_blanks(bytes);
    while (bytes.len > 0 && is_blank(bytes.data[bytes.len - 1])) {
        bytes.len--;
    }
    return bytes;
}

/* Up to a blank; a word that begins with '[' goes to the first ']' without a backslash before it. Empty for an open
 * bracket. */
static struct bytes take_word(struct bytes *rest)
{
    *rest = skip_blanks(*rest);
    bool is_bracketed = rest->len > 0 && rest->data[0] == '[';
    size_t len = 0;
    while (len < rest->len && (is_bracketed ? rest->data[len] != ']' : !is_blank(rest->data[len]))) {
        len += is_bracketed && rest->data[len] == '\\' && len + 1 < rest->len ? 2 : 1;
    }
    if (is_bracketed) {
        len = len < rest->len ? len + 1 : 0;
    }
    struct bytes word = bytes_of(rest->data, len);
    *rest = bytes_from(*rest, len);
    return word;
}

/* Words of PAM have no case. */
static bool is_word(struct bytes bytes, const char *word)
{
    return bytes.len == strlen(word) && strncasecmp((const char *)bytes.data, word, bytes.len) == 0;
}

static bool parse_type(struct bytes word, enum line_type *ret_type)
{
    static const struct {
        const char *word;
        enum line_type type;
    } types[] = {{"auth", LINE_AUTH},          {"account", LINE_ACCOUNT},  {"password", LINE_PASSWORD},
                 {"session", LINE_SESSION},    {"-auth", LINE_AUTH},       {"-account", LINE_ACCOUNT},
                 {"-password", LINE_PASSWORD}, {"-session", LINE_SESSION}, {"@include", LINE_INCLUDE}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (is_word(word, types[i].word)) {
            *ret_type = types[i].type;
            return true;
        }
    }
    return false;
}

static bool is_control(struct bytes word)
{
    static const char *const words[] = {"required", "requisite", "sufficient", "optional",
                                        "binding",  "include",   "substack"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is_word(word, words[i])) {
            return true;
        }
    }
    return word.len > 2 && word.data[0] == '[';
}

/* `text` is the line without its end. */
static enum err parse_line(struct bytes text, size_t index, struct line *line, struct text *why)
{
    if (text.len > LINE_LIMIT) {
        return refuse(why, index, "too long for PAM");
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text_is_control((char)text.data[i]) && text.data[i] != '\t') {
            return refuse(why, index, "a control character");
        }
    }
    const uint8_t *hash = text.len > 0 ? memchr(text.data, '#', text.len) : NULL;
    struct bytes rest = trim(hash != NULL ? bytes_of(text.data, (size_t)(hash - text.data)) : text);
    if (rest.len == 0) {
        return ERR_OK;
    }
    if (rest.data[rest.len - 1] == '\\') {
        return refuse(why, index, "it goes on in the next line; write it in one, then it can be judged");
    }
    if (!parse_type(take_word(&rest), &line->type)) {
        return refuse(why, index, "PAM knows no such line");
    }
    if (line->type != LINE_INCLUDE) {
        line->control = take_word(&rest);
    }
    line->module = take_word(&rest);
    line->arguments = trim(rest);
    if (line->module.len == 0) {
        return refuse(why, index, "something is missing in it");
    }
    if (line->type != LINE_INCLUDE && !is_control(line->control)) {
        return refuse(why, index, "PAM knows no such control");
    }
    return ERR_OK;
}

static size_t count_lines(struct bytes file)
{
    size_t count = 1;
    for (size_t i = 0; i < file.len; i++) {
        count += file.data[i] == '\n';
    }
    return count;
}

static bool is_mark(struct bytes line, const char *mark)
{
    return line.len + 1 == strlen(mark) && memcmp(line.data, mark, line.len) == 0;
}

static enum err parse(struct bytes file, struct lines *ret_lines, struct text *why)
{
    AUTO(lines_free) struct lines lines = {.file = file};
    lines.lines = calloc(count_lines(file), sizeof *lines.lines);
    if (lines.lines == NULL) {
        return ERR_MEMORY;
    }
    bool is_inside = false;
    for (size_t at = 0; at < file.len; lines.count++) {
        struct line *line = &lines.lines[lines.count];
        const uint8_t *newline = memchr(file.data + at, '\n', file.len - at);
        size_t end = newline != NULL ? (size_t)(newline - file.data) : file.len;
        struct bytes text = bytes_of(file.data + at, end - at);
        *line = (struct line){.start = at, .end = newline != NULL ? end + 1 : end};
        at = line->end;
        TRY(parse_line(text, lines.count, line, why));
        bool begins = is_mark(text, BLOCK_BEGIN);
        bool ends = is_mark(text, BLOCK_END);
        if (is_inside ? begins : ends) {
            return refuse(why, lines.count, "a mark of ssm-bridge without the other one: take our lines out by hand");
        }
        line->is_ours = is_inside || begins;
        is_inside = (is_inside || begins) && !ends;
    }
    if (is_inside) {
        return refuse(why, lines.count - 1, "the mark END of ssm-bridge is missing: take our lines out by hand");
    }
    *ret_lines = lines;
    lines.lines = NULL;
    return ERR_OK;
}

/* ---- judging ---- */

static bool is_module(const struct line *line, const char *name)
{
    if (line->type == LINE_NONE || line->type == LINE_INCLUDE) {
        return false;
    }
    struct bytes module = line->module;
    const uint8_t *slash = memrchr(module.data, '/', module.len);
    struct bytes last = slash != NULL ? bytes_from(module, (size_t)(slash - module.data) + 1) : module;
    return bytes_equal_text(last, name);
}

static bool is_file(const struct line *line)
{
    return is_word(line->control, "include") || is_word(line->control, "substack");
}

/* Where the account itself is looked at: Debian's file, which every service includes... */
static bool is_common_file(const struct line *line, enum line_type type)
{
    static const char *const names[] = {
        [LINE_AUTH] = "common-auth", [LINE_ACCOUNT] = "common-account", [LINE_SESSION] = "common-session"};
    return line->type == LINE_INCLUDE &&
           (bytes_equal_text(line->module, names[type]) ||
            (type == LINE_SESSION && bytes_equal_text(line->module, "common-session-noninteractive")));
}

/* ... or what other distributions have for it. */
static bool is_place_elsewhere(const struct line *line, enum line_type type)
{
    return line->type == type && (is_file(line) || is_module(line, "pam_unix.so") || is_module(line, "pam_sss.so"));
}

/* Does a value=action of the control let people in at once? `sufficient`, and what says done where a module succeeds or
 * has no opinion. */
static bool ends_with_success(struct bytes control)
{
    static const char done[] = "=done";
    if (is_word(control, "sufficient") || is_word(control, "binding")) {
        return true;
    }
    for (size_t i = 0; i + sizeof done - 1 <= control.len; i++) {
        if (strncasecmp((const char *)control.data + i, done, sizeof done - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* The longest jump of a control: [success=2 ...] skips two modules. */
static size_t longest_jump(struct bytes control)
{
    size_t longest = 0;
    for (size_t i = 1; i < control.len; i++) {
        if (control.data[i - 1] != '=') {
            continue;
        }
        size_t jump = 0;
        for (size_t at = i; at < control.len && control.data[at] >= '0' && control.data[at] <= '9'; at++) {
            jump = jump < LIMIT_HOST_CONFIG ? jump * 10 + (size_t)(control.data[at] - '0') : jump;
        }
        longest = jump > longest ? jump : longest;
    }
    return longest;
}

/* Nothing of this type before line `place` lets people in without us, or jumps over that place. */
static enum err judge_before(const struct lines *lines, enum line_type type, size_t place, struct text *why)
{
    size_t between = 0; /* modules from here to the place; who knows how many one file brings */
    for (size_t i = place; i-- > 0;) {
        const struct line *line = &lines->lines[i];
        if (line->is_ours || (line->type != type && line->type != LINE_INCLUDE)) {
            continue;
        }
        if (line->type == type && type != LINE_SESSION && ends_with_success(line->control)) {
            return refuse(why, i, "it may let people in before " PAM_STACK_MODULE " is asked");
        }
        if (line->type == type && longest_jump(line->control) > between) {
            return refuse(why, i, "it jumps over the place of our line");
        }
        between += line->type == type && !is_file(line);
    }
    return ERR_OK;
}

/* The number of lines when there is none. */
static size_t find_line(const struct lines *lines, enum line_type type,
                        bool (*is_wanted)(const struct line *line, enum line_type type))
{
    size_t i = 0;
    while (i < lines->count && (lines->lines[i].is_ours || !is_wanted(&lines->lines[i], type))) {
        i++;
    }
    return i;
}

static enum err find_place(const struct lines *lines, enum line_type type, size_t *ret_place, struct text *why)
{
    static const char *const names[] = {[LINE_AUTH] = "auth", [LINE_ACCOUNT] = "account", [LINE_SESSION] = "session"};
    for (size_t i = 0; i < lines->count; i++) {
        const struct line *line = &lines->lines[i];
        if (is_module(line, PAM_STACK_MODULE) && !line->is_ours) {
            return refuse(why, i, "a line of " PAM_STACK_MODULE " that ssm-userctl has not written");
        }
    }
    size_t place = find_line(lines, type, is_common_file);
    place = place < lines->count ? place : find_line(lines, type, is_place_elsewhere);
    if (place < lines->count) {
        *ret_place = place;
        return judge_before(lines, type, place, why);
    }
    text_format(why,
                "it has neither \"@include common-%s\", nor a line \"%s\" with include, substack, pam_unix.so or "
                "pam_sss.so: no place for our line",
                names[type], names[type]);
    return ERR_DENIED;
}

/* ---- writing ---- */

static void put_arguments(struct text *text, const char *user, const char *arguments)
{
    if (strcmp(user, "ssm-user") != 0) {
        text_format(text, " user=%s", user);
    }
    text_format(text, "%s%s\n", arguments[0] != '\0' ? " " : "", arguments);
}

static void put_block(struct text *text, enum line_type type, const struct pam_stack_wish *wish)
{
    static const char *const heads[] = {[LINE_AUTH] = "-auth " GATE_CONTROL,
                                        [LINE_ACCOUNT] = "-account " GATE_CONTROL,
                                        [LINE_SESSION] = "-session optional"};
    text_put(text, BLOCK_BEGIN);
    text_put(text, heads[type]);
    text_put(text, " " PAM_STACK_MODULE);
    put_arguments(text, wish->user, wish->arguments);
    text_put(text, BLOCK_END);
}

static bool wants(const struct pam_stack_wish *wish, enum line_type type)
{
    return type == LINE_ACCOUNT || type == (wish->service == PAM_STACK_LOGIN ? LINE_SESSION : LINE_AUTH);
}

/* By type; SIZE_MAX: none. */
static enum err find_places(const struct lines *lines, const struct pam_stack_wish *wish,
                            size_t ret_places[LINE_INCLUDE], struct text *why)
{
    for (enum line_type type = LINE_NONE; type < LINE_INCLUDE; type++) {
        ret_places[type] = SIZE_MAX;
        if (wants(wish, type)) {
            TRY(find_place(lines, type, &ret_places[type], why));
        }
    }
    return ERR_OK;
}

static void put_line(struct text *text, const struct lines *lines, const struct line *line)
{
    text_put_bytes(text, bytes_of(lines->file.data + line->start, line->end - line->start));
}

static enum err render(const struct lines *lines, const struct pam_stack_wish *wish, struct text *text,
                       struct text *why)
{
    size_t places[LINE_INCLUDE];
    TRY(find_places(lines, wish, places, why));
    for (size_t i = 0; i < lines->count; i++) {
        for (enum line_type type = LINE_AUTH; type < LINE_INCLUDE; type++) {
            if (places[type] == i) {
                put_block(text, type, wish);
            }
        }
        if (!lines->lines[i].is_ours) {
            put_line(text, lines, &lines->lines[i]);
        }
    }
    return text_finish(text);
}

/* ---- reading back ---- */

static bool is_same_line(const struct line *a, const struct line *b)
{
    return a->type == b->type && bytes_equal(a->control, b->control) && bytes_equal(a->module, b->module) &&
           bytes_equal(a->arguments, b->arguments);
}

/* The next line from *index on that PAM reads and that is not ours. */
static const struct line *next_of_others(const struct lines *lines, size_t *index)
{
    while (*index < lines->count) {
        const struct line *line = &lines->lines[(*index)++];
        if (!line->is_ours && line->type != LINE_NONE) {
            return line;
        }
    }
    return NULL;
}

/* PAM reads from both, ours aside, the same. */
static enum err compare_others(const struct lines *before, const struct lines *after, struct text *why)
{
    size_t i = 0;
    size_t j = 0;
    for (;;) {
        const struct line *a = next_of_others(before, &i);
        const struct line *b = next_of_others(after, &j);
        if (a == NULL && b == NULL) {
            return ERR_OK;
        }
        if (a == NULL || b == NULL || !is_same_line(a, b)) {
            text_put(why, "the result would not read as before");
            return ERR_DENIED;
        }
    }
}

enum err pam_stack_insert(struct bytes file, const struct pam_stack_wish *wish, struct text *ret_file,
                          struct text *ret_why)
{
    AUTO(lines_free) struct lines before = {0};
    AUTO(lines_free) struct lines after = {0};
    TRY(parse(file, &before, ret_why));
    text_clear(ret_file);
    TRY(render(&before, wish, ret_file, ret_why));
    TRY(parse(text_bytes(ret_file), &after, ret_why));
    TRY(compare_others(&before, &after, ret_why));
    return pam_stack_check(text_bytes(ret_file), wish, ret_why);
}

enum err pam_stack_remove(struct bytes file, struct text *ret_file, struct text *ret_why)
{
    AUTO(lines_free) struct lines lines = {0};
    TRY(parse(file, &lines, ret_why));
    text_clear(ret_file);
    for (size_t i = 0; i < lines.count; i++) {
        if (!lines.lines[i].is_ours) {
            put_line(ret_file, &lines, &lines.lines[i]);
        }
    }
    return text_finish(ret_file);
}

enum err pam_stack_check(struct bytes file, const struct pam_stack_wish *wish, struct text *ret_why)
{
    AUTO(lines_free) struct lines lines = {0};
    TRY(parse(file, &lines, ret_why));
    bool has_ours = false;
    for (size_t i = 0; i < lines.count; i++) {
        has_ours = has_ours || lines.lines[i].is_ours || is_module(&lines.lines[i], PAM_STACK_MODULE);
    }
    if (!has_ours) {
        return ERR_NO_TARGET;
    }
    AUTO_FREE char *memory = malloc(file.len + LIMIT_STATE_FILE);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text wanted = text_in(memory, file.len + LIMIT_STATE_FILE);
    TRY(render(&lines, wish, &wanted, ret_why));
    if (!bytes_equal(file, text_bytes(&wanted))) {
        text_put(ret_why, "our lines are not what and where they should be");
        return ERR_DENIED;
    }
    return ERR_OK;
}

/* ---- the private services of sudo ---- */

void pam_stack_put_sudo(struct text *text, const char *user)
{
    text_put(text,
             "# PAM service of sudo(8) for ssm-user (\"Defaults:ssm-user pam_service=ssm-sudo\"): the account has no "
             "password; who\n# comes out of a verified session that has root, by the level or by a grant that binds "
             "it, is authenticated. pam_ssm(8)\n");
    text_put(text, "auth       required     pam_ssm.so");
    put_arguments(text, user, "require=grant");
    text_put(text, "account    required     pam_ssm.so");
    put_arguments(text, user, "require=grant");
    text_put(text, "session    required     pam_limits.so\nsession    required     pam_unix.so\n");
}

void pam_stack_put_sudo_limited(struct text *text, const char *user)
{
    text_put(text,
             "# PAM service of sudo(8) for the commands of the level limited: ssm-user needs a verified session, no "
             "more. sudo cannot\n# tell such a service for whom it is, so everybody else goes on to what the service "
             "sudo has for him. pam_ssm(8)\n");
    text_put(text, "-auth      " GATE_CONTROL " pam_ssm.so");
    put_arguments(text, user, "require=session");
    text_put(text, "-account   " GATE_CONTROL " pam_ssm.so");
    put_arguments(text, user, "require=session");
    text_put(text, "auth       include      sudo\naccount    include      sudo\nsession    include      sudo\n");
}
