#include "tests/support/unit.h"

#include "common/auto.h"
#include "common/limits.h"
#include "proxy/core/xml_view.h"

static enum err parse(const char *document, struct xml_view **ret_view)
{
    return xml_view_parse(bytes_of_text(document), ret_view);
}

static void assert_refused(const char *document, enum err expected)
{
    AUTO(xml_view_free) struct xml_view *view = NULL;
    enum err err = parse(document, &view);
    if (err != expected || view != NULL) {
        fail_msg("%s: %s", document, err_text(err));
    }
}

static void refuses_what_is_no_document(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "", " ", "text", "<a>", "<a></b>", "<a/><b/>", "<a/>text", "{\"a\":1}", "<a b></a>", "<a>&unknown;</a>",
        /* C0 characters are not XML, written out or not: what is read cannot drive a terminal by itself. */
        "<a>\x1b[2J</a>", "<a>&#27;</a>", "<a>&#0;</a>",
        /* UTF-8 alone. */
        "<a>\xff</a>", "<a>\xc3</a>", "<a>\xed\xa0\x80</a>",
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        assert_refused(documents[i], ERR_MALFORMED);
    }
    AUTO(xml_view_free) struct xml_view *view = NULL;
    assert_err(xml_view_parse(bytes_of("<a/>\0", 5), &view), ERR_MALFORMED);
    static const char utf_16[] = "\xff\xfe<\0a\0/\0>";
    assert_err(xml_view_parse(bytes_of(utf_16, sizeof utf_16), &view), ERR_MALFORMED);
}

static void refuses_document_types(void **state)
{
    (void)state;
    assert_refused("<!DOCTYPE a><a/>", ERR_MALFORMED);
    assert_refused("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", ERR_MALFORMED);
    assert_refused("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", ERR_MALFORMED);
    assert_refused("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", ERR_MALFORMED);
}

/* `depth` elements, one in another. */
static char *nested(size_t depth)
{
    char *document = calloc(1, depth * 7 + 1);
    assert_non_null(document);
    for (size_t i = 0; i < depth; i++) {
        memcpy(document + i * 3, "<a>", 3);
        memcpy(document + depth * 3 + i * 4, "</a>", 4);
    }
    return document;
}

static void bounds_depth(void **state)
{
    (void)state;
    AUTO_FREE char *deepest = nested(LIMIT_XML_DEPTH);
    AUTO_FREE char *deeper = nested(LIMIT_XML_DEPTH + 1);
    AUTO(xml_view_free) struct xml_view *view = NULL;
    assert_ok(parse(deepest, &view));
    assert_refused(deeper, ERR_TOO_LONG);
}

static void bounds_size(void **state)
{
    (void)state;
    AUTO_FREE char *document = malloc(LIMIT_API_REPLY + 2);
    assert_non_null(document);
    memset(document, ' ', LIMIT_API_REPLY + 1);
    memcpy(document, "<a/>", 4);
    AUTO(xml_view_free) struct xml_view *view = NULL;
    assert_ok(xml_view_parse(bytes_of(document, LIMIT_API_REPLY), &view));
    AUTO(xml_view_free) struct xml_view *larger = NULL;
    assert_err(xml_view_parse(bytes_of(document, LIMIT_API_REPLY + 1), &larger), ERR_TOO_LONG);

    size_t tags = 2 * (size_t)LIMIT_XML_NODES;
    memcpy(document, "<a>", 3);
    for (size_t i = 0; i < tags - 1; i++) {
        memcpy(document + 3 + i * 4, "<b/>", 4);
    }
    memcpy(document + 3 + (tags - 1) * 4, "</a>", 4);
    assert_err(xml_view_parse(bytes_of(document, 3 + tags * 4), &larger), ERR_TOO_LONG);
}

/* EC2's form of an error, with what AWS puts around it. */
static void reads_an_error(void **state)
{
    (void)state;
    AUTO(xml_view_free) struct xml_view *view = NULL;
    assert_ok(
        parse("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are &lt;not&gt; "
              "authorized &amp; so &#x2014; on</Message></Error></Errors><RequestID>ea966190</RequestID></Response>",
              &view));
    const struct xml_node *root = xml_view_root(view);
    assert_string_equal(xml_view_name(root), "Response");
    assert_string_equal(xml_view_text(root, "Errors/Error/Code"), "UnauthorizedOperation");
    assert_string_equal(xml_view_text(root, "Errors/Error/Message"), "You are <not> authorized & so \xe2\x80\x94 on");
    assert_string_equal(xml_view_text(xml_view_child(root, "RequestID"), ""), "ea966190");
    assert_null(xml_view_text(root, "Errors")); /* holds elements */
    assert_null(xml_view_text(root, "Error"));  /* is not a child */
    assert_null(xml_view_text(root, "Errors/Error/Cod"));
    assert_null(xml_view_text(root, "Errors/Error/Codes"));
    assert_null(xml_view_text(NULL, "Errors"));
    assert_null(xml_view_child(NULL, "Errors"));
    assert_null(xml_view_name(NULL));
    assert_null(xml_view_next(NULL));
}

static void walks_repeated_children(void **state)
{
    (void)state;
    AUTO(xml_view_free) struct xml_view *view = NULL;
    assert_ok(
        parse("<ec2:set xmlns:ec2=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n <ec2:item><id>1</id></ec2:item>\n"
              "<other>x</other><item b=\"c\"><id> 2 </id></item><item/><item><![CDATA[<3>]]></item></ec2:set>",
              &view));
    const struct xml_node *item = xml_view_child(xml_view_root(view), "item");
    assert_string_equal(xml_view_name(xml_view_root(view)), "set");
    assert_string_equal(xml_view_text(item, "id"), "1");
    item = xml_view_next(item);
    assert_string_equal(xml_view_text(item, "id"), " 2 ");
    item = xml_view_next(item);
    assert_string_equal(xml_view_text(item, ""), "");
    assert_null(xml_view_text(item, "id"));
    item = xml_view_next(item);
    assert_string_equal(xml_view_text(item, ""), "<3>");
    assert_null(xml_view_next(item));
}

/* A copy of the document in memory that is exactly as long, so that the sanitizers see the shortest texts and names. */
static void needs_no_more_room_than_the_document(void **state)
{
    (void)state;
    static const char *const documents[] = {"<a/>", "<a></a>", "<:/>", "<a>b</a>", "<a><b/><c/></a>", "<a>b<c/>d</a>"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        size_t len = strlen(documents[i]);
        AUTO_FREE char *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, documents[i], len);
        AUTO(xml_view_free) struct xml_view *view = NULL;
        assert_ok(xml_view_parse(bytes_of(copy, len), &view));
        (void)memset(copy, 'x', len);
        assert_string_equal(xml_view_name(xml_view_root(view)), documents[i][1] == ':' ? "" : "a");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_document),
        cmocka_unit_test(refuses_document_types),
        cmocka_unit_test(bounds_depth),
        cmocka_unit_test(bounds_size),
        cmocka_unit_test(reads_an_error),
        cmocka_unit_test(walks_repeated_children),
        cmocka_unit_test(needs_no_more_room_than_the_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
