#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "plan/experiment_priv.h"

static int check_http(struct reader *reader, void *object);
static int check_request(struct reader *reader, void *object);
static int check_requests(struct reader *reader, const struct experiment_http *http);
static int check_expected(struct reader *reader, const struct experiment_http *http);
static bool has_body(const struct experiment_request *request);
static int hex_value(char digit);

#define AT(member) offsetof(struct experiment_http, member)
#define AT_REQUEST(member) offsetof(struct experiment_request, member)

static const struct reader_field text_item = {.key = "", .type = READER_TEXT};

/* As http's own, which stand for what is left out. */
static const struct reader_field request_fields[] = {
    {.key = "path", .type = READER_TEXT, .offset = AT_REQUEST(path)},
    {.key = "host", .type = READER_TEXT, .offset = AT_REQUEST(host)},
    {.key = "method", .type = READER_NAME, .offset = AT_REQUEST(method)},
    {.key = "headers",
     .type = READER_LIST,
     .offset = AT_REQUEST(headers),
     .max = EXPERIMENT_HEADERS_MAX,
     .item = &text_item,
     .item_bytes = sizeof(const char *),
     .count_offset = AT_REQUEST(header_count)},
    {.key = "body", .type = READER_TEXT, .offset = AT_REQUEST(body)},
    {.key = "bodyFile", .type = READER_TEXT, .offset = AT_REQUEST(body_file)},
    {.key = "bodySize",
     .type = READER_SIZE,
     .offset = AT_REQUEST(body_bytes),
     .max = EXPERIMENT_BODY_MAX},
    {.key = NULL},
};
static const struct reader_object request_object = {"a request", request_fields, NULL,
                                                    check_request};
static const struct reader_field request_item = {
    .key = "", .type = READER_OBJECT, .object = &request_object};

static const struct reader_field http_fields[] = {
    {.key = "path", .type = READER_TEXT, .offset = AT(request.path), .otherwise = "/"},
    {.key = "host", .type = READER_TEXT, .offset = AT(request.host)},
    {.key = "method", .type = READER_NAME, .offset = AT(request.method), .otherwise = "GET"},
    {.key = "headers",
     .type = READER_LIST,
     .offset = AT(request.headers),
     .max = EXPERIMENT_HEADERS_MAX,
     .item = &text_item,
     .item_bytes = sizeof(const char *),
     .count_offset = AT(request.header_count)},
    {.key = "body", .type = READER_TEXT, .offset = AT(request.body)},
    {.key = "bodyFile", .type = READER_TEXT, .offset = AT(request.body_file)},
    {.key = "bodySize",
     .type = READER_SIZE,
     .offset = AT(request.body_bytes),
     .max = EXPERIMENT_BODY_MAX},
    {.key = "requests",
     .type = READER_LIST,
     .offset = AT(requests),
     .max = EXPERIMENT_REQUESTS_MAX,
     .item = &request_item,
     .item_bytes = sizeof(struct experiment_request),
     .count_offset = AT(request_count),
     .allocated = true},
    {.key = "chunkSize", .type = READER_SIZE, .offset = AT(chunk_bytes), .max = 1 << 27},
    {.key = "expectContinue", .type = READER_BOOL, .offset = AT(expect_continue)},
    {.key = "sequenceHeader", .type = READER_NAME, .offset = AT(sequence_header)},
    {.key = "expectStatus",
     .type = READER_LIST,
     .offset = AT(statuses),
     .max = EXPERIMENT_STATUSES_MAX,
     .item = &text_item,
     .item_bytes = sizeof(const char *),
     .count_offset = AT(status_count)},
    {.key = "expectSize",
     .type = READER_SIZE,
     .offset = AT(expect_bytes),
     .max = EXPERIMENT_BODY_MAX},
    {.key = "limitSize",
     .type = READER_SIZE,
     .offset = AT(limit_bytes),
     .max = EXPERIMENT_BODY_MAX},
    {.key = "expectText", .type = READER_TEXT, .offset = AT(expect_text), .max = 256},
    {.key = "expectSha256", .type = READER_TEXT, .offset = AT(expect_sha256)},
    {.key = "backendHeader",
     .type = READER_NAME,
     .offset = AT(backend_header),
     .otherwise = "X-Kahttp-Server-Host"},
    {.key = NULL},
};
const struct reader_object experiment_http_object = {"http", http_fields, NULL, check_http};

bool experiment_status_range(const char *text, uint16_t *first, uint16_t *last)
{
    unsigned low, high;
    int end = 0, count = sscanf(text, "%3u%n-%3u%n", &low, &end, &high, &end);

    if (count == 1)
        high = low;
    if (count < 1 || text[end] != '\0' || text[0] == ' ' || text[0] == '+' || low < 100 ||
        high > 599 || low > high)
        return false;
    *first = (uint16_t)low;
    *last = (uint16_t)high;
    return true;
}

bool experiment_sha256(const char *text, uint8_t out[EXPERIMENT_SHA256_BYTES])
{
    uint8_t made[EXPERIMENT_SHA256_BYTES];

    if (strlen(text) != 2 * sizeof(made))
        return false;
    for (size_t i = 0; i < sizeof(made); i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        made[i] = (uint8_t)(high * 16 + low);
    }
    memcpy(out, made, sizeof(made));
    return true;
}

struct experiment_request experiment_http_request(const struct experiment_http *http,
                                                  uint32_t index)
{
    struct experiment_request made = http->request;
    const struct experiment_request *own;

    if (index >= http->request_count)
        return made;
    own = &http->requests[index];
    made.path = own->path != NULL ? own->path : made.path;
    made.host = own->host != NULL ? own->host : made.host;
    made.method = own->method != NULL ? own->method : made.method;
    for (uint32_t i = 0; i < own->header_count; i++)
        made.headers[made.header_count++] = own->headers[i];
    if (has_body(own)) {
        made.body = own->body;
        made.body_file = own->body_file;
        made.body_bytes = own->body_bytes;
    }
    return made;
}

/* RFC 9110 5.1 and 5.6.2; what frames a message is the program's to say. */
bool experiment_header(const char *text, char why[EXPERIMENT_WHY_BYTES])
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const struct {
        const char *name, *by;
    } reserved[] = {{"Content-Length", "the body"},
                    {"Transfer-Encoding", "chunkSize"},
                    {"Connection", "keepAlive (--no-keepalive)"},
                    {"Expect", "expectContinue"},
                    {"Host", "host"}};
    size_t name = strspn(text, token);

    why[0] = '\0';
    if (text[name] == '\0' || (text[name] == ':' && name == 0))
        snprintf(why, EXPERIMENT_WHY_BYTES, "want \"Name: value\"");
    else if (text[name] != ':')
        snprintf(why, EXPERIMENT_WHY_BYTES,
                 "column %zu: '%c' cannot be in a name; want \"Name: value\"", name + 1,
                 text[name]);
    for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
        if (strlen(reserved[i].name) == name && strncasecmp(text, reserved[i].name, name) == 0)
            snprintf(why, EXPERIMENT_WHY_BYTES, "%s follows from %s; leave it out",
                     reserved[i].name, reserved[i].by);
    return why[0] == '\0';
}

static int check_http(struct reader *reader, void *object)
{
    struct experiment_http *http = object;
    bool body = has_body(&http->request);

    for (uint32_t i = 0; i < http->request_count; i++)
        body = body || has_body(&http->requests[i]);
    if (check_request(reader, &http->request) < 0 || check_requests(reader, http) < 0)
        return -EINVAL;
    if (http->expect_continue && !body)
        return reader_refuse(reader, "expectContinue: there is no body to wait with");
    if (http->chunk_bytes > 0 && !body)
        return reader_refuse(reader, "chunkSize: there is no body to cut into chunks");
    return check_expected(reader, http);
}

/* A request has the headers of all, and its own. */
static int check_requests(struct reader *reader, const struct experiment_http *http)
{
    for (uint32_t i = 0; i < http->request_count; i++)
        if (http->request.header_count + http->requests[i].header_count > EXPERIMENT_HEADERS_MAX)
            return reader_refuse(reader,
                                 "requests[%u].headers: with those of all there are %u; %d are "
                                 "possible",
                                 i, http->request.header_count + http->requests[i].header_count,
                                 EXPERIMENT_HEADERS_MAX);
    return 0;
}

static int check_request(struct reader *reader, void *object)
{
    const struct experiment_request *request = object;

    if (request->path != NULL && request->path[0] != '/' && strcmp(request->path, "*") != 0)
        return reader_refuse(reader, "path: got \"%s\", want one that begins with /",
                             request->path);
    if ((request->body != NULL) + (request->body_file != NULL) + (request->body_bytes > 0) > 1)
        return reader_refuse(reader, "\"body\", \"bodyFile\" and \"bodySize\" exclude each other");
    if (request->method != NULL && strcmp(request->method, "CONNECT") == 0)
        return reader_refuse(reader, "method: CONNECT is for proxies; want another");
    if (request->host != NULL && strpbrk(request->host, " \t") != NULL)
        return reader_refuse(reader, "host: got \"%s\", want a name, or ADDRESS:PORT",
                             request->host);
    for (uint32_t i = 0; i < request->header_count; i++) {
        char why[EXPERIMENT_WHY_BYTES];
        if (!experiment_header(request->headers[i], why))
            return reader_refuse(reader, "headers[%u]: got \"%s\": %s", i, request->headers[i],
                                 why);
    }
    return 0;
}

static int check_expected(struct reader *reader, const struct experiment_http *http)
{
    uint8_t sha256[EXPERIMENT_SHA256_BYTES];
    uint16_t first, last;

    for (uint32_t i = 0; i < http->status_count; i++)
        if (!experiment_status_range(http->statuses[i], &first, &last))
            return reader_refuse(reader,
                                 "expectStatus[%u]: got \"%s\", want a status such as \"200\" or "
                                 "\"200-299\"",
                                 i, http->statuses[i]);
    if (http->expect_sha256 != NULL && !experiment_sha256(http->expect_sha256, sha256))
        return reader_refuse(reader, "expectSha256: got \"%s\", want 64 hexadecimal digits",
                             http->expect_sha256);
    if (http->limit_bytes > 0 && http->expect_bytes > http->limit_bytes)
        return reader_refuse(reader, "expectSize: it is over limitSize");
    return 0;
}

static bool has_body(const struct experiment_request *request)
{
    return request->body != NULL || request->body_file != NULL || request->body_bytes > 0;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}
