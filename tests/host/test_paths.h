/* test_paths: a node's tree below a folder of a test, whose owner is who runs the test. */
#ifndef SSM_TESTS_HOST_TEST_PATHS_H
#define SSM_TESTS_HOST_TEST_PATHS_H

#include "pam_ssm/edge/host_paths.h"

#define TEST_PATH_SIZE 160

struct test_paths {
    struct host_paths paths; /* points into what follows */
    char config_file[TEST_PATH_SIZE], config_dir[TEST_PATH_SIZE];
    char state_dir[TEST_PATH_SIZE], grants_dir[TEST_PATH_SIZE];
    char runtime_dir[TEST_PATH_SIZE], sessions_dir[TEST_PATH_SIZE];
    char agent_state_dir[TEST_PATH_SIZE];
};

/* `root` is shorter than 100 characters. /proc is the machine's. A search may take a minute: the machine may be busy.
 */
void test_paths_below(const char *root, struct test_paths *ret_paths);

#endif
