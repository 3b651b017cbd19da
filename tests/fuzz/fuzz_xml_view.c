/* xml_view: any document. What is accepted can be walked, is UTF-8 without control characters but tab and line ends,
 * and is within the bounds; every element is found again under its own name. */
#include "tests/fuzz/fuzz_support.h"

#include "common/auto.h"
#include "common/limits.h"
#include "proxy/core/xml_view.h"

static void check_text(const char *text)
{
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        MUST((unsigned char)*at >= 0x20 || *at == '\t' || *at == '\n' || *at == '\r');
    }
}

static void check_paths(const struct xml_node *root)
{
    static const char *const paths[] = {"",      "a",     "a/b",  "/",    "Errors/Error/Code", "Error/Message",
                                        "a/b/c", "/a//b", "item", "item/"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        check_text(xml_view_text(root, paths[i]));
        size_t count = 0;
        for (const struct xml_node *node = xml_view_child(root, paths[i]); node != NULL; node = xml_view_next(node)) {
            check_text(xml_view_name(node));
            MUST(xml_view_child(node, "") == node);
            MUST(++count <= 2 * (size_t)LIMIT_XML_NODES);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(xml_view_free) struct xml_view *view = NULL;
    enum err err = xml_view_parse(bytes_of(data, size), &view);
    MUST(err == ERR_OK || err == ERR_MALFORMED || err == ERR_TOO_LONG);
    MUST((err == ERR_OK) == (view != NULL));
    if (view != NULL) {
        MUST(xml_view_next(xml_view_root(view)) == NULL);
        check_paths(xml_view_root(view));
    }
    return 0;
}
