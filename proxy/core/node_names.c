#include "proxy/core/node_names.h"

#include "proxy/core/ssh_config_text.h"

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
