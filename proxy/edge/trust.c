#include "proxy/edge/trust.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where distributions keep them: Debian and SUSE hash the first directory; Red Hat's holds bundles only, and newer
 * ones hash the second. */
static const char *const trust_system_directories[] = {"/etc/ssl/certs",
                                                       "/etc/pki/ca-trust/extracted/pem/directory-hash"};
static const char *const trust_system_files[] = {"/etc/ssl/certs/ca-certificates.crt",
                                                 "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                                 "/etc/ssl/cert.pem"};

/* "5ad8a5d6.0": the subject's hash, as openssl rehash makes them. */
static bool trust_is_hashed_name(const char *name)
{
    for (int i = 0; i < 8; i++) {
        if (!isxdigit((unsigned char)name[i])) {
            return false;
        }
    }
    return name[8] == '.' && isdigit((unsigned char)name[9]);
}

static bool trust_is_hashed_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return false;
    }
    bool found = false;
    for (struct dirent *entry = readdir(directory); entry != NULL && !found; entry = readdir(directory)) {
        found = trust_is_hashed_name(entry->d_name);
    }
    closedir(directory);
    return found;
}

static bool trust_is_system_file(const char *path)
{
    for (size_t i = 0; i < sizeof trust_system_files / sizeof trust_system_files[0]; i++) {
        if (strcmp(path, trust_system_files[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *trust_system_directory(void)
{
    for (size_t i = 0; i < sizeof trust_system_directories / sizeof trust_system_directories[0]; i++) {
        if (trust_is_hashed_directory(trust_system_directories[i])) {
            return trust_system_directories[i];
        }
    }
    return NULL;
}

static const char *trust_system_file(void)
{
    for (size_t i = 0; i < sizeof trust_system_files / sizeof trust_system_files[0]; i++) {
        if (access(trust_system_files[i], R_OK) == 0) {
            return trust_system_files[i];
        }
    }
    return NULL;
}

static enum err trust_check_readable(const char *path, const char *what, struct text *ret_why)
{
    if (access(path, R_OK) == 0) {
        return ERR_OK;
    }
    text_format(ret_why, "%s %s cannot be read: %s", what, path, strerror(errno));
    return ERR_CONFIG;
}

/* A pipe would be waited for by OpenSSL, where no signal is heard; and it is read once, a bundle for each connection.
 */
static enum err trust_check_file(const char *path, const char *what, struct text *ret_why)
{
    TRY(trust_check_readable(path, what, ret_why));
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        text_format(ret_why, "%s %s is not a file", what, path);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

static enum err trust_use_alone(const char *path, struct text *file, struct text *directory, struct text *ret_why)
{
    TRY(trust_check_readable(path, "the CA bundle", ret_why));
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        if (!trust_is_hashed_directory(path)) {
            text_format(ret_why, "%s holds no hashed certificates: run \"openssl rehash\" on it", path);
            return ERR_CONFIG;
        }
        text_put(directory, path);
    } else {
        TRY(trust_check_file(path, "the CA bundle", ret_why));
        text_put(file, path);
    }
    return ERR_OK;
}

/* The system's roots, for whichever half of OpenSSL's two variables is not given. */
static void trust_add_system(bool file_is_given, struct text *file, struct text *directory)
{
    const char *hashed = trust_system_directory();
    if (hashed != NULL) {
        text_put(directory, directory->len > 0 ? ":" : "");
        text_put(directory, hashed);
    } else if (!file_is_given && trust_system_file() != NULL) {
        text_put(file, trust_system_file());
    }
}

enum err trust_find(const char *ca_path, const char *ssl_cert_file, const char *ssl_cert_dir, struct trust *ret_trust,
                    struct text *ret_why)
{
    struct text file = text_in(ret_trust->file, sizeof ret_trust->file);
    struct text directory = text_in(ret_trust->directory, sizeof ret_trust->directory);
    if (text_is_given(ca_path)) {
        TRY(trust_use_alone(ca_path, &file, &directory, ret_why));
    } else {
        bool file_is_given = text_is_given(ssl_cert_file);
        /* The system's bundle by name is the system's directory: the same certificates, 20 ms faster. */
        bool file_is_system = file_is_given && trust_is_system_file(ssl_cert_file) && trust_system_directory() != NULL;
        if (file_is_given && !file_is_system) {
            TRY(trust_check_file(ssl_cert_file, "SSL_CERT_FILE", ret_why));
            text_put(&file, ssl_cert_file);
        }
        if (text_is_given(ssl_cert_dir)) {
            text_put(&directory, ssl_cert_dir);
        }
        if (!text_is_given(ssl_cert_dir) || !file_is_given || file_is_system) {
            trust_add_system(file_is_given, &file, &directory);
        }
    }
    if (file.len == 0 && directory.len == 0) {
        text_put(ret_why, "no trusted certificates were found: install ca-certificates, or set AWS_CA_BUNDLE");
        return ERR_CONFIG;
    }
    if (text_finish(&file) != ERR_OK || text_finish(&directory) != ERR_OK) {
        text_put(ret_why, "the path of the trusted certificates is too long");
        return ERR_CONFIG;
    }
    return ERR_OK;
}
