#include "tests/host/test_paths.h"

#include <stdio.h>
#include <unistd.h>

static void put(char memory[TEST_PATH_SIZE], const char *root, const char *rest)
{
    (void)snprintf(memory, TEST_PATH_SIZE, "%.99s/%s", root, rest);
}

void test_paths_below(const char *root, struct test_paths *ret_paths)
{
    struct test_paths *made = ret_paths;
    put(made->config_file, root, "etc/host.conf");
    put(made->config_dir, root, "etc/host.conf.d");
    put(made->state_dir, root, "lib");
    put(made->grants_dir, root, "lib/grants");
    put(made->runtime_dir, root, "run");
    put(made->sessions_dir, root, "run/sessions");
    put(made->agent_state_dir, root, "agent");
    made->paths = host_paths_system;
    made->paths.owner = geteuid();
    made->paths.search_limit_us = 60 * 1000 * 1000;
    made->paths.config_file = made->config_file;
    made->paths.config_dir = made->config_dir;
    made->paths.state_dir = made->state_dir;
    made->paths.grants_dir = made->grants_dir;
    made->paths.runtime_dir = made->runtime_dir;
    made->paths.sessions_dir = made->sessions_dir;
    made->paths.agent_state_dir = made->agent_state_dir;
}
