/* pam_ssm_test.so: pam_ssm.so with all paths below SSM_TEST_ROOT, and with whoever runs it in the place of root. With
 * SSM_TEST_HURRY the time for a search is over before it begins. */
#include "pam_ssm/gate.h"
#include "tests/host/test_paths.h"

#include <stdlib.h>

static const struct host_paths *paths_in(struct test_paths *memory)
{
    const char *root = getenv("SSM_TEST_ROOT");
    test_paths_below(root != NULL ? root : "/nonexistent", memory);
    memory->paths.search_limit_us = getenv("SSM_TEST_HURRY") != NULL ? -1 : memory->paths.search_limit_us;
    return &memory->paths;
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct test_paths memory;
    return gate_check(paths_in(&memory), pamh, flags, argc, argv);
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return gate_set_credentials(pamh, argc, argv);
}

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct test_paths memory;
    return gate_check(paths_in(&memory), pamh, flags, argc, argv);
}

int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_IGNORE;
}

int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    struct test_paths memory;
    return gate_open_session(paths_in(&memory), pamh, argc, argv);
}

int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    struct test_paths memory;
    return gate_close_session(paths_in(&memory), pamh, argc, argv);
}
