/* CreateAssociation, DescribeAssociation, ListAssociations, DeleteAssociation and StartAssociationsOnce. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/api.h"
#include "tests/emulator/association.h"
#include "tests/emulator/command_target.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/node_table.h"
#include "tests/emulator/pattern.h"
#include "tests/emulator/permission.h"

#define SCHEDULE_PATTERN                                                                                               \
    "^(rate\\(([3-9][0-9]|[1-9][0-9]{2,}) minutes\\)|rate\\((1 hour|1 day|[1-9][0-9]* (hours|days))\\)|"               \
    "cron\\([^()]+\\)|at\\([0-9T:.Z-]+\\))$"

/* ---- shapes ---- */

/* How many nodes are where; what is not over is pending. */
static void count_states(const struct association *association, size_t *ret_good, size_t *ret_bad, size_t *ret_pending)
{
    const struct command *command = association->command;
    *ret_good = *ret_bad = *ret_pending = 0;
    for (size_t i = 0; command != NULL && i < command->count; i++) {
        enum invocation_state state = command->invocations[i].state;
        bool is_waiting = !run_command_is_final(state) || state == INVOCATION_UNDELIVERABLE;
        *(is_waiting ? ret_pending : state == INVOCATION_SUCCESS ? ret_good : ret_bad) += 1;
    }
}

static const char *status_of(const struct association *association)
{
    size_t good = 0, bad = 0, pending = 0;
    count_states(association, &good, &bad, &pending);
    return bad > 0 ? "Failed" : pending > 0 || good == 0 ? "Pending" : "Success";
}

static json_t *describe_overview(const struct association *association)
{
    size_t good = 0, bad = 0, pending = 0;
    count_states(association, &good, &bad, &pending);
    const struct {
        const char *name;
        size_t count;
    } counts[] = {{"Success", good}, {"Failed", bad}, {"Pending", pending}};
    json_t *numbers = json_object();
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (counts[i].count > 0) {
            json_object_set_new(numbers, counts[i].name, json_integer((json_int_t)counts[i].count));
        }
    }
    const char *status = status_of(association);
    bool is_new = association->command == NULL;
    return json_pack("{s:s,s:s,s:o}", "Status", status, "DetailedStatus", is_new ? "Creating" : status,
                     "AssociationStatusAggregatedCount", numbers);
}

/* What Association and AssociationDescription have in common. */
static json_t *describe_short(const struct association *association)
{
    static const char *const members[] = {"InstanceId", "Targets", "ScheduleExpression", "AssociationName"};
    json_t *object =
        json_pack("{s:s,s:s,s:s,s:s,s:o}", "Name", association->document, "AssociationId", association->id,
                  "AssociationVersion", "1", "DocumentVersion", "$DEFAULT", "Overview", describe_overview(association));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *value = json_object_get(association->input, members[i]);
        if (value != NULL) {
            json_object_set(object, members[i], value);
        }
    }
    if (association->executed_at != 0) {
        json_object_set_new(object, "LastExecutionDate", json_integer((json_int_t)association->executed_at));
    }
    return object;
}

static json_t *describe(const struct association *association)
{
    static const char *const members[] = {"Parameters", "MaxConcurrency", "MaxErrors", "ComplianceSeverity",
                                          "ApplyOnlyAtCronInterval"};
    json_t *object = describe_short(association);
    json_int_t at = (json_int_t)association->created_at;
    json_object_set_new(object, "Date", json_integer(at));
    json_object_set_new(object, "LastUpdateAssociationDate", json_integer(at));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *value = json_object_get(association->input, members[i]);
        if (value != NULL) {
            json_object_set(object, members[i], value);
        }
    }
    if (strcmp(status_of(association), "Success") == 0) {
        json_object_set_new(object, "LastSuccessfulExecutionDate", json_integer((json_int_t)association->executed_at));
    }
    return object;
}

/* ---- CreateAssociation ---- */

/* The one that already binds this document to this very node; NULL: none. */
static struct association *find_of_node(const struct api_call *call, const char *name, const char *node_id)
{
    struct association *at = call->lab->associations->first;
    while (at != NULL &&
           (node_id[0] == '\0' || strcmp(at->region, call->region) != 0 || strcmp(at->document, name) != 0 ||
            strcmp(api_optional(at->input, "InstanceId"), node_id) != 0)) {
        at = at->next;
    }
    return at;
}

static bool refuse(const struct api_call *call, const char *type, const char *message)
{
    api_fail(call, type, "%s", message);
    return false;
}

static bool check_recipients(const struct api_call *call, const struct document *document)
{
    struct service_error error = {0};
    const json_t *targets = json_object_get(call->input, "Targets");
    const char *node_id = api_optional(call->input, "InstanceId");
    const struct node *node = node_table_find_in(call->lab->nodes, node_id, call->region);
    if ((node_id[0] == '\0') == (json_array_size(targets) == 0)) {
        return refuse(call, "InvalidTarget", "An association has an InstanceId, or Targets");
    }
    if (node_id[0] != '\0' && (node == NULL || node->is_container)) {
        return refuse(call, "InvalidInstanceId", "");
    }
    if (node != NULL && !command_document_is_for(document->content, node->platform_type)) {
        return refuse(call, "UnsupportedPlatformType", "The document does not support the platform of the node");
    }
    if (find_of_node(call, document->name, node_id) != NULL) {
        return refuse(call, "AssociationAlreadyExists", "The specified association already exists.");
    }
    if (command_target_check(targets, true, &error) != ERR_OK) {
        api_fail_error(call, &error);
        return false;
    }
    return true;
}

static bool check_request(const struct api_call *call, const struct document *document)
{
    struct service_error error = {0};
    size_t ignored = 0;
    const char *schedule = api_optional(call->input, "ScheduleExpression");
    if (schedule[0] != '\0' && !pattern_fits(SCHEDULE_PATTERN, schedule)) {
        return refuse(call, "InvalidSchedule", "The schedule is invalid. Verify your cron or rate expression.");
    }
    if (command_document_check(document->content, json_object_get(call->input, "Parameters"), &error) != ERR_OK ||
        command_target_limits(call->input, 0, &ignored, &ignored, &error) != ERR_OK) {
        api_fail_error(call, &error);
        return false;
    }
    return check_recipients(call, document);
}

static void create(const struct api_call *call, const struct document *document)
{
    struct association request = {.region = call->region, .content = document->content}, *association = NULL;
    const char *node_id = api_optional(call->input, "InstanceId");
    bool waits = json_is_true(json_object_get(call->input, "ApplyOnlyAtCronInterval"));
    request.input = json_deep_copy(call->input);
    strcpy(request.document, document->name);
    if (node_id[0] != '\0') {
        json_object_set_new(request.input, "Targets",
                            json_pack("[{s:s,s:[s]}]", "Key", "InstanceIds", "Values", node_id));
    }
    enum err err = association_add(call->lab->associations, &request, &association);
    json_decref(request.input);
    if (err == ERR_TOO_LONG) {
        api_fail(call, "AssociationLimitExceeded", "%s", "You can have at most 2,000 active associations.");
        return;
    }
    json_t *answer = err != ERR_OK ? NULL : json_pack("{s:o}", "AssociationDescription", describe(association));
    if (err == ERR_OK && !waits && association_run(call->lab->associations, association) != ERR_OK) {
        json_decref(answer);
        answer = NULL;
    }
    api_reply(call, answer);
}

void api_association_create(const struct api_call *call)
{
    const char *name = api_text(call, "Name", 3, 200);
    char arn[DOCUMENT_ARN_SIZE];
    document_store_arn(name == NULL ? "" : name, call->region, arn);
    struct permission_request request = {.action = "ssm:CreateAssociation", .resource = arn};
    if (name == NULL || api_denies(call, "ssm:CreateAssociation") || !api_allows(call, &request)) {
        return;
    }
    const struct document *document = document_store_find(call->lab->documents, name, "Command", call->region);
    if (document == NULL) {
        api_fail(call, "InvalidDocument", "Document with name %.128s does not exist.", name);
    } else if (check_request(call, document)) {
        create(call, document);
    }
}

/* ---- the others ---- */

/* By AssociationId, or by Name and InstanceId. NULL after having failed the call. */
static struct association *find(const struct api_call *call)
{
    const char *id = api_optional(call->input, "AssociationId");
    struct association *association =
        id[0] != '\0' ? association_find(call->lab->associations, id, call->region)
                      : find_of_node(call, api_optional(call->input, "Name"), api_optional(call->input, "InstanceId"));
    if (association == NULL) {
        api_fail(call, "AssociationDoesNotExist", "%s", "The specified association does not exist.");
    }
    return association;
}

void api_association_describe(const struct api_call *call)
{
    const struct association *association = find(call);
    if (association != NULL) {
        api_reply(call, json_pack("{s:o}", "AssociationDescription", describe(association)));
    }
}

void api_association_delete(const struct api_call *call)
{
    struct association *association = api_denies(call, "ssm:DeleteAssociation") ? NULL : find(call);
    if (association != NULL) {
        association_remove(call->lab->associations, association);
        api_reply(call, json_object());
    }
}

void api_association_start(const struct api_call *call)
{
    const json_t *ids = json_object_get(call->input, "AssociationIds");
    enum err err = ERR_OK;
    if (api_denies(call, "ssm:StartAssociationsOnce")) {
        return;
    }
    for (size_t i = 0; err == ERR_OK && i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        struct association *association =
            id == NULL ? NULL : association_find(call->lab->associations, id, call->region);
        if (association == NULL) {
            api_fail(call, "AssociationDoesNotExist", "%s", "The specified association does not exist.");
            return;
        }
        err = association_run(call->lab->associations, association);
    }
    api_reply(call, err == ERR_OK ? json_object() : NULL);
}

static bool has_instance(const struct association *association, const struct api_call *call, const char *node_id)
{
    const struct node *node = node_table_find_in(call->lab->nodes, node_id, call->region);
    return node != NULL &&
           command_target_fits(node, association->region, json_object_get(association->input, "Targets"));
}

static bool fits(const struct association *association, const struct api_call *call, const json_t *filter)
{
    const char *key = api_optional(filter, "key"), *value = api_optional(filter, "value");
    const struct {
        const char *key, *actual;
    } texts[] = {{"Name", association->document},
                 {"AssociationId", association->id},
                 {"AssociationName", api_optional(association->input, "AssociationName")},
                 {"AssociationStatusName", status_of(association)}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(texts[i].key, key) == 0) {
            return strcmp(texts[i].actual, value) == 0;
        }
    }
    return strcmp(key, "InstanceId") == 0 && has_instance(association, call, value);
}

static bool is_asked_for(const struct association *association, const struct api_call *call)
{
    const json_t *filters = json_object_get(call->input, "AssociationFilterList");
    bool is_meant = strcmp(association->region, call->region) == 0;
    for (size_t i = 0; is_meant && i < json_array_size(filters); i++) {
        is_meant = fits(association, call, json_array_get(filters, i));
    }
    return is_meant;
}

/* An agent has none: those of the lab run on built-in nodes. */
void api_association_list(const struct api_call *call)
{
    size_t begin = 0, end = 0, index = 0;
    if (!api_page(call, 1, 50, LAB_LIMIT_ASSOCIATIONS, &begin, &end)) {
        return;
    }
    json_t *list = json_array();
    bool is_agent = call->caller->node_id[0] != '\0';
    for (const struct association *at = call->lab->associations->first; at != NULL && !is_agent; at = at->next) {
        if (is_asked_for(at, call) && index++ >= begin && index <= end) {
            json_array_append_new(list, describe_short(at));
        }
    }
    json_t *output = json_pack("{s:o}", "Associations", list);
    api_next_token(output, end, index);
    api_reply(call, output);
}
