#include "proxy/core/node_names.h"

#include "proxy/core/ssh_config_text.h"

bool node_names_is_kept(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        bool is_second_control = i > 0 && name.data[i - 1] == 0xc2 && name.data[i] >= 0x80 && name.data[i] <= 0x9f;
        if (text_is_control((char)name.data[i]) || is_second_control) {
            return false;
        }
    }
    return name.len > 0 && name.data[0] != '-' && name.data[0] != '#';
}

bool node_names_is_usable(const char *name)
{
    static const char usable[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return name[0] != '\0' && strchr("-_", name[0]) == NULL && name[strspn(name, usable)] == '\0';
}

bool node_names_has(struct bytes file, const char *name)
{
    size_t at = 0;
    size_t len = 0;
    return node_names_is_usable(name) && ssh_config_text_find_line(file, name, &at, &len);
}

bool node_names_next(struct bytes *file, struct bytes *ret_name)
{
    while (file->len > 0) {
        const uint8_t *end = memchr(file->data, '\n', file->len);
        size_t len = end == NULL ? file->len : (size_t)(end - file->data);
        struct bytes line = bytes_of(file->data, len);
        *file = bytes_from(*file, len + (end != NULL));
        if (node_names_is_kept(line)) {
            *ret_name = line;
            return true;
        }
    }
    return false;
}
