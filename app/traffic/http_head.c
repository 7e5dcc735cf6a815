#include <string.h>

#include "traffic/http_priv.h"

enum {
    VERSION_BYTES = 8 /* "HTTP/1.1". */
};

/* A text and its length. */
#define TEXT(text) text, sizeof(text) - 1

/* Part of a line. */
struct span {
    const uint8_t *bytes;
    uint32_t count;
};

static bool status_line(struct http *http, const struct http_line *line);
static bool request_line(struct http *http, const struct http_line *line);
static bool take_version(struct http *http, const uint8_t *bytes);
static enum http_method method_of(struct span name);
static bool take_length(struct http *http, struct span value);
static bool take_one_length(struct http *http, struct span value);
static bool take_coding(struct http *http, struct span value);
static bool take_connection(struct http *http, struct span value);
static bool take_expect(struct http *http, struct span value);
static bool take_host(struct http *http, struct span value);
static void take_name(struct http *http, struct span value);
static bool end_answer_head(struct http *http, const struct http_expect *expect);
static bool end_interim_head(struct http *http);
static bool end_request_head(struct http *http);
static struct span trim(struct span span);
static bool next_member(struct span *list, struct span *member);
static bool is_text(struct span span, const char *text, uint32_t count);
static bool is_blank(uint8_t byte);

bool http_start_line(struct http *http, const struct http_line *line)
{
    return http->server ? request_line(http, line) : status_line(http, line);
}

bool http_field_line(struct http *http, const struct http_expect *expect,
                     const struct http_line *line)
{
    typedef bool (*take_function)(struct http *, struct span);
    static const struct {
        const char *name;
        uint32_t count;
        take_function take;
        bool of_request; /* Means nothing in an answer. */
    } fields[] = {
        {TEXT("content-length"), take_length, false},
        {TEXT("transfer-encoding"), take_coding, false},
        {TEXT("connection"), take_connection, false},
        {TEXT("expect"), take_expect, true},
        {TEXT("host"), take_host, true},
    };
    if (++http->headers > HTTP_HEADERS)
        return http_fail(http, HTTP_BAD_HEADERS_MANY);
    if (is_blank(line->bytes[0])) /* RFC 9112 5.2: a folded line. */
        return !(http->server || http->matters || http->headers == 1) ||
               http_fail(http, HTTP_BAD_FOLDED);
    const uint8_t *colon = memchr(line->bytes, ':', line->held);
    struct span name = {.bytes = line->bytes,
                        .count = colon != NULL ? (uint32_t)(colon - line->bytes) : 0};
    if (name.count == 0)
        return http_fail(http, HTTP_BAD_FIELD_NAME);
    struct span value = {.bytes = colon + 1, .count = line->held - name.count - 1};
    http->matters = false;
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if ((fields[i].of_request && !http->server) ||
            !is_text(name, fields[i].name, fields[i].count))
            continue;
        http->matters = true;
        if (line->count > line->held && fields[i].take != take_host)
            return http_fail(http, HTTP_BAD_FIELD_LONG);
        return fields[i].take(http, trim(value));
    }
    if (!http_is_token(name.bytes, name.count)) /* Those above are. */
        return http_fail(http, HTTP_BAD_FIELD_NAME);
    if (expect != NULL && is_text(name, expect->name_field, expect->name_field_bytes))
        take_name(http, trim(value));
    return true;
}

bool http_head_end(struct http *http, const struct http_expect *expect)
{
    if (http->server)
        return end_request_head(http);
    return http->status < 200 ? end_interim_head(http) : end_answer_head(http, expect);
}

/* RFC 9112 4: "HTTP/1.1 200 OK". The phrase may be left out, with its space. */
static bool status_line(struct http *http, const struct http_line *line)
{
    const uint8_t *code = line->bytes + VERSION_BYTES + 1;
    if (line->held < 5 || memcmp(line->bytes, "HTTP/", 5) != 0)
        return http_fail(http, HTTP_BAD_NOT_HTTP);
    if (line->held < VERSION_BYTES || !take_version(http, line->bytes))
        return http_fail(http, HTTP_BAD_VERSION);
    if (line->held < VERSION_BYTES + 4 || line->bytes[VERSION_BYTES] != ' ' ||
        (line->held > VERSION_BYTES + 4 && code[3] != ' '))
        return http_fail(http, HTTP_BAD_START_LINE);
    uint32_t status = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (code[i] < '0' || code[i] > '9')
            return http_fail(http, HTTP_BAD_START_LINE);
        status = status * 10 + (code[i] - '0');
    }
    http->status = (uint16_t)status;
    return (status >= 100 && status <= 599) || http_fail(http, HTTP_BAD_START_LINE);
}

/* RFC 9112 3: "GET / HTTP/1.1", whose target was shortened. */
static bool request_line(struct http *http, const struct http_line *line)
{
    const uint8_t *space = memchr(line->bytes, ' ', line->held);
    struct span method = {.bytes = line->bytes,
                          .count = space != NULL ? (uint32_t)(space - line->bytes) : 0};
    if (!http_is_token(method.bytes, method.count) ||
        line->held != method.count + 3 + VERSION_BYTES || space[2] != ' ' || space[1] == ' ')
        return http_fail(http, HTTP_BAD_START_LINE);
    http->method = (uint8_t)method_of(method);
    return take_version(http, space + 3) || http_fail(http, HTTP_BAD_VERSION);
}

/* RFC 9112 2.3: later minor versions are 1.1 to us. */
static bool take_version(struct http *http, const uint8_t *bytes)
{
    http->old = bytes[VERSION_BYTES - 1] == '0';
    return memcmp(bytes, "HTTP/1.", VERSION_BYTES - 1) == 0 && bytes[VERSION_BYTES - 1] >= '0' &&
           bytes[VERSION_BYTES - 1] <= '9';
}

/* Methods are case-sensitive (RFC 9110 9.1). */
static enum http_method method_of(struct span name)
{
    static const struct {
        const char *name;
        uint32_t count;
        enum http_method method;
    } methods[] = {
        {TEXT("GET"), HTTP_METHOD_GET},
        {TEXT("HEAD"), HTTP_METHOD_HEAD},
        {TEXT("POST"), HTTP_METHOD_POST},
        {TEXT("CONNECT"), HTTP_METHOD_CONNECT},
    };
    for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (methods[i].count == name.count && memcmp(methods[i].name, name.bytes, name.count) == 0)
            return methods[i].method;
    return HTTP_METHOD_OTHER;
}

/* RFC 9110 8.6: a list of the same number counts as this number. */
static bool take_length(struct http *http, struct span value)
{
    struct span member;
    if (value.count == 0)
        return http_fail(http, HTTP_BAD_LENGTH);
    while (next_member(&value, &member))
        if (!take_one_length(http, member))
            return false;
    return true;
}

static bool take_one_length(struct http *http, struct span value)
{
    uint64_t length = 0;
    for (uint32_t i = 0; i < value.count; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9')
            return http_fail(http, HTTP_BAD_LENGTH);
        length = length * 10 + (value.bytes[i] - '0');
        if (length > HTTP_BODY_MAX_BYTES)
            return http_fail(http, HTTP_BAD_LENGTH);
    }
    if (value.count == 0)
        return http_fail(http, HTTP_BAD_LENGTH);
    if (http->has_length && length != http->rest_bytes)
        return http_fail(http, HTTP_BAD_LENGTHS_DIFFER);
    http->has_length = true;
    http->rest_bytes = length;
    return true;
}

/* RFC 9112 7: we send no TE, so that chunked is the only coding that may come; twice is none. */
static bool take_coding(struct http *http, struct span value)
{
    if (http->chunked || !is_text(value, TEXT("chunked")))
        return http_fail(http, HTTP_BAD_CODING);
    http->chunked = true;
    return true;
}

static bool take_connection(struct http *http, struct span value)
{
    struct span member;
    while (next_member(&value, &member)) {
        http->close = http->close || is_text(member, TEXT("close"));
        http->keep_alive = http->keep_alive || is_text(member, TEXT("keep-alive"));
    }
    return true;
}

/* RFC 9110 10.1.1: not from HTTP/1.0; other expectations may be passed over. */
static bool take_expect(struct http *http, struct span value)
{
    http->expects = !http->old && is_text(value, TEXT("100-continue"));
    return true;
}

static bool take_host(struct http *http, struct span value)
{
    (void)value;
    if (http->has_host)
        return http_fail(http, HTTP_BAD_HOST);
    http->has_host = true;
    return true;
}

static void take_name(struct http *http, struct span value)
{
    uint32_t count = value.count < HTTP_NAME_BYTES ? value.count : HTTP_NAME_BYTES;
    memcpy(http->name, value.bytes, count);
    http->name_bytes = (uint8_t)count;
}

/* RFC 9112 6.3, in its order. */
static bool end_answer_head(struct http *http, const struct http_expect *expect)
{
    if (http->bodiless || http->status == 204 || http->status == 304) { /* 1. */
        http->rest_bytes = 0;
        http->chunked = false;
    } else if (http->chunked && http->has_length) { /* 3. */
        return http_fail(http, HTTP_BAD_SMUGGLED);
    } else if (http->chunked && http->old) { /* 6.1: framed by nobody knows what. */
        return http_fail(http, HTTP_BAD_CODING);
    } else if (!http->chunked && !http->has_length) { /* 8. */
        http->close = true;
        http->state = HTTP_STATE_UNTIL_CLOSE;
        return true;
    }
    http_enter_body(http, expect);
    return http->state != HTTP_STATE_BAD;
}

/* RFC 9110 15.2: the final answer follows. Its head begins from nothing but what was asked. */
static bool end_interim_head(struct http *http)
{
    if (http->status == 101)
        return http_fail(http, HTTP_BAD_SWITCHED);
    if (++http->interims > HTTP_INTERIMS)
        return http_fail(http, HTTP_BAD_INTERIM);
    struct http next = {
        .state = HTTP_STATE_START,
        .digest = http->digest,
        .bodiless = http->bodiless,
        .interims = http->interims,
        .continued = http->continued || http->status == 100,
    };
    *http = next;
    return true;
}

static bool end_request_head(struct http *http)
{
    if (!http->old && !http->has_host)
        return http_fail(http, HTTP_BAD_HOST);
    if (http->chunked && http->has_length)
        return http_fail(http, HTTP_BAD_SMUGGLED);
    if (http->chunked && http->old)
        return http_fail(http, HTTP_BAD_CODING);
    http_enter_body(http, NULL);
    return http->state != HTTP_STATE_BAD;
}

static struct span trim(struct span span)
{
    while (span.count > 0 && is_blank(span.bytes[0])) {
        span.bytes++;
        span.count--;
    }
    while (span.count > 0 && is_blank(span.bytes[span.count - 1]))
        span.count--;
    return span;
}

/* Take the next MEMBER of a comma-separated LIST. False at its end. */
static bool next_member(struct span *list, struct span *member)
{
    if (list->bytes == NULL)
        return false;
    const uint8_t *comma = list->count > 0 ? memchr(list->bytes, ',', list->count) : NULL;
    uint32_t count = comma != NULL ? (uint32_t)(comma - list->bytes) : list->count;
    *member = trim((struct span){.bytes = list->bytes, .count = count});
    list->bytes = comma != NULL ? comma + 1 : NULL;
    list->count -= comma != NULL ? count + 1 : count;
    return true;
}

/* Is it TEXT, of COUNT bytes in lower case? */
static bool is_text(struct span span, const char *text, uint32_t count)
{
    if (span.count != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t byte = span.bytes[i];
        if ((byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte) != (uint8_t)text[i])
            return false;
    }
    return true;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}
