/* config: the lines of ssh_config(5) that make ssh use ssm-proxy: printed, or put into ~/.ssh. */
#include "common/auto.h"
#include "common/log.h"
#include "proxy/command/config_install.h"
#include "proxy/command/failure.h"
#include "proxy/command/host_key_fetch.h"
#include "proxy/command/key_push.h"
#include "proxy/command/key_ring.h"
#include "proxy/command/node_choice.h"
#include "proxy/command/node_list.h"
#include "proxy/command/output.h"
#include "proxy/command/ssh_keywords.h"
#include "proxy/command/verbs.h"
#include "proxy/core/ssh_config_text.h"
#include "proxy/edge/own_program.h"

#include <stdio.h>

#define CONNECT_TIMEOUT_US (INT64_C(60) * 1000 * 1000)
#define NAMES_MAX 1000    /* of aliases, of profiles: people have dozens */
#define OPTIONS_SIZE 8192 /* of connect */

struct config {
    const struct options *options;
    struct client client;
    struct config_paths paths;
    char control_path[LIMIT_PATH + 1]; /* the directory */
    struct node_list list;
    struct aliases aliases;
    char program[LIMIT_PATH + 1];
    char answer[LIMIT_PATH + 1];
    char words[OPTIONS_SIZE];
    char key_words[64];
    char key_paths[KEY_SLOT_COUNT][STATE_DIRECTORY_PATH_SIZE];
    const char *alias_names[NAMES_MAX];
    const char *profile_names[NAMES_MAX];
    struct ssh_keywords keywords; /* that ssh knows */
    struct ssh_config_settings settings;
};

/* ---- what goes into the block ---- */

static enum err require_path(struct config *config, const char *path)
{
    if (!ssh_config_text_is_path(path)) {
        text_format(&config->client.why,
                    "ssm-proxy lies at %s, a path with characters that ssh_config(5) or a shell would need quotes for",
                    path);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

/* An ssm-proxy that was copied somewhere without its helpers answers for itself. */
static enum err find_programs(struct config *config)
{
    char memory[LIMIT_PATH + 256];
    struct text why = text_in(memory, sizeof memory);
    TRY(own_program_path(config->program, &config->client.why));
    TRY(require_path(config, config->program));
    if (own_program_helper("ssh-answer", config->answer, &why) != ERR_OK) {
        log_debug("config: %s", memory);
        memcpy(config->answer, config->program, sizeof config->answer);
    }
    return require_path(config, config->answer);
}

/* The options that connect is to have, too. */
static enum err choose_words(struct config *config)
{
    static const int passed[] = {OPTION_PROFILE, OPTION_REGION, OPTION_ENDPOINT_URL, OPTION_CA_BUNDLE, OPTION_KEY};
    struct text words = text_in(config->words, sizeof config->words);
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        const char *value = config->options->values[passed[i]];
        if (value == NULL) {
            continue;
        }
        bool is_path = passed[i] == OPTION_CA_BUNDLE; /* ssh may start connect in any directory */
        if (!(is_path ? ssh_config_text_is_path(value) : ssh_config_text_is_word(value))) {
            text_format(&config->client.why,
                        "--%s: %s needed, without characters that a shell would need quotes for: %s",
                        proxy_options[passed[i]].name, is_path ? "an absolute path is" : "a word is", value);
            return ERR_USAGE;
        }
        text_format(&words, " --%s %s", proxy_options[passed[i]].name, value);
    }
    text_put(&words, config->key_words);
    if (text_finish(&words) != ERR_OK) {
        text_put(&config->client.why, "too long options");
        return ERR_USAGE;
    }
    return ERR_OK;
}

/* What `key ensure` and connect are to have, too. Without a key of ours these options mean nothing. */
static enum err choose_key_words(struct config *config)
{
    const struct options *options = config->options;
    struct text words = text_in(config->key_words, sizeof config->key_words);
    if (options_has(options, OPTION_LIFETIME)) {
        text_format(&words, " --lifetime %s", options->values[OPTION_LIFETIME]);
    }
    text_put(&words, options_has(options, OPTION_AGENT) ? " --agent" : "");
    return text_finish(&words);
}

static enum err choose_key(struct config *config)
{
    const struct options *options = config->options;
    struct text *why = &config->client.why;
    enum key_way way;
    TRY(key_push_read_way(options, &way, why));
    if (way == KEY_WAY_NONE) {
        return key_ring_refuse_wish(options, why);
    }
    TRY(choose_key_words(config));
    for (int i = 0; i < KEY_SLOT_COUNT; i++) {
        TRY(key_ring_path(i, config->key_paths[i]));
        if (!ssh_config_text_is_path(config->key_paths[i])) {
            text_format(why, "keys are kept in %s, a path with characters that ssh_config(5) would need quotes for",
                        config->key_paths[i]);
            return ERR_CONFIG;
        }
        config->settings.key_files[i] = config->key_paths[i];
    }
    config->settings.key_options = config->key_words;
    return ERR_OK;
}

static enum err choose_patterns(struct config *config)
{
    const char *patterns = config->options->values[OPTION_HOST];
    if (patterns != NULL && !ssh_config_text_is_pattern_list(patterns)) {
        text_format(&config->client.why,
                    "--host takes patterns with commas between them, of letters, digits and . _ + : = - * ?, "
                    "one at least without '!': %s",
                    patterns);
        return ERR_USAGE;
    }
    config->settings.patterns = patterns;
    return ERR_OK;
}

static enum err choose_host_keys(struct config *config)
{
    const char *given = config->options->values[OPTION_HOST_KEYS];
    const char *name = given != NULL ? given : "document";
    enum host_key_source source;
    TRY(host_key_fetch_choose(name, &source, &config->client.why));
    if (source == HOST_KEY_SOURCE_NONE) {
        return ERR_OK;
    }
    if (!config->keywords.has_known_hosts_command) {
        log_notice("config: no KnownHostsCommand, which the ssh in PATH does not know (OpenSSH 8.5 and later do)");
        return ERR_OK;
    }
    config->settings.host_keys = name;
    config->settings.known_hosts = config->paths.known_hosts;
    return ERR_OK;
}

static enum err choose_aliases(struct config *config)
{
    struct ssh_config_settings *settings = &config->settings;
    TRY(node_choice_aliases(&config->aliases, &config->client.why));
    const char *name = NULL;
    for (size_t i = 0; (name = aliases_name(&config->aliases, i)) != NULL && settings->alias_count < NAMES_MAX; i++) {
        if (ssh_config_text_is_name(name)) {
            config->alias_names[settings->alias_count++] = name;
        } else {
            log_notice("config: the alias %s is left out: ssh_config(5) would need quotes for it", name);
        }
    }
    settings->aliases = config->alias_names;
    return ERR_OK;
}

static bool is_listed(const struct ssh_config_settings *settings, const char *const *names, const char *name)
{
    for (size_t i = 0; i < settings->profile_count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* `prefix`: of a section that is a profile. */
static void add_profiles(struct config *config, const struct ini *ini, const char *prefix)
{
    struct ssh_config_settings *settings = &config->settings;
    for (size_t i = 0; i < ini->section_count && settings->profile_count < NAMES_MAX; i++) {
        const char *name = ini->sections[i].name;
        if (strncmp(name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        name += strlen(prefix);
        if (ssh_config_text_is_name(name) && !is_listed(settings, config->profile_names, name)) {
            config->profile_names[settings->profile_count++] = name;
        }
    }
}

/* With --profile the block is for that one. */
static void choose_profiles(struct config *config)
{
    if (options_has(config->options, OPTION_PROFILE) || !config->keywords.has_tag) {
        return;
    }
    add_profiles(config, &config->client.account.config->files.config, "profile ");
    add_profiles(config, &config->client.account.config->files.credentials, "");
    config->settings.profiles = config->profile_names;
}

/* ssh makes no directory for its sockets, and fails without. --install makes ours; before that there may be ~/.ssh. */
static void choose_control_path(struct config *config)
{
    char *path = config->control_path;
    memcpy(path, config->paths.directory, sizeof config->control_path);
    bool is_there = options_has(config->options, OPTION_INSTALL) || access(path, F_OK) == 0;
    if (!is_there) {
        *strrchr(path, '/') = '\0';
    }
    if (!is_there && access(path, F_OK) != 0) {
        log_notice("config: no ControlMaster: there is no %s for its sockets, which --install makes", path);
    } else if (!ssh_config_text_has_socket_room(path)) {
        log_notice("config: no ControlMaster: %s is too long for the path of a socket", path);
    } else {
        config->settings.control_path = path;
    }
}

static enum err make_block(struct config *config, struct text *block)
{
    TRY(config_install_paths(&config->paths, &config->client.why));
    TRY(find_programs(config));
    TRY(choose_key(config));
    TRY(choose_words(config));
    TRY(choose_patterns(config));
    config->keywords = ssh_keywords_ask();
    TRY(choose_host_keys(config));
    struct aws_config_flags flags = proxy_options_flags(config->options);
    TRY(client_open(&config->client, &flags, CONNECT_TIMEOUT_US));
    TRY(choose_aliases(config));
    choose_profiles(config);
    config->settings.program = config->program;
    config->settings.answer = config->answer;
    config->settings.options = config->words;
    choose_control_path(config);
    ssh_config_text_put(&config->settings, block);
    return text_finish(block);
}

/* ---- what is done ---- */

static enum err show(struct client *client, const struct text *block)
{
    (void)fputs(block->data, stdout);
    return output_flush(&client->why);
}

/* ---- the names of nodes ---- */

static enum err take_names(void *context, const struct node_page *page)
{
    struct config *config = context;
    return node_list_add(&config->list, page);
}

static enum err forgive_ec2(void *context, enum err err)
{
    struct config *config = context;
    if (err != ERR_DENIED) {
        return err;
    }
    log_notice("config: the names of EC2 instances are left out, because ec2:DescribeInstances is denied: %s",
               config->client.why.data);
    text_clear(&config->client.why);
    return ERR_OK;
}

static enum err list_nodes(struct config *config, size_t *ret_count)
{
    struct client *client = &config->client;
    struct node_page_walk walk = {.context = config, .visit = take_names, .forgive = forgive_ec2};
    TRY(node_page_visit(client, &walk));
    return node_list_store(&config->list, client, config->paths.nodes, ret_count);
}

/* ---- in and out ---- */

static enum err install(struct config *config, const struct text *block)
{
    struct client *client = &config->client;
    const struct config_paths *paths = &config->paths;
    TRY(config_install(paths, text_bytes(block), &client->why));
    log_notice("config: %s is included by %s", paths->own, paths->person);
    size_t count = 0;
    enum err err = list_nodes(config, &count);
    if (err == ERR_OK) {
        log_notice("config: %zu names of nodes are kept in %s", count, paths->nodes);
        return err;
    }
    log_notice("config: ssh knows ids, tags and aliases; names, when this is repeated, for they could not be listed:");
    return err;
}

static enum err say_plan(struct config *config, const struct text *block)
{
    const struct config_paths *paths = &config->paths;
    log_notice("config: would write this to %s, have %s begin with \"%s\", and list the nodes for %s", paths->own,
               paths->person, paths->include, paths->nodes);
    return show(&config->client, block);
}

static enum err uninstall(struct config *config)
{
    struct client *client = &config->client;
    struct config_paths *paths = &config->paths;
    TRY(config_install_paths(paths, &client->why));
    if (options_has(config->options, OPTION_DRY_RUN)) {
        log_notice("config: would take \"%s\" out of %s, and remove %s and %s", paths->include, paths->person,
                   paths->own, paths->nodes);
        return ERR_OK;
    }
    return config_install_undo(paths, &client->why);
}

static enum err act(struct config *config, struct text *block)
{
    const struct options *options = config->options;
    bool is_install = options_has(options, OPTION_INSTALL);
    bool is_uninstall = options_has(options, OPTION_UNINSTALL);
    if (is_install && is_uninstall) {
        text_put(&config->client.why, "either --install or --uninstall");
        return ERR_USAGE;
    }
    if (is_uninstall) {
        return uninstall(config);
    }
    TRY(make_block(config, block));
    if (!is_install) {
        return show(&config->client, block);
    }
    return options_has(options, OPTION_DRY_RUN) ? say_plan(config, block) : install(config, block);
}

static int config_run(const struct options *options)
{
    struct key_slot_wish wish; /* judged here, and written as it is */
    if (key_ring_wish(options, &wish) != ERR_OK) {
        return err_exit_code(ERR_USAGE);
    }
    AUTO_FREE struct config *config = calloc(1, sizeof *config);
    AUTO_FREE char *memory = malloc(SSH_CONFIG_TEXT_SIZE);
    if (config == NULL || memory == NULL) {
        log_error("config: %s", err_text(ERR_MEMORY));
        return err_exit_code(ERR_MEMORY);
    }
    config->options = options;
    config->client.signals.source.fd = -1;
    config->client.why = text_in(config->client.why_memory, sizeof config->client.why_memory);
    struct text block = text_in(memory, SSH_CONFIG_TEXT_SIZE);
    enum err err = act(config, &block);
    int exit_code = failure_report("config", err, &config->client.why, config->client.signal);
    aliases_free(&config->aliases);
    node_list_free(&config->list);
    client_close(&config->client);
    return exit_code;
}

const struct verb config_verb = {
    .name = "config",
    .arguments = "",
    .summary = "Print the lines of ssh_config(5) that make ssh use ssm-proxy, or install them.",
    .details = "Without --install it prints them. --profile, --region, --endpoint-url, --ca-bundle and --key go into "
               "them, too.\n"
               "--install also lists the nodes and keeps their names; repeat it when there are new ones.",
    .options = OPTIONS_AWS | OPTION_BIT(OPTION_INSTALL) | OPTION_BIT(OPTION_UNINSTALL) | OPTION_BIT(OPTION_DRY_RUN) |
               OPTION_BIT(OPTION_HOST) | OPTION_BIT(OPTION_HOST_KEYS) | OPTION_BIT(OPTION_KEY) |
               OPTION_BIT(OPTION_LIFETIME) | OPTION_BIT(OPTION_AGENT),
    .run = config_run,
};
