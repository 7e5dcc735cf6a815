#include "run/http_of.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADERS_BYTES = 32768 /* Names and values of a stream's headers, together. */
};

static int make_message(const struct experiment_stream *stream, const struct target *target,
                        struct http_message *message, struct error *err);
static uint32_t split_headers(const struct experiment_http *http, char *room,
                              struct http_field fields[]);
static int make_expect(const struct experiment_http *http, struct http_expect *expect,
                       struct error *err);

int http_of_make(const struct experiment_stream *stream, const struct target *target,
                 struct http_of *out, struct error *err)
{
    struct http_of made = {0};
    int code = make_expect(&stream->http, &made.expect, err);
    if (code == 0)
        code = make_message(stream, target, &made.message, err);
    if (code == 0)
        *out = made;
    return code;
}

void http_of_free(struct http_of *http)
{
    http_message_free(&http->message);
    memset(http, 0, sizeof(*http));
}

static int make_message(const struct experiment_stream *stream, const struct target *target,
                        struct http_message *message, struct error *err)
{
    const struct experiment_http *http = &stream->http;
    char host[ADDRESS_TEXT_BYTES + 16], address[ADDRESS_TEXT_BYTES];
    char room[HEADERS_BYTES];
    struct http_field fields[EXPERIMENT_HEADERS_MAX];
    bool v4 = address_is_v4(&target->address);
    address_text(&target->address, address);
    snprintf(host, sizeof(host), v4 ? "%s:%u" : "[%s]:%u", address, target->port);
    if (target->port == 80)
        *strrchr(host, ':') = '\0';
    bool close = stream->mode != EXPERIMENT_MODE_HELD && !stream->keep_alive;
    struct http_request_config config = {
        .method = http->method,
        .target = http->path,
        .host = http->host != NULL ? http->host : host,
        .fields = fields,
        .field_count = split_headers(http, room, fields),
        .sequence_field = http->sequence_header,
        .body = {.bytes = (const uint8_t *)http->body,
                 .size_bytes = http->body != NULL ? strlen(http->body) : http->body_bytes},
        .close = close,
        .expect_continue = http->expect_continue,
    };
    return http_message_request(message, &config, err);
}

/* "Name: value" each; ROOM takes the parts, with a NUL after each. The texts are bounded by the
 * experiment: 32 of 1024 bytes. */
static uint32_t split_headers(const struct experiment_http *http, char *room,
                              struct http_field fields[])
{
    for (uint32_t i = 0; i < http->header_count; i++) {
        const char *text = http->headers[i], *colon = strchr(text, ':');
        size_t name = (size_t)(colon - text);
        const char *value = colon + 1 + strspn(colon + 1, " \t");
        memcpy(room, text, name);
        room[name] = '\0';
        fields[i].name = room;
        room += name + 1;
        fields[i].value = strcpy(room, value);
        room += strlen(value) + 1;
    }
    return http->header_count;
}

static int make_expect(const struct experiment_http *http, struct http_expect *expect,
                       struct error *err)
{
    http_expect_init(expect);
    if (http->status_count > 0)
        http_expect_no_status(expect);
    for (uint32_t i = 0; i < http->status_count; i++) {
        uint16_t first = 0, last = 0;
        if (!experiment_status_range(http->statuses[i], &first, &last) ||
            !http_expect_statuses(expect, first, last))
            return error_set(err, EXIT_USAGE, -EINVAL, "expectStatus: \"%s\" is no status",
                             http->statuses[i]);
    }
    if (!http_expect_name(expect, http->backend_header))
        return error_set(err, EXIT_USAGE, -EINVAL, "backendHeader: \"%s\" is no header's name",
                         http->backend_header);
    if (http->expect_text != NULL && !http_expect_match(expect, (const uint8_t *)http->expect_text,
                                                        (uint32_t)strlen(http->expect_text)))
        return error_set(err, EXIT_USAGE, -EINVAL, "expectText: want 1 to %d bytes",
                         HTTP_MATCH_BYTES);
    if (http->expect_bytes > 0)
        expect->body_bytes = http->expect_bytes;
    return 0;
}
