#include "lab/pod_protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lab/profile.h"

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
    stream->whole = false;
    stream->answered = false;
    stream->answer_left = 0;
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
    if (stream->out_begin != stream->out_end || stream->close_after || stream->whole ||
        stream->answer_left > 0)
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

/* The value of NAME in the query of the request line, or NULL. */
static const char *query_value(const char *head, const char *name)
{
    size_t size = strlen(name);
    const char *at = head + strcspn(head, "? \r\n");

    at += *at == ' ' ? strcspn(at + 1, "? \r\n") + 1 : 0;
    while (*at == '?' || *at == '&') {
        at++;
        if (strncmp(at, name, size) == 0 && at[size] == '=')
            return at + size + 1;
        at += strcspn(at, "& \r\n");
    }
    return NULL;
}

static bool ends_value(char byte)
{
    return byte == '&' || byte == ' ';
}

static int query_bytes(const char *value, uint64_t *out)
{
    unsigned long long number;
    char *end;

    if (value == NULL)
        return 0;
    number = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || !ends_value(*end) || number > POD_ANSWER_BYTES_MAX)
        return -EINVAL;
    *out = number;
    return 0;
}

static int query_delay(const char *value, int64_t *out_ns)
{
    int64_t number_ns;
    const char *end;

    if (value == NULL)
        return 0;
    if (profile_parse_duration(value, &number_ns, &end) < 0 || !ends_value(*end))
        return -EINVAL;
    *out_ns = number_ns;
    return 0;
}

/* The body: the name, a line feed, and dots after it up to its size. */
static void fill_body(struct pod_stream *stream, size_t offset)
{
    size_t room = sizeof(stream->out) - offset;
    size_t size = stream->answer_left < room ? (size_t)stream->answer_left : room;

    memset(stream->out + offset, '.', size);
    stream->answer_left -= size;
    stream->out_begin = 0;
    stream->out_end = offset + size;
}

static bool says_close(const char *head)
{
    const char *connection = header_value(head, "Connection");

    return strstr(head, " HTTP/1.1\r\n") == NULL ||
           (connection != NULL && strncasecmp(connection, "close", 5) == 0);
}

static void put_answer(struct pod_stream *stream, const char *status, const char *host,
                       uint64_t bytes, bool close)
{
    bool head_only = strncmp((const char *)stream->head, "HEAD ", 5) == 0;
    char line[80];
    int size, named;

    named = snprintf(line, sizeof(line), "%s\n", host);
    if (bytes == 0)
        bytes = (uint64_t)named;
    size = snprintf((char *)stream->out, sizeof(stream->out),
                    "HTTP/1.1 %s\r\nServer: seamline-pod\r\nX-Server-Host: %s\r\n"
                    "X-Kahttp-Server-Host: %s\r\nContent-Type: text/plain\r\n"
                    "Content-Length: %llu\r\n%s\r\n",
                    status, host, host, (unsigned long long)bytes,
                    close ? "Connection: close\r\n" : "");
    if (bytes < (uint64_t)named)
        named = (int)bytes;
    memcpy(stream->out + size, line, (size_t)named);
    stream->answer_left = head_only ? 0 : bytes - (uint64_t)named;
    fill_body(stream, (size_t)size + (head_only ? 0 : (size_t)named));
    stream->close_after = close;
    stream->whole = false;
    stream->answered = true;
    stream->head_size = 0;
}

void pod_stream_answer(struct pod_stream *stream, const struct pod_manner *manner)
{
    const char *head = (const char *)stream->head;
    uint64_t bytes = manner->answer_bytes;
    int64_t delay_ns;
    bool close = manner->last || says_close(head);

    if (query_bytes(query_value(head, "size"), &bytes) < 0 ||
        query_delay(query_value(head, "delay"), &delay_ns) < 0)
        put_answer(stream, "400 Bad Request", manner->host, 0, close);
    else if (manner->starting)
        put_answer(stream, "500 Internal Server Error", manner->host, 0, close);
    else
        put_answer(stream, "200 OK", manner->host, bytes, close);
}

bool pod_stream_more(struct pod_stream *stream)
{
    if (stream->answer_left == 0)
        return false;
    fill_body(stream, 0);
    return true;
}

bool pod_stream_idle(const struct pod_stream *stream)
{
    return stream->protocol == POD_HTTP && stream->answered && !stream->whole &&
           stream->head_size == 0 && stream->body_left == 0 && stream->answer_left == 0 &&
           stream->out_begin == stream->out_end;
}

static void request_whole(struct pod_stream *stream, const struct pod_manner *manner)
{
    stream->whole = true;
    stream->answer_after_ns = manner->answer_after_ns;
    query_delay(query_value((const char *)stream->head, "delay"), &stream->answer_after_ns);
}

static int http_head_done(struct pod_stream *stream, const struct pod_manner *manner)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const char *head = (const char *)stream->head;
    const char *length = header_value(head, "Content-Length");
    const char *expect = header_value(head, "Expect");
    char *end;

    if (header_value(head, "Transfer-Encoding") != NULL) {
        put_answer(stream, "411 Length Required", manner->host, 0, true);
        return 0;
    }
    stream->body_left = 0;
    if (length != NULL) {
        stream->body_left = strtoull(length, &end, 10);
        if (length[0] < '0' || length[0] > '9' || stream->body_left > (UINT64_C(1) << 40))
            return -EBADMSG;
    }
    if (stream->body_left == 0)
        request_whole(stream, manner);
    else if (expect != NULL && strncasecmp(expect, "100-continue", 12) == 0)
        put_out(stream, go_on, sizeof(go_on) - 1);
    return 0;
}

static int64_t http_body(struct pod_stream *stream, size_t size, const struct pod_manner *manner)
{
    size_t taken = size < stream->body_left ? size : (size_t)stream->body_left;

    stream->body_left -= taken;
    if (stream->body_left == 0)
        request_whole(stream, manner);
    return (int64_t)taken;
}

static int64_t http_input(struct pod_stream *stream, const uint8_t *bytes, size_t size,
                          const struct pod_manner *manner)
{
    if (stream->body_left > 0)
        return http_body(stream, size, manner);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\0' || stream->head_size + 1 >= sizeof(stream->head))
            return -EBADMSG;
        stream->head[stream->head_size++] = bytes[i];
        if (stream->head_size >= 4 &&
            memcmp(stream->head + stream->head_size - 4, "\r\n\r\n", 4) == 0) {
            stream->head[stream->head_size] = '\0';
            if (http_head_done(stream, manner) < 0)
                return -EBADMSG;
            return (int64_t)i + 1;
        }
    }
    return (int64_t)size;
}

int64_t pod_stream_input(struct pod_stream *stream, const uint8_t *bytes, size_t size,
                         const struct pod_manner *manner)
{
    switch (stream->protocol) {
    case POD_CTRAFFIC: return ctraffic_input(stream, bytes, size, manner->host);
    case POD_HTTP: return http_input(stream, bytes, size, manner);
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
