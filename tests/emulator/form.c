#include "tests/emulator/form.h"

#include <stdlib.h>

#include "tests/emulator/lab_limits.h"

struct form {
    char *text; /* decoded names and values, each terminated */
    struct {
        const char *name, *value; /* in text */
    } parameters[LAB_LIMIT_FORM_PARAMETERS];
    size_t count;
};

/* Decodes in place from *at up to one of `ends` or the end of the text, terminates it, and moves *at behind what ended
 * it; the ending character itself goes to *ret_end. */
static enum err decode_part(char **at, const char *ends, char *ret_end)
{
    char *from = *at, *to = *at;
    while (*from != '\0' && strchr(ends, *from) == NULL) {
        if (*from != '%') {
            *to++ = *from == '+' ? ' ' : *from;
            from++;
            continue;
        }
        int high = bytes_hex_value((uint8_t)from[1]);
        int low = high < 0 ? -1 : bytes_hex_value((uint8_t)from[2]);
        if (low < 0 || high + low == 0) {
            return ERR_MALFORMED;
        }
        *to++ = (char)(high * 16 + low);
        from += 3;
    }
    *ret_end = *from;
    *at = *from == '\0' ? from : from + 1;
    *to = '\0';
    return ERR_OK;
}

static enum err parse(struct form *form)
{
    char *at = form->text;
    while (*at != '\0') {
        if (form->count == LAB_LIMIT_FORM_PARAMETERS) {
            return ERR_TOO_LONG;
        }
        const char *name = at, *value = "";
        char end = '\0';
        TRY(decode_part(&at, "=&", &end));
        if (end == '=') {
            value = at;
            TRY(decode_part(&at, "&", &end));
        }
        form->parameters[form->count].name = name;
        form->parameters[form->count].value = value;
        form->count++;
    }
    return ERR_OK;
}

enum err form_parse(struct bytes body, struct form **ret_form)
{
    if (body.len > 0 && memchr(body.data, '\0', body.len) != NULL) {
        return ERR_MALFORMED;
    }
    struct form *form = calloc(1, sizeof *form);
    if (form == NULL) {
        return ERR_MEMORY;
    }
    form->text = body.len == 0 ? strdup("") : strndup((const char *)body.data, body.len);
    enum err err = form->text == NULL ? ERR_MEMORY : parse(form);
    if (err != ERR_OK) {
        form_free(form);
        return err;
    }
    *ret_form = form;
    return ERR_OK;
}

void form_free(struct form *form)
{
    if (form != NULL) {
        free(form->text);
        free(form);
    }
}

struct form *form_of_request(const struct http_request *request, const char *version)
{
    const char *content_type = http_request_header(request, "content-type");
    struct form *form = NULL;
    if (strcmp(request->method, "POST") != 0 || strcmp(request->path, "/") != 0 || content_type == NULL ||
        strncmp(content_type, "application/x-www-form-urlencoded", 33) != 0 ||
        form_parse(byte_queue_bytes(&request->body), &form) != ERR_OK) {
        return NULL;
    }
    const char *its_version = form_get(form, "Version");
    if (its_version == NULL || strcmp(its_version, version) != 0) {
        form_free(form);
        return NULL;
    }
    return form;
}

const char *form_get(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++) {
        if (strcmp(form->parameters[i].name, name) == 0) {
            return form->parameters[i].value;
        }
    }
    return NULL;
}
