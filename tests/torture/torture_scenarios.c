/* torture_scenarios [NAME]: runs each scenario once to count its calls to the system and to libraries, then once for
 * each of those calls and each way in which it can fail. Every run must end with success and the right result, or with
 * an error; without a crash, with as much memory (exactly, where AddressSanitizer counts it) and as many descriptors in
 * use as before. */
#include "tests/torture/scenario.h"
#include "tests/torture/torture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* gcc's package lacks sanitizer/allocator_interface.h */
#endif

char scenario_folder[64];

/* What is being done, for the message of a failure. */
static struct {
    const char *scenario;
    uint64_t call;
    size_t error;
} now;

struct totals {
    unsigned scenarios;
    uint64_t failures;
    uint64_t survived; /* success with the right result all the same */
    uint64_t by_err[ERR_COUNT];
    unsigned wrong;
};

/* What is in use. */
struct usage {
    size_t bytes;
    unsigned descriptors;
};

void scenario_demand(bool holds, const char *what)
{
    if (!holds) {
        struct torture_outcome outcome = torture_end();
        printf("%s, call %" PRIu64 ", error %zu (%s: %s): %s\n", now.scenario, now.call, now.error,
               outcome.function != NULL ? outcome.function : "none", strerror(outcome.error), what);
        (void)fflush(stdout);
        abort();
    }
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    scenario_demand(directory != NULL, "/proc/self/fd");
    if (directory != NULL) {
        while (readdir(directory) != NULL) {
            count++;
        }
        (void)closedir(directory);
    }
    return count;
}

static struct usage measure(void)
{
    struct usage usage = {.descriptors = count_descriptors()};
#ifdef __SANITIZE_ADDRESS__
    usage.bytes = __sanitizer_get_current_allocated_bytes();
#endif
    return usage;
}

static void complain(struct totals *totals, const struct torture_outcome *outcome, const char *what, const char *detail)
{
    totals->wrong++;
    printf("%s, call %" PRIu64 " (%s fails with %d): %s%s\n", now.scenario, now.call, outcome->function, outcome->error,
           what, detail);
}

static void judge(struct totals *totals, const struct torture_outcome *outcome, enum err err,
                  const struct usage *before)
{
    struct usage after = measure();
    totals->failures++;
    totals->survived += err == ERR_OK;
    totals->by_err[err]++;
    if (after.bytes != before->bytes) {
        complain(totals, outcome, "memory leaks", "");
    }
    if (after.descriptors != before->descriptors) {
        complain(totals, outcome, "a descriptor leaks", "");
    }
    if (err == ERR_AGAIN) {
        complain(totals, outcome, "neither success nor an error", "");
    }
    /* Whoever runs out of memory is not to be told that the other side broke the protocol. */
    if (outcome->error == ENOMEM && err != ERR_OK && err != ERR_MEMORY && err != ERR_SYSTEM && err != ERR_CONFIG) {
        complain(totals, outcome, "out of memory, and what is said is: ", err_text(err));
    }
}

static enum err run(const struct scenario *scenario, uint64_t call, size_t error, struct torture_outcome *ret_outcome)
{
    now.call = call;
    now.error = error;
    if (scenario->prepare != NULL) {
        scenario->prepare();
    }
    torture_begin(call, error);
    enum err err = scenario->run();
    *ret_outcome = torture_end();
    return err;
}

static void torture_scenario(struct totals *totals, const struct scenario *scenario)
{
    struct torture_outcome outcome;
    now.scenario = scenario->name;
    scenario_demand(run(scenario, TORTURE_NEVER, 0, &outcome) == ERR_OK, "fails without any failure");
    scenario_demand(run(scenario, TORTURE_NEVER, 0, &outcome) == ERR_OK, "fails when it is repeated");
    uint64_t calls = outcome.calls;
    uint64_t failures = totals->failures;
    for (uint64_t call = 0; call < calls; call++) {
        size_t error_count = 1;
        for (size_t error = 0; error < error_count; error++) {
            struct usage before = measure();
            enum err err = run(scenario, call, error, &outcome);
            scenario_demand(outcome.function != NULL, "the call was not made this time");
            judge(totals, &outcome, err, &before);
            error_count = outcome.error_count;
        }
    }
    now.call = TORTURE_NEVER;
    scenario_demand(run(scenario, TORTURE_NEVER, 0, &outcome) == ERR_OK, "fails after all of the failures");
    totals->scenarios++;
    printf("%-20s %5" PRIu64 " calls, %5" PRIu64 " failures\n", scenario->name, calls, totals->failures - failures);
}

static void torture_all(struct totals *totals, const struct scenario *scenarios, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (name == NULL || strcmp(name, scenarios[i].name) == 0) {
            torture_scenario(totals, &scenarios[i]);
        }
    }
}

/* Functions that only a whole run of ssm-proxy calls, where torture_test.py asks for them; one that is called only in a
 * build with, or without, _FORTIFY_SOURCE; and those that are called behind fork, where our count is a copy. */
static bool is_for_others(const char *function)
{
    static const char *const others[] = {"socket",    "setsockopt", "setsid",   "setpgid",  "getpgid",
                                         "setrlimit", "fflush",     "__open_2", "realpath", "__realpath_chk",
                                         "prctl",     "dup2",       "execve"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(function, others[i]) == 0) {
            return true;
        }
    }
    return strncmp(function, "curl_", 5) == 0;
}

static unsigned count_wrapped(struct totals *totals)
{
    char names[] = TORTURE_WRAPPED;
    unsigned count = 0;
    char *rest = names;
    for (char *name = strsep(&rest, " "); name != NULL; name = strsep(&rest, " ")) {
        count++;
        if (torture_strike_count(name) == 0 && !is_for_others(name)) {
            totals->wrong++;
            printf("%s never failed: no scenario calls it\n", name);
        }
    }
    return count;
}

int main(int argc, char **argv)
{
    struct totals totals = {0};
    const char *name = argc > 1 ? argv[1] : NULL;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(scenario_folder, sizeof scenario_folder, "/tmp/ssm-torture-XXXXXX");
    if (mkdtemp(scenario_folder) == NULL) {
        perror("mkdtemp");
        return 71;
    }
    torture_all(&totals, core_scenarios, core_scenario_count, name);
    torture_all(&totals, sso_scenarios, sso_scenario_count, name);
    torture_all(&totals, credential_scenarios, credential_scenario_count, name);
    torture_all(&totals, engine_scenarios, engine_scenario_count, name);
    torture_all(&totals, shell_scenarios, shell_scenario_count, name);
    torture_all(&totals, edge_scenarios, edge_scenario_count, name);
    torture_all(&totals, host_scenarios, host_scenario_count, name);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", scenario_folder);
    totals.wrong += system(command) != 0; /* NOLINT(cert-env33-c): our own text */
    unsigned wrapped = name == NULL ? count_wrapped(&totals) : 0;
    printf("%u functions wrapped, %u scenarios, %zu places that call (%zu struck), %" PRIu64 " failures: %" PRIu64
           " survived",
           wrapped, totals.scenarios, torture_places(), torture_struck_places(), totals.failures, totals.survived);
    for (int err = 1; err < ERR_COUNT; err++) {
        if (totals.by_err[err] > 0) {
            printf(", %" PRIu64 " %s", totals.by_err[err], err_text((enum err)err));
        }
    }
    printf("; %u wrong\n", totals.wrong);
    return totals.wrong == 0 ? 0 : 1;
}
