#include "tests/emulator/certificate.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/auto.h"
#include "tests/emulator/aws_name.h"

/* The authority may be trusted for as long as a long-lived laboratory runs. */
#define VALID_SECONDS (365L * 24 * 3600)
/* Clocks of containers and virtual machines differ by a little. */
#define BACKDATE_SECONDS (24L * 3600)

static void certificate_drop(X509 **certificate)
{
    X509_free(*certificate);
}

struct certificate_authority {
    X509 *certificate;
    EVP_PKEY *key, *server_key; /* one key for all servers */
};

static enum err add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL) {
        return ERR_SYSTEM;
    }
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added == 1 ? ERR_OK : ERR_SYSTEM;
}

static enum err set_serial(X509 *certificate)
{
    uint64_t serial = 0;
    if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1) {
        return ERR_SYSTEM;
    }
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1 ? ERR_OK : ERR_SYSTEM;
}

static enum err new_certificate(const char *name, EVP_PKEY *key, X509 **ret_certificate)
{
    AUTO(certificate_drop) X509 *certificate = X509_new();
    if (certificate == NULL || X509_set_version(certificate, 2) != 1) {
        return ERR_MEMORY;
    }
    TRY(set_serial(certificate));
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATE_SECONDS) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_SECONDS) == NULL ||
        X509_set_pubkey(certificate, key) != 1) {
        return ERR_SYSTEM;
    }
    *ret_certificate = MOVE(certificate);
    return ERR_OK;
}

static enum err make_authority(EVP_PKEY *key, X509 **ret_certificate)
{
    AUTO(certificate_drop) X509 *authority = NULL;
    TRY(new_certificate("ssm-lab certificate authority", key, &authority));
    if (X509_set_issuer_name(authority, X509_get_subject_name(authority)) != 1) {
        return ERR_SYSTEM;
    }
    TRY(add_extension(authority, authority, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
    TRY(add_extension(authority, authority, NID_key_usage, "critical,keyCertSign,cRLSign"));
    TRY(add_extension(authority, authority, NID_subject_key_identifier, "hash"));
    if (X509_sign(authority, key, EVP_sha256()) == 0) {
        return ERR_SYSTEM;
    }
    *ret_certificate = MOVE(authority);
    return ERR_OK;
}

/* `names` as in OpenSSL's configuration files: "DNS:...,IP:...". */
static enum err make_server(const struct certificate_authority *authority, const char *names, X509 **ret_certificate)
{
    AUTO(certificate_drop) X509 *server = NULL;
    TRY(new_certificate("ssm-lab", authority->server_key, &server));
    if (X509_set_issuer_name(server, X509_get_subject_name(authority->certificate)) != 1) {
        return ERR_SYSTEM;
    }
    TRY(add_extension(server, authority->certificate, NID_basic_constraints, "critical,CA:FALSE"));
    TRY(add_extension(server, authority->certificate, NID_key_usage, "critical,digitalSignature"));
    TRY(add_extension(server, authority->certificate, NID_ext_key_usage, "serverAuth"));
    TRY(add_extension(server, authority->certificate, NID_subject_key_identifier, "hash"));
    TRY(add_extension(server, authority->certificate, NID_authority_key_identifier, "keyid"));
    TRY(add_extension(server, authority->certificate, NID_subject_alt_name, names));
    if (X509_sign(server, authority->key, EVP_sha256()) == 0) {
        return ERR_SYSTEM;
    }
    *ret_certificate = MOVE(server);
    return ERR_OK;
}

/* A key has mode 0600 from the first moment; certificates may be read by everybody. */
static FILE *create_file(const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return NULL;
    }
    FILE *file = fdopen(fd, "w");
    if (file == NULL) {
        close(fd);
    }
    return file;
}

static enum err write_certificates(const char *path, X509 *first, X509 *second)
{
    FILE *file = create_file(path, 0644);
    if (file == NULL) {
        return ERR_SYSTEM;
    }
    bool written = PEM_write_X509(file, first) == 1 && (second == NULL || PEM_write_X509(file, second) == 1);
    return fclose(file) == 0 && written ? ERR_OK : ERR_SYSTEM;
}

static enum err write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = create_file(path, 0600);
    if (file == NULL) {
        return ERR_SYSTEM;
    }
    bool written = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    return fclose(file) == 0 && written ? ERR_OK : ERR_SYSTEM;
}

static enum err name_file(const char *directory, const char *name, char ret_path[512])
{
    int len = snprintf(ret_path, 512, "%s/%s", directory, name);
    return len > 0 && len < 512 ? ERR_OK : ERR_TOO_LONG;
}

void certificate_authority_free(struct certificate_authority *authority)
{
    if (authority != NULL) {
        X509_free(authority->certificate);
        EVP_PKEY_free(authority->key);
        EVP_PKEY_free(authority->server_key);
        free(authority);
    }
}

static void authority_drop(struct certificate_authority **authority)
{
    certificate_authority_free(*authority);
}

enum err certificate_make(const char *directory, struct certificate_files *ret_files,
                          struct certificate_authority **ret_authority)
{
    TRY(name_file(directory, "ca.pem", ret_files->authority));
    TRY(name_file(directory, "server.pem", ret_files->server));
    TRY(name_file(directory, "server.key", ret_files->server_key));
    AUTO(authority_drop) struct certificate_authority *authority = calloc(1, sizeof *authority);
    if (authority == NULL) {
        return ERR_MEMORY;
    }
    authority->key = EVP_EC_gen("P-256");
    authority->server_key = EVP_EC_gen("P-256");
    if (authority->key == NULL || authority->server_key == NULL) {
        return ERR_SYSTEM;
    }
    AUTO(certificate_drop) X509 *server = NULL;
    TRY(make_authority(authority->key, &authority->certificate));
    TRY(make_server(authority, "DNS:localhost,IP:127.0.0.1,IP:::1", &server));
    TRY(write_certificates(ret_files->authority, authority->certificate, NULL));
    TRY(write_certificates(ret_files->server, server, authority->certificate));
    TRY(write_key(ret_files->server_key, authority->server_key));
    *ret_authority = MOVE(authority);
    return ERR_OK;
}

/* ---- names ---- */

/* OpenSSL asks before it sends the certificate. The key is that of the context; 0 ends the handshake. */
static int choose_certificate(SSL *connection, void *argument)
{
    const struct certificate_authority *authority = argument;
    const char *name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
    if (name == NULL || !aws_name_is_known(name)) {
        return 1;
    }
    char names[300];
    AUTO(certificate_drop) X509 *certificate = NULL;
    snprintf(names, sizeof names, "DNS:%s", name);
    return make_server(authority, names, &certificate) == ERR_OK && SSL_use_certificate(connection, certificate) == 1;
}

void certificate_serve_names(struct certificate_authority *authority, SSL_CTX *context)
{
    SSL_CTX_set_cert_cb(context, choose_certificate, authority);
}
