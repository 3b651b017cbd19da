/* lab_limits: the bound of everything that a peer of ssm-lab can make grow, each with the reason for its figure. */
#ifndef SSM_LAB_LIMITS_H
#define SSM_LAB_LIMITS_H

/* Body of an API request. StartSession accepts parameter values of 64 KiB each; nothing real comes near. */
#define LAB_LIMIT_REQUEST_BODY (1024 * 1024)

/* Header block of a request: session tokens reach 4 KiB, the agent's and the SDKs' headers 2 KiB beside it. */
#define LAB_LIMIT_REQUEST_HEADERS (24 * 1024)

/* Signed headers of a request; SDKs sign about ten. */
#define LAB_LIMIT_SIGNED_HEADERS 32

/* Parameters of a form. A DescribeInstances with 200 ids or filters is the longest that anything here sends. */
#define LAB_LIMIT_FORM_PARAMETERS 512

/* Clients, device codes and tokens of IAM Identity Center, each: far above what one test makes. */
#define LAB_LIMIT_SSO_ENTRIES 64

/* Session tokens of the instance metadata service: a process asks for one at its start. */
#define LAB_LIMIT_IMDS_SESSIONS 64

/* One websocket message. agent_job_reply, the largest of the agent, stops at 120000 bytes. */
#define LAB_LIMIT_WEBSOCKET_MESSAGE (256 * 1024)

/* Frames waiting for a peer that does not read: above HIGH the other side is no longer read, below LOW it is again.
 * The agent repeats unacknowledged messages whatever the other side does, hence the hard limit above HIGH. */
#define LAB_QUEUE_HIGH (1024 * 1024)
#define LAB_QUEUE_LOW (256 * 1024)
#define LAB_QUEUE_HARD (8 * 1024 * 1024)

/* Bytes per write to a websocket: one TLS record. */
#define LAB_WRITE_CHUNK (16 * 1024)

/* Bytes of a websocket in the kernel's send buffer, above which nothing is written: see peer.c. */
#define LAB_KERNEL_QUEUE (128 * 1024)

/* The kernel's send buffer of a websocket: twice the above, because its bookkeeping counts too. */
#define LAB_KERNEL_BUFFER (256 * 1024)

/* Agent messages kept for a client that has not connected yet: the handshake request and its repetitions. */
#define LAB_LIMIT_EARLY_BYTES (64 * 1024)

/* Payload waiting for the target of a built-in node, above which the node's receive loop is blocked in its write. */
#define LAB_TARGET_BUFFER (64 * 1024)

/* Messages that arrived while a built-in node's receive loop is blocked. Reading from the client stops at once, so
 * that only what one network read carried gets here. */
#define LAB_LIMIT_INBOX_BYTES (1024 * 1024)

/* What a dead receive loop swallows before its side of the connection is no longer read: the socket buffers that a
 * real one would leave full. */
#define LAB_DEAD_LOOP_BYTES (4 * 1024 * 1024)

/* The agent's incoming and outgoing buffers hold 100000 messages each (amazon-ssm-agent), of 1 KiB as a rule. */
#define LAB_AGENT_BUFFER_MESSAGES 100000
#define LAB_AGENT_BUFFER_BYTES (128 * 1024 * 1024)

/* Head of a request to the proxy: CONNECT with a user agent and a password. */
#define LAB_LIMIT_PROXY_HEAD 4096

/* Names that the proxy counts. */
#define LAB_LIMIT_PROXY_NAMES 200

/* Entries of the list of calls that fail. */
#define LAB_LIMIT_CALL_FAULTS 32

/* Sessions kept for State=History. */
#define LAB_LIMIT_HISTORY 2000

/* Sessions, nodes and credentials at a time: far above any test, far below trouble. */
#define LAB_LIMIT_SESSIONS 4000
#define LAB_LIMIT_LIGHT_NODES 5000
#define LAB_LIMIT_NODES (LAB_LIMIT_LIGHT_NODES + 1000)
#define LAB_LIMIT_CREDENTIALS 4000

/* Open files, of which libwebsockets gets half. */
#define LAB_LIMIT_DESCRIPTORS 4096

/* Commands of Run Command that are remembered; the oldest that is over goes first. */
#define LAB_LIMIT_COMMANDS 100

/* Documents, and the size of one: the service's own limit. */
#define LAB_LIMIT_DOCUMENTS 500
#define LAB_LIMIT_DOCUMENT_BYTES (64 * 1024)

/* Associations; the service has room for 2000. */
#define LAB_LIMIT_ASSOCIATIONS 50

/* Keys that EC2 Instance Connect holds at a time. */
#define LAB_LIMIT_CONNECT_KEYS 1000

/* Messages held back by the delay fault, per direction of a session. */
#define LAB_LIMIT_DELAYED_BYTES (4 * 1024 * 1024)

#endif
