/* xml_writer: elements of the XML that services of AWS's query protocols answer, appended to a `struct text`. */
#ifndef SSM_LAB_XML_WRITER_H
#define SSM_LAB_XML_WRITER_H

#include "common/text.h"

/* <name>value</name>; the value is escaped, and characters that XML does not know become "?". */
void xml_writer_element(struct text *text, const char *name, const char *value);

void xml_writer_open(struct text *text, const char *name);
void xml_writer_close(struct text *text, const char *name);

#endif
