#include "proxy/ssh_helper/keygen.h"

#include "common/auto.h"
#include "common/log.h"

#include <errno.h>
#include <libssh/libssh.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* An ed25519 key has 387 bytes. */
#define KEY_SIZE 4096

static void close_descriptor(int *fd)
{
    close(*fd);
}

static void free_key(ssh_key *key)
{
    ssh_key_free(*key);
}

static enum err fail(const char *what)
{
    log_error("keygen: %s: %s", what, strerror(errno));
    return ERR_SYSTEM;
}

/* libssh 0.10 writes this format to a path alone: here to memory that has one. */
static enum err make_key(int memory)
{
    AUTO(free_key) ssh_key key = NULL;
    if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK) {
        log_error("keygen: libssh could not make a key");
        return ERR_SYSTEM;
    }
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    if (ssh_pki_export_privkey_file(key, NULL, NULL, NULL, path) != SSH_OK) {
        log_error("keygen: libssh could not write the key to memory (is /proc mounted?)");
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

static enum err write_all(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(STDOUT_FILENO, data, len);
        if (put < 0 && errno != EINTR) {
            return fail("cannot write to standard output");
        }
        data += put > 0 ? put : 0;
        len -= put > 0 ? (size_t)put : 0;
    }
    return ERR_OK;
}

enum err keygen_print(void)
{
    if (isatty(STDOUT_FILENO)) {
        log_error("keygen: a private key is not for a terminal");
        return ERR_USAGE;
    }
    AUTO(close_descriptor) int memory = memfd_create("key", MFD_CLOEXEC);
    if (memory < 0) {
        return fail("no memory for a key");
    }
    TRY(make_key(memory));
    char key[KEY_SIZE];
    ssize_t len = pread(memory, key, sizeof key, 0);
    enum err err = len > 0 ? write_all(key, (size_t)len) : fail("the key cannot be read back");
    explicit_bzero(key, sizeof key);
    return err;
}
