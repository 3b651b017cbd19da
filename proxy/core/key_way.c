#include "proxy/core/key_way.h"

#include "common/public_key.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define SMALL_LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static const char *const words[] = {
    [KEY_WAY_NONE] = "none",
    [KEY_WAY_INSTANCE_CONNECT] = "instance-connect",
    [KEY_WAY_SEND_COMMAND] = "send-command",
    [KEY_WAY_RUN_SHELL_SCRIPT] = "AWS-RunShellScript",
    [KEY_WAY_AUTO] = "auto",
};

enum err key_way_read(const char *word, enum key_way *ret_way)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_way = (enum key_way)i;
            return ERR_OK;
        }
    }
    return ERR_USAGE;
}

const char *key_way_word(enum key_way way)
{
    return words[way];
}

/* ---- which ---- */

enum key_way key_way_first(enum key_way wanted, const char *node_id)
{
    bool is_instance = strncmp(node_id, "i-", 2) == 0;
    bool is_node = is_instance || strncmp(node_id, "mi-", 3) == 0;
    if (!is_node || (wanted == KEY_WAY_INSTANCE_CONNECT && !is_instance)) {
        return KEY_WAY_NONE;
    }
    if (wanted != KEY_WAY_AUTO) {
        return wanted;
    }
    return is_instance ? KEY_WAY_INSTANCE_CONNECT : KEY_WAY_SEND_COMMAND;
}

/* A refusal is one of that service; who is not known to one is not to another, and what is out of reach stays so. */
enum key_way key_way_next(enum key_way wanted, enum key_way tried, enum err err)
{
    bool is_refusal = err == ERR_DENIED || err == ERR_NO_TARGET || err == ERR_CONFIG;
    bool goes_on = wanted == KEY_WAY_AUTO && tried == KEY_WAY_INSTANCE_CONNECT && is_refusal;
    return goes_on ? KEY_WAY_SEND_COMMAND : KEY_WAY_NONE;
}

/* ---- what may enter a parameter ---- */

/* [first][rest]{0,31}, the last one from `last`, too. */
static bool fits(const char *user, const char *first, const char *rest, const char *last)
{
    size_t len = strlen(user);
    if (len == 0 || len > 32 || strchr(first, user[0]) == NULL) {
        return false;
    }
    size_t fitting = 1 + strspn(user + 1, rest);
    return fitting == len || (fitting == len - 1 && strchr(last, user[len - 1]) != NULL);
}

/* InstanceOSUser of SendSSHPublicKey: ^[A-Za-z_][A-Za-z0-9\@\._-]{0,30}[A-Za-z0-9\$_-]?$; those that end in . or @ have
 * 31 characters at most there, and are left out here. Ours: ^[a-z_][a-z0-9_-]{0,31}$. */
bool key_way_takes_user(enum key_way way, const char *user)
{
    if (way == KEY_WAY_INSTANCE_CONNECT) {
        size_t len = strlen(user);
        return fits(user, LETTERS "_", LETTERS DIGITS "@._-", "$") && strchr("@.", user[len - 1]) == NULL;
    }
    return (way == KEY_WAY_SEND_COMMAND || way == KEY_WAY_RUN_SHELL_SCRIPT) &&
           fits(user, SMALL_LETTERS "_", SMALL_LETTERS DIGITS "_-", "");
}

bool key_way_takes_key(const char *public_key)
{
    char memory[128];
    struct text why = text_in(memory, sizeof memory);
    struct public_key key;
    struct bytes rest = bytes_of_text(public_key);
    return public_key_take(&rest, &key, &why) == ERR_OK &&
           strlen(key.type) + 1 + strlen(key.base64) == strlen(public_key);
}

/* ---- Run Command ---- */

const char *key_way_document(enum key_way way)
{
    return way == KEY_WAY_RUN_SHELL_SCRIPT ? "AWS-RunShellScript" : KEY_WAY_DOCUMENT;
}

/* The document's own lines. */
static enum err script_parameters(const char *user, const char *public_key, json_t **ret_parameters)
{
    char memory[PUBLIC_KEY_BASE64 + 256];
    struct text command = text_in(memory, sizeof memory);
    text_format(&command, "exec ssm-userctl key accept --user='%s' --for='%d' '%s'", user, KEY_WAY_SECONDS, public_key);
    TRY(text_finish(&command));
    json_error_t error;
    *ret_parameters = json_pack_ex(&error, 0, "{s:[s, s], s:[s]}", "commands",
                                   "PATH=/usr/sbin:/usr/local/sbin:/usr/bin:/bin", memory, "executionTimeout", "30");
    return *ret_parameters == NULL ? json_view_error(&error) : ERR_OK;
}

enum err key_way_parameters(enum key_way way, const char *user, const char *public_key, json_t **ret_parameters)
{
    if (way == KEY_WAY_RUN_SHELL_SCRIPT) {
        return script_parameters(user, public_key, ret_parameters);
    }
    char seconds[16];
    struct text text = text_in(seconds, sizeof seconds);
    text_format(&text, "%d", KEY_WAY_SECONDS);
    json_error_t error;
    *ret_parameters =
        json_pack_ex(&error, 0, "{s:[s], s:[s], s:[s]}", "user", user, "publicKey", public_key, "seconds", seconds);
    return *ret_parameters == NULL ? json_view_error(&error) : ERR_OK;
}
