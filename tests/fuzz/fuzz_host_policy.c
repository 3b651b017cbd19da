/* host_policy: any text as host.conf. What is accepted can only be a valid policy; what is not says where. */
#include "tests/fuzz/fuzz_support.h"

#include "pam_ssm/core/host_policy.h"

static void check_words(const struct word_list *list, bool are_paths)
{
    for (const char *word = word_list_first(list); word != NULL; word = word_list_next(list, word)) {
        MUST(word[0] != '\0' && strpbrk(word, " \t\n") == NULL);
        MUST(!are_paths || word[0] == '/');
        MUST(word_list_contains(list, word));
    }
}

static void check_policy(const struct host_policy *policy)
{
    MUST(host_policy_is_user_name(policy->account.name));
    MUST(policy->account.uid == HOST_POLICY_UID_ANY || policy->account.uid > 0);
    MUST(policy->account.shell[0] == '/' && policy->account.home[0] == '/');
    MUST(strstr(policy->account.home, "/../") == NULL);
    for (const char *group = word_list_first(&policy->account.groups); group != NULL;
         group = word_list_next(&policy->account.groups, group)) {
        MUST(!host_policy_is_forbidden_group(group));
    }
    MUST(policy->privilege.level <= HOST_LEVEL_ROOT && policy->privilege.io_log <= HOST_IO_LOG_ALL);
    MUST(policy->privilege.max_grant_s > 0 && policy->privilege.command_timeout_s >= 0);
    MUST(policy->session.require_ssm <= HOST_REQUIRE_YES);
    check_words(&policy->session.documents, false);
    check_words(&policy->session.shell_documents, false);
    check_words(&policy->session.allow_owners, false);
    check_words(&policy->session.worker_paths, true);
    MUST(policy->audit.jsonl[0] == '\0' || policy->audit.jsonl[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char memory[512];
    char words[512];
    struct text warnings = text_in(memory, sizeof memory);
    struct text why = text_in(words, sizeof words);
    struct host_policy policy;
    host_policy_defaults(&policy);
    check_policy(&policy);
    enum err err = host_policy_apply(&policy, bytes_of(data, size), "host.conf", &warnings, &why);
    MUST(err == ERR_OK || err == ERR_CONFIG || err == ERR_MEMORY);
    if (err == ERR_OK) {
        MUST(why.len == 0);
        check_policy(&policy);
    } else {
        MUST(strncmp(words, "host.conf", 9) == 0);
    }
    return 0;
}
