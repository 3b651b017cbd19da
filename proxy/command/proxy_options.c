#include "proxy/command/proxy_options.h"

#include "common/log.h"
#include "common/text.h"

#define MAX_TIMEOUT_S 86400

const struct option_row proxy_options[OPTION_COUNT] = {
    [OPTION_PROFILE] = {"profile", "NAME", "profile of the AWS configuration files"},
    [OPTION_REGION] = {"region", "REGION", "AWS region"},
    [OPTION_ENDPOINT_URL] = {"endpoint-url", "URL", "where to reach the SSM API"},
    [OPTION_CA_BUNDLE] = {"ca-bundle", "FILE", "certificates to trust instead of the system's, API and gateway alike"},
    [OPTION_DOCUMENT_NAME] = {"document-name", "NAME", "SSM document instead of the usual one"},
    [OPTION_PARAMETERS] = {"parameters", "NAME=VALUE|JSON", "parameters of the document: one, or a JSON object"},
    [OPTION_REASON] = {"reason", "TEXT", "why, for the audit trail"},
    [OPTION_CONNECT_TIMEOUT] = {"connect-timeout", "SECONDS", "give up connecting after this time (60)"},
    [OPTION_WAIT] = {"wait", "SECONDS", "wait until the node can take a session (300)", true},
    [OPTION_TIMEOUT] = {"timeout", "SECONDS", "give up after this time"},
    [OPTION_START] = {"start", NULL, "start the EC2 instance when it is stopped, and wait"},
    [OPTION_SEARCH_REGIONS] = {"search-regions", NULL, "look for a node that is not here in your profiles' regions"},
    [OPTION_RESUME_TIMEOUT] = {"resume-timeout", "SECONDS", "give up a lost connection after this time (900)"},
    [OPTION_PING_INTERVAL] = {"ping-interval", "SECONDS", "ping the gateway; twice this in silence is a loss (20)"},
    [OPTION_PAYLOAD_SIZE] = {"payload-size", "BYTES", "of data in one message, up to 65536 (1024)"},
    [OPTION_SSO_SESSION] = {"sso-session", "NAME",
                            "sso-session of the AWS configuration file, in place of the profile's"},
    [OPTION_NO_BROWSER] = {"no-browser", NULL, "as for the AWS CLI; no browser is started anyway"},
    [OPTION_TAG] = {"tag", "KEY=VALUE", "nodes with this tag alone; given several times, with all of them"},
    [OPTION_PING] = {"ping", "online|lost|inactive", "nodes in this state alone"},
    [OPTION_TAGS] = {"tags", NULL, "show tags, too"},
    [OPTION_OUTPUT] = {"output", "table|json", "for people, or for programs (table)"},
    [OPTION_JSON] = {"json", NULL, "the same as --output json"},
    [OPTION_LAST] = {"last", NULL, "show the last failure that was kept, and check nothing"},
    [OPTION_CONCURRENCY] = {"concurrency", "NUMBER|SHARE%", "so many nodes at a time (50)"},
    [OPTION_MAX_ERRORS] = {"max-errors", "NUMBER|SHARE%",
                           "begin on no more nodes when more than these have failed (0)"},
    [OPTION_SCRIPT] = {"script", "FILE", "run this file on the nodes"},
    [OPTION_S3_BUCKET] = {"s3-bucket", "NAME", "have all output written there, too"},
    [OPTION_S3_PREFIX] = {"s3-prefix", "PREFIX", "of the objects in the bucket"},
    [OPTION_CLOUDWATCH_LOG_GROUP] = {"cloudwatch-log-group", "NAME", "have all output written there, too"},
    [OPTION_STREAM] = {"stream", NULL, "print nodes as they are done, with their name before each line"},
    [OPTION_NO_WAIT] = {"no-wait", NULL, "print the command's id, and do not wait for its end"},
    [OPTION_SHOW] = {"show", "COMMAND-ID", "wait for a command that was sent before, and print its output"},
    [OPTION_VERSION] = {"version", "VERSION", "of the agent, also an older one (the latest)"},
    [OPTION_ASSOCIATION] = {"association", NULL, "have State Manager do it regularly"},
    [OPTION_SCHEDULE] = {"schedule", "EXPRESSION", "when: rate(14 days), or cron(...)"},
    [OPTION_ALL] = {"all", NULL, "sessions of everybody, not your own alone"},
    [OPTION_ALL_MINE] = {"all-mine", NULL, "all sessions that are your own, from whatever machine"},
    [OPTION_INSTALL] = {"install", NULL, "write it to a file of its own, which ~/.ssh/config includes"},
    [OPTION_UNINSTALL] = {"uninstall", NULL, "take both out again"},
    [OPTION_DRY_RUN] = {"dry-run", NULL, "say what would be done, and do nothing"},
    [OPTION_HOST] = {"host", "PATTERNS", "host names that are nodes, too: web-*,!web-9 as in ssh_config(5)"},
    [OPTION_KEY] = {"key", "none|instance-connect|send-command|auto", "how the node is to accept our short-lived key"},
    [OPTION_HOST_KEYS] = {"host-keys", "document|console|none", "where ssh gets the host keys of the node from"},
    [OPTION_LIFETIME] = {"lifetime", "SECONDS", "how long a new key is used (43200, twelve hours)"},
    [OPTION_AGENT] = {"agent", NULL, "put the key into ssh-agent, for that time, and not into a file"},
    [OPTION_DEBUG] = {"debug", NULL, "say on standard error what happens"},
    [OPTION_HELP] = {"help", NULL, "show this help"},
};

enum err proxy_options_number(const struct options *options, enum proxy_option id,
                              const struct proxy_options_range *range, uint32_t *ret_number)
{
    const char *text = options->values[id];
    int64_t number = range->otherwise;
    if (text != NULL && text_parse_decimal(text, range->min, range->max, &number) != ERR_OK) {
        log_error("%s: --%s: not a number of %s from %u to %u: %s", options->verb->name, proxy_options[id].name,
                  range->unit, range->min, range->max, text);
        return ERR_USAGE;
    }
    *ret_number = (uint32_t)number;
    return ERR_OK;
}

enum err proxy_options_seconds(const struct options *options, enum proxy_option id, uint32_t otherwise, int64_t *ret_us)
{
    struct proxy_options_range range = {"seconds", 1, MAX_TIMEOUT_S, otherwise};
    uint32_t seconds;
    TRY(proxy_options_number(options, id, &range, &seconds));
    *ret_us = (int64_t)seconds * 1000 * 1000;
    return ERR_OK;
}

struct aws_config_flags proxy_options_flags(const struct options *options)
{
    return (struct aws_config_flags){
        .profile = options->values[OPTION_PROFILE],
        .region = options->values[OPTION_REGION],
        .endpoint_url = options->values[OPTION_ENDPOINT_URL],
        .ca_bundle = options->values[OPTION_CA_BUNDLE],
    };
}
