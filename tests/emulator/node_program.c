#include "tests/emulator/node_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/emulator/agent_core.h"
#include "tests/emulator/byte_queue.h"
#include "tests/emulator/command_words.h"
#include "tests/emulator/spawn.h"

#define START_FAILURE_CODE 1

/* What is read of the program: two pipes, or one file. */
struct outlet {
    struct node_program *program;
    int fd;       /* -1: read to its end */
    off_t offset; /* in the file */
    enum payload_type type;
    char prefix[NODE_PROGRAM_PREFIX_MAX + 1];
    struct byte_queue lines;
    struct loop_watch watch;
};

enum outlet_index { OUTLET_OUTPUT, OUTLET_ERROR, OUTLET_COUNT };

struct node_program {
    struct node_program_config config;
    char *command;
    bool is_open, is_running, has_told_code;
    int exit_code;
    pid_t pid;
    struct outlet outlets[OUTLET_COUNT];
    struct loop_timer begin, soon;
};

/* ---- starting it ---- */

/* `path` has room for 512 characters. False: there is no such program. */
static bool find_program(const char *name, char path[512])
{
    static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                          "/usr/bin",        "/sbin",          "/bin"};
    if (strchr(name, '/') != NULL) {
        return snprintf(path, 512, "%s", name) < 512;
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (snprintf(path, 512, "%s/%s", folders[i], name) < 512 && access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

static int spawn_words(struct node_program *program, const struct command_words *words, int output, int error_output)
{
    char path[512];
    struct spawn_environment environment;
    if (!find_program(words->words[0], path)) {
        return ENOENT;
    }
    spawn_environment_fill(&environment);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, error_output, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    return spawn_program(path, &actions, words->words, environment.variables, &program->pid);
}

static int start_separately(struct node_program *program, const struct command_words *words)
{
    int output[2] = {-1, -1}, error_output[2] = {-1, -1};
    int error = pipe2(output, O_CLOEXEC) != 0 || pipe2(error_output, O_CLOEXEC) != 0 ? errno : 0;
    error = error != 0 ? error : spawn_words(program, words, output[1], error_output[1]);
    if (output[1] >= 0) {
        close(output[1]);
    }
    if (error_output[1] >= 0) {
        close(error_output[1]);
    }
    program->outlets[OUTLET_OUTPUT].fd = output[0];
    program->outlets[OUTLET_ERROR].fd = error_output[0];
    for (size_t i = 0; i < OUTLET_COUNT; i++) {
        if (program->outlets[i].fd >= 0) {
            fcntl(program->outlets[i].fd, F_SETFL, O_NONBLOCK);
        }
    }
    return error;
}

static int start_collected(struct node_program *program, const struct command_words *words)
{
    int fd = open(program->config.scratch, O_TMPFILE | O_RDWR | O_CLOEXEC | O_APPEND, 0600);
    if (fd < 0) {
        return errno;
    }
    program->outlets[OUTLET_OUTPUT].fd = fd;
    return spawn_words(program, words, fd, fd);
}

/* Told as standard error, in place of what the program would have said. */
static void tell_failure(struct node_program *program, const char *problem)
{
    char text[300];
    struct byte_queue *lines = &program->outlets[OUTLET_ERROR].lines;
    int len = snprintf(text, sizeof text, "failed to run commands: %.80s: %.180s\n", problem, program->command);
    program->exit_code = START_FAILURE_CODE;
    if (byte_queue_append(lines, bytes_of(text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1)) != ERR_OK) {
        log_error("no memory for the output of a command");
    }
}

static void start(struct node_program *program)
{
    struct command_words words = {0};
    if (command_words_split(program->command, &words) != ERR_OK) {
        tell_failure(program, "EOF found when expecting closing quote");
        return;
    }
    int error = words.count == 0                   ? ENOENT
                : program->config.separates_output ? start_separately(program, &words)
                                                   : start_collected(program, &words);
    command_words_free(&words);
    program->is_running = error == 0;
    if (error != 0) {
        program->pid = 0;
        tell_failure(program, strerror(error));
    }
}

static void begin_expired(void *owner, uint64_t now_us)
{
    struct node_program *program = owner;
    (void)now_us;
    program->is_open = true;
    start(program);
    program->config.opened(program->config.owner, true);
}

/* ---- its output ---- */

static void close_outlet(struct outlet *outlet)
{
    if (outlet->fd >= 0) {
        event_loop_unwatch(outlet->program->config.loop, &outlet->watch);
        close(outlet->fd);
        outlet->fd = -1;
    }
}

/* Of a pipe as much as there is; of the file from its beginning, once the program is over. */
static void refill(struct outlet *outlet)
{
    const struct node_program *program = outlet->program;
    if (outlet->fd < 0 || byte_queue_len(&outlet->lines) >= AGENT_CORE_PAYLOAD ||
        (!program->config.separates_output && program->is_running)) {
        return;
    }
    uint8_t *room = byte_queue_reserve(&outlet->lines, AGENT_CORE_PAYLOAD);
    ssize_t len = room == NULL                       ? 0
                  : program->config.separates_output ? read(outlet->fd, room, AGENT_CORE_PAYLOAD)
                                                     : pread(outlet->fd, room, AGENT_CORE_PAYLOAD, outlet->offset);
    if (len > 0) {
        outlet->offset += len;
        byte_queue_commit(&outlet->lines, (size_t)len);
    } else if (len == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_outlet(outlet);
    }
}

/* One line, or as much of it as fits into a message, with its prefix. */
static size_t take_piece(struct outlet *outlet, uint8_t *buffer, size_t size)
{
    struct bytes lines = byte_queue_bytes(&outlet->lines);
    if (lines.len == 0) {
        return 0;
    }
    size_t prefix_len = strlen(outlet->prefix);
    size_t len = lines.len < size - prefix_len ? lines.len : size - prefix_len;
    const uint8_t *end = outlet->program->config.separates_output ? memchr(lines.data, '\n', len) : NULL;
    len = end == NULL ? len : (size_t)(end - lines.data) + 1;
    memcpy(buffer, outlet->prefix, prefix_len);
    memcpy(buffer + prefix_len, lines.data, len);
    byte_queue_drop(&outlet->lines, len);
    return prefix_len + len;
}

static bool is_at_end(const struct node_program *program)
{
    bool is_read = true;
    for (size_t i = 0; i < OUTLET_COUNT; i++) {
        is_read = is_read && program->outlets[i].fd < 0 && byte_queue_len(&program->outlets[i].lines) == 0;
    }
    return is_read && !program->is_running;
}

static enum err side_read(void *self, uint8_t *buffer, size_t size, struct node_piece *ret_piece)
{
    struct node_program *program = self;
    size = size < AGENT_CORE_PAYLOAD ? size : AGENT_CORE_PAYLOAD; /* a prefix is for a message */
    for (size_t i = 0; i < OUTLET_COUNT; i++) {
        struct outlet *outlet = &program->outlets[i];
        refill(outlet);
        size_t len = take_piece(outlet, buffer, size);
        if (len > 0) {
            *ret_piece = (struct node_piece){(ssize_t)len, outlet->type};
            return ERR_OK;
        }
    }
    if (!is_at_end(program)) {
        return ERR_AGAIN;
    }
    bool tells_code = program->config.separates_output && !program->has_told_code;
    program->has_told_code = true;
    int len = tells_code ? snprintf((char *)buffer, size, "EXIT_CODE: %d", program->exit_code) : 0;
    *ret_piece = (struct node_piece){len, PAYLOAD_EXIT_CODE};
    return ERR_OK;
}

static void watch_outlet(struct outlet *outlet, bool is_wanted)
{
    struct event_loop *loop = outlet->program->config.loop;
    if (!is_wanted) {
        event_loop_unwatch(loop, &outlet->watch);
    } else if (!outlet->watch.is_armed && event_loop_watch(loop, &outlet->watch, outlet->fd, EPOLLIN) != ERR_OK) {
        log_error("cannot watch the output of a command");
    }
}

/* Files cannot be watched, and are always ready. */
static void side_wait(void *self, bool wants_read)
{
    struct node_program *program = self;
    bool is_ready = is_at_end(program) || (!program->is_running && !program->config.separates_output);
    for (size_t i = 0; i < OUTLET_COUNT; i++) {
        struct outlet *outlet = &program->outlets[i];
        is_ready = is_ready || byte_queue_len(&outlet->lines) > 0;
        watch_outlet(outlet, wants_read && outlet->fd >= 0 && program->config.separates_output);
    }
    if (program->is_open && wants_read && is_ready) {
        event_loop_arm(program->config.loop, &program->soon, event_loop_now_us());
    } else {
        event_loop_disarm(program->config.loop, &program->soon);
    }
}

/* ---- as a side of a session ---- */

static void side_close(void *self)
{
    struct node_program *program = self;
    event_loop_disarm(program->config.loop, &program->begin);
    event_loop_disarm(program->config.loop, &program->soon);
    for (size_t i = 0; i < OUTLET_COUNT; i++) {
        close_outlet(&program->outlets[i]);
        byte_queue_free(&program->outlets[i].lines);
        program->outlets[i].offset = 0;
    }
    if (program->pid > 0) {
        kill(-program->pid, SIGKILL);
        program->pid = 0;
    }
    program->is_open = program->is_running = false;
}

static void side_open(void *self)
{
    struct node_program *program = self;
    side_close(program);
    event_loop_arm(program->config.loop, &program->begin, event_loop_now_us());
}

static bool side_is_open(const void *self)
{
    const struct node_program *program = self;
    return program->is_open;
}

/* Nothing is ever written to it. */
static void side_write(void *self, struct bytes bytes)
{
    (void)self;
    (void)bytes;
}

static size_t side_queued(const void *self)
{
    (void)self;
    return 0;
}

static uint64_t side_written(const void *self)
{
    (void)self;
    return 0;
}

static enum err side_flush(void *self)
{
    (void)self;
    return ERR_OK;
}

const struct node_side node_program_side = {side_open,    side_close, side_is_open, side_write, side_queued,
                                            side_written, side_flush, side_read,    side_wait};

/* ---- life ---- */

static void outlet_ready(void *owner, uint32_t events)
{
    const struct outlet *outlet = owner;
    (void)events;
    outlet->program->config.ready(outlet->program->config.owner, true);
}

static void soon_expired(void *owner, uint64_t now_us)
{
    struct node_program *program = owner;
    (void)now_us;
    program->config.ready(program->config.owner, true);
}

enum err node_program_new(const struct node_program_config *config, struct node_program **ret_program)
{
    struct node_program *program = calloc(1, sizeof *program);
    char *command = strdup(config->command);
    if (program == NULL || command == NULL) {
        free(program);
        free(command);
        return ERR_MEMORY;
    }
    program->config = *config;
    program->command = command;
    program->begin = (struct loop_timer){.expired = begin_expired, .owner = program};
    program->soon = (struct loop_timer){.expired = soon_expired, .owner = program};
    for (size_t i = 0; i < OUTLET_COUNT; i++) {
        struct outlet *outlet = &program->outlets[i];
        bool is_error = i == OUTLET_ERROR;
        outlet->program = program;
        outlet->fd = -1;
        outlet->type = is_error ? PAYLOAD_STDERR : PAYLOAD_OUTPUT;
        outlet->watch = (struct loop_watch){.ready = outlet_ready, .owner = outlet};
        snprintf(outlet->prefix, sizeof outlet->prefix, "%s",
                 !config->separates_output ? ""
                 : is_error                ? config->error_prefix
                                           : config->output_prefix);
    }
    *ret_program = program;
    return ERR_OK;
}

void node_program_free(struct node_program *program)
{
    if (program != NULL) {
        side_close(program);
        free(program->command);
        free(program);
    }
}

void node_program_interrupt(struct node_program *program, int signal_number)
{
    if (program->pid > 0) {
        kill(-program->pid, signal_number);
    }
}

void node_program_child_ended(struct node_program *program, pid_t pid, int exit_code)
{
    if (pid != program->pid) {
        return;
    }
    program->pid = 0;
    program->is_running = false;
    program->exit_code = exit_code;
    program->config.ready(program->config.owner, true);
}
