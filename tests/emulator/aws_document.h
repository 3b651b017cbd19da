/* aws_document: the documents of Run Command that every account has, as GetDocument shows them, as far as the agent
 * reads them. */
#ifndef SSM_LAB_AWS_DOCUMENT_H
#define SSM_LAB_AWS_DOCUMENT_H

#include <stddef.h>

struct aws_document {
    const char *name;
    const char *content; /* JSON */
};

/* NULL at the end. */
const struct aws_document *aws_document(size_t index);

#endif
