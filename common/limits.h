/* limits: the bound of everything that a peer or a user can make grow, each with the reason for its figure. */
#ifndef SSM_COMMON_LIMITS_H
#define SSM_COMMON_LIMITS_H

/* Session tokens of STS are 1 to 4 KiB in practice, TokenValue of a session several hundred bytes. */
#define LIMIT_SECRET (16 * 1024)

/* StartSession accepts a Target of 1 to 400 characters. */
#define LIMIT_TARGET 400

/* SessionId is 1 to 96 characters; it becomes part of a path. */
#define LIMIT_SESSION_ID 96

/* StreamUrl: host, session id and a cell number; 300 characters in practice. */
#define LIMIT_STREAM_URL 4096

/* DNS allows 253. */
#define LIMIT_HOST 253

/* A reply of the SSM API; sessions are under 4 KiB, a page of nodes under 100 KiB. */
#define LIMIT_API_REPLY (1024 * 1024)

/* A shared configuration or credentials file; hundreds of profiles fit in 64 KiB. */
#define LIMIT_CONFIG_FILE (1024 * 1024)

/* The answer to the websocket upgrade, up to the blank line; under 1 KiB in practice. */
#define LIMIT_UPGRADE_ANSWER (8 * 1024)

/* One websocket message. The agent sends 1 KiB of output and handshake texts of a few KiB; a payload of 64 KiB is the
 * largest that any known peer sends. One-byte fragments cost wslay about 100 bytes each, hence no more than this. */
#define LIMIT_WEBSOCKET_MESSAGE (96 * 1024)

#endif
