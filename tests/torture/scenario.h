/* scenario: one path through our code, in this process. It is run again and again, each time with another call failing,
 * so it must come to the same end from the same start, and give back all that it took. */
#ifndef SSM_TORTURE_SCENARIO_H
#define SSM_TORTURE_SCENARIO_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

struct scenario {
    const char *name;
    void (*prepare)(void); /* before each run, without failures; may be NULL */
    enum err (*run)(void); /* ERR_OK only when all came out right */
};

/* Ends the program with `what` unless it holds: success was reported, and the result is wrong. */
void scenario_demand(bool holds, const char *what);

/* A place for files, empty at the start. */
extern char scenario_folder[64];

extern const struct scenario core_scenarios[];
extern const size_t core_scenario_count;
extern const struct scenario sso_scenarios[];
extern const size_t sso_scenario_count;
extern const struct scenario credential_scenarios[];
extern const size_t credential_scenario_count;
extern const struct scenario edge_scenarios[];
extern const size_t edge_scenario_count;
extern const struct scenario engine_scenarios[];
extern const size_t engine_scenario_count;
extern const struct scenario host_scenarios[];
extern const size_t host_scenario_count;
extern const struct scenario shell_scenarios[];
extern const size_t shell_scenario_count;

#endif
