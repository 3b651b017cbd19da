#include "proxy/command/node_list.h"

#include "common/log.h"
#include "proxy/command/inventory.h"
#include "proxy/core/node_names.h"
#include "proxy/edge/private_file.h"

/* Strings; grows. Zero-initialised is empty. */
struct strings {
    char **items;
    size_t count;
    size_t size;
};

struct node_list {
    struct strings ids; /* of registered EC2 instances */
    struct strings names;
    enum err err; /* of a visitor, which can only say "enough" */
};

static void strings_free(struct strings *strings)
{
    for (size_t i = 0; i < strings->count; i++) {
        free(strings->items[i]);
    }
    free(strings->items);
}

static void node_list_free(struct node_list *list)
{
    strings_free(&list->ids);
    strings_free(&list->names);
}

static enum err put(struct strings *strings, const char *string)
{
    if (strings->count == strings->size) {
        size_t size = strings->size == 0 ? 64 : strings->size * 2;
        char **items = reallocarray(strings->items, size, sizeof *items);
        if (items == NULL) {
            return ERR_MEMORY;
        }
        strings->items = items;
        strings->size = size;
    }
    char *copy = strdup(string);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    strings->items[strings->count++] = copy;
    return ERR_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(struct strings *strings)
{
    if (strings->count > 0) {
        qsort(strings->items, strings->count, sizeof *strings->items, compare);
    }
}

/* ---- asking ---- */

static bool take_node(void *context, const struct ssm_api_node *node)
{
    struct node_list *list = context;
    const char *name = node->name[0] != '\0' ? node->name : node->computer_name;
    if (strncmp(node->instance_id, "i-", 2) == 0) { /* its name is EC2's to say */
        list->err = put(&list->ids, node->instance_id);
    } else if (node_names_is_usable(name)) {
        list->err = put(&list->names, name);
    }
    return list->err == ERR_OK;
}

static bool take_instance(void *context, const struct ec2_api_instance *instance)
{
    struct node_list *list = context;
    const char *id = instance->id;
    bool is_node = list->ids.count > 0 && bsearch(&id, list->ids.items, list->ids.count, sizeof id, compare) != NULL;
    if (is_node && node_names_is_usable(instance->name)) {
        list->err = put(&list->names, instance->name);
    }
    return list->err == ERR_OK;
}

static enum err ask(struct client *client, struct node_list *list)
{
    TRY(inventory_nodes(client, (struct ssm_api_describe_nodes){.filter = NULL}, client->deadline_us, take_node, list));
    TRY(list->err);
    sort(&list->ids);
    if (list->ids.count == 0) {
        return ERR_OK;
    }
    enum err err = inventory_instances(client, (struct ec2_api_describe){.next_token = NULL}, client->deadline_us,
                                       take_instance, list);
    if (err == ERR_DENIED) {
        log_notice("config: the names of EC2 instances are left out, because ec2:DescribeInstances is denied: %s",
                   client->why.data);
        text_clear(&client->why);
        return ERR_OK;
    }
    TRY(err);
    return list->err;
}

/* ---- keeping ---- */

static enum err make_file(struct strings *names, char **ret_file, size_t *ret_len, size_t *ret_count)
{
    size_t size = 1;
    for (size_t i = 0; i < names->count; i++) {
        size += strlen(names->items[i]) + 1;
    }
    char *file = malloc(size);
    if (file == NULL) {
        return ERR_MEMORY;
    }
    struct text text = text_in(file, size);
    *ret_count = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (i == 0 || strcmp(names->items[i], names->items[i - 1]) != 0) {
            text_put(&text, names->items[i]);
            text_put_char(&text, '\n');
            ++*ret_count;
        }
    }
    *ret_file = file;
    *ret_len = text.len;
    return ERR_OK;
}

enum err node_list_store(struct client *client, const char *path, size_t *ret_count)
{
    AUTO(node_list_free) struct node_list list = {.err = ERR_OK};
    TRY(ask(client, &list));
    sort(&list.names);
    AUTO_FREE char *file = NULL;
    size_t len = 0;
    TRY(make_file(&list.names, &file, &len, ret_count));
    return private_file_store(path, bytes_of(file, len), &client->why);
}
