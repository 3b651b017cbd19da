#include "tests/emulator/document_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/aws_document.h"
#include "tests/emulator/lab.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/session_document.h"

static void document_free(struct document *document)
{
    if (document != NULL) {
        free(document->text);
        json_decref(document->content);
        free(document);
    }
}

enum err document_store_add(struct document_store *store, const struct document *request, const char *text,
                            struct document **ret_document)
{
    if (store->count >= LAB_LIMIT_DOCUMENTS) {
        return ERR_TOO_LONG;
    }
    struct document *document = calloc(1, sizeof *document);
    if (document == NULL) {
        return ERR_MEMORY;
    }
    *document = *request;
    document->next = NULL;
    document->text = strdup(text);
    document->content = json_loads(text, 0, NULL);
    if (document->text == NULL || document->content == NULL) {
        document_free(document);
        return ERR_MEMORY;
    }
    if (store->last == NULL) {
        store->first = document;
    } else {
        store->last->next = document;
    }
    store->last = document;
    store->count++;
    *ret_document = document;
    return ERR_OK;
}

void document_store_remove(struct document_store *store, struct document *document)
{
    struct document *before = NULL;
    for (struct document *at = store->first; at != document; at = at->next) {
        before = at;
    }
    if (before == NULL) {
        store->first = document->next;
    } else {
        before->next = document->next;
    }
    store->last = store->last == document ? before : store->last;
    store->count--;
    document_free(document);
}

static enum err add_session_documents(struct document_store *store, time_t now)
{
    const char *name = NULL;
    for (size_t i = 0; (name = session_document_builtin_name(i)) != NULL; i++) {
        struct document request = {.type = "Session", .created_at = now}, *document = NULL;
        char *text = session_document_builtin_text(i);
        snprintf(request.name, sizeof request.name, "%s", name);
        enum err err = text == NULL ? ERR_MEMORY : document_store_add(store, &request, text, &document);
        free(text);
        TRY(err);
    }
    return ERR_OK;
}

enum err document_store_new(time_t now, struct document_store **ret_store)
{
    struct document_store *store = calloc(1, sizeof *store);
    const struct aws_document *source = NULL;
    if (store == NULL) {
        return ERR_MEMORY;
    }
    *ret_store = store;
    for (size_t i = 0; (source = aws_document(i)) != NULL; i++) {
        struct document request = {.type = "Command", .created_at = now}, *document = NULL;
        snprintf(request.name, sizeof request.name, "%s", source->name);
        TRY(document_store_add(store, &request, source->content, &document));
    }
    return add_session_documents(store, now);
}

void document_store_free(struct document_store *store)
{
    while (store != NULL && store->first != NULL) {
        document_store_remove(store, store->first);
    }
    free(store);
}

static const char *bare_name(const char *name)
{
    const char *in_arn = strstr(name, ":document/");
    return in_arn == NULL ? name : in_arn + strlen(":document/");
}

struct document *document_store_find(const struct document_store *store, const char *name, const char *type,
                                     const char *region)
{
    struct document *of_aws = NULL;
    for (struct document *at = store->first; at != NULL; at = at->next) {
        bool is_here = at->region == NULL || strcmp(at->region, region) == 0;
        if (!is_here || (type != NULL && strcmp(at->type, type) != 0) || strcmp(at->name, bare_name(name)) != 0) {
            continue;
        }
        if (at->region != NULL) {
            return at;
        }
        of_aws = at;
    }
    return of_aws;
}

void document_store_arn(const char *name, const char *region, char ret_arn[DOCUMENT_ARN_SIZE])
{
    bool is_of_aws = strncmp(name, "AWS-", 4) == 0;
    if (strncmp(name, "arn:", 4) == 0) {
        snprintf(ret_arn, DOCUMENT_ARN_SIZE, "%s", name);
    } else {
        snprintf(ret_arn, DOCUMENT_ARN_SIZE, "arn:aws:ssm:%s:%s:document/%s", region, is_of_aws ? "" : LAB_ACCOUNT,
                 name);
    }
}
