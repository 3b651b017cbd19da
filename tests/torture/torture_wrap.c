/* The wrapped functions: the one list. CMakeLists.txt makes the linker's options from the lines that begin with WRAP or
 * DECLARE; torture_list_test.py holds it against what our objects import. */
#include "tests/torture/torture.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <security/pam_modules.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>
#include <wslay/wslay.h>

#define STRIKES(name, ...)                                                                                             \
    torture_strikes(#name, __builtin_return_address(0), (const int[]){__VA_ARGS__},                                    \
                    sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

#define DECLARE(type, name, parameters)                                                                                \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters

/* A call that fails with one of the errors listed, and then returns `failed`. `error` is the one. */
#define WRAP(type, name, parameters, arguments, failed, ...)                                                           \
    DECLARE(type, name, parameters)                                                                                    \
    {                                                                                                                  \
        int error = STRIKES(name, __VA_ARGS__);                                                                        \
        (void)error;                                                                                                   \
        return error != 0 ? (failed) : __real_##name arguments;                                                        \
    }

/* One whose work is done all the same: it gives something back. */
#define WRAP_AFTER(type, name, parameters, arguments, failed, ...)                                                     \
    DECLARE(type, name, parameters)                                                                                    \
    {                                                                                                                  \
        type result = __real_##name arguments;                                                                         \
        int error = STRIKES(name, __VA_ARGS__);                                                                        \
        (void)error;                                                                                                   \
        return error != 0 ? (failed) : result;                                                                         \
    }

/* One that moves bytes, and may move fewer than it was asked to. */
#define WRAP_MOVE(name, parameters, arguments, short_arguments, ...)                                                   \
    DECLARE(ssize_t, name, parameters)                                                                                 \
    {                                                                                                                  \
        int error = STRIKES(name, __VA_ARGS__);                                                                        \
        if (error == TORTURE_SHORT) {                                                                                  \
            return __real_##name short_arguments;                                                                      \
        }                                                                                                              \
        return error != 0 ? -1 : __real_##name arguments;                                                              \
    }

/* clang-format off */

/* ---- memory ---- */

WRAP(void *, malloc, (size_t size), (size), NULL, ENOMEM)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)
WRAP(void *, realloc, (void *old, size_t size), (old, size), NULL, ENOMEM)
WRAP(void *, reallocarray, (void *old, size_t count, size_t size), (old, count, size), NULL, ENOMEM)
WRAP(char *, strdup, (const char *text), (text), NULL, ENOMEM)
WRAP(char *, strndup, (const char *text, size_t len), (text, len), NULL, ENOMEM)

/* ---- files ---- */

WRAP(int, access, (const char *path, int mode), (path, mode), -1, EACCES, ENOENT)
WRAP_AFTER(int, close, (int fd), (fd), -1, EIO, EINTR)
WRAP_AFTER(int, closedir, (DIR *directory), (directory), -1, EBADF)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, EPERM)
WRAP(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), -1, EPERM, EIO)
WRAP(ssize_t, fgetxattr, (int fd, const char *name, void *value, size_t size), (fd, name, value, size), -1, ENODATA, EIO)
WRAP(DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)
WRAP(int, flock, (int fd, int operation), (fd, operation), -1, EWOULDBLOCK, ENOLCK, EINTR)
WRAP(int, fstat, (int fd, struct stat *status), (fd, status), -1, EIO, ENOMEM)
WRAP(int, fstatat, (int fd, const char *path, struct stat *status, int flags), (fd, path, status, flags), -1, ENOENT, EIO)
WRAP(int, fstatfs, (int fd, struct statfs *status), (fd, status), -1, ENOSYS, EIO)
WRAP(int, dup2, (int from, int to), (from, to), -1, EMFILE)
WRAP(int, mkostemp, (char *path, int flags), (path, flags), -1, EACCES, ENOSPC, EROFS)
WRAP(int, pipe2, (int fds[2], int flags), (fds, flags), -1, EMFILE)
WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, EMFILE, ENOENT)
WRAP_AFTER(int, fclose, (FILE *stream), (stream), EOF, EIO)
WRAP(ssize_t, getdelim, (char **line, size_t *size, int delimiter, FILE *stream), (line, size, delimiter, stream), -1, ENOMEM)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, EACCES, ENOSPC)
WRAP(DIR *, opendir, (const char *path), (path), NULL, EMFILE, ENOENT)
WRAP(struct dirent *, readdir, (DIR *directory), (directory), NULL, EIO)
WRAP(ssize_t, readlink, (const char *path, char *buffer, size_t size), (path, buffer, size), -1, EACCES)
WRAP(int, fsync, (int fd), (fd), -1, EIO, ENOSPC)
WRAP(ssize_t, readlinkat, (int fd, const char *path, char *buffer, size_t size), (fd, path, buffer, size), -1, EACCES, ENOENT)
WRAP(char *, realpath, (const char *path, char *resolved), (path, resolved), NULL, ENOENT)
WRAP(char *, __realpath_chk, (const char *path, char *resolved, size_t size), (path, resolved, size), NULL, ENOENT)
WRAP(int, renameat, (int from_fd, const char *from, int to_fd, const char *to), (from_fd, from, to_fd, to), -1, ENOSPC, EACCES)
WRAP(int, stat, (const char *path, struct stat *status), (path, status), -1, EACCES, ENOENT)
WRAP(int, lstat, (const char *path, struct stat *status), (path, status), -1, EACCES, ENOENT)
WRAP(int, unlink, (const char *path), (path), -1, EACCES, EIO)
WRAP(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), -1, EACCES, EIO)
WRAP_MOVE(pread, (int fd, void *buffer, size_t size, off_t at), (fd, buffer, size, at), (fd, buffer, 1, at), EIO, TORTURE_SHORT)
WRAP_MOVE(read, (int fd, void *buffer, size_t size), (fd, buffer, size), (fd, buffer, size == sizeof(struct signalfd_siginfo) ? size : 1), EINTR, EIO, TORTURE_SHORT)
WRAP_MOVE(write, (int fd, const void *data, size_t len), (fd, data, len), (fd, data, 1), EINTR, ENOSPC, EIO, TORTURE_SHORT)

DECLARE(int, open, (const char *path, int flags, ...))
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return STRIKES(open, EMFILE, ENOMEM, EACCES, ENOENT) != 0 ? -1 : __real_open(path, flags, mode);
}

DECLARE(int, openat, (int directory, const char *path, int flags, ...))
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return STRIKES(openat, EMFILE, ENOSPC, EACCES) != 0 ? -1 : __real_openat(directory, path, flags, mode);
}

/* open, as _FORTIFY_SOURCE has it where the flags are no constant. */
WRAP(int, __open_2, (const char *path, int flags), (path, flags), -1, EMFILE, EACCES)

/* Ours asks for F_GETFD only. */
DECLARE(int, fcntl, (int fd, int command, ...))
{
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    return STRIKES(fcntl, EINTR, EINVAL) != 0 ? -1 : __real_fcntl(fd, command, argument);
}

/* ---- waiting, signals, the process ---- */

WRAP(int, epoll_create1, (int flags), (flags), -1, EMFILE, ENOMEM)
WRAP(int, epoll_ctl, (int epoll, int operation, int fd, struct epoll_event *event), (epoll, operation, fd, event), -1, ENOMEM, ENOSPC)
WRAP(int, epoll_pwait2, (int epoll, struct epoll_event *events, int size, const struct timespec *timeout, const sigset_t *mask), (epoll, events, size, timeout, mask), -1, EINTR, ENOSYS, EBADF)
WRAP(int, epoll_wait, (int epoll, struct epoll_event *events, int size, int timeout_ms), (epoll, events, size, timeout_ms), -1, EINTR, EBADF)
WRAP(int, poll, (struct pollfd *fds, nfds_t count, int timeout_ms), (fds, count, timeout_ms), -1, EINTR, ENOMEM)
/* prctl: ours asks for PR_SET_PDEATHSIG alone. What runs between fork and execve is struck together with the call of the same number behind fork here. */
WRAP(pid_t, fork, (void), (), -1, EAGAIN, ENOMEM)
WRAP(int, execve, (const char *path, char *const argv[], char *const environment[]), (path, argv, environment), -1, EACCES, ENOMEM)
WRAP(int, prctl, (int option, ...), (option, SIGKILL), -1, EINVAL)
WRAP(int, pidfd_open, (pid_t process, unsigned flags), (process, flags), -1, ENOSYS, EMFILE)
WRAP(pid_t, waitpid, (pid_t process, int *ret_status, int options), (process, ret_status, options), -1, EINTR)
WRAP(int, tcgetattr, (int fd, struct termios *ret_terminal), (fd, ret_terminal), -1, EIO)
WRAP(int, tcsetattr, (int fd, int when, const struct termios *terminal), (fd, when, terminal), -1, EINTR, EIO)
WRAP(pid_t, tcgetpgrp, (int fd), (fd), -1, ENOTTY)
WRAP(int, signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags), -1, EMFILE, ENOMEM)
WRAP(int, isatty, (int fd), (fd), 0, ENOTTY)
WRAP(pid_t, getpgid, (pid_t process), (process), -1, EPERM)
WRAP(int, setpgid, (pid_t process, pid_t group), (process, group), -1, EPERM)
WRAP(pid_t, setsid, (void), (), -1, EPERM)
WRAP(int, setrlimit, (__rlimit_resource_t resource, const struct rlimit *limit), (resource, limit), -1, EPERM)
WRAP(int, gethostname, (char *name, size_t size), (name, size), -1, ENAMETOOLONG)
WRAP_MOVE(getrandom, (void *buffer, size_t size, unsigned flags), (buffer, size, flags), (buffer, 1, flags), EINTR, ENOSYS, TORTURE_SHORT)
WRAP(int, fflush, (FILE *stream), (stream), EOF, ENOSPC)

/* ---- sockets ---- */

WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE, ENOBUFS)
WRAP(int, connect, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len), -1, EAGAIN, ECONNREFUSED)
WRAP(int, bind, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len), -1, EACCES, EADDRINUSE)
WRAP(int, listen, (int fd, int backlog), (fd, backlog), -1, EADDRINUSE)
WRAP(int, accept4, (int fd, struct sockaddr *address, socklen_t *len, int flags), (fd, address, len, flags), -1, EMFILE, ECONNABORTED)
WRAP(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len), (fd, level, name, value, len), -1, ENOPROTOOPT)
WRAP(int, getpeername, (int fd, struct sockaddr *address, socklen_t *len), (fd, address, len), -1, ENOBUFS)
WRAP(int, getsockname, (int fd, struct sockaddr *address, socklen_t *len), (fd, address, len), -1, ENOBUFS)
WRAP(ssize_t, sendto, (int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t len), (fd, data, size, flags, to, len), -1, EINTR, ENOBUFS, EPERM)
WRAP_MOVE(recv, (int fd, void *buffer, size_t size, int flags), (fd, buffer, size, flags), (fd, buffer, 1, flags), EINTR, EIO, ECONNRESET, TORTURE_SHORT)
WRAP_MOVE(send, (int fd, const void *data, size_t len, int flags), (fd, data, len, flags), (fd, data, 1, flags), EINTR, EIO, ENOBUFS, TORTURE_SHORT)

/* ---- libpam ---- */

WRAP(int, pam_putenv, (pam_handle_t *pamh, const char *text), (pamh, text), error, PAM_BUF_ERR)

/* ---- libcurl ---- */

WRAP(CURLcode, curl_global_init, (long flags), (flags), (CURLcode)error, CURLE_OUT_OF_MEMORY)
WRAP(CURL *, curl_easy_init, (void), (), NULL, ENOMEM)
WRAP(CURLcode, curl_easy_recv, (CURL *easy, void *buffer, size_t size, size_t *ret_len), (easy, buffer, size, ret_len), (CURLcode)error, CURLE_RECV_ERROR)
WRAP(CURLcode, curl_easy_send, (CURL *easy, const void *data, size_t len, size_t *ret_len), (easy, data, error == 0 ? len : 1, ret_len), (CURLcode)error, CURLE_SEND_ERROR, CURLE_AGAIN)
WRAP(CURLM *, curl_multi_init, (void), (), NULL, ENOMEM)
WRAP(CURLMcode, curl_multi_add_handle, (CURLM *multi, CURL *easy), (multi, easy), (CURLMcode)error, CURLM_OUT_OF_MEMORY)
WRAP(CURLMcode, curl_multi_assign, (CURLM *multi, curl_socket_t fd, void *user), (multi, fd, user), (CURLMcode)error, CURLM_OUT_OF_MEMORY)
WRAP(CURLMcode, curl_multi_socket_action, (CURLM *multi, curl_socket_t fd, int ready, int *ret_running), (multi, fd, ready, ret_running), (CURLMcode)error, CURLM_OUT_OF_MEMORY)
WRAP_AFTER(CURLMcode, curl_multi_remove_handle, (CURLM *multi, CURL *easy), (multi, easy), (CURLMcode)error, CURLM_BAD_EASY_HANDLE)
WRAP_AFTER(CURLMcode, curl_multi_cleanup, (CURLM *multi), (multi), (CURLMcode)error, CURLM_BAD_HANDLE)
WRAP(struct curl_slist *, curl_slist_append, (struct curl_slist *list, const char *text), (list, text), NULL, ENOMEM)

/* Their third argument is a long, a curl_off_t or a pointer: one register on every ABI that we build for. */
#undef curl_easy_setopt
DECLARE(CURLcode, curl_easy_setopt, (CURL *easy, CURLoption option, ...))
{
    va_list arguments;
    va_start(arguments, option);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return STRIKES(curl_easy_setopt, CURLE_OUT_OF_MEMORY) != 0 ? CURLE_OUT_OF_MEMORY : __real_curl_easy_setopt(easy, option, value);
}

#undef curl_multi_setopt
DECLARE(CURLMcode, curl_multi_setopt, (CURLM *multi, CURLMoption option, ...))
{
    va_list arguments;
    va_start(arguments, option);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return STRIKES(curl_multi_setopt, CURLM_UNKNOWN_OPTION) != 0 ? CURLM_UNKNOWN_OPTION : __real_curl_multi_setopt(multi, option, value);
}

#undef curl_easy_getinfo
DECLARE(CURLcode, curl_easy_getinfo, (CURL *easy, CURLINFO info, ...))
{
    va_list arguments;
    va_start(arguments, info);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return STRIKES(curl_easy_getinfo, CURLE_UNKNOWN_OPTION) != 0 ? CURLE_UNKNOWN_OPTION : __real_curl_easy_getinfo(easy, info, value);
}

/* ---- OpenSSL ---- */

WRAP(int, EVP_Digest, (const void *data, size_t len, unsigned char *digest, unsigned *ret_len, const EVP_MD *type, ENGINE *engine), (data, len, digest, ret_len, type, engine), 0, ENOMEM)
WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL, ENOMEM)
WRAP(EVP_MD *, EVP_MD_fetch, (OSSL_LIB_CTX *library, const char *algorithm, const char *properties), (library, algorithm, properties), NULL, ENOMEM)
WRAP(int, EVP_DigestInit_ex2, (EVP_MD_CTX *context, const EVP_MD *type, const OSSL_PARAM *parameters), (context, type, parameters), 0, ENOMEM)
WRAP(int, EVP_DigestUpdate, (EVP_MD_CTX *context, const void *data, size_t len), (context, data, len), 0, ENOMEM)
WRAP(int, EVP_DigestFinal_ex, (EVP_MD_CTX *context, unsigned char *digest, unsigned *ret_len), (context, digest, ret_len), 0, ENOMEM)
WRAP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), (), NULL, ENOMEM)
WRAP(int, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX *context, int type, int argument, void *pointer), (context, type, argument, pointer), 0, ENOMEM)
WRAP(int, EVP_EncryptInit_ex2, (EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, const unsigned char *key, const unsigned char *nonce, const OSSL_PARAM *parameters), (context, cipher, key, nonce, parameters), 0, ENOMEM)
WRAP(int, EVP_EncryptUpdate, (EVP_CIPHER_CTX *context, unsigned char *out, int *ret_len, const unsigned char *in, int len), (context, out, ret_len, in, len), 0, ENOMEM)
WRAP(int, EVP_EncryptFinal_ex, (EVP_CIPHER_CTX *context, unsigned char *out, int *ret_len), (context, out, ret_len), 0, ENOMEM)
WRAP(int, EVP_DecryptInit_ex2, (EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, const unsigned char *key, const unsigned char *nonce, const OSSL_PARAM *parameters), (context, cipher, key, nonce, parameters), 0, ENOMEM)
WRAP(int, EVP_DecryptUpdate, (EVP_CIPHER_CTX *context, unsigned char *out, int *ret_len, const unsigned char *in, int len), (context, out, ret_len, in, len), 0, ENOMEM)
WRAP(unsigned char *, HMAC, (const EVP_MD *type, const void *key, int key_len, const unsigned char *data, size_t len, unsigned char *digest, unsigned *ret_len), (type, key, key_len, data, len, digest, ret_len), NULL, ENOMEM)

/* ---- expat, jansson and wslay ---- */

WRAP(XML_Parser, XML_ParserCreate, (const XML_Char *encoding), (encoding), NULL, ENOMEM)

WRAP(json_t *, json_array, (void), (), NULL, ENOMEM)
WRAP(json_t *, json_deep_copy, (const json_t *json), (json), NULL, ENOMEM)
WRAP(json_t *, json_object, (void), (), NULL, ENOMEM)
WRAP(json_t *, json_string, (const char *value), (value), NULL, ENOMEM)
WRAP(json_t *, json_integer, (json_int_t value), (value), NULL, ENOMEM)
WRAP(char *, json_dumps, (const json_t *json, size_t flags), (json, flags), NULL, ENOMEM)
/* Both take over the value, whatever comes of it. */
WRAP(int, json_array_append_new, (json_t *array, json_t *value), (array, value), (json_decref(value), -1), ENOMEM)
WRAP(int, json_object_set_new, (json_t *object, const char *key, json_t *value), (object, key, value), (json_decref(value), -1), ENOMEM)

static void set_out_of_memory(json_error_t *error)
{
    *error = (json_error_t){.line = -1};
    error->text[JSON_ERROR_TEXT_LENGTH - 1] = (char)json_error_out_of_memory; /* where json_error_code looks */
}

DECLARE(json_t *, json_loadb, (const char *text, size_t len, size_t flags, json_error_t *ret_error))
{
    if (STRIKES(json_loadb, ENOMEM) == 0) {
        return __real_json_loadb(text, len, flags, ret_error);
    }
    set_out_of_memory(ret_error);
    return NULL;
}

DECLARE(json_t *, json_pack_ex, (json_error_t *ret_error, size_t flags, const char *format, ...))
{
    va_list arguments;
    va_start(arguments, format);
    json_t *json = json_vpack_ex(ret_error, flags, format, arguments);
    va_end(arguments);
    if (STRIKES(json_pack_ex, ENOMEM) == 0) {
        return json;
    }
    json_decref(json);
    set_out_of_memory(ret_error);
    return NULL;
}

WRAP(int, wslay_frame_context_init, (wslay_frame_context_ptr *ret_context, const struct wslay_frame_callbacks *callbacks, void *user), (ret_context, callbacks, user), error, WSLAY_ERR_NOMEM)
WRAP(ssize_t, wslay_frame_send, (wslay_frame_context_ptr context, struct wslay_frame_iocb *frame), (context, frame), error, WSLAY_ERR_INVALID_ARGUMENT)
WRAP(ssize_t, wslay_frame_recv, (wslay_frame_context_ptr context, struct wslay_frame_iocb *frame), (context, frame), error, WSLAY_ERR_PROTO)
