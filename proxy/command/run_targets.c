#include "proxy/command/run_targets.h"

#include "common/log.h"
#include "proxy/command/find_node.h"
#include "proxy/command/node_page.h"

#define WORDS_MAX (COMMAND_API_TARGETS_MAX * COMMAND_API_TARGET_VALUES_MAX) /* more than any command takes */

void run_targets_free(struct run_targets *targets)
{
    node_choice_free(&targets->first);
    for (size_t i = 0; i < targets->word_count; i++) {
        free(targets->words[i]);
    }
    free(targets->words);
    free(targets->nodes);
    *targets = (struct run_targets){.words = NULL};
}

size_t run_targets_position(const struct run_targets *targets, const char *id)
{
    size_t at = 0;
    while (at < targets->node_count && strcmp(targets->nodes[at].id, id) != 0) {
        at++;
    }
    return at;
}

const char *run_targets_word(const struct run_targets *targets, const char *id)
{
    size_t at = run_targets_position(targets, id);
    return at == targets->node_count ? NULL : targets->nodes[at].word;
}

/* ---- words ---- */

static enum err add_word(struct run_targets *targets, const char *begin, size_t len, struct text *ret_why)
{
    if (len == 0) {
        return ERR_OK;
    }
    if (targets->word_count == WORDS_MAX) {
        text_format(ret_why, "more than %d targets", WORDS_MAX);
        return ERR_USAGE;
    }
    char *word = strndup(begin, len);
    if (word == NULL) {
        return ERR_MEMORY;
    }
    targets->words[targets->word_count++] = word;
    return ERR_OK;
}

static enum err split(struct run_targets *targets, const char *const *arguments, size_t count, struct text *ret_why)
{
    targets->words = calloc(WORDS_MAX, sizeof *targets->words);
    targets->nodes = calloc(COMMAND_API_NODES_MAX, sizeof *targets->nodes);
    if (targets->words == NULL || targets->nodes == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const char *at = arguments[i];
        for (size_t len = strcspn(at, ","); *at != '\0'; len = strcspn(at, ",")) {
            TRY(add_word(targets, at, len, ret_why));
            at += len + (at[len] == ',');
        }
    }
    return ERR_OK;
}

/* ---- tags ---- */

/* The place of the key; a new one, where there is none yet. */
static struct command_api_target *find_tag(struct run_targets *targets, const char *key)
{
    size_t at = 0;
    while (at < targets->tag_count && strcmp(targets->tag_keys[at] + strlen("tag:"), key) != 0) {
        at++;
    }
    if (at == COMMAND_API_TARGETS_MAX) {
        return NULL;
    }
    if (at == targets->tag_count) {
        struct text text = text_in(targets->tag_keys[at], sizeof targets->tag_keys[at]);
        text_format(&text, "tag:%s", key);
        targets->tags[at] = (struct command_api_target){.key = targets->tag_keys[at]};
        targets->tag_count++;
    }
    return &targets->tags[at];
}

/* The value is borrowed from `word`, or from the alias that it is. */
static enum err add_tag(struct run_targets *targets, const struct target *target, char **word, struct text *ret_why)
{
    struct command_api_target *tag = find_tag(targets, target->tag_key);
    if (tag == NULL || tag->value_count == COMMAND_API_TARGET_VALUES_MAX) {
        text_format(ret_why, "Run Command takes %d tags of different keys, with %d values each",
                    COMMAND_API_TARGETS_MAX, COMMAND_API_TARGET_VALUES_MAX);
        return ERR_USAGE;
    }
    char *value = strdup(target_tag_value(target));
    if (value == NULL) {
        return ERR_MEMORY;
    }
    free(*word); /* an alias has another text than the word for it */
    *word = value;
    tag->values[tag->value_count++] = value;
    return ERR_OK;
}

/* ---- reading ---- */

static enum err read_word(struct run_targets *targets, size_t index, const struct aws_config_flags *flags,
                          struct text *ret_why)
{
    AUTO(node_choice_free) struct node_choice later = {.way = NULL};
    struct node_choice *choice = index == 0 ? &targets->first : &later;
    TRY(node_choice_read(choice, targets->words[index], flags, ret_why));
    const struct target *target = &choice->way->target;
    if (target->kind == TARGET_TASK) {
        text_format(ret_why, "Run Command does not reach containers: %s", targets->words[index]);
        return ERR_USAGE;
    }
    if (target->kind == TARGET_TAG) {
        TRY(add_tag(targets, target, &targets->words[index], ret_why));
    } else {
        targets->node_count++; /* how many there are to be */
    }
    return ERR_OK;
}

enum err run_targets_read(struct run_targets *targets, const char *const *arguments, size_t count,
                          const struct aws_config_flags *flags, struct text *ret_why)
{
    TRY(split(targets, arguments, count, ret_why));
    for (size_t i = 0; i < targets->word_count; i++) {
        TRY(read_word(targets, i, flags, ret_why));
    }
    if (targets->word_count == 0) {
        text_put(ret_why, "which nodes? Ids, names or tags are missing");
        return ERR_USAGE;
    }
    if (targets->tag_count > 0 && targets->node_count > 0) {
        text_put(ret_why, "tags and single nodes do not go together: Run Command takes either");
        return ERR_USAGE;
    }
    if (targets->node_count > COMMAND_API_NODES_MAX) {
        text_format(ret_why, "Run Command takes %d nodes at once; give them a tag, and target that",
                    COMMAND_API_NODES_MAX);
        return ERR_USAGE;
    }
    targets->node_count = 0;
    return ERR_OK;
}

/* ---- opening ---- */

static void add_node(struct run_targets *targets, const char *id, const char *word)
{
    if (run_targets_position(targets, id) < targets->node_count) {
        return; /* the service refuses one that is named twice */
    }
    struct run_targets_node *node = &targets->nodes[targets->node_count++];
    text_copy_for_display(id, node->id, sizeof node->id);
    text_copy_for_display(word, node->word, sizeof node->word);
}

static bool is_here(const struct client *client, const struct aws_config_flags *flags)
{
    const char *profile = client->flags.profile;
    bool is_profile = flags->profile == NULL || (profile != NULL && strcmp(profile, flags->profile) == 0);
    return is_profile && (flags->region == NULL || strcmp(flags->region, client->account.settings.region) == 0);
}

/* A word after the first one, in the region where that has led. */
static enum err find_another(struct client *client, const char *word, char ret_id[LIMIT_TARGET + 1])
{
    AUTO(node_choice_free) struct node_choice choice = {.way = NULL};
    TRY(node_choice_read(&choice, word, &client->flags, &client->why));
    enum err err = ERR_USAGE;
    for (size_t i = 0; i < choice.plan.count && (err == ERR_USAGE || err == ERR_NO_TARGET); i++) {
        struct aws_config_flags applied = client->flags;
        char memory[512];
        struct text why = text_in(memory, sizeof memory);
        const struct target_way *way = &choice.plan.ways[i];
        if (target_plan_apply(way, &applied, &why) == ERR_OK && is_here(client, &applied)) {
            text_clear(&client->why);
            err = find_node(client, &way->target, i + 1 == choice.plan.count, ret_id);
        }
    }
    if (err == ERR_USAGE) {
        text_clear(&client->why);
        text_format(&client->why, "%s is not in %s: the nodes of a command are in one region, of one account", word,
                    client->account.settings.region);
    }
    return err;
}

/* ---- many names at once ---- */

/* Names, and what one question about all of them has found. */
struct names {
    struct client *client;
    const char *words[COMMAND_API_NODES_MAX]; /* as DescribeInstanceInformation takes them */
    char (*ids)[LIMIT_TARGET + 1];            /* of each word; "" where it is not known */
    size_t count;
    bool is_unclear; /* a node is not known by its name, or two have the same: each word is asked about by itself */
};

static enum err take_names(void *context, const struct node_page *page)
{
    struct names *names = context;
    for (size_t i = 0; i < page->nodes.count; i++) {
        const struct ssm_api_node *node = &page->nodes.items[i];
        const struct ec2_api_instance *instance = node_page_instance(page, node);
        size_t at = 0;
        while (at < names->count && (instance == NULL || strcmp(names->words[at], instance->name) != 0)) {
            at++;
        }
        if (at == names->count || names->ids[at][0] != '\0') {
            names->is_unclear = true;
            return ERR_OK;
        }
        memcpy(names->ids[at], node->instance_id, sizeof names->ids[at]);
    }
    return ERR_OK;
}

static enum err go_on_without(void *context, enum err err)
{
    struct names *names = context;
    names->is_unclear = true;
    text_clear(&names->client->why);
    return err == ERR_INTERRUPTED || err == ERR_MEMORY ? err : ERR_OK;
}

/* A name alone: no alias, nothing that could be a suffix. */
static bool is_plain_name(const struct client *client, const char *word)
{
    AUTO(node_choice_free) struct node_choice choice = {.way = NULL};
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    return node_choice_read(&choice, word, &client->flags, &why) == ERR_OK && choice.plan.count == 1 &&
           choice.way->target.kind == TARGET_NAME && choice.way->alias.target == NULL &&
           choice.way->target.region[0] == '\0';
}

/* One question about names in place of one for each; what it leaves open is asked by itself. `ids` is of words. */
static enum err find_names(const struct run_targets *targets, struct client *client, char (*ids)[LIMIT_TARGET + 1])
{
    size_t positions[COMMAND_API_NODES_MAX];
    struct names names = {.client = client, .ids = calloc(targets->word_count, sizeof *names.ids)};
    AUTO_FREE void *memory = names.ids;
    if (names.ids == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < targets->word_count; i++) {
        if (is_plain_name(client, targets->words[i])) {
            positions[names.count] = i;
            names.words[names.count++] = targets->words[i];
        }
    }
    struct node_page_walk walk = {.context = &names, .visit = take_names, .forgive = go_on_without};
    walk.which.filters[0].key = "tag:Name";
    walk.which.first_values = names.words;
    walk.which.first_value_count = names.count;
    enum err err = names.count < 2 ? ERR_OK : node_page_visit(client, &walk);
    if (err != ERR_OK && err != ERR_INTERRUPTED && err != ERR_MEMORY) { /* find_node says what is wrong */
        log_debug("the names are asked about one by one: %s", client->why.data);
        text_clear(&client->why);
        return ERR_OK;
    }
    for (size_t i = 0; i < names.count && !names.is_unclear; i++) {
        memcpy(ids[positions[i]], names.ids[i], sizeof ids[0]);
    }
    return err;
}

static enum err find_word(struct run_targets *targets, struct client *client, size_t index,
                          char ret_id[LIMIT_TARGET + 1])
{
    if (index > 0) {
        return find_another(client, targets->words[index], ret_id);
    }
    TRY(node_choice_find(&targets->first, client));
    memcpy(ret_id, targets->first.id, sizeof targets->first.id);
    return ERR_OK;
}

static enum err find_all(struct run_targets *targets, struct client *client)
{
    AUTO_FREE char(*ids)[LIMIT_TARGET + 1] = calloc(targets->word_count, sizeof *ids);
    if (ids == NULL) {
        return ERR_MEMORY;
    }
    TRY(find_names(targets, client, ids));
    for (size_t i = 0; i < targets->word_count; i++) {
        TRY(ids[i][0] == '\0' ? find_word(targets, client, i, ids[i]) : ERR_OK);
        add_node(targets, ids[i], targets->words[i]);
    }
    return ERR_OK;
}

enum err run_targets_open(struct run_targets *targets, struct client *client, const struct aws_config_flags *flags,
                          int64_t timeout_us)
{
    if (targets->tag_count > 0) {
        struct aws_config_flags applied = *flags;
        char memory[1]; /* run_targets_read has seen it */
        struct text nothing = text_in(memory, sizeof memory);
        TRY(target_plan_apply(&targets->first.plan.ways[0], &applied, &nothing));
        TRY(client_open(client, &applied, timeout_us));
        return client_resolve(client, true, client->deadline_us);
    }
    TRY(node_choice_open(&targets->first, client, flags, timeout_us));
    TRY(client_resolve(client, true, client->deadline_us));
    return find_all(targets, client);
}
