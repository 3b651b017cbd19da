/* torture: lets one call that our own code makes, to the system or to a library, fail; all others go through.
 *
 * The linker sends every such call to a wrapper (torture_wrap.c; --wrap=NAME for each), and the wrapper asks
 * torture_strikes. Calls inside of the libraries are not touched. Which call is struck is said either by a program
 * that runs scenarios in its own process (torture_begin), or by the environment:
 *
 *     SSM_TORTURE=count         strikes nothing; at exit, "FUNCTION CALLER CALLS ERRORS" goes to SSM_TORTURE_REPORT for
 *                               each place that calls: CALLER is its address in the program, ERRORS how many ways to
 *                               fail the function has
 *     SSM_TORTURE=FUNCTION:CALLER:N:E
 *                               call N (from 0) of it from that place fails in way E; when that happens, "FUNCTION
 *                               ERROR" goes to SSM_TORTURE_REPORT at once
 *
 * With SSM_TORTURE_MARK, the first call of the function that it names adds "mark" to the report, when it is made. */
#ifndef SSM_TORTURE_H
#define SSM_TORTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In place of an errno, in a list of errors: no failure, but less is done than was asked for. */
#define TORTURE_SHORT (-1)

#define TORTURE_NEVER UINT64_MAX

/* For the wrappers: one of `errors` when this call is to fail, and then errno is that, too; otherwise 0. `errors`
 * are errno values, or whatever codes the wrapped function has. */
int torture_strikes(const char *function, const void *caller, const int *errors, size_t error_count);

/* Counts calls from here on, and makes number `call` (from 0) fail with its `error`th error. */
void torture_begin(uint64_t call, size_t error);
/* The calls in between are somebody else's: neither counted nor struck. */
void torture_pause(void);
void torture_go_on(void);

/* This function fails with `error` always, uncounted: as where the kernel does not have it. NULL: none does. */
void torture_lack(const char *function, int error);

struct torture_outcome {
    uint64_t calls;
    const char *function; /* that was struck; NULL: none was */
    int error;
    size_t error_count; /* of that function */
};

/* Nothing more is counted or struck. */
struct torture_outcome torture_end(void);

/* Over all runs of this process: strikes at a function, and the places that were struck. */
uint64_t torture_strike_count(const char *function);
size_t torture_struck_places(void);
size_t torture_places(void);

#endif
