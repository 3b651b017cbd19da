#include "proxy/core/xml_view.h"

#include "common/auto.h"
#include "common/limits.h"

#include <expat.h>

#define NO_NODE UINT32_MAX

struct xml_node {
    const char *name; /* in the view's characters, as is the text */
    const char *text; /* NULL once an element has begun inside */
    struct xml_node *first_child;
    struct xml_node *next_sibling;
};

/* Nodes and characters have their places before the parser begins: every element has a "<" of its own, and in UTF-8 no
 * characters that expat gives are longer than those it read. A name and its terminator fit where "<name>" stood, the
 * terminator of a text where "</" or "/>" did. */
struct xml_view {
    struct xml_node *nodes;
    size_t node_count;
    char *characters;
    size_t character_count;
    size_t character_size;
};

struct reader {
    XML_Parser parser;
    struct xml_view *view;
    size_t depth;
    struct xml_node *open[LIMIT_XML_DEPTH];       /* from the root inward */
    struct xml_node *last_child[LIMIT_XML_DEPTH]; /* of each open one */
    enum err err;
};

static void stop(struct reader *reader, enum err err)
{
    reader->err = err;
    (void)XML_StopParser(reader->parser, XML_FALSE);
}

/* ---- the parser's events ---- */

static const char *put_characters(struct xml_view *view, const char *text, size_t len)
{
    char *place = view->characters + view->character_count;
    memcpy(place, text, len);
    view->character_count += len;
    return place;
}

static const char *put_name(struct xml_view *view, const char *name)
{
    const char *colon = strrchr(name, ':');
    const char *local = colon == NULL ? name : colon + 1;
    return put_characters(view, local, strlen(local) + 1);
}

static void link_child(struct reader *reader, struct xml_node *node)
{
    if (reader->depth == 0) {
        return;
    }
    size_t parent = reader->depth - 1;
    reader->open[parent]->text = NULL;
    if (reader->last_child[parent] == NULL) {
        reader->open[parent]->first_child = node;
    } else {
        reader->last_child[parent]->next_sibling = node;
    }
    reader->last_child[parent] = node;
}

static void on_element(void *context, const char *name, const char **attributes)
{
    (void)attributes;
    struct reader *reader = context;
    struct xml_view *view = reader->view;
    if (reader->err != ERR_OK) {
        return; /* the last events after a stop */
    }
    if (reader->depth == LIMIT_XML_DEPTH) {
        stop(reader, ERR_TOO_LONG);
        return;
    }
    struct xml_node *node = &view->nodes[view->node_count++];
    link_child(reader, node);
    node->name = put_name(view, name);
    node->text = view->characters + view->character_count;
    reader->open[reader->depth] = node;
    reader->last_child[reader->depth] = NULL;
    reader->depth++;
}

static void on_element_end(void *context, const char *name)
{
    (void)name;
    struct reader *reader = context;
    if (reader->err != ERR_OK) {
        return;
    }
    reader->depth--;
    if (reader->open[reader->depth]->text != NULL) {
        (void)put_characters(reader->view, "", 1);
    }
}

/* What stands between elements is white space in every reply of AWS. */
static void on_characters(void *context, const char *text, int len)
{
    struct reader *reader = context;
    if (reader->err == ERR_OK && reader->depth > 0 && reader->open[reader->depth - 1]->text != NULL) {
        (void)put_characters(reader->view, text, (size_t)len);
    }
}

static void on_document_type(void *context, const char *name, const char *system_id, const char *public_id,
                             int has_internal_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
    stop(context, ERR_MALFORMED);
}

/* ---- the tree ---- */

static size_t count_tags(struct bytes document)
{
    size_t count = 0;
    for (size_t i = 0; i < document.len; i++) {
        count += document.data[i] == '<';
    }
    return count;
}

static enum err make_view(struct bytes document, struct xml_view **ret_view)
{
    size_t node_size = count_tags(document);
    if (document.len > LIMIT_API_REPLY || node_size > 2 * (size_t)LIMIT_XML_NODES) {
        return ERR_TOO_LONG;
    }
    AUTO(xml_view_free) struct xml_view *view = calloc(1, sizeof *view);
    if (view == NULL) {
        return ERR_MEMORY;
    }
    view->character_size = document.len + 1;
    view->nodes = calloc(node_size + 1, sizeof *view->nodes);
    view->characters = calloc(1, view->character_size);
    if (view->nodes == NULL || view->characters == NULL) {
        return ERR_MEMORY;
    }
    *ret_view = MOVE(view);
    return ERR_OK;
}

static enum err read_document(struct reader *reader, struct bytes document)
{
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_element, on_element_end);
    XML_SetCharacterDataHandler(reader->parser, on_characters);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_document_type);
    if (XML_Parse(reader->parser, (const char *)document.data, (int)document.len, XML_TRUE) == XML_STATUS_OK) {
        return ERR_OK;
    }
    if (reader->err != ERR_OK) {
        return reader->err;
    }
    return XML_GetErrorCode(reader->parser) == XML_ERROR_NO_MEMORY ? ERR_MEMORY : ERR_MALFORMED;
}

/* expat takes UTF-16 whatever encoding it is told, and a text grows when it becomes UTF-8. */
static bool is_utf16(struct bytes document)
{
    return document.len > 0 && memchr(document.data, '\0', document.len) != NULL;
}

enum err xml_view_parse(struct bytes document, struct xml_view **ret_view)
{
    if (is_utf16(document)) {
        return ERR_MALFORMED;
    }
    AUTO(xml_view_free) struct xml_view *view = NULL;
    TRY(make_view(document, &view));
    struct reader reader = {.view = view, .parser = XML_ParserCreate("UTF-8")};
    if (reader.parser == NULL) {
        return ERR_MEMORY;
    }
    enum err err = read_document(&reader, document);
    XML_ParserFree(reader.parser);
    TRY(err);
    *ret_view = MOVE(view);
    return ERR_OK;
}

void xml_view_free(struct xml_view **view)
{
    if (*view == NULL) {
        return;
    }
    if ((*view)->characters != NULL) {
        explicit_bzero((*view)->characters, (*view)->character_size);
    }
    free((*view)->characters);
    free((*view)->nodes);
    free(*view);
    *view = NULL;
}

/* ---- questions ---- */

const struct xml_node *xml_view_root(const struct xml_view *view)
{
    return &view->nodes[0];
}

const char *xml_view_name(const struct xml_node *node)
{
    return node == NULL ? NULL : node->name;
}

static const struct xml_node *first_named(const struct xml_node *node, const char *name, size_t len)
{
    while (node != NULL && (strncmp(node->name, name, len) != 0 || node->name[len] != '\0')) {
        node = node->next_sibling;
    }
    return node;
}

const struct xml_node *xml_view_child(const struct xml_node *node, const char *path)
{
    while (node != NULL && *path != '\0') {
        size_t len = strcspn(path, "/");
        node = first_named(node->first_child, path, len);
        path += path[len] == '/' ? len + 1 : len;
    }
    return node;
}

const struct xml_node *xml_view_next(const struct xml_node *node)
{
    return node == NULL ? NULL : first_named(node->next_sibling, node->name, strlen(node->name));
}

const char *xml_view_text(const struct xml_node *node, const char *path)
{
    const struct xml_node *found = xml_view_child(node, path);
    return found == NULL ? NULL : found->text;
}
