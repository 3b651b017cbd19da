/* limits: the bound of everything that a peer or a user can make grow, each with the reason for its figure. */
#ifndef SSM_COMMON_LIMITS_H
#define SSM_COMMON_LIMITS_H

/* Session tokens of STS are 1 to 4 KiB in practice, TokenValue of a session several hundred bytes. */
#define LIMIT_SECRET (16 * 1024)

/* StartSession accepts a Target of 1 to 400 characters. */
#define LIMIT_TARGET 400

/* The key of a tag: 1 to 128 characters; its value has up to 256. */
#define LIMIT_TAG_KEY 128

/* SessionId is 1 to 96 characters. */
#define LIMIT_SESSION_ID 96

/* StreamUrl: host, session id and a cell number; 300 characters in practice. */
#define LIMIT_STREAM_URL 4096

/* DNS allows 253. */
#define LIMIT_HOST 253

/* A reply of the SSM API; sessions are under 4 KiB, a page of nodes under 100 KiB. */
#define LIMIT_API_REPLY (1024 * 1024)

/* Elements of one XML reply: a page of fifty EC2 instances has 10 000. */
#define LIMIT_XML_NODES 65536

/* Elements within elements: DescribeInstances nests eight. */
#define LIMIT_XML_DEPTH 32

/* A shared configuration or credentials file; hundreds of profiles fit in 64 KiB. */
#define LIMIT_CONFIG_FILE (1024 * 1024)

/* The answer to the websocket upgrade, up to the blank line; under 1 KiB in practice. */
#define LIMIT_UPGRADE_ANSWER (8 * 1024)

/* One websocket message. The agent sends 1 KiB of output and handshake texts of a few KiB; a payload of 64 KiB is the
 * largest that any known peer sends. One-byte fragments cost wslay about 100 bytes each, hence no more than this. */
#define LIMIT_WEBSOCKET_MESSAGE (96 * 1024)

/* Keys in one INI file, nested ones and sections counted too: thousands of generated profiles of five keys fit. */
#define LIMIT_INI_ENTRIES 65536

/* PATH_MAX of Linux, the terminator taken off. */
#define LIMIT_PATH 4095

/* A profile's name; the AWS CLI sets no limit, people's are under 100. */
#define LIMIT_PROFILE 255

/* The agent refuses a longer region. */
#define LIMIT_REGION 100

/* IAM: 16 to 128 characters. */
#define LIMIT_ACCESS_KEY_ID 128

/* The canonical request of one signature: a session token of LIMIT_SECRET and a StreamUrl's worth of path and query,
 * three times as long when percent-encoded. */
#define LIMIT_CANONICAL_REQUEST 65536

/* Headers of one signed request; ours have five. */
#define LIMIT_SIGNED_HEADERS 32

/* Nodes on one page of DescribeInstanceInformation: the service gives 50 at most. */
#define LIMIT_API_PAGE 50

/* Instances on one page of DescribeInstances, of which we ask for LIMIT_API_PAGE: the service gives 1000 at most. */
#define LIMIT_API_INSTANCES 1000

/* NextToken: base64 of some hundred bytes in practice. */
#define LIMIT_API_NEXT_TOKEN 4096

/* Frames of one websocket message. Go peers fragment at 4096 bytes: 24 frames for the largest message; gateways that
 * cut at 1 KiB would need 96. */
#define LIMIT_WEBSOCKET_FRAGMENTS 128

/* Pings and pongs that a peer may send within one second. The service's peers send one in 54 s; after a stall of an
 * hour 70 could come at once. */
#define LIMIT_WEBSOCKET_CONTROL_RATE 100

/* A session record on disk: five short lines and an endpoint URL. */
#define LIMIT_SESSION_RECORD (8 * 1024)

/* last.log and the file before it, each: lines of 150 bytes, two for every loss of a connection and so two an hour for
 * a tunnel. Five tunnels fill one in 20 hours. */
#define LIMIT_STATE_LOG (32 * 1024)

/* CiphertextBlob of KMS: 1 to 6144 bytes; for a data key 200 or so. */
#define LIMIT_KMS_CIPHERTEXT 6144

/* Session records that one run looks at. A thousand masters killed at once still leaves room; more are left to the next
 * run. */
#define LIMIT_SESSION_RECORDS 4096

/* Roles that are assumed one with another to get credentials. People chain two or three; the AWS CLI sets no limit. */
#define LIMIT_ROLE_CHAIN 32

/* IAM: an ARN has 20 to 2048 characters. */
#define LIMIT_ARN 2048

/* DocumentName of StartSession: 3 to 128 characters; an ARN of one is longer, and the agent knows its name. */
#define LIMIT_DOCUMENT 128

/* useradd(8) takes 32 characters. */
#define LIMIT_USER 32

/* Why a grant was given, for the audit trail: a line. */
#define LIMIT_REASON 256

/* A grant or a login record: ten short lines, one with an ARN, all of it escaped at worst. */
#define LIMIT_STATE_FILE (16 * 1024)

/* The agent's state file of a session: under 8 KiB in practice, with the document's text in it. */
#define LIMIT_AGENT_STATE (1024 * 1024)

/* host.conf and what lies in host.conf.d/: a few dozen short lines. */
#define LIMIT_HOST_CONFIG (64 * 1024)

/* The commands of the level limited, all files together: people list a dozen; each costs a linter's look at its path.
 */
#define LIMIT_SUDOERS_COMMANDS 1000

/* The name of a Cmnd_Alias of ours. sudo sets no limit. */
#define LIMIT_SUDOERS_ALIAS 64

/* The arguments of one listed command; people write a line. */
#define LIMIT_SUDOERS_ARGUMENTS 4096

/* Our sudoers file: four lines, and LIMIT_SUDOERS_COMMANDS commands of a line each. */
#define LIMIT_SUDOERS_FILE (512 * 1024)

/* Worker paths, documents, groups, owners of one setting: people list a handful. */
#define LIMIT_WORD_LIST 4096

/* A script that is sent with SendCommand, whose request may have some 100 KiB. */
#define LIMIT_RUN_SCRIPT (64 * 1024)

#endif
