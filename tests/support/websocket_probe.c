/* websocket_probe: drives edge/websocket by itself, for tests and measurements.
 *
 *     websocket_probe [OPTION...] URL
 *       --ca FILE            trust this bundle alone
 *       --guess URL          connect there first, as if StreamUrl were not known yet
 *       --warm MS            let the connection wait so long before the upgrade
 *       --text STRING        send one text message
 *       --ping STRING        send one ping
 *       --echo COUNT SIZE    send COUNT messages of 0 to SIZE random bytes and expect each back
 *       --send COUNT SIZE    send COUNT messages of SIZE bytes; one message is expected for each
 *       --take COUNT         receive COUNT messages, then close
 *       --pause MS           do not receive for so long after the websocket is open
 *       --show               print the messages
 *       --stay               do not close; wait for the end
 *       --seed NUMBER        of --echo
 *       --timeout MS         give up (exit status 2)
 *
 * Prints what happened, a fact a line: "error TEXT", "words TEXT", "close CODE", "open_us N", "sent N", "received N",
 * "bytes N", "mismatches N", "waits N", "cpu_us N", "rss_kb N". */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/auto.h"
#include "proxy/core/chance.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/signals.h"
#include "proxy/edge/websocket.h"

struct probe {
    const char *ca;
    const char *guess;
    const char *text;
    const char *ping;
    int64_t warm_us;
    int64_t pause_us;
    int64_t deadline_us;
    uint64_t count;
    size_t size;
    uint64_t take;
    bool is_echo;
    bool shows;
    bool stays;

    struct chance sending; /* the same sequence twice: what is sent, and what is expected back */
    struct chance expecting;
    uint64_t sent;
    uint64_t received;
    uint64_t bytes;
    uint64_t mismatches;
    uint64_t waits;
    int64_t started_us;
    int64_t open_us;
    bool said_text;
    struct endpoint_url url;
};

static void probe_die(const char *what)
{
    (void)fprintf(stderr, "websocket_probe: %s\n", what);
    exit(3);
}

static struct endpoint_url probe_url(const char *text)
{
    struct endpoint_url url;
    if (endpoint_parse(bytes_of_text(text), &url) != ERR_OK) {
        probe_die("unusable URL");
    }
    return url;
}

static uint64_t probe_number(const char *text)
{
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static struct probe probe_parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"ca", required_argument, NULL, 'c'},      {"guess", required_argument, NULL, 'g'},
        {"warm", required_argument, NULL, 'w'},    {"text", required_argument, NULL, 't'},
        {"ping", required_argument, NULL, 'p'},    {"echo", required_argument, NULL, 'e'},
        {"send", required_argument, NULL, 's'},    {"take", required_argument, NULL, 'k'},
        {"pause", required_argument, NULL, 'P'},   {"show", no_argument, NULL, 'S'},
        {"stay", no_argument, NULL, 'y'},          {"seed", required_argument, NULL, 'r'},
        {"timeout", required_argument, NULL, 'T'}, {0}};
    struct probe probe = {.started_us = clock_mono_us()};
    probe.deadline_us = probe.started_us + 20000000;
    uint64_t seed = 1;
    for (int c = getopt_long(argc, argv, "", options, NULL); c != -1; c = getopt_long(argc, argv, "", options, NULL)) {
        switch (c) {
        case 'c':
            probe.ca = optarg;
            break;
        case 'g':
            probe.guess = optarg;
            break;
        case 'w':
            probe.warm_us = (int64_t)probe_number(optarg) * 1000;
            break;
        case 't':
            probe.text = optarg;
            break;
        case 'p':
            probe.ping = optarg;
            break;
        case 'e':
        case 's':
            probe.is_echo = c == 'e';
            probe.count = probe_number(optarg);
            probe.size = (size_t)probe_number(argv[optind]);
            optind++;
            break;
        case 'k':
            probe.take = probe_number(optarg);
            break;
        case 'P':
            probe.pause_us = (int64_t)probe_number(optarg) * 1000;
            break;
        case 'S':
            probe.shows = true;
            break;
        case 'y':
            probe.stays = true;
            break;
        case 'r':
            seed = probe_number(optarg);
            break;
        case 'T':
            probe.deadline_us = probe.started_us + (int64_t)probe_number(optarg) * 1000;
            break;
        default:
            probe_die("unknown option");
        }
    }
    if (optind != argc - 1) {
        probe_die("one URL");
    }
    probe.url = probe_url(argv[optind]);
    probe.take = probe.count > probe.take ? probe.count : probe.take;
    probe.sending = probe.expecting = chance_from_number(seed);
    return probe;
}

/* The next message of the sequence. Its bytes follow from its first number, so that making them costs little. */
static struct bytes probe_message(const struct probe *probe, struct chance *chance, uint8_t *buffer)
{
    size_t len = probe->is_echo ? chance_below(chance, probe->size + 1) : probe->size;
    if (probe->is_echo) {
        uint64_t start = chance_next(chance);
        for (size_t i = 0; i < len; i++) {
            buffer[i] = (uint8_t)(start >> (i % 57)) ^ (uint8_t)i;
        }
    }
    return bytes_of(buffer, len);
}

static void probe_receive(struct probe *probe, struct websocket *websocket)
{
    static uint8_t expected[WEBSOCKET_SEND_MAX];
    struct bytes message;
    while (websocket_receive(websocket, &message) == ERR_OK) {
        probe->received++;
        probe->bytes += message.len;
        if (probe->is_echo && !bytes_equal(message, probe_message(probe, &probe->expecting, expected))) {
            probe->mismatches++;
        }
        if (probe->shows) {
            printf("message %.*s\n", (int)message.len, (const char *)message.data);
        }
    }
}

static void probe_send(struct probe *probe, struct websocket *websocket)
{
    static uint8_t message[WEBSOCKET_SEND_MAX];
    if (!probe->said_text) {
        probe->said_text = true;
        if (probe->text != NULL && websocket_send(websocket, WEBSOCKET_TEXT, bytes_of_text(probe->text)) != ERR_OK) {
            probe_die("no room for the first text");
        }
        if (probe->ping != NULL && websocket_ping(websocket, bytes_of_text(probe->ping)) != ERR_OK) {
            probe_die("no room for the first ping");
        }
    }
    while (probe->sent < probe->count) {
        struct chance before = probe->sending;
        enum err err = websocket_send(websocket, WEBSOCKET_BINARY, probe_message(probe, &probe->sending, message));
        if (err != ERR_OK) {
            probe->sending = before;
            break;
        }
        probe->sent++;
    }
    websocket_flush(websocket);
}

static void probe_turn(struct probe *probe, struct websocket *websocket, int64_t now_us)
{
    if (probe->open_us == 0) {
        probe->open_us = now_us - probe->started_us;
    }
    bool is_paused = now_us < probe->started_us + probe->open_us + probe->pause_us;
    websocket_want_receive(websocket, !is_paused);
    if (!is_paused) {
        probe_receive(probe, websocket);
    }
    probe_send(probe, websocket);
    if (!probe->stays && probe->sent >= probe->count && probe->received >= probe->take) {
        websocket_close(websocket, 1000);
    }
}

static void probe_run(struct probe *probe, struct loop *loop, struct net *net, struct websocket *websocket)
{
    bool is_asked = false;
    while (websocket_state(websocket) != WEBSOCKET_CLOSED || !is_asked) {
        int64_t now_us = clock_mono_us();
        if (now_us >= probe->deadline_us) {
            printf("error gave up\nstate %d\n", (int)websocket_state(websocket));
            return;
        }
        if (!is_asked && now_us >= probe->started_us + probe->warm_us) {
            is_asked = true;
            if (websocket_upgrade(websocket, &probe->url) != ERR_OK) {
                probe_die("the upgrade cannot be asked for");
            }
        }
        if (net_pump(net) != ERR_OK) {
            probe_die("net_pump");
        }
        websocket_pump(websocket);
        if (websocket_state(websocket) == WEBSOCKET_OPEN) {
            probe_turn(probe, websocket, now_us);
        }
        int64_t deadline_us = instant_earlier(net_deadline_us(net), websocket_deadline_us(websocket));
        deadline_us = instant_earlier(deadline_us, probe->deadline_us);
        if (!is_asked) {
            deadline_us = instant_earlier(deadline_us, probe->started_us + probe->warm_us);
        } else if (probe->pause_us > 0 && probe->open_us > 0) {
            int64_t resume_us = probe->started_us + probe->open_us + probe->pause_us;
            deadline_us = now_us < resume_us ? instant_earlier(deadline_us, resume_us) : deadline_us;
        }
        probe->waits++;
        if (websocket_state(websocket) != WEBSOCKET_CLOSED && loop_wait(loop, deadline_us) != ERR_OK) {
            probe_die("loop_wait");
        }
    }
    char words[1024];
    struct text why = text_in(words, sizeof words);
    enum err err = websocket_error(websocket, &why);
    printf("error %s\nwords %s\nclose %u\n", err_text(err), words, websocket_close_code(websocket));
}

/* Peak resident memory of this program. (ru_maxrss would count the process that it was before exec.) */
static long probe_peak_kb(void)
{
    long peak_kb = 0;
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            peak_kb = strtol(line + 6, NULL, 10);
        }
    }
    if (status != NULL) {
        (void)fclose(status);
    }
    return peak_kb;
}

int main(int argc, char **argv)
{
    struct probe probe = probe_parse(argc, argv);
    AUTO(loop_free) struct loop *loop = NULL;
    AUTO(net_free) struct net *net = NULL;
    AUTO(websocket_free) struct websocket *websocket = NULL;
    char words[1024];
    struct text why = text_in(words, sizeof words);
    struct signals signals;
    struct aws_config_environment environment = aws_files_environment();
    AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = NULL};
    const struct net_policy policy = {.ca_path = probe.ca, .connect_timeout_us = 3000000, .proxy = &proxy};
    struct endpoint_url first = probe.guess != NULL ? probe_url(probe.guess) : probe.url;
    if (loop_new(&loop) != ERR_OK || signals_open(loop, &signals) != ERR_OK) {
        probe_die("loop");
    }
    if (http_proxy_find(&environment, &proxy, &why) != ERR_OK || net_new(loop, &policy, &net, &why) != ERR_OK ||
        websocket_connect(net, &first, &websocket) != ERR_OK) {
        probe_die(words);
    }
    probe_run(&probe, loop, net, websocket);
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("open_us %lld\nsent %llu\nreceived %llu\nbytes %llu\nmismatches %llu\nwaits %llu\ncpu_us %lld\nrss_kb %ld\n",
           (long long)probe.open_us, (unsigned long long)probe.sent, (unsigned long long)probe.received,
           (unsigned long long)probe.bytes, (unsigned long long)probe.mismatches, (unsigned long long)probe.waits,
           (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
               usage.ru_stime.tv_usec,
           probe_peak_kb());
    signals_close(&signals);
    return 0;
}
