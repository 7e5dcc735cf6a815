#include "lab/pod_protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    CTRAFFIC_HEAD_BYTES = 64
};

void pod_stream_init(struct pod_stream *stream, enum pod_protocol protocol, const char *host)
{
    stream->protocol = protocol;
    stream->out_begin = 0;
    stream->out_end = 0;
    stream->head_size = 0;
    stream->body_left = 0;
    stream->named = false;
    stream->close_after = false;
    if (protocol == POD_MCONNECT) {
        stream->out_end = strnlen(host, sizeof(stream->out));
        memcpy(stream->out, host, stream->out_end);
        stream->close_after = true;
    }
}

size_t pod_stream_room(const struct pod_stream *stream)
{
    if (stream->out_begin != stream->out_end || stream->close_after)
        return 0;
    if (stream->protocol == POD_CTRAFFIC && !stream->named)
        return CTRAFFIC_HEAD_BYTES - stream->head_size;
    if (stream->protocol == POD_HTTP && stream->body_left == 0)
        return sizeof(stream->head) - stream->head_size;
    return sizeof(stream->out);
}

static void put_out(struct pod_stream *stream, const void *bytes, size_t size)
{
    memcpy(stream->out, bytes, size);
    stream->out_begin = 0;
    stream->out_end = size;
}

static size_t host_over(uint8_t *bytes, size_t size, const char *host)
{
    size_t length = strlen(host);

    if (length > size)
        length = size;
    memcpy(bytes, host, length);
    return length;
}

static int64_t ctraffic_input(struct pod_stream *stream, const uint8_t *bytes, size_t size,
                              const char *host)
{
    if (stream->named) {
        put_out(stream, bytes, size);
        return (int64_t)size;
    }
    memcpy(stream->head + stream->head_size, bytes, size);
    stream->head_size += size;
    if (stream->head_size == CTRAFFIC_HEAD_BYTES) {
        host_over(stream->head, CTRAFFIC_HEAD_BYTES, host);
        put_out(stream, stream->head, CTRAFFIC_HEAD_BYTES);
        stream->named = true;
    }
    return (int64_t)size;
}

/* The value of header NAME in the NUL-terminated head, or NULL. */
static const char *header_value(const char *head, const char *name)
{
    size_t size = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, size) == 0 && line[size] == ':')
            return line + size + 1 + strspn(line + size + 1, " \t");
    }
    return NULL;
}

static void http_answer(struct pod_stream *stream, const char *head, const char *host,
                        bool draining)
{
    const char *connection = header_value(head, "Connection");
    bool close = draining || strstr(head, " HTTP/1.1\r\n") == NULL;
    char body[80] = "";
    int size;

    if (connection != NULL && strncasecmp(connection, "close", 5) == 0)
        close = true;
    if (strncmp(head, "HEAD ", 5) != 0)
        snprintf(body, sizeof(body), "%s\n", host);
    size = snprintf((char *)stream->out, sizeof(stream->out),
                    "HTTP/1.1 200 OK\r\nServer: seamline-pod\r\nX-Server-Host: %s\r\n"
                    "X-Kahttp-Server-Host: %s\r\nContent-Type: text/plain\r\n"
                    "Content-Length: %zu\r\n%s\r\n%s",
                    host, host, strlen(body), close ? "Connection: close\r\n" : "", body);
    stream->out_begin = 0;
    stream->out_end = (size_t)size;
    stream->close_after = close;
}

static int http_head_done(struct pod_stream *stream, const char *host, bool draining)
{
    const char *head = (const char *)stream->head;
    const char *length = header_value(head, "Content-Length");
    char *end;

    stream->body_left = 0;
    if (length != NULL) {
        stream->body_left = strtoull(length, &end, 10);
        if (end == length || stream->body_left > (UINT64_C(1) << 40))
            return -EBADMSG;
    }
    stream->close_after = false;
    if (stream->body_left == 0) {
        http_answer(stream, head, host, draining);
        stream->head_size = 0;
    }
    return 0;
}

static int64_t http_body(struct pod_stream *stream, size_t size, const char *host, bool draining)
{
    size_t taken = size < stream->body_left ? size : (size_t)stream->body_left;

    stream->body_left -= taken;
    if (stream->body_left == 0) {
        http_answer(stream, (const char *)stream->head, host, draining);
        stream->head_size = 0;
    }
    return (int64_t)taken;
}

static int64_t http_input(struct pod_stream *stream, const uint8_t *bytes, size_t size,
                          const char *host, bool draining)
{
    if (stream->body_left > 0)
        return http_body(stream, size, host, draining);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\0' || stream->head_size + 1 >= sizeof(stream->head))
            return -EBADMSG;
        stream->head[stream->head_size++] = bytes[i];
        if (stream->head_size >= 4 &&
            memcmp(stream->head + stream->head_size - 4, "\r\n\r\n", 4) == 0) {
            stream->head[stream->head_size] = '\0';
            if (http_head_done(stream, host, draining) < 0)
                return -EBADMSG;
            return (int64_t)i + 1;
        }
    }
    return (int64_t)size;
}

int64_t pod_stream_input(struct pod_stream *stream, const uint8_t *bytes, size_t size,
                         const char *host, bool draining)
{
    switch (stream->protocol) {
    case POD_CTRAFFIC: return ctraffic_input(stream, bytes, size, host);
    case POD_HTTP: return http_input(stream, bytes, size, host, draining);
    case POD_MCONNECT: break;
    }
    return (int64_t)size;
}

size_t pod_datagram(enum pod_protocol protocol, uint8_t *bytes, size_t size, size_t capacity,
                    const char *host)
{
    if (protocol == POD_MCONNECT)
        return host_over(bytes, capacity, host);
    host_over(bytes, size, host);
    return size;
}
