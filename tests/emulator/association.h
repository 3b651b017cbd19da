/* association: State Manager: documents that are to be run on nodes again and again. Here they run when they are made,
 * unless they are to wait for their schedule, and when StartAssociationsOnce says so: time does not pass. They run on
 * built-in nodes as commands that no list of Run Command shows. */
#ifndef SSM_LAB_ASSOCIATION_H
#define SSM_LAB_ASSOCIATION_H

#include "tests/emulator/document_store.h"
#include "tests/emulator/lab.h"
#include "tests/emulator/run_command.h"

struct association {
    char id[UUID_TEXT_SIZE];
    const char *region; /* borrowed from the options */
    char document[DOCUMENT_NAME_SIZE];
    json_t *content;         /* of the document, owned */
    json_t *input;           /* CreateAssociation's, with Targets; owned */
    struct command *command; /* the last run, owned by the lab's commands; NULL: none yet */
    time_t created_at, executed_at;
    struct association *next;
};

struct association_table {
    struct lab *lab;
    struct association *first, *last; /* in order of creation */
    size_t count;
};

enum err association_table_new(struct lab *lab, struct association_table **ret_table) SSM_MUST_USE;
void association_table_free(struct association_table *table);

/* Takes a request that was checked, with region, document, content and input, which are copied. ERR_TOO_LONG: there are
 * LAB_LIMIT_ASSOCIATIONS. */
enum err association_add(struct association_table *table, const struct association *request,
                         struct association **ret_association) SSM_MUST_USE;
void association_remove(struct association_table *table, struct association *association);
struct association *association_find(const struct association_table *table, const char *id, const char *region);

/* On all nodes that fit by now. */
enum err association_run(struct association_table *table, struct association *association) SSM_MUST_USE;

#endif
