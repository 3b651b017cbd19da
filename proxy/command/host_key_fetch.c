#include "proxy/command/host_key_fetch.h"

#include "common/log.h"
#include "proxy/command/api.h"
#include "proxy/core/aws_service.h"
#include "proxy/core/ec2_api.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/file_lock.h"

#define LATE_US (INT64_C(1000) * 1000 * HOST_KEY_FILES_WAIT_S)
#define COMMAND_US (60 * 1000 * 1000) /* the next connection is glad of keys that come late */
#define LOCK_PAUSE_US (100 * 1000)

/* Whoever cannot have them is not to read that at every login. */
#define WITHOUT "to go without: ssm-proxy config --install --host-keys none"

/* ---- the command line ---- */

enum err host_key_fetch_choose(const char *name, enum host_key_source *ret_source, struct text *ret_why)
{
    static const char *const names[] = {"none", "document", "console"}; /* as enum host_key_source */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *ret_source = (enum host_key_source)i;
            return ERR_OK;
        }
    }
    text_format(ret_why, "--host-keys: document, console or none, not %s", name);
    return ERR_USAGE;
}

/* ---- the end ---- */

static void stop_asking(struct host_key_fetch *fetch)
{
    node_birth_end(&fetch->birth);
    api_free(&fetch->console);
    node_command_free(&fetch->command);
    file_lock_release(&fetch->lock);
}

static void say_why(struct host_key_fetch *fetch)
{
    const struct connection_note *note = &fetch->note;
    bool is_id = strcmp(note->name, note->node_id) == 0;
    log_error("%s%s%s%s: ssh does not get its host keys: %s", note->name, is_id ? "" : " (", is_id ? "" : note->node_id,
              is_id ? "" : ")", fetch->why.data);
}

/* ssh gets its answer now: after the reason why there is none. A session that does not come up has a reason of its own.
 */
static void answer(struct host_key_fetch *fetch)
{
    bool has_words = fetch->why.len > 0;
    if (fetch->is_answered || (has_words && !*fetch->is_tunnel_open)) {
        return;
    }
    if (has_words) {
        say_why(fetch);
    }
    connection_notes_settle(&fetch->notes);
    fetch->is_answered = true;
}

static void finish(struct host_key_fetch *fetch)
{
    stop_asking(fetch);
    fetch->is_done = true;
    answer(fetch);
}

void host_key_fetch_end(struct host_key_fetch *fetch)
{
    if (fetch->client == NULL) {
        return;
    }
    stop_asking(fetch);
    companion_leave(fetch->client, &fetch->companion);
    connection_notes_take_back(&fetch->notes);
    fetch->client = NULL;
}

/* ---- what is kept ---- */

/* What cannot be read may be there: no reason to ask the node, and to put what it says today in its place. */
static enum err load(struct host_key_fetch *fetch)
{
    enum err err = host_key_files_load(fetch->note.node_id, &fetch->cache, &fetch->why);
    if (err != ERR_OK) {
        fetch->cache.node_id[0] = '\0';
    }
    return err == ERR_NO_TARGET ? ERR_OK : err;
}

/* They are of an earlier launch or registration: whatever comes of asking, ssh is not to be told them. */
static enum err forget(struct host_key_fetch *fetch)
{
    log_debug("%s was launched or registered anew: its host keys are forgotten", fetch->note.node_id);
    fetch->cache.node_id[0] = '\0';
    enum err err = host_key_files_forget(fetch->note.node_id, &fetch->why);
    return err == ERR_NO_TARGET ? ERR_OK : err;
}

static void store(struct host_key_fetch *fetch)
{
    struct text name = text_in(fetch->cache.node_id, sizeof fetch->cache.node_id);
    text_put(&name, fetch->note.node_id);
    fetch->cache.keys = fetch->keys;
    fetch->cache.born_unix_s = fetch->birth.unix_s;
    if (host_key_files_store(&fetch->cache, &fetch->why) != ERR_OK && fetch->why.len == 0) {
        text_put(&fetch->why, "they cannot be kept");
    }
}

/* What is kept is of this very node: so it stays, whatever the node would say today. */
static void keep(struct host_key_fetch *fetch)
{
    if (fetch->cache.born_unix_s == HOST_KEY_CACHE_BORN_UNKNOWN && fetch->birth.unix_s != HOST_KEY_CACHE_BORN_UNKNOWN) {
        fetch->keys = fetch->cache.keys;
        store(fetch);
        text_clear(&fetch->why); /* nothing is missing */
    }
}

/* ---- asking the node ---- */

static enum err ask_for_console(struct host_key_fetch *fetch)
{
    struct client *client = fetch->client;
    struct endpoint_url url;
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    if (strncmp(fetch->note.node_id, "i-", 2) != 0) {
        text_put(&fetch->why, "EC2 has a console of its instances alone");
        return ERR_NO_TARGET;
    }
    TRY(aws_service_endpoint(client->account.config, AWS_SERVICE_EC2, client->account.settings.region, &url,
                             &fetch->why));
    struct ec2_api_place place = {&url, client->account.settings.region};
    TRY(ec2_api_get_console_output(&place, fetch->note.node_id, &request));
    struct api_way way = {.deadline_us = clock_mono_us() + COMMAND_US};
    return api_send(&client->api, &request, &client->account.credentials, way, &fetch->console);
}

static enum err ask_for_document(struct host_key_fetch *fetch)
{
    struct node_command_what what = {
        .node_id = fetch->note.node_id,
        .document_name = HOST_KEY_FETCH_DOCUMENT,
        .deadline_us = clock_mono_us() + COMMAND_US,
    };
    return node_command_start(fetch->client, &what, &fetch->command);
}

static enum err read_console(struct host_key_fetch *fetch)
{
    struct aws_reply reply;
    struct service_failure failure;
    AUTO_FREE uint8_t *output = NULL;
    size_t len = 0;
    TRY(api_reply(fetch->console, &reply, &fetch->why));
    enum err err = ec2_api_parse_console_output(&reply, fetch->note.node_id, &output, &len, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, &fetch->why);
        text_put(&fetch->why, err == ERR_DENIED ? " (the permission ec2:GetConsoleOutput is needed; " WITHOUT ")" : "");
        return err;
    }
    return host_keys_parse_console(bytes_of(output, len), &fetch->keys, &fetch->why);
}

static enum err read_document(struct host_key_fetch *fetch)
{
    const struct command_api_step *result = NULL;
    enum err err = node_command_pump(fetch->command, &result, &fetch->why);
    if (err == ERR_DENIED) {
        text_put(&fetch->why, " (needed are ssm:SendCommand for the document " HOST_KEY_FETCH_DOCUMENT
                              " and ssm:GetCommandInvocation; " WITHOUT ")");
    } else if (err == ERR_CONFIG) {
        text_put(&fetch->why, " (the account needs that document in this region; " WITHOUT ")");
    }
    TRY(err);
    if (result->status != COMMAND_API_SUCCESS) {
        node_command_put_failure(result, &fetch->why);
        return ERR_SERVICE;
    }
    return host_keys_parse_lines(bytes_of_text(result->output), &fetch->keys, &fetch->why);
}

static enum err ask(struct host_key_fetch *fetch)
{
    bool is_console = fetch->source == HOST_KEY_SOURCE_CONSOLE;
    if (fetch->command == NULL && fetch->console == NULL) {
        TRY(is_console ? ask_for_console(fetch) : ask_for_document(fetch));
    }
    return is_console ? read_console(fetch) : read_document(fetch);
}

static bool is_kept(const struct host_key_fetch *fetch)
{
    return host_key_cache_is_of(&fetch->cache, fetch->note.node_id, fetch->birth.unix_s);
}

/* Of many connections to a new node one asks, and the others take what it has stored. ERR_AGAIN while another does. */
static enum err take_turn(struct host_key_fetch *fetch)
{
    if (fetch->lock >= 0) {
        return ERR_OK;
    }
    int64_t now_us = clock_mono_us();
    if (now_us < fetch->lock_again_us) {
        return ERR_AGAIN;
    }
    fetch->lock_again_us = now_us + LOCK_PAUSE_US;
    TRY(host_key_files_lock(fetch->note.node_id, &fetch->lock, &fetch->why));
    TRY(load(fetch));
    return fetch->cache.node_id[0] == '\0' || is_kept(fetch) ? ERR_OK : forget(fetch);
}

/* ERR_AGAIN while there is something to wait for. */
static enum err move_on(struct host_key_fetch *fetch)
{
    node_birth_pump(&fetch->birth);
    if (!fetch->has_keys && !is_kept(fetch)) {
        TRY(take_turn(fetch));
    }
    if (!fetch->has_keys && !is_kept(fetch)) {
        TRY(ask(fetch));
        fetch->has_keys = true;
    }
    if (node_birth_is_asked(&fetch->birth)) {
        if (is_kept(fetch) && fetch->cache.born_unix_s == HOST_KEY_CACHE_BORN_UNKNOWN) {
            answer(fetch); /* it was not to be learnt before, and changes nothing: not worth a wait, at every login */
        }
        return ERR_AGAIN;
    }
    if (fetch->has_keys) {
        store(fetch);
    } else {
        keep(fetch);
    }
    return ERR_OK;
}

/* ---- beside the session ---- */

static void pump(void *context, struct client *client)
{
    struct host_key_fetch *fetch = context;
    (void)client;
    if (fetch->is_done) {
        answer(fetch);
        return;
    }
    enum err err = move_on(fetch);
    if (err == ERR_AGAIN) {
        bool is_waited_for = *fetch->is_tunnel_open && fetch->late_us == INSTANT_NEVER;
        fetch->late_us = is_waited_for ? clock_mono_us() + LATE_US : fetch->late_us;
        if (!fetch->is_answered && clock_mono_us() >= fetch->late_us) {
            text_format(&fetch->why, "they did not come within %d seconds; when they do, the next connection has them",
                        HOST_KEY_FILES_WAIT_S);
            answer(fetch);
            text_clear(&fetch->why);
        }
        return;
    }
    if (err != ERR_OK && fetch->why.len == 0) {
        text_put(&fetch->why, err_text(err));
    }
    finish(fetch);
}

static int64_t deadline_us(const void *context, int64_t now_us)
{
    const struct host_key_fetch *fetch = context;
    (void)now_us;
    if (fetch->is_done) {
        return INSTANT_NEVER;
    }
    int64_t deadline_us = fetch->is_answered ? INSTANT_NEVER : fetch->late_us;
    deadline_us = instant_earlier(deadline_us, node_birth_deadline_us(&fetch->birth));
    if (fetch->command != NULL) {
        return instant_earlier(deadline_us, node_command_deadline_us(fetch->command));
    }
    bool is_waiting = fetch->lock < 0 && !is_kept(fetch);
    return is_waiting ? instant_earlier(deadline_us, fetch->lock_again_us) : deadline_us;
}

static enum err leave_note(struct host_key_fetch *fetch)
{
    char path[STATE_DIRECTORY_PATH_SIZE];
    char memory[CONNECTION_NOTE_FILE];
    struct text text = text_in(memory, sizeof memory);
    connection_note_put(&fetch->note, &text);
    TRY(text_finish(&text));
    TRY(host_key_files_connections(path, &fetch->why));
    return connection_notes_leave(path, text_bytes(&text), &fetch->notes, &fetch->why);
}

void host_key_fetch_begin(struct host_key_fetch *fetch, struct client *client, const struct connection_note *note,
                          const bool *is_tunnel_open)
{
    enum host_key_source source = fetch->source;
    host_key_fetch_end(fetch);
    *fetch = (struct host_key_fetch){.source = source, .note = *note, .notes = connection_notes_none(), .lock = -1};
    if (source == HOST_KEY_SOURCE_NONE) {
        return;
    }
    fetch->client = client;
    fetch->why = text_in(fetch->why_memory, sizeof fetch->why_memory);
    fetch->is_tunnel_open = is_tunnel_open;
    fetch->late_us = INSTANT_NEVER;
    fetch->companion = (struct companion){.context = fetch, .pump = pump, .deadline_us = deadline_us};
    companion_join(client, &fetch->companion);
    if (!host_key_cache_is_for(note->node_id)) {
        text_put(&fetch->why, "only instances and managed nodes have such");
    } else if (leave_note(fetch) == ERR_OK && load(fetch) == ERR_OK) {
        node_birth_begin(&fetch->birth, client, note->node_id);
        return;
    }
    finish(fetch);
}
