/* sigv4: against AWS's published test suite (beside the checkout, where it is there) and against botocore's answers in
 * tests/vectors/sigv4_botocore.json. Each case is judged at each of the three stages. */
#include "tests/support/unit.h"

#include "common/auto.h"
#include "proxy/core/sigv4.h"

#include <dirent.h>
#include <jansson.h>
#include <time.h>

#define MAX_HEADERS 16

static void drop_json(json_t **json)
{
    json_decref(*json);
}

static void close_directory(DIR **directory)
{
    if (*directory != NULL) {
        closedir(*directory);
    }
}

static const char *source_dir(void)
{
    const char *dir = getenv("SSM_SOURCE_DIR");
    return dir != NULL ? dir : ".";
}

/* NULL when there is no such file. */
static char *read_file(const char *dir, const char *name, const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s", dir, name, file);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        return NULL;
    }
    char *text = calloc(1, 65536);
    assert_non_null(text);
    size_t len = fread(text, 1, 65535, stream);
    assert_true(len < 65535);
    fclose(stream);
    return text;
}

static const char *member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

/* One case, from whichever suite. */
struct expectation {
    const char *name;
    const char *canonical_request;
    const char *string_to_sign;
    const char *authorization;
};

static void set_credentials(struct aws_credentials *credentials, const char *key_id, const char *secret,
                            const char *token)
{
    assert_ok(aws_credentials_set(credentials, key_id, secret, token));
}

/* The stages take the headers complete; sigv4_authorize adds its own two. Both ways must end in the same signature. */
static void check_case(struct sigv4_request request, const struct sigv4_scope *scope,
                       const struct aws_credentials *credentials, const struct expectation *expected)
{
    print_message("  %s\n", expected->name);
    struct sigv4_authorization authorization;
    assert_ok(sigv4_authorize(&request, scope, credentials, &authorization));
    assert_string_equal(authorization.value, expected->authorization);

    struct sigv4_header headers[MAX_HEADERS + 2];
    memcpy(headers, request.headers, request.header_count * sizeof *headers);
    headers[request.header_count++] = (struct sigv4_header){"X-Amz-Date", authorization.date};
    if (secret_is_set(&credentials->session_token)) {
        headers[request.header_count++] =
            (struct sigv4_header){"X-Amz-Security-Token", credentials->session_token.reveal};
    }
    request.headers = headers;

    char canonical_memory[32768];
    char names_memory[1024];
    char string_memory[1024];
    struct text canonical = text_in(canonical_memory, sizeof canonical_memory);
    struct text names = text_in(names_memory, sizeof names_memory);
    struct text string_to_sign = text_in(string_memory, sizeof string_memory);
    assert_ok(sigv4_canonical_request(&request, &canonical, &names));
    assert_string_equal(canonical.data, expected->canonical_request);
    assert_ok(sigv4_string_to_sign(scope, text_bytes(&canonical), &string_to_sign));
    assert_string_equal(string_to_sign.data, expected->string_to_sign);
    char signature[SIGV4_HASH_SIZE];
    assert_ok(sigv4_signature(scope, &credentials->secret_access_key, text_bytes(&string_to_sign), signature));
    assert_string_equal(signature, strstr(expected->authorization, "Signature=") + strlen("Signature="));
}

/* ---- refused ---- */

static struct sigv4_header one_header[] = {{"Host", "example.amazonaws.com"}};
static const struct sigv4_request simple = {
    .method = "POST", .path = "/", .headers = one_header, .header_count = 1, .body = {(const uint8_t *)"{}", 2}};
static const struct sigv4_scope in_2015 = {1440938160, "us-east-1", "ssm"};

static void refuses_to_sign_without_keys(void **state)
{
    (void)state;
    AUTO(aws_credentials_wipe) struct aws_credentials none = {0};
    struct sigv4_authorization untouched = {.value = "before"};
    assert_err(sigv4_authorize(&simple, &in_2015, &none, &untouched), ERR_NO_CREDENTIALS);
    assert_string_equal(untouched.value, "before");
    memcpy(none.access_key_id, "AKID", sizeof "AKID"); /* half a pair */
    assert_err(sigv4_authorize(&simple, &in_2015, &none, &untouched), ERR_NO_CREDENTIALS);
    assert_string_equal(untouched.value, "before");
}

static void refuses_a_time_that_has_no_date(void **state)
{
    (void)state;
    char date[SIGV4_DATE_SIZE];
    assert_err(sigv4_date(-1, date), ERR_MALFORMED);
    assert_err(sigv4_date(INT64_C(253402300800), date), ERR_MALFORMED);
    assert_err(sigv4_date(INT64_MAX, date), ERR_MALFORMED);
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    set_credentials(&credentials, "AKID", "secret", NULL);
    struct sigv4_scope never = in_2015;
    never.unix_seconds = INT64_MIN;
    struct sigv4_authorization ignored;
    assert_err(sigv4_authorize(&simple, &never, &credentials, &ignored), ERR_MALFORMED);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    set_credentials(&credentials, "AKID", "secret", NULL);
    struct sigv4_authorization ignored;

    struct sigv4_header many[LIMIT_SIGNED_HEADERS];
    for (size_t i = 0; i < LIMIT_SIGNED_HEADERS; i++) {
        many[i] = (struct sigv4_header){"X", "y"};
    }
    struct sigv4_request request = simple;
    request.headers = many;
    request.header_count = LIMIT_SIGNED_HEADERS - 1;
    assert_err(sigv4_authorize(&request, &in_2015, &credentials, &ignored), ERR_TOO_LONG);
    request.header_count = LIMIT_SIGNED_HEADERS - 2;
    assert_ok(sigv4_authorize(&request, &in_2015, &credentials, &ignored));

    char canonical_memory[1024];
    char names_memory[64];
    struct text canonical = text_in(canonical_memory, sizeof canonical_memory);
    struct text names = text_in(names_memory, sizeof names_memory);
    request.header_count = LIMIT_SIGNED_HEADERS + 1;
    assert_err(sigv4_canonical_request(&request, &canonical, &names), ERR_TOO_LONG);
    struct text few_names = text_in(names_memory, 2);
    assert_err(sigv4_canonical_request(&simple, &canonical, &few_names), ERR_TOO_LONG);

    AUTO_FREE char *path = calloc(1, LIMIT_CANONICAL_REQUEST + 1);
    memset(path, '/', LIMIT_CANONICAL_REQUEST);
    request = simple;
    request.path = path;
    request.keeps_path = true;
    assert_err(sigv4_authorize(&request, &in_2015, &credentials, &ignored), ERR_TOO_LONG);

    AUTO_FREE char *region = calloc(1, SIGV4_VALUE_SIZE + 1);
    memset(region, 'r', SIGV4_VALUE_SIZE);
    struct sigv4_scope far = in_2015;
    far.region = region;
    assert_err(sigv4_authorize(&simple, &far, &credentials, &ignored), ERR_TOO_LONG);
}

static void refuses_credentials_that_cannot_be_headers(void **state)
{
    (void)state;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    assert_err(aws_credentials_set(&credentials, "", "secret", NULL), ERR_MALFORMED);
    assert_err(aws_credentials_set(&credentials, "AKID", "", NULL), ERR_MALFORMED);
    assert_err(aws_credentials_set(&credentials, "AK\nID", "secret", NULL), ERR_MALFORMED);
    assert_err(aws_credentials_set(&credentials, "AKID", "sec ret", NULL), ERR_MALFORMED);
    assert_err(aws_credentials_set(&credentials, "AKID", "secret", "to\r\nken"), ERR_MALFORMED);
    assert_err(aws_credentials_set(&credentials, "AKID", "secret", "t\xc3\xb6ken"), ERR_MALFORMED);
    char long_id[LIMIT_ACCESS_KEY_ID + 2];
    memset(long_id, 'A', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    assert_err(aws_credentials_set(&credentials, long_id, "secret", NULL), ERR_TOO_LONG);
    assert_false(secret_is_set(&credentials.secret_access_key));
}

/* ---- dates ---- */

static void dates_agree_with_the_c_library(void **state)
{
    (void)state;
    /* Every 11 hours and 13 seconds from 1970 to 2150, and the last second of all. */
    for (int64_t when = 0; when < INT64_C(5680281600); when += 39613) {
        char ours[SIGV4_DATE_SIZE];
        char theirs[32];
        time_t seconds = (time_t)when;
        struct tm broken_down;
        gmtime_r(&seconds, &broken_down);
        strftime(theirs, sizeof theirs, "%Y%m%dT%H%M%SZ", &broken_down);
        assert_ok(sigv4_date(when, ours));
        assert_string_equal(ours, theirs);
    }
    char last[SIGV4_DATE_SIZE];
    assert_ok(sigv4_date(INT64_C(253402300799), last));
    assert_string_equal(last, "99991231T235959Z");
}

/* ---- botocore ---- */

static size_t headers_of(const json_t *list, struct sigv4_header *headers)
{
    assert_true(json_array_size(list) <= MAX_HEADERS);
    size_t index;
    json_t *pair;
    json_array_foreach(list, index, pair)
    {
        headers[index] = (struct sigv4_header){json_string_value(json_array_get(pair, 0)),
                                               json_string_value(json_array_get(pair, 1))};
    }
    return index;
}

static void agrees_with_botocore(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/vectors/sigv4_botocore.json", source_dir());
    AUTO(drop_json) json_t *document = json_load_file(path, 0, NULL);
    assert_non_null(document);
    const json_t *cases = json_object_get(document, "cases");
    assert_true(json_array_size(cases) >= 20);
    size_t index;
    json_t *given;
    json_array_foreach(cases, index, given)
    {
        AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
        set_credentials(&credentials, member(given, "key_id"), member(given, "secret"), member(given, "token"));
        struct sigv4_header headers[MAX_HEADERS];
        struct sigv4_request request = {.method = member(given, "method"),
                                        .path = member(given, "path"),
                                        .query = member(given, "query"),
                                        .headers = headers,
                                        .body = bytes_of_text(member(given, "body"))};
        request.header_count = headers_of(json_object_get(given, "headers"), headers);
        struct sigv4_scope scope = {json_integer_value(json_object_get(given, "unix_seconds")), member(given, "region"),
                                    member(given, "service")};
        struct expectation expected = {member(given, "name"), member(given, "canonical_request"),
                                       member(given, "string_to_sign"), member(given, "authorization")};
        check_case(request, &scope, &credentials, &expected);
    }
}

/* ---- AWS's suite ---- */

/* request.txt: request line (the path may hold blanks), headers (folded lines begin with a blank), body. Cuts `text`
 * into strings. */
static void parse_request(char *text, struct sigv4_request *request, struct sigv4_header *headers)
{
    char *body = strstr(text, "\n\n");
    if (body != NULL) {
        *body = '\0';
        request->body = bytes_of_text(body + 2);
    }
    char *next = strchrnul(text, '\n');
    char *line = text;
    char *rest = *next == '\0' ? next : next + 1;
    *next = '\0';
    char *target = strchr(line, ' ');
    *target++ = '\0';
    *strstr(target, " HTTP/1.1") = '\0';
    request->method = line;
    request->path = target;
    char *query = strchr(target, '?');
    if (query != NULL) {
        *query = '\0';
        request->query = query + 1;
    }
    while (*rest != '\0') {
        assert_true(request->header_count < MAX_HEADERS);
        char *end = strchrnul(rest, '\n');
        while (*end == '\n' && end[1] == ' ') {
            end = strchrnul(end + 1, '\n');
        }
        char *colon = strchr(rest, ':');
        *colon = '\0';
        headers[request->header_count++] = (struct sigv4_header){rest, colon + 1};
        rest = *end == '\0' ? end : end + 1;
        *end = '\0';
    }
}

static void check_official_case(const char *suite, const char *name)
{
    AUTO_FREE char *request_text = read_file(suite, name, "request.txt");
    AUTO_FREE char *context_text = read_file(suite, name, "context.json");
    AUTO_FREE char *canonical = read_file(suite, name, "header-canonical-request.txt");
    AUTO_FREE char *string_to_sign = read_file(suite, name, "header-string-to-sign.txt");
    AUTO_FREE char *signature = read_file(suite, name, "header-signature.txt");
    AUTO_FREE char *signed_request = read_file(suite, name, "header-signed-request.txt");
    assert_true(request_text && context_text && canonical && string_to_sign && signature && signed_request);
    AUTO(drop_json) json_t *context = json_loads(context_text, 0, NULL);
    const json_t *keys = json_object_get(context, "credentials");
    bool leaves_token_out = json_is_true(json_object_get(context, "omit_session_token"));

    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    set_credentials(&credentials, member(keys, "access_key_id"), member(keys, "secret_access_key"),
                    leaves_token_out ? "" : member(keys, "token"));
    struct sigv4_header headers[MAX_HEADERS + 1];
    struct sigv4_request request = {.headers = headers,
                                    .keeps_path = json_is_false(json_object_get(context, "normalize"))};
    parse_request(request_text, &request, headers);
    char payload_hash[SIGV4_HASH_SIZE];
    if (json_is_true(json_object_get(context, "sign_body"))) {
        assert_ok(sigv4_payload_hash(request.body, payload_hash));
        headers[request.header_count++] = (struct sigv4_header){"x-amz-content-sha256", payload_hash};
    }
    struct tm broken_down = {0};
    assert_non_null(strptime(member(context, "timestamp"), "%Y-%m-%dT%H:%M:%SZ", &broken_down));
    struct sigv4_scope scope = {timegm(&broken_down), member(context, "region"), member(context, "service")};

    char *authorization = strstr(signed_request, "\nAuthorization:");
    assert_non_null(authorization);
    authorization += strlen("\nAuthorization:");
    *strchrnul(authorization, '\n') = '\0';
    assert_non_null(strstr(authorization, signature));
    struct expectation expected = {name, canonical, string_to_sign, authorization};
    check_case(request, &scope, &credentials, &expected);
}

static void agrees_with_the_published_suite(void **state)
{
    (void)state;
    const char *vectors = getenv("SSM_VECTORS");
    char suite[4096];
    snprintf(suite, sizeof suite, "%s/sigv4", vectors == NULL ? "" : vectors);
    AUTO(close_directory) DIR *directory = vectors == NULL ? NULL : opendir(suite);
    if (directory == NULL) {
        print_message("SKIP: the published SigV4 suite is not beside this checkout (SSM_VECTORS)\n");
        skip();
    }
    size_t count = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        AUTO_FREE char *context = read_file(suite, entry->d_name, "context.json");
        if (context != NULL) {
            check_official_case(suite, entry->d_name);
            count++;
        }
    }
    print_message("%zu cases of the published suite\n", count);
    assert_true(count >= 38);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_to_sign_without_keys),    cmocka_unit_test(refuses_a_time_that_has_no_date),
        cmocka_unit_test(refuses_what_does_not_fit),       cmocka_unit_test(refuses_credentials_that_cannot_be_headers),
        cmocka_unit_test(dates_agree_with_the_c_library),  cmocka_unit_test(agrees_with_botocore),
        cmocka_unit_test(agrees_with_the_published_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
