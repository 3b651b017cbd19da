/* The pure modules: what they allocate, and OpenSSL, jansson and wslay below them. */
#include "tests/torture/scenario.h"

#include "common/auto.h"
#include "common/ini.h"
#include "common/log.h"
#include "proxy/core/aws_settings.h"
#include "proxy/core/check.h"
#include "proxy/core/command_api.h"
#include "proxy/core/control_message.h"
#include "proxy/core/ec2_api.h"
#include "proxy/core/http_proxy.h"
#include "proxy/core/instance_connect_api.h"
#include "proxy/core/key_way.h"
#include "proxy/core/kms_api.h"
#include "proxy/core/sigv4.h"
#include "proxy/core/ssm_api.h"
#include "proxy/core/static_credentials.h"
#include "proxy/core/target_plan.h"
#include "proxy/core/ws_codec.h"
#include "proxy/core/ws_upgrade.h"
#include "proxy/core/xml_view.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The sentence of the last failure. */
static char why_memory[1024];

static struct text why(void)
{
    return text_in(why_memory, sizeof why_memory);
}

static void demand_text(const char *text, const char *expected)
{
    scenario_demand(text != NULL && strcmp(text, expected) == 0, expected);
}

/* ---- files ---- */

static enum err parse_ini(void)
{
    AUTO(ini_free) struct ini ini = {0};
    struct text words = why();
    TRY(ini_parse(bytes_of_text("[one]\nkey = value\nlong = a\n  b\n[two]\ns3 =\n  inner = 1\n"), &ini, &words));
    demand_text(ini_get(&ini, ini_find_section(&ini, "one"), "long"), "a\nb");
    demand_text(ini_get_nested(&ini, ini_find_section(&ini, "two"), "s3", "inner"), "1");
    return ERR_OK;
}

static enum err plan_target(void)
{
    AUTO(aliases_free) struct aliases aliases = {.ini = {.memory = NULL}};
    struct text words = why();
    struct target_plan plan;
    TRY(aliases_parse(bytes_of_text("[alias db]\ntarget = tag:Role=database\nregion = eu-west-1\n"), &aliases, &words));
    TRY(target_plan_make("db.eu-west-2", &aliases, &plan));
    scenario_demand(plan.count == 2, "the ways");
    demand_text(plan.ways[1].target.region, "eu-west-2");
    return ERR_OK;
}

static const char *look_up(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "AWS_PROFILE") == 0 ? "work" : strcmp(name, "HOME") == 0 ? "/home/a" : NULL;
}

static enum err read_account(void)
{
    struct aws_config_input input = {
        .environment = {look_up, NULL},
        .config = {"config", bytes_of_text("[profile work]\nregion = eu-west-1\nca_bundle = /home/a/ca.pem\n")},
        .credentials = {"credentials", bytes_of_text("[work]\naws_access_key_id = AKIDEXAMPLE\n"
                                                     "aws_secret_access_key = s3cret\naws_session_token = token\n")},
    };
    struct text words = why();
    struct aws_config_paths paths;
    TRY(aws_config_paths(&input.environment, &paths, &words));
    AUTO(aws_config_free) struct aws_config *config = NULL;
    TRY(aws_config_open(&input, &config, &words));
    struct aws_settings settings;
    TRY(aws_settings_choose(config, &settings, &words));
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.access_key_id = ""};
    TRY(static_credentials_of_file(config, &config->profile, AWS_CREDENTIALS_SHARED_FILE, &credentials, &words));
    demand_text(settings.region, "eu-west-1");
    demand_text(settings.ca_path, "/home/a/ca.pem");
    demand_text(credentials.secret_access_key.reveal, "s3cret");
    demand_text(credentials.session_token.reveal, "token");
    return ERR_OK;
}

static const char *look_up_proxy(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "HTTPS_PROXY") == 0 ? "http://us%20er:s3c%40ret@proxy.corp" : NULL;
}

static enum err find_proxy(void)
{
    struct aws_config_environment environment = {look_up_proxy, NULL};
    struct text words = why();
    AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = NULL};
    TRY(http_proxy_find(&environment, &proxy, &words));
    demand_text(proxy.url, "http://proxy.corp:80");
    demand_text(proxy.user.reveal, "us er");
    demand_text(proxy.password.reveal, "s3c@ret");
    return ERR_OK;
}

/* ---- the API ---- */

/* AWS's own example: "get-vanilla" of its published signing test suite. */
static enum err sign_request(void)
{
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.access_key_id = ""};
    TRY(aws_credentials_set(&credentials, "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL));
    const struct sigv4_header headers[] = {{"Host", "example.amazonaws.com"}};
    struct sigv4_request request = {.method = "GET", .path = "/", .headers = headers, .header_count = COUNT(headers)};
    struct sigv4_scope scope = {.unix_seconds = 1440938160, .region = "us-east-1", .service = "service"};
    struct sigv4_authorization authorization;
    TRY(sigv4_authorize(&request, &scope, &credentials, &authorization));
    demand_text(strstr(authorization.value, "Signature="),
                "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    char hash[SIGV4_HASH_SIZE];
    TRY(sigv4_payload_hash(bytes_of_text(""), hash));
    demand_text(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    return ERR_OK;
}

static enum err write_requests(void)
{
    struct ssm_api_parameter port = {"portNumber", "22"};
    struct ssm_api_start_session start = {.target = "i-1",
                                          .document_name = "AWS-StartSSHSession",
                                          .parameters = &port,
                                          .parameter_count = 1,
                                          .reason = "why"};
    struct ssm_api_describe_nodes describe = {.filters = {{"tag:Name", "node"}, {"tag:Role", "web"}},
                                              .next_token = "next"};
    AUTO(ssm_api_request_free) struct ssm_api_request started = {0};
    AUTO(ssm_api_request_free) struct ssm_api_request resumed = {0};
    AUTO(ssm_api_request_free) struct ssm_api_request terminated = {0};
    AUTO(ssm_api_request_free) struct ssm_api_request described = {0};
    AUTO(ssm_api_request_free) struct ssm_api_request asked = {0};
    TRY(ssm_api_start_session(&start, &started));
    TRY(ssm_api_resume_session("a-1", &resumed));
    TRY(ssm_api_terminate_session("a-1", &terminated));
    TRY(ssm_api_describe_nodes(&describe, &described));
    TRY(ssm_api_connection_status("i-1", &asked));
    demand_text(asked.body, "{\"Target\":\"i-1\"}");
    demand_text(started.body, "{\"Target\":\"i-1\",\"DocumentName\":\"AWS-StartSSHSession\",\"Reason\":\"why\","
                              "\"Parameters\":{\"portNumber\":[\"22\"]}}");
    demand_text(resumed.body, "{\"SessionId\":\"a-1\"}");
    demand_text(terminated.body, "{\"SessionId\":\"a-1\"}");
    demand_text(described.body, "{\"MaxResults\":50,\"NextToken\":\"next\",\"Filters\":[{\"Key\":\"tag:Name\","
                                "\"Values\":[\"node\"]},{\"Key\":\"tag:Role\",\"Values\":[\"web\"]}]}");
    return ERR_OK;
}

static struct aws_reply reply_of(int http_status, const char *body)
{
    return (struct aws_reply){.http_status = http_status, .body = bytes_of_text(body)};
}

static enum err read_sessions(void)
{
    struct service_failure failure;
    AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = ""};
    struct aws_reply started = reply_of(200, "{\"SessionId\":\"a-1\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"t\"}");
    TRY(ssm_api_parse_session(&started, &session, &failure));
    demand_text(session.token.reveal, "t");
    struct aws_reply resumed = reply_of(200, "{\"SessionId\":\"a-1\",\"TokenValue\":\"u\"}");
    TRY(ssm_api_parse_resumed_session(&resumed, &session, &failure));
    demand_text(session.token.reveal, "u");
    struct aws_reply terminated = reply_of(200, "{\"SessionId\":\"a-1\"}");
    return ssm_api_parse_terminated_session(&terminated, &failure);
}

static enum err read_nodes(void)
{
    struct service_failure failure;
    AUTO(ssm_api_nodes_free) struct ssm_api_nodes nodes = {0};
    struct aws_reply reply =
        reply_of(200, "{\"InstanceInformationList\":[{\"InstanceId\":\"i-1\",\"Name\":\"n\"}],\"NextToken\":\"more\"}");
    TRY(ssm_api_parse_nodes(&reply, &nodes, &failure));
    demand_text(nodes.items[0].instance_id, "i-1");
    demand_text(nodes.next_token, "more");
    return ERR_OK;
}

/* A refusal whose body cannot be read is a refusal all the same. */
static enum err read_refusal(void)
{
    struct service_failure failure;
    struct aws_reply reply = reply_of(400, "{\"__type\":\"a#TargetNotConnected\",\"message\":\"not connected\"}");
    enum err err = ssm_api_parse_terminated_session(&reply, &failure);
    scenario_demand(err != ERR_OK, "a refusal is taken for success");
    return err == ERR_OFFLINE ? ERR_OK : err;
}

#define COMMAND_ID "12345678-9abc-def0-1234-56789abcdef0"

static enum err write_commands(void)
{
    json_error_t error;
    AUTO_JSON json_t *parameters = json_pack_ex(&error, 0, "{s:[s]}", "commands", "true");
    if (parameters == NULL) {
        return ERR_MEMORY;
    }
    const char *ids[] = {"i-1"};
    struct command_api_target target = {.key = "tag:a", .values = {"b"}, .value_count = 1};
    struct command_api_send send = {
        .document_name = "D",
        .node_ids = ids,
        .node_count = COUNT(ids),
        .targets = &target,
        .target_count = 1,
        .parameters = parameters,
        .delivery_timeout_s = 30,
        .log_group = "/g",
    };
    struct command_api_list list = {.command_id = "c", .page_size = 50};
    AUTO(ssm_api_request_free) struct ssm_api_request sent = {0};
    AUTO(ssm_api_request_free) struct ssm_api_request listed = {0};
    TRY(command_api_send(&send, &sent));
    TRY(command_api_list_invocations(&list, &listed));
    demand_text(sent.body, "{\"DocumentName\":\"D\",\"InstanceIds\":[\"i-1\"],\"Targets\":[{\"Key\":\"tag:a\","
                           "\"Values\":[\"b\"]}],\"Parameters\":{\"commands\":[\"true\"]},\"TimeoutSeconds\":30,"
                           "\"CloudWatchOutputConfig\":{\"CloudWatchLogGroupName\":\"/g\","
                           "\"CloudWatchOutputEnabled\":true}}");
    demand_text(listed.body, "{\"CommandId\":\"c\",\"Details\":false,\"MaxResults\":50}");
    return ERR_OK;
}

static enum err read_invocations(void)
{
    struct service_failure failure;
    struct command_api_command command;
    AUTO(command_api_invocations_free) struct command_api_invocations page = {.items = NULL};
    struct aws_reply sent = reply_of(200, "{\"Command\":{\"CommandId\":\"" COMMAND_ID "\"}}");
    struct aws_reply listed =
        reply_of(200, "{\"CommandInvocations\":[{\"InstanceId\":\"i-1\",\"CommandPlugins\":[{\"Output\":"
                      "\"a\\n----------ERROR-------\\nb\"}]}],\"NextToken\":\"more\"}");
    TRY(command_api_parse_sent(&sent, &command, &failure));
    demand_text(command.id, COMMAND_ID);
    TRY(command_api_parse_invocations(&listed, &page, &failure));
    demand_text(page.items[0].steps[0].output, "a");
    demand_text(page.items[0].steps[0].error, "b");
    demand_text(page.next_token, "more");
    return ERR_OK;
}

static enum err show_check(void)
{
    struct check check = {.name = "clock", .status = CHECK_WARNED, .detail = "late", .took_us = 2000};
    AUTO_FREE char *json = NULL;
    TRY(check_to_json(&check, &json));
    demand_text(json, "{\"Check\":\"clock\",\"Status\":\"warned\",\"Detail\":\"late\",\"Milliseconds\":2}");
    return ERR_OK;
}

static enum err push_key(void)
{
    struct endpoint_url url;
    struct service_failure failure;
    struct instance_connect_api_push push = {"i-1", "admin", "ssh-ed25519 AAAA"};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    AUTO_JSON json_t *parameters = NULL;
    TRY(endpoint_parse(bytes_of_text("https://ec2-instance-connect.eu-west-1.amazonaws.com/"), &url));
    TRY(instance_connect_api_push(&url, "eu-west-1", &push, &request));
    demand_text(request.body,
                "{\"InstanceId\":\"i-1\",\"InstanceOSUser\":\"admin\",\"SSHPublicKey\":\"ssh-ed25519 AAAA\"}");
    struct aws_reply reply = reply_of(200, "{\"Success\":true}");
    TRY(instance_connect_api_parse_push(&reply, &failure));
    TRY(key_way_parameters(KEY_WAY_SEND_COMMAND, "admin", push.public_key, &parameters));
    const json_t *users = json_object_get(parameters, "user");
    demand_text(json_string_value(json_array_get(users, 0)), "admin");
    return ERR_OK;
}

static enum err read_xml(void)
{
    AUTO(xml_view_free) struct xml_view *view = NULL;
    TRY(xml_view_parse(bytes_of_text("<a><b>text</b></a>"), &view));
    demand_text(xml_view_text(xml_view_root(view), "b"), "text");
    return ERR_OK;
}

static enum err describe_instances(void)
{
    static const char page[] = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1"
                               "</instanceId></item></instancesSet></item></reservationSet><nextToken>more</nextToken>"
                               "</DescribeInstancesResponse>";
    struct service_failure failure;
    struct endpoint_url url;
    struct ec2_api_place place = {&url, "eu-west-1"};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    AUTO(ec2_api_instances_free) struct ec2_api_instances instances = {.items = NULL};
    TRY(endpoint_parse(bytes_of_text("https://h/"), &url));
    TRY(ec2_api_describe_instances(&place, &(struct ec2_api_describe){.next_token = NULL}, &request));
    struct aws_reply reply = reply_of(200, page);
    TRY(ec2_api_parse_instances(&reply, &instances, &failure));
    demand_text(instances.items[0].id, "i-1");
    demand_text(instances.next_token, "more");
    struct aws_reply refusal =
        reply_of(400, "<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code></Error></Errors></Response>");
    enum err err = ec2_api_parse_started(&refusal, &failure);
    scenario_demand(err != ERR_OK, "a refusal is taken for success");
    return err == ERR_NO_TARGET ? ERR_OK : err;
}

/* ---- the data channel ---- */

static enum err open_and_acknowledge(void)
{
    char memory[1024];
    struct text text = text_in(memory, sizeof memory);
    struct uuid id = {{1}};
    AUTO_SECRET struct secret token = {0};
    TRY(secret_set(&token, bytes_of_text("the token")));
    TRY(control_message_open_data_channel(&id, &token, &id, &text));
    scenario_demand(strstr(memory, "\"TokenValue\":\"the token\"") != NULL, "no token in OpenDataChannel");
    int64_t sequence = 0;
    TRY(control_message_parse_acknowledge(bytes_of_text("{ \"AcknowledgedMessageSequenceNumber\": 7 }"), &sequence));
    scenario_demand(sequence == 7, "the acknowledged sequence number");
    return ERR_OK;
}

static enum err shake_hands(void)
{
    static const char request_text[] = "{\"AgentVersion\":\"3.3.0.0\",\"RequestedClientActions\":[{\"ActionType\":"
                                       "\"SessionType\",\"ActionParameters\":{\"SessionType\":\"Port\"}}]}";
    char memory[1024];
    struct text text = text_in(memory, sizeof memory);
    struct handshake_request request;
    TRY(control_message_parse_handshake_request(bytes_of_text(request_text), &request));
    scenario_demand(request.session_type == SESSION_TYPE_PORT, "the session type");
    TRY(control_message_handshake_response(
        &request, &(struct handshake_answer){.has_session_type = request.session_type == SESSION_TYPE_PORT}, &text));
    text_clear(&text);
    TRY(control_message_parse_handshake_complete(bytes_of_text("{\"CustomerMessage\":\"hello\"}"), &text));
    demand_text(memory, "hello");
    text_clear(&text);
    TRY(control_message_parse_channel_closed(bytes_of_text("{\"Output\":\"over\"}"), &text));
    demand_text(memory, "over");
    return ERR_OK;
}

static enum err carry_agent_message(void)
{
    AUTO(sha256_free) struct sha256 *hash = NULL;
    TRY(sha256_new(&hash));
    struct agent_message message = {
        .type = AGENT_MESSAGE_INPUT_STREAM_DATA, .created_unix_ms = 1, .payload = bytes_of_text("payload")};
    struct agent_message read;
    uint8_t wire[256];
    size_t len = 0;
    TRY(agent_message_encode(&message, hash, wire, sizeof wire, &len));
    TRY(agent_message_parse(bytes_of(wire, len), &read));
    TRY(agent_message_verify(&read, hash));
    scenario_demand(bytes_equal_text(read.payload, "payload"), "the payload");
    return ERR_OK;
}

/* ---- the websocket ---- */

static enum err upgrade(void)
{
    /* The example of RFC 6455, 1.3. */
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    static const char nonce[] = "the sample nonce";
    struct endpoint_url url;
    struct ws_upgrade handshake;
    char memory[WS_UPGRADE_REQUEST_MAX];
    struct text request = text_in(memory, sizeof memory);
    struct text words = why();
    size_t used = 0;
    memset(&handshake, 0, sizeof handshake);
    TRY(endpoint_parse(bytes_of_text("wss://h/path"), &url));
    TRY(ws_upgrade_begin(&handshake, &url, (const uint8_t *)nonce, &request));
    return ws_upgrade_accept(&handshake, bytes_of_text(answer), &used, &words);
}

static enum err next_message(struct ws_codec *codec, const char *expected)
{
    struct ws_event event;
    struct text words = why();
    TRY(ws_codec_next(codec, &event, &words));
    scenario_demand(bytes_equal_text(event.payload, expected), expected);
    return ERR_OK;
}

static enum err frame(void)
{
    static const char wire[] = "\x02\x03one\x89\x04ping\x80\x03two\x82\x05hello";
    AUTO(ws_codec_free) struct ws_codec *codec = NULL;
    TRY(ws_codec_new(&codec));
    ws_codec_feed(codec, bytes_of(wire, sizeof wire - 1));
    TRY(next_message(codec, "ping"));
    TRY(next_message(codec, "onetwo"));
    TRY(next_message(codec, "hello"));
    struct ws_frame out = {.opcode = WS_BINARY, .payload = bytes_of_text("out")};
    uint8_t buffer[64];
    size_t len = 0;
    TRY(ws_codec_encode(codec, &out, buffer, sizeof buffer, &len));
    scenario_demand(len == 9 && memcmp(buffer + 6, "out", 3) == 0, "the frame");
    return ERR_OK;
}

/* Longer than what the codec has room for at first. */
static enum err frame_long_message(void)
{
    static uint8_t wire[10 + 90 * 1024];
    static const uint8_t header[10] = {0x82, 127, 0, 0, 0, 0, 0, 1, 0x68, 0};
    AUTO(ws_codec_free) struct ws_codec *codec = NULL;
    TRY(ws_codec_new(&codec));
    memcpy(wire, header, sizeof header);
    ws_codec_feed(codec, bytes_of(wire, sizeof wire));
    struct ws_event event;
    struct text words = why();
    TRY(ws_codec_next(codec, &event, &words));
    scenario_demand(event.payload.len == 90 * 1024, "the length");
    return ERR_OK;
}

/* ---- an encrypted session ---- */

static enum err ask_for_data_key(void)
{
    struct endpoint_url endpoint;
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    struct kms_api_want want = {.key_id = "key", .session_id = "alice-1", .target_id = "i-1", .challenge = "Zm9v"};
    TRY(endpoint_parse(bytes_of_text("https://kms.eu-west-1.amazonaws.com/"), &endpoint));
    TRY(kms_api_generate_data_key(&endpoint, "eu-west-1", &want, &request));
    struct aws_reply reply = {
        .http_status = 200,
        .body =
            bytes_of_text("{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\"}"),
    };
    AUTO(kms_api_data_key_wipe) struct kms_api_data_key key;
    struct service_failure failure;
    TRY(kms_api_parse_data_key(&reply, &key, &failure));
    demand_text(key.ciphertext, "Zm9v");
    return ERR_OK;
}

/* Both halves of the key are the same: what we encrypt we can read. */
static enum err encrypt(void)
{
    static const uint8_t key[SESSION_CRYPT_KEY_LEN];
    static const uint8_t nonce[SESSION_CRYPT_NONCE_LEN];
    AUTO(session_crypt_free) struct session_crypt *crypt = NULL;
    TRY(session_crypt_new(key, &crypt));
    uint8_t payload[SESSION_CRYPT_OVERHEAD + 5];
    struct bytes plain;
    TRY(session_crypt_seal(crypt, nonce, bytes_of_text("hello"), payload));
    TRY(session_crypt_open(crypt, bytes_of(payload, sizeof payload), &plain));
    scenario_demand(bytes_equal_text(plain, "hello"), "what was encrypted");
    char challenge[128];
    char answer[SESSION_CRYPT_RESPONSE_SIZE];
    struct text request = text_in(challenge, sizeof challenge);
    struct text response = text_in(answer, sizeof answer);
    text_put(&request, "{\"Challenge\":\"");
    base64_put(bytes_of(payload, sizeof payload), &request);
    text_put(&request, "\"}");
    TRY(session_crypt_answer_challenge(crypt, nonce, text_bytes(&request), &response));
    demand_text(answer, challenge);
    return ERR_OK;
}

const struct scenario core_scenarios[] = {
    {"ini", NULL, parse_ini},
    {"account", NULL, read_account},
    {"aliases", NULL, plan_target},
    {"proxy", NULL, find_proxy},
    {"sigv4", NULL, sign_request},
    {"requests", NULL, write_requests},
    {"session replies", NULL, read_sessions},
    {"node replies", NULL, read_nodes},
    {"commands", NULL, write_commands},
    {"invocations", NULL, read_invocations},
    {"pushed key", NULL, push_key},
    {"check", NULL, show_check},
    {"refusal", NULL, read_refusal},
    {"XML reply", NULL, read_xml},
    {"EC2 instances", NULL, describe_instances},
    {"open data channel", NULL, open_and_acknowledge},
    {"handshake", NULL, shake_hands},
    {"data key", NULL, ask_for_data_key},
    {"encryption", NULL, encrypt},
    {"agent message", NULL, carry_agent_message},
    {"websocket upgrade", NULL, upgrade},
    {"websocket frames", NULL, frame},
    {"long message", NULL, frame_long_message},
};
const size_t core_scenario_count = COUNT(core_scenarios);
