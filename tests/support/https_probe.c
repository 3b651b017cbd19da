/* https_probe: posts with edge/https, for tests.
 *
 *     https_probe [--ca PATH] [--cert-file FILE] [--cert-dir DIR] [--timeout MS] [--header TEXT] [--cancel MS]
 *                 [--count N] [--body-size N] URL BODY
 *
 * Prints a fact a line: "error TEXT", "words TEXT", "status N", "date TEXT", "error_type TEXT", "request_id TEXT",
 * "body_len N", "body TEXT" (the first line of it), "waits N", "us N", "rss_kb"; for the last of --count calls, which
 * follow one another. --ca alone may be a bundle or a hashed directory; --cert-file and --cert-dir stand for
 * SSL_CERT_FILE and SSL_CERT_DIR. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/https.h"

#define PROBE_HEADERS 8

struct probe {
    struct net_policy policy;
    struct endpoint_url url;
    const char *method; /* NULL: POST */
    const char *body;
    char *large_body;
    const char *headers[PROBE_HEADERS];
    size_t header_count;
    int64_t timeout_us;
    int64_t cancel_us;
    long count;
    unsigned waits;
};

static void probe_die(const char *what)
{
    (void)fprintf(stderr, "https_probe: %s\n", what);
    exit(3);
}

static struct probe probe_parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"ca", required_argument, NULL, 'c'},       {"cert-file", required_argument, NULL, 'f'},
        {"cert-dir", required_argument, NULL, 'd'}, {"timeout", required_argument, NULL, 't'},
        {"header", required_argument, NULL, 'h'},   {"cancel", required_argument, NULL, 'x'},
        {"count", required_argument, NULL, 'n'},    {"body-size", required_argument, NULL, 'b'},
        {"method", required_argument, NULL, 'm'},   {0}};
    struct probe probe = {.count = 1, .policy.connect_timeout_us = 3000000};
    long body_size = 0;
    for (int c = getopt_long(argc, argv, "", options, NULL); c != -1; c = getopt_long(argc, argv, "", options, NULL)) {
        switch (c) {
        case 'c':
            probe.policy.ca_path = optarg;
            break;
        case 'f':
            probe.policy.ssl_cert_file = optarg;
            break;
        case 'd':
            probe.policy.ssl_cert_dir = optarg;
            break;
        case 't':
            probe.timeout_us = strtol(optarg, NULL, 10) * 1000;
            break;
        case 'h':
            probe.headers[probe.header_count++ % PROBE_HEADERS] = optarg;
            break;
        case 'x':
            probe.cancel_us = strtol(optarg, NULL, 10) * 1000;
            break;
        case 'n':
            probe.count = strtol(optarg, NULL, 10);
            break;
        case 'b':
            body_size = strtol(optarg, NULL, 10);
            break;
        case 'm':
            probe.method = optarg;
            break;
        default:
            probe_die("unknown option");
        }
    }
    if (optind != argc - 2 || endpoint_parse(bytes_of_text(argv[optind]), &probe.url) != ERR_OK) {
        probe_die("URL and BODY");
    }
    probe.body = argv[optind + 1];
    if (body_size > 0) {
        probe.large_body = calloc(1, (size_t)body_size + 1);
        if (probe.large_body == NULL) {
            probe_die("memory");
        }
        memset(probe.large_body, 'b', (size_t)body_size);
        probe.body = probe.large_body;
    }
    return probe;
}

static void probe_print(enum err err, const struct https_reply *reply, const char *words)
{
    printf("error %s\nwords %s\n", err_text(err), words);
    if (err == ERR_OK) {
        int first_line = (int)strcspn((const char *)reply->body.data, "\n");
        printf("status %d\ndate %s\nerror_type %s\nrequest_id %s\nbody_len %zu\nbody %.*s\n", reply->http_status,
               reply->date, reply->error_type, reply->request_id, reply->body.len, first_line < 200 ? first_line : 200,
               (const char *)reply->body.data);
    }
}

static void probe_call(struct probe *probe, struct loop *loop, struct net *net, bool is_last)
{
    char words[1024];
    struct text why = text_in(words, sizeof words);
    const struct https_request request = {.method = probe->method,
                                          .url = &probe->url,
                                          .headers = probe->headers,
                                          .header_count = probe->header_count,
                                          .body = bytes_of_text(probe->body),
                                          .timeout_us = probe->timeout_us};
    AUTO(https_free) struct https_call *call = NULL;
    enum err err = https_start(net, &request, &call);
    if (err != ERR_OK) {
        probe_print(err, NULL, "not started");
        return;
    }
    int64_t cancel_us = probe->cancel_us > 0 ? clock_mono_us() + probe->cancel_us : INSTANT_NEVER;
    const struct https_reply *reply = NULL;
    for (err = https_result(call, &reply, &why); err == ERR_AGAIN; err = https_result(call, &reply, &why)) {
        if (loop_wait(loop, instant_earlier(net_deadline_us(net), cancel_us)) != ERR_OK || net_pump(net) != ERR_OK) {
            probe_die("loop");
        }
        probe->waits++;
        if (clock_mono_us() >= cancel_us) {
            printf("error cancelled\n");
            return;
        }
    }
    if (is_last) {
        probe_print(err, reply, words);
    }
}

int main(int argc, char **argv)
{
    struct probe probe = probe_parse(argc, argv);
    AUTO(loop_free) struct loop *loop = NULL;
    AUTO(net_free) struct net *net = NULL;
    char words[1024];
    struct text why = text_in(words, sizeof words);
    if (loop_new(&loop) != ERR_OK) {
        probe_die("loop");
    }
    int64_t started_us = clock_mono_us();
    struct aws_config_environment environment = aws_files_environment();
    AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = NULL};
    probe.policy.proxy = &proxy;
    enum err err = http_proxy_find(&environment, &proxy, &why);
    err = err == ERR_OK ? net_new(loop, &probe.policy, &net, &why) : err;
    if (err != ERR_OK) {
        probe_print(err, NULL, words);
        return 0;
    }
    for (long i = 0; i < probe.count; i++) {
        probe_call(&probe, loop, net, i == probe.count - 1);
    }
    net_free(&net);
    printf("waits %u\nus %lld\n", probe.waits, (long long)(clock_mono_us() - started_us));
    free(probe.large_body);
    return 0;
}
