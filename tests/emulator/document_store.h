/* document_store: the documents of the lab's account: those of AWS, for Run Command and for sessions, and those that
 * CreateDocument made, of one version each. */
#ifndef SSM_LAB_DOCUMENT_STORE_H
#define SSM_LAB_DOCUMENT_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "common/err.h"

#define DOCUMENT_NAME_SIZE 129

struct document {
    char name[DOCUMENT_NAME_SIZE];
    const char *region; /* borrowed from the options; NULL: every region has it, since it is AWS's */
    const char *type;   /* "Command" or "Session"; a literal */
    char *text;         /* as it was given */
    json_t *content;    /* the same, parsed */
    time_t created_at;
    struct document *next;
};

struct document_store {
    struct document *first, *last; /* in order of creation */
    size_t count;
};

enum err document_store_new(time_t now, struct document_store **ret_store) SSM_MUST_USE;
void document_store_free(struct document_store *store);

/* By name or ARN, `type` or any (NULL). NULL when the region has none. One's own goes before AWS's of that name. */
struct document *document_store_find(const struct document_store *store, const char *name, const char *type,
                                     const char *region);

/* A new name; `text` was checked, and is copied. ERR_TOO_LONG: there are LAB_LIMIT_DOCUMENTS. */
enum err document_store_add(struct document_store *store, const struct document *request, const char *text,
                            struct document **ret_document) SSM_MUST_USE;
void document_store_remove(struct document_store *store, struct document *document);

/* "arn:aws:ssm:us-east-1:111122223333:document/mine", "arn:aws:ssm:us-east-1::document/AWS-RunShellScript". The name
 * need not be that of a document. */
#define DOCUMENT_ARN_SIZE 300
void document_store_arn(const char *name, const char *region, char ret_arn[DOCUMENT_ARN_SIZE]);

#endif
