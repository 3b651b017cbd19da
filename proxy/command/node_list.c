#include "proxy/command/node_list.h"

#include "proxy/core/node_names.h"
#include "proxy/core/ssh_config_text.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/private_file.h"

#define ORIGIN_SIZE (LIMIT_PROFILE + LIMIT_REGION + LIMIT_HOST + LIMIT_STREAM_URL + 64)

void node_list_free(struct node_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->names[i]);
    }
    free(list->names);
}

static enum err put(struct node_list *list, const char *name)
{
    if (list->count == list->size) {
        size_t size = list->size == 0 ? 64 : list->size * 2;
        char **names = reallocarray(list->names, size, sizeof *names);
        if (names == NULL) {
            return ERR_MEMORY;
        }
        list->names = names;
        list->size = size;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    list->names[list->count++] = copy;
    return ERR_OK;
}

enum err node_list_add(struct node_list *list, const struct node_page *page)
{
    for (size_t i = 0; i < page->nodes.count; i++) {
        const struct ssm_api_node *node = &page->nodes.items[i];
        const struct ec2_api_instance *instance = node_page_instance(page, node);
        bool is_instance = strncmp(node->instance_id, "i-", 2) == 0; /* its name is EC2's to say */
        const char *name = !is_instance ? node_page_name(page, node) : instance != NULL ? instance->name : "";
        TRY(node_names_is_kept(bytes_of_text(name)) ? put(list, name) : ERR_OK);
    }
    return ERR_OK;
}

/* ---- keeping ---- */

/* "# those of profile "default", us-east-1, https://ssm.us-east-1.amazonaws.com/": no name begins so. */
static void put_origin(const struct client *client, char ret_line[ORIGIN_SIZE])
{
    const struct account *account = &client->account;
    char memory[ORIGIN_SIZE];
    struct text line = text_in(memory, sizeof memory);
    text_put(&line, "# ");
    account_put_source(account, &line);
    text_format(&line, ", %s, ", account->settings.region);
    endpoint_put_url(&account->settings.api, &line);
    text_copy_for_display(memory, ret_line, ORIGIN_SIZE);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(struct node_list *list)
{
    if (list->count > 0) {
        qsort(list->names, list->count, sizeof *list->names, compare);
    }
}

/* Sorted before. */
static void put_names(const struct node_list *list, struct text *text, size_t *ret_count)
{
    *ret_count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (i == 0 || strcmp(list->names[i], list->names[i - 1]) != 0) {
            text_put(text, list->names[i]);
            text_put_char(text, '\n');
            ++*ret_count;
        }
    }
}

enum err node_list_store(struct node_list *list, struct client *client, const char *path, size_t *ret_count)
{
    char origin[ORIGIN_SIZE];
    put_origin(client, origin);
    size_t size = sizeof origin + 1;
    for (size_t i = 0; i < list->count; i++) {
        size += strlen(list->names[i]) + 1;
    }
    AUTO_FREE char *file = malloc(size);
    if (file == NULL) {
        return ERR_MEMORY;
    }
    struct text text = text_in(file, size);
    text_format(&text, "%s\n", origin);
    sort(list);
    put_names(list, &text, ret_count);
    return private_file_store(path, text_bytes(&text), &client->why);
}

bool node_list_is_kept(const struct client *client, const char *path)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aws_files_wipe) struct aws_file file = {.data = NULL};
    if (aws_files_read(path, 0, &file, &why) != ERR_OK || file.data == NULL) {
        return false;
    }
    char origin[ORIGIN_SIZE];
    put_origin(client, origin);
    size_t at = 0;
    size_t len = 0;
    return ssh_config_text_find_line(bytes_of(file.data, file.len), origin, &at, &len) && at == 0;
}
