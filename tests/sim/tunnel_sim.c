/* tunnel_sim: simulated sessions of the client's engine with the lab's agent core, which were written from the same
 * document by different hands: one for each seed, see sim_session.h.
 *
 *     tunnel_sim [--seeds N] [--first SEED] [--jobs N] [--verbose]
 *
 * Either both streams arrive whole, byte for byte, or the session ends with an error that was reported; everything else
 * fails, with the seed. Long work says how far it is, on standard error. */
#include "tests/sim/sim_session.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 256
#define BATCH 50           /* seeds between two reports of a job */
#define PROGRESS_SECONDS 5 /* between two lines of progress */

struct options {
    uint64_t first;
    uint64_t seeds;
    uint64_t jobs;
    bool is_verbose;
};

/* Every jobs-th seed; its tally goes to `report` now and then, in one piece (POSIX: up to PIPE_BUF at once). */
static int run_job(const struct options *options, uint64_t job, int report)
{
    struct sha256 *hash;
    struct sim_session *session = sim_session_new();
    struct sim_tally sum = {0};
    if (session == NULL || sha256_new(&hash) != ERR_OK) {
        return 71;
    }
    for (uint64_t i = job; i < options->seeds; i += options->jobs) {
        struct sim_tally one = sim_session_run(session, options->first + i, hash, options->is_verbose);
        sim_tally_add(&sum, &one);
        if (sum.sessions == BATCH || i + options->jobs >= options->seeds) {
            fflush(stdout);
            if (write(report, &sum, sizeof sum) != sizeof sum) {
                return 74;
            }
            sum = (struct sim_tally){0};
        }
    }
    sha256_free(&hash);
    free(session);
    return 0;
}

/* Returns the read end of the pipe that the jobs write to, or -1. */
static int start_jobs(const struct options *options)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return -1;
    }
    for (uint64_t job = 0; job < options->jobs; job++) {
        pid_t pid = fork();
        if (pid < 0) {
            return -1;
        }
        if (pid == 0) {
            close(ends[0]);
            _exit(run_job(options, job, ends[1]));
        }
    }
    close(ends[1]);
    return ends[0];
}

static struct sim_tally collect(const struct options *options, int report)
{
    struct sim_tally sum = {0}, more;
    time_t begin = time(NULL), said = begin;
    ssize_t len;
    while ((len = read(report, &more, sizeof more)) > 0 || (len < 0 && errno == EINTR)) {
        if (len != sizeof more) {
            continue;
        }
        sim_tally_add(&sum, &more);
        if (time(NULL) - said >= PROGRESS_SECONDS) {
            said = time(NULL);
            fprintf(stderr, "%" PRIu64 " of %" PRIu64 " sessions in %lld s, %" PRIu64 " bad\n", sum.sessions,
                    options->seeds, (long long)(said - begin), sum.bad);
        }
    }
    return sum;
}

static bool jobs_ended_well(void)
{
    bool is_good = true;
    int status;
    while (wait(&status) > 0) {
        is_good = is_good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return is_good;
}

static bool parse_number(const char *text, uint64_t *ret_number)
{
    char *end;
    *ret_number = strtoull(text, &end, 10);
    return *text != '\0' && *end == '\0';
}

static bool read_options(int argc, char **argv, struct options *ret_options)
{
    static const struct option long_options[] = {{"seeds", required_argument, NULL, 'n'},
                                                 {"first", required_argument, NULL, 'f'},
                                                 {"jobs", required_argument, NULL, 'j'},
                                                 {"verbose", no_argument, NULL, 'v'},
                                                 {0}};
    struct options options = {.first = 1, .seeds = 1000, .jobs = 1};
    for (int found = getopt_long(argc, argv, "n:f:j:v", long_options, NULL); found != -1;
         found = getopt_long(argc, argv, "n:f:j:v", long_options, NULL)) {
        bool is_good = true;
        if (found == 'n') {
            is_good = parse_number(optarg, &options.seeds);
        } else if (found == 'f') {
            is_good = parse_number(optarg, &options.first);
        } else if (found == 'j') {
            is_good = parse_number(optarg, &options.jobs);
        } else if (found == 'v') {
            options.is_verbose = true;
        } else {
            return false;
        }
        if (!is_good) {
            return false;
        }
    }
    *ret_options = options;
    return optind == argc && options.seeds > 0 && options.jobs > 0 && options.jobs <= JOBS_MAX;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: tunnel_sim [--seeds N] [--first SEED] [--jobs N] [--verbose]\n");
        return 64;
    }
    int report = start_jobs(&options);
    if (report < 0) {
        perror("tunnel_sim");
        return 71;
    }
    struct sim_tally sum = collect(&options, report);
    bool is_good = jobs_ended_well() && sum.bad == 0 && sum.sessions == options.seeds;
    printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " sessions whole, %" PRIu64
           " ended with a reported error, %" PRIu64 " bad\n",
           options.first, options.first + options.seeds - 1, sum.whole, sum.sessions - sum.whole - sum.bad, sum.bad);
    printf("%" PRIu64 " disconnects, up to %" PRIu64 " in a session; up to %" PRIu64
           " messages overtook one; delays up to %.1f s\n",
           sum.disconnects, sum.most_disconnects, sum.overtaken, (double)sum.delay_us / 1e6);
    return is_good ? 0 : 1;
}
