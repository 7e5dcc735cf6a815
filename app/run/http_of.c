#include "run/http_of.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/reader.h"

enum {
    /* Names and values of a request's headers, each with its NUL. */
    HEADERS_BYTES = EXPERIMENT_HEADERS_MAX * (READER_TEXT_MAX + 1)
};

static int make_messages(const char *experiment, const struct experiment_stream *stream,
                         const struct target *target, struct http_of *made, struct error *err);
static int make_message(const struct experiment_stream *stream,
                        const struct experiment_request *request, const struct target *target,
                        const struct http_body *body, struct http_message *message,
                        struct error *err);
static int make_body(const char *experiment, const struct experiment_request *request,
                     struct body_files *files, struct http_body *body, struct error *err);
static uint32_t split_headers(const struct experiment_request *request, char *room,
                              struct http_field fields[]);
static int make_expect(const struct experiment_http *http, struct http_expect *expect,
                       struct error *err);

int http_of_make(const char *experiment, const struct experiment_stream *stream,
                 const struct target *target, struct http_of *out, struct error *err)
{
    struct http_of made = {0};
    int code = make_expect(&stream->http, &made.expect, err);
    if (code == 0)
        code = make_messages(experiment, stream, target, &made, err);
    if (code == 0)
        *out = made;
    else
        http_of_free(&made);
    return code;
}

void http_of_free(struct http_of *http)
{
    for (uint32_t i = 0; i < http->count; i++)
        http_message_free(&http->messages[i]);
    free(http->messages);
    body_files_unmap(&http->bodies);
    memset(http, 0, sizeof(*http));
}

static int make_messages(const char *experiment, const struct experiment_stream *stream,
                         const struct target *target, struct http_of *made, struct error *err)
{
    const struct experiment_http *http = &stream->http;
    uint32_t count = http->request_count > 0 ? http->request_count : 1;
    int code = 0;
    made->messages = calloc(count, sizeof(*made->messages));
    if (made->messages == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    for (; made->count < count && code == 0; made->count++) {
        struct experiment_request request = experiment_http_request(http, made->count);
        struct http_body body = {0};
        code = make_body(experiment, &request, &made->bodies, &body, err);
        if (code == 0 && body.size_bytes > 0)
            body.chunk_bytes = http->chunk_bytes;
        if (code == 0)
            code = make_message(stream, &request, target, &body, &made->messages[made->count], err);
        if (code < 0 && http->request_count > 0)
            error_wrap(err, "requests[%u]", made->count);
    }
    return code;
}

static int make_message(const struct experiment_stream *stream,
                        const struct experiment_request *request, const struct target *target,
                        const struct http_body *body, struct http_message *message,
                        struct error *err)
{
    const struct experiment_http *http = &stream->http;
    char host[ADDRESS_TEXT_BYTES + 16], address[ADDRESS_TEXT_BYTES];
    char room[HEADERS_BYTES];
    struct http_field fields[EXPERIMENT_HEADERS_MAX];
    bool v4 = address_is_v4(&target->address);
    address_text(&target->address, address);
    snprintf(host, sizeof(host), v4 ? "%s:%u" : "[%s]:%u", address, target->port);
    if (target->port == (stream->protocol == EXPERIMENT_PROTOCOL_HTTPS ? 443 : 80))
        *strrchr(host, ':') = '\0';
    bool close = stream->mode != EXPERIMENT_MODE_HELD && !stream->keep_alive;
    struct http_request_config config = {
        .method = request->method,
        .target = request->path,
        .host = request->host != NULL ? request->host : host,
        .fields = fields,
        .field_count = split_headers(request, room, fields),
        .sequence_field = http->sequence_header,
        .body = *body,
        .close = close,
        .expect_continue = http->expect_continue && body->size_bytes > 0,
    };
    return http_message_request(message, &config, err);
}

static int make_body(const char *experiment, const struct experiment_request *request,
                     struct body_files *files, struct http_body *body, struct error *err)
{
    const struct body_file *file = NULL;
    int code = 0;
    body->size_bytes = request->body_bytes;
    if (request->body != NULL) {
        body->bytes = (const uint8_t *)request->body;
        body->size_bytes = strlen(request->body);
    } else if (request->body_file != NULL) {
        code = body_files_map(files, experiment, request->body_file, &file, err);
    }
    if (file != NULL) {
        body->bytes = file->bytes;
        body->size_bytes = file->size_bytes;
    }
    return code;
}

/* "Name: value" each; ROOM takes the parts, with a NUL after each. The texts are bounded by the
 * experiment. */
static uint32_t split_headers(const struct experiment_request *request, char *room,
                              struct http_field fields[])
{
    for (uint32_t i = 0; i < request->header_count; i++) {
        const char *text = request->headers[i], *colon = strchr(text, ':');
        size_t name = (size_t)(colon - text);
        const char *value = colon + 1 + strspn(colon + 1, " \t");
        memcpy(room, text, name);
        room[name] = '\0';
        fields[i].name = room;
        room += name + 1;
        fields[i].value = strcpy(room, value);
        room += strlen(value) + 1;
    }
    return request->header_count;
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
    if (http->expect_sha256 != NULL)
        expect->digested = experiment_sha256(http->expect_sha256, expect->sha256);
    if (http->expect_bytes > 0)
        expect->body_bytes = http->expect_bytes;
    if (http->limit_bytes > 0)
        expect->body_limit_bytes = http->limit_bytes;
    return 0;
}
