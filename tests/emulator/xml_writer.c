#include "tests/emulator/xml_writer.h"

void xml_writer_open(struct text *text, const char *name)
{
    text_format(text, "<%s>", name);
}

void xml_writer_close(struct text *text, const char *name)
{
    text_format(text, "</%s>", name);
}

static void put_character(struct text *text, char character)
{
    switch (character) {
    case '&':
        text_put(text, "&amp;");
        break;
    case '<':
        text_put(text, "&lt;");
        break;
    case '>':
        text_put(text, "&gt;");
        break;
    case '"':
        text_put(text, "&quot;");
        break;
    case '\r':
        text_put(text, "&#xD;");
        break;
    default:
        text_put_char(text, text_is_control(character) && character != '\n' && character != '\t' ? '?' : character);
    }
}

void xml_writer_element(struct text *text, const char *name, const char *value)
{
    xml_writer_open(text, name);
    for (const char *at = value; *at != '\0'; at++) {
        put_character(text, *at);
    }
    xml_writer_close(text, name);
}
