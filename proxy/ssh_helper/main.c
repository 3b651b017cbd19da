/* ssh-helper: what ssm-proxy leaves to libssh. Not for people: ssm-proxy starts it. No secret is in its arguments. */
#include "common/log.h"
#include "proxy/ssh_helper/handshake.h"
#include "proxy/ssh_helper/keygen.h"

#include <libssh/libssh.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

/* Keys must not reach a core file, and files that we make are ours alone. */
static void harden(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)umask(077);
}

int main(int argc, char **argv)
{
    log_open("ssm-proxy: ssh-helper", false);
    harden();
    bool is_keygen = argc == 2 && strcmp(argv[1], "keygen") == 0;
    bool is_handshake = argc >= 4 && strcmp(argv[1], "handshake") == 0;
    if (!is_keygen && !is_handshake) {
        log_error("ssm-proxy starts this program by itself; there is nothing to do with it by hand");
        return EX_USAGE;
    }
    if (ssh_init() != SSH_OK) {
        log_error("libssh does not start");
        return EX_SOFTWARE;
    }
    enum err err = is_keygen ? keygen_print() : handshake_print(argv[2], argv + 3);
    (void)ssh_finalize();
    return err_exit_code(err);
}
