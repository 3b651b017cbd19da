/* ssh_report: what ssh-helper found at the other end of a tunnel, as it writes it: a word and its value a line. Those
 * that it did not come to are missing.
 *
 *     status 69                   how the command that carries the tunnel ended, where that was before the handshake
 *     said ssm-proxy: ...         its last line on standard error
 *     why no SSH server           what kept libssh from going on
 *     banner_us 181000            from the start to the server's first byte
 *     software SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3
 *     handshake_us 21000          from there to the end of the key exchange
 *     host_key ssh-ed25519 AAAA...
 *     fingerprint SHA256:...
 *     methods_us 9000             two round trips: service request, authentication by "none"
 *     methods publickey,password */
#ifndef SSM_PROXY_CORE_SSH_REPORT_H
#define SSM_PROXY_CORE_SSH_REPORT_H

#include "common/bytes.h"
#include "common/err.h"

#include <stdint.h>

/* Texts are "" and numbers -1 where they are missing. What a node or a person has put into a text is cut, and control
 * characters in it are replaced. */
struct ssh_report {
    int64_t status;
    char said[1024];
    char why[512];
    int64_t banner_us;
    char software[256];
    int64_t handshake_us;
    char host_key[2048]; /* type and base64 */
    char fingerprint[128];
    int64_t methods_us;
    char methods[256];
};

/* ERR_MALFORMED: a line that is none of the above. */
enum err ssh_report_parse(struct bytes output, struct ssh_report *ret_report) SSM_MUST_USE;

#endif
