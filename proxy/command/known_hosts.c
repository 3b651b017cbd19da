/* known-hosts: tells ssh the host keys of the node that `connect` is connecting it to: the KnownHostsCommand of
 * OpenSSH. Linked into ssh-answer: nothing here may need libcurl or OpenSSL. */
#include "common/log.h"
#include "proxy/command/host_key_files.h"
#include "proxy/command/output.h"
#include "proxy/command/verbs.h"
#include "proxy/core/connection_note.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/connection_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define WAIT_US (INT64_C(1000) * 1000 * HOST_KEY_FILES_WAIT_S)

/* In the order of the tokens. */
enum argument {
    INVOCATION, /* %I: why ssh asks */
    NAME,       /* %n: what was typed */
    PORT,       /* %p */
    USER,       /* %r */
    HOST,       /* %H: what ssh looks for in the answer; in lower case, so no node is found by it */
    KEY_TYPE,   /* %t and %K, not needed: the key that the server has shown */
    KEY_BASE64,
    ARGUMENTS
};

/* The note of this connection, still open. ERR_NO_TARGET: connect has left none, or not for what ssh asks about. */
static enum err find_note(const char *const *arguments, struct connection_notes *notes, struct connection_note *note,
                          struct text *why)
{
    char path[STATE_DIRECTORY_PATH_SIZE];
    char content[CONNECTION_NOTE_FILE];
    size_t len = 0;
    TRY(host_key_files_connections(path, why));
    TRY(connection_notes_find(path, content, sizeof content, &len, notes));
    bool is_whole = connection_note_parse(bytes_of(content, len), note) == ERR_OK;
    bool is_of = is_whole && connection_note_is_of(note, arguments[NAME], arguments[PORT], arguments[USER]);
    return is_of && host_key_cache_is_for(note->node_id) ? ERR_OK : ERR_NO_TARGET;
}

/* ssh is about to say that somebody may be eavesdropping, and to name a file that is none. */
static void explain_other_key(const struct options *options, const struct connection_note *note,
                              const struct host_keys *keys)
{
    struct host_keys shown;
    char line[PUBLIC_KEY_BASE64 + 64], words[256];
    struct text text = text_in(line, sizeof line);
    struct text nothing = text_in(words, sizeof words);
    if (options->argument_count != ARGUMENTS) {
        return;
    }
    text_format(&text, "%s %s", options->arguments[KEY_TYPE], options->arguments[KEY_BASE64]);
    bool is_key = host_keys_parse_lines(text_bytes(&text), &shown, &nothing) == ERR_OK; /* a certificate is none */
    if (is_key && !host_keys_has(keys, &shown.keys[0])) {
        log_error("%s: the server shows another host key than %s had before; when it was changed on purpose: "
                  "ssm-proxy known-hosts forget %s",
                  note->name, note->node_id, note->node_id);
    }
}

static enum err answer(const struct options *options, bool may_wait, struct text *why)
{
    const char *const *arguments = options->arguments;
    AUTO(connection_notes_close) struct connection_notes notes = connection_notes_none();
    struct connection_note note;
    TRY(find_note(arguments, &notes, &note, why));
    if (may_wait && !connection_notes_wait(&notes, clock_mono_us() + WAIT_US)) {
        log_debug("the host keys of %s did not come in time", note.node_id);
    }
    struct host_key_cache cache;
    TRY(host_key_files_load(note.node_id, &cache, why));
    size_t size = HOST_KEYS_LINES(strlen(arguments[HOST]));
    AUTO_FREE char *memory = malloc(size);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text lines = text_in(memory, size);
    host_keys_put_known_hosts(&cache.keys, arguments[HOST], &lines);
    TRY(text_finish(&lines));
    (void)fputs(memory, stdout);
    TRY(output_flush(why));
    if (may_wait) {
        explain_other_key(options, &note, &cache.keys);
    }
    return ERR_OK;
}

/* Whatever is wrong with us is no reason to end the connection: ssh does so when the status is not 0. Without keys it
 * does what StrictHostKeyChecking says. Nor is it one for a line: connect has found the same, and said it. */
static int known_hosts_run(const struct options *options)
{
    const char *invocation = options->arguments[INVOCATION];
    bool is_order = strcmp(invocation, "ORDER") == 0;
    bool is_host = strcmp(invocation, "HOSTNAME") == 0;
    if (!is_order && !is_host && strcmp(invocation, "ADDRESS") != 0) {
        log_error("known-hosts: not ORDER, HOSTNAME or ADDRESS, as ssh's %%I is: %s", invocation);
        return EX_USAGE;
    }
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    /* ADDRESS: the keys of an address are not the node's, and ssh does not ask with a ProxyCommand */
    enum err err = is_order || is_host ? answer(options, is_host, &why) : ERR_OK;
    if (err != ERR_OK && err != ERR_NO_TARGET) {
        log_debug("no host keys: %s", why.len > 0 ? memory : err_text(err));
    }
    return 0;
}

const struct verb known_hosts_verb = {
    .name = "known-hosts",
    .arguments = "[--] ORDER|HOSTNAME|ADDRESS NAME PORT USER HOST [TYPE KEY]",
    .summary = "Tell ssh the host keys of a node: the KnownHostsCommand of OpenSSH.",
    .details =
        "The words are %I %n %p %r %H %t %K of ssh_config(5). It says what connect --host-keys has asked for, for\n"
        "the node that connect is connecting this very ssh to; nothing when that is not known.",
    .options = OPTION_BIT(OPTION_DEBUG),
    .min_arguments = HOST + 1,
    .max_arguments = ARGUMENTS,
    .run = known_hosts_run,
};
