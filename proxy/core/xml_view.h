/* xml_view: a small XML reply of AWS (STS and EC2 answer in XML) as a tree to read. expat, as strictly as this project
 * reads every document: UTF-8, bounded size and depth, no document type and so no entities but XML's own five.
 *
 *     AUTO(xml_view_free) struct xml_view *view = NULL;
 *     TRY(xml_view_parse(body, &view));
 *     const struct xml_node *root = xml_view_root(view);
 *     const char *code = xml_view_text(root, "Errors/Error/Code");
 *     for (const struct xml_node *item = xml_view_child(root, "reservationSet/item"); item != NULL;
 *          item = xml_view_next(item)) ...
 *
 * Namespaces are ignored: a name is what follows the prefix. Attributes are ignored. Whatever is asked of a node that
 * is NULL is NULL, so that questions can be asked one after another and looked at once. */
#ifndef SSM_PROXY_CORE_XML_VIEW_H
#define SSM_PROXY_CORE_XML_VIEW_H

#include "common/bytes.h"
#include "common/err.h"

struct xml_view;
struct xml_node; /* borrowed from its view */

/* The caller owns *ret_view, which copies what it needs. ERR_MALFORMED: not one well-formed element, another encoding,
 * or with a document type; ERR_TOO_LONG: over LIMIT_API_REPLY, LIMIT_XML_NODES or LIMIT_XML_DEPTH; ERR_MEMORY. */
enum err xml_view_parse(struct bytes document, struct xml_view **ret_view) SSM_MUST_USE;

/* Wipes it: replies of STS hold keys. Takes NULL. */
void xml_view_free(struct xml_view **view);

/* The one outermost element; never NULL. */
const struct xml_node *xml_view_root(const struct xml_view *view);

const char *xml_view_name(const struct xml_node *node);

/* The first element at `path`, which is names with a slash between them, each the first of its name below the one
 * before. NULL where there is none. */
const struct xml_node *xml_view_child(const struct xml_node *node, const char *path);

/* The next sibling of the same name, or NULL. */
const struct xml_node *xml_view_next(const struct xml_node *node);

/* The text of the first element at `path`, of `node` itself when `path` is ""; "" where it is empty. NULL where there
 * is none, or where it holds elements. */
const char *xml_view_text(const struct xml_node *node, const char *path);

#endif
