/* completion: scripts that make a shell complete ssm-proxy's command line, and what they ask. The words are those of
 * core/completion; names come out of kept files, never over the network. */
#include "proxy/core/completion.h"
#include "common/auto.h"
#include "common/log.h"
#include "proxy/command/account.h"
#include "proxy/command/config_install.h"
#include "proxy/command/node_choice.h"
#include "proxy/command/verbs.h"
#include "proxy/core/node_names.h"
#include "proxy/core/region_list.h"
#include "proxy/edge/aws_files.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>

#define WORDS_MAX 4096
#define COMPLETE_FILES 1 /* exit status: the shell knows files better */

/* The files of proxy/completion. */
extern const char completion_bash[];
extern const char completion_zsh[];
extern const char completion_fish[];

static int flush(void)
{
    if (fflush(stdout) != 0 && errno != EPIPE) {
        log_error("completion: cannot write to standard output: %s", strerror(errno));
        return err_exit_code(ERR_SYSTEM);
    }
    return 0;
}

/* ---- the scripts ---- */

static int completion_run(const struct options *options)
{
    const struct {
        const char *shell;
        const char *script;
    } scripts[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
    const char *shell = options->arguments[0];
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(shell, scripts[i].shell) == 0) {
            (void)fputs(scripts[i].script, stdout);
            return flush();
        }
    }
    log_error("completion: neither bash nor zsh nor fish: %s", shell);
    return EX_USAGE;
}

const struct verb completion_verb = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "Print the script that makes a shell complete this command.",
    .details = "Packages install it. By hand, in ~/.bashrc: eval \"$(ssm-proxy completion bash)\"",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = completion_run,
};

/* ---- what they ask ---- */

/* A candidate a line, and its help behind a tab. */
static void put(void *context, const char *candidate, const char *help)
{
    (void)context;
    printf("%s%s%s\n", candidate, help[0] != '\0' ? "\t" : "", help);
}

static void offer(const struct completion *completion, const char *name, size_t len)
{
    const char *begun = completion->word + completion->before_len;
    if (len >= strlen(begun) && memcmp(name, begun, strlen(begun)) == 0) {
        printf("%.*s%.*s\n", (int)completion->before_len, completion->word, (int)len, name);
    }
}

static void offer_nodes(const struct completion *completion)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    struct config_paths paths;
    AUTO(aws_files_wipe) struct aws_file file = {.data = NULL};
    if (config_install_paths(&paths, &why) != ERR_OK || aws_files_read(paths.nodes, 0, &file, &why) != ERR_OK) {
        return;
    }
    struct bytes rest = bytes_of(file.data, file.len);
    struct bytes name;
    while (node_names_next(&rest, &name)) {
        offer(completion, (const char *)name.data, name.len);
    }
}

static void offer_aliases(const struct completion *completion)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aliases_free) struct aliases aliases = {0};
    const char *name = NULL;
    if (node_choice_aliases(&aliases, &why) == ERR_OK) {
        for (size_t i = 0; (name = aliases_name(&aliases, i)) != NULL; i++) {
            if (node_names_is_kept(bytes_of_text(name))) {
                offer(completion, name, strlen(name));
            }
        }
    }
}

/* `prefix`: of a section that is a profile. */
static void offer_sections(const struct completion *completion, const struct ini *ini, const char *prefix)
{
    for (size_t i = 0; i < ini->section_count; i++) {
        const char *name = ini->sections[i].name;
        bool is_profile = strncmp(name, prefix, strlen(prefix)) == 0;
        name += is_profile ? strlen(prefix) : 0;
        if ((is_profile || strcmp(name, "default") == 0) && node_names_is_kept(bytes_of_text(name))) {
            offer(completion, name, strlen(name));
        }
    }
}

static void offer_of_aws(const struct completion *completion)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    struct aws_config_flags flags = {.profile = NULL};
    AUTO(account_wipe) struct account account = {.config = NULL};
    if (account_open(&flags, &account, &why) != ERR_OK || account.config == NULL) {
        return;
    }
    const struct aws_profile_files *files = &account.config->files;
    if (completion->kind == COMPLETION_PROFILES) {
        offer_sections(completion, &files->config, "profile ");
        offer_sections(completion, &files->credentials, "");
        return;
    }
    struct region_list regions;
    region_list_of_profiles(files, "", &regions);
    for (size_t i = 0; i < regions.count; i++) {
        offer(completion, regions.names[i], strlen(regions.names[i]));
    }
}

static int words_run(const struct options *options)
{
    struct completion completion = completion_find(options->program, options->arguments, options->argument_count);
    switch (completion.kind) {
    case COMPLETION_TARGETS:
        offer_nodes(&completion);
        offer_aliases(&completion);
        break;
    case COMPLETION_PROFILES:
    case COMPLETION_REGIONS:
        offer_of_aws(&completion);
        break;
    case COMPLETION_FILES:
        return COMPLETE_FILES;
    case COMPLETION_NOTHING:
    case COMPLETION_VERBS:
    case COMPLETION_GROUP:
    case COMPLETION_OPTIONS:
    case COMPLETION_CHOICES:
        completion_visit(options->program, &completion, put, NULL);
        break;
    }
    return flush();
}

const struct verb completion_words_verb = {
    .name = "completion words",
    .arguments = "[--] WORD...",
    .summary = "Tell a shell how the last of these words could go on, one candidate a line.",
    .details = "Status 1 when it is the name of a file. Names of nodes are those that config --install and ls keep.",
    .min_arguments = 1,
    .max_arguments = WORDS_MAX,
    .run = words_run,
};
