#include "tests/torture/torture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACES_MAX 2048

/* A place in the program that calls a function. Inlined code has one place for each copy. */
struct place {
    const char *function;
    uintptr_t caller; /* relative to the program's start */
    uint64_t calls;
    uint64_t strikes;
    size_t error_count;
};

static struct {
    bool is_on;
    uint64_t calls;
    uint64_t strike_at; /* of all calls; or of those of one function from one place, when they are given */
    uintptr_t strike_caller;
    char strike_function[64];
    size_t strike_error;
    struct torture_outcome outcome;
    struct place places[PLACES_MAX];
    size_t place_count;
    const char *lacking;
    int lacking_error;
    const char *report;
    const char *mark; /* NULL, once it has been reported */
} torture = {.strike_at = TORTURE_NEVER};

extern const char __executable_start[]; /* of the linker */

/* What goes to a file must not pass through the wrappers. */
int __real_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *data, size_t len);
int __real_close(int fd);

static struct place *find_place(const char *function, uintptr_t caller)
{
    for (size_t i = 0; i < torture.place_count; i++) {
        if (torture.places[i].caller == caller && torture.places[i].function == function) {
            return &torture.places[i];
        }
    }
    if (torture.place_count == PLACES_MAX) {
        abort();
    }
    struct place *place = &torture.places[torture.place_count++];
    *place = (struct place){.function = function, .caller = caller};
    return place;
}

static void report_line(const char *line)
{
    int fd = torture.report == NULL ? -1 : __real_open(torture.report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        ssize_t ignored = __real_write(fd, line, strlen(line));
        (void)ignored;
        (void)__real_close(fd);
    }
}

static int strike(struct place *place, const int *errors, size_t error_count)
{
    int error = errors[torture.strike_error < error_count ? torture.strike_error : error_count - 1];
    torture.strike_at = TORTURE_NEVER;
    torture.outcome.function = place->function;
    torture.outcome.error = error;
    torture.outcome.error_count = error_count;
    place->strikes++;
    char line[128];
    (void)snprintf(line, sizeof line, "%s %d\n", place->function, error);
    report_line(line);
    errno = error;
    return error;
}

int torture_strikes(const char *function, const void *caller, const int *errors, size_t error_count)
{
    if (!torture.is_on) {
        return 0;
    }
    if (torture.lacking != NULL && strcmp(function, torture.lacking) == 0) {
        errno = torture.lacking_error;
        return errno;
    }
    int errno_before = errno;
    struct place *place = find_place(function, (uintptr_t)caller - (uintptr_t)__executable_start);
    place->error_count = error_count;
    bool is_any = torture.strike_function[0] == '\0';
    uint64_t number = is_any ? torture.calls : place->calls;
    place->calls++;
    torture.calls++;
    if (torture.mark != NULL && strcmp(function, torture.mark) == 0) {
        torture.mark = NULL;
        report_line("mark\n");
    }
    if (number == torture.strike_at &&
        (is_any || (place->caller == torture.strike_caller && strcmp(function, torture.strike_function) == 0))) {
        return strike(place, errors, error_count);
    }
    errno = errno_before;
    return 0;
}

void torture_begin(uint64_t call, size_t error)
{
    torture.calls = 0;
    torture.strike_at = call;
    torture.strike_error = error;
    torture.outcome = (struct torture_outcome){0};
    torture.is_on = true;
}

void torture_lack(const char *function, int error)
{
    torture.lacking = function;
    torture.lacking_error = error;
}

void torture_pause(void)
{
    torture.is_on = false;
}

void torture_go_on(void)
{
    torture.is_on = true;
}

#ifdef SSM_COVERAGE
/* gcov's own work at fork and exec would be made to fail, and it does not look. */
__attribute__((constructor)) static void spare_children(void)
{
    (void)pthread_atfork(NULL, NULL, torture_pause);
}
#endif

struct torture_outcome torture_end(void)
{
    torture.is_on = false;
    torture.outcome.calls = torture.calls;
    return torture.outcome;
}

uint64_t torture_strike_count(const char *function)
{
    uint64_t strikes = 0;
    for (size_t i = 0; i < torture.place_count; i++) {
        strikes += strcmp(torture.places[i].function, function) == 0 ? torture.places[i].strikes : 0;
    }
    return strikes;
}

size_t torture_struck_places(void)
{
    size_t struck = 0;
    for (size_t i = 0; i < torture.place_count; i++) {
        struck += torture.places[i].strikes > 0;
    }
    return struck;
}

size_t torture_places(void)
{
    return torture.place_count;
}

__attribute__((constructor)) static void begin_as_the_environment_says(void)
{
    const char *what = getenv("SSM_TORTURE");
    torture.report = getenv("SSM_TORTURE_REPORT");
    torture.mark = getenv("SSM_TORTURE_MARK");
    if (what == NULL) {
        return;
    }
    torture_begin(TORTURE_NEVER, 0);
    if (strcmp(what, "count") != 0) {
        char *at = strchr(what, ':');
        (void)snprintf(torture.strike_function, sizeof torture.strike_function, "%.*s", (int)(at - what), what);
        torture.strike_caller = (uintptr_t)strtoull(at + 1, &at, 16);
        torture.strike_at = strtoull(at + 1, &at, 10);
        torture.strike_error = (size_t)strtoull(at + 1, NULL, 10);
    }
}

__attribute__((destructor)) static void report_places(void)
{
    if (torture.report == NULL || !torture.is_on || torture.strike_function[0] != '\0') {
        return;
    }
    torture.is_on = false;
    for (size_t i = 0; i < torture.place_count; i++) {
        const struct place *place = &torture.places[i];
        char line[128];
        (void)snprintf(line, sizeof line, "%s %lx %llu %zu\n", place->function, (unsigned long)place->caller,
                       (unsigned long long)place->calls, place->error_count);
        report_line(line);
    }
}
