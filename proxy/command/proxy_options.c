#include "proxy/command/proxy_options.h"

const struct option_row proxy_options[OPTION_COUNT] = {
    [OPTION_PROFILE] = {"profile", "NAME", "profile of the AWS configuration files"},
    [OPTION_REGION] = {"region", "REGION", "AWS region"},
    [OPTION_ENDPOINT_URL] = {"endpoint-url", "URL", "where to reach the SSM API"},
    [OPTION_CA_BUNDLE] = {"ca-bundle", "FILE", "certificates to trust instead of the system's, API and gateway alike"},
    [OPTION_DOCUMENT_NAME] = {"document-name", "NAME", "session document (AWS-StartSSHSession)"},
    [OPTION_REASON] = {"reason", "TEXT", "why, for the audit trail of the session"},
    [OPTION_CONNECT_TIMEOUT] = {"connect-timeout", "SECONDS", "give up connecting after this time (60)"},
    [OPTION_WAIT] = {"wait", "SECONDS", "wait until the node can take a session (300)", true},
    [OPTION_START] = {"start", NULL, "start the EC2 instance when it is stopped, and wait"},
    [OPTION_SEARCH_REGIONS] = {"search-regions", NULL, "look for a node that is not here in your profiles' regions"},
    [OPTION_RESUME_TIMEOUT] = {"resume-timeout", "SECONDS", "give up a lost connection after this time (900)"},
    [OPTION_PING_INTERVAL] = {"ping-interval", "SECONDS", "ping the gateway; twice this in silence is a loss (20)"},
    [OPTION_PAYLOAD_SIZE] = {"payload-size", "BYTES", "of data in one message, up to 65536 (1024)"},
    [OPTION_SSO_SESSION] = {"sso-session", "NAME",
                            "sso-session of the AWS configuration file, in place of the profile's"},
    [OPTION_NO_BROWSER] = {"no-browser", NULL, "as for the AWS CLI; no browser is started anyway"},
    [OPTION_DEBUG] = {"debug", NULL, "say on standard error what happens"},
    [OPTION_HELP] = {"help", NULL, "show this help"},
};
