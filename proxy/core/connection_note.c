#include "proxy/core/connection_note.h"

#define MAGIC "ssm-bridge-connection 1"

static enum err set(const char *value, size_t len, char *ret_field, size_t size)
{
    struct text text = text_in(ret_field, size);
    for (size_t i = 0; i < len; i++) {
        if (text_is_control(value[i])) {
            return ERR_MALFORMED;
        }
    }
    text_put_bytes(&text, bytes_of(value, len));
    return text_finish(&text);
}

enum err connection_note_make(const char *name, const char *port, const char *user, struct connection_note *ret_note)
{
    struct connection_note note = {.node_id = ""};
    TRY(set(name, strlen(name), note.name, sizeof note.name));
    TRY(set(port, strlen(port), note.port, sizeof note.port));
    TRY(set(user, strlen(user), note.user, sizeof note.user));
    *ret_note = note;
    return ERR_OK;
}

bool connection_note_is_of(const struct connection_note *note, const char *name, const char *port, const char *user)
{
    return strcmp(note->name, name) == 0 && strcmp(note->port, port) == 0 &&
           (note->user[0] == '\0' || strcmp(note->user, user) == 0);
}

void connection_note_put(const struct connection_note *note, struct text *text)
{
    text_format(text, MAGIC "\nname %s\nport %s\nuser %s\nnode %s\n", note->name, note->port, note->user,
                note->node_id);
}

/* ---- reading ---- */

static enum err read_line(struct bytes line, struct connection_note *note)
{
    const struct {
        const char *word;
        char *field;
        size_t size;
    } fields[] = {
        {"name ", note->name, sizeof note->name},
        {"port ", note->port, sizeof note->port},
        {"user ", note->user, sizeof note->user},
        {"node ", note->node_id, sizeof note->node_id},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        size_t len = strlen(fields[i].word);
        if (line.len >= len && memcmp(line.data, fields[i].word, len) == 0) {
            return set((const char *)line.data + len, line.len - len, fields[i].field, fields[i].size) == ERR_OK
                       ? ERR_OK
                       : ERR_MALFORMED;
        }
    }
    return ERR_OK;
}

enum err connection_note_parse(struct bytes file, struct connection_note *ret_note)
{
    bool is_first = true;
    *ret_note = (struct connection_note){.node_id = ""};
    while (file.len > 0) {
        const uint8_t *newline = memchr(file.data, '\n', file.len);
        if (newline == NULL) {
            return ERR_MALFORMED;
        }
        struct bytes line = bytes_of(file.data, (size_t)(newline - file.data));
        if (is_first && !bytes_equal_text(line, MAGIC)) {
            return ERR_MALFORMED;
        }
        TRY(read_line(line, ret_note));
        file = bytes_from(file, line.len + 1);
        is_first = false;
    }
    return ret_note->name[0] != '\0' && ret_note->port[0] != '\0' && ret_note->node_id[0] != '\0' ? ERR_OK
                                                                                                  : ERR_MALFORMED;
}
