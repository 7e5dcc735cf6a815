#include <stdio.h>
#include <string.h>

#include "plan/experiment_priv.h"

static int check_http(struct reader *reader, void *object);

#define AT(member) offsetof(struct experiment_http, member)

static const struct reader_field text_item = {.key = "", .type = READER_TEXT};

static const struct reader_field http_fields[] = {
    {.key = "path", .type = READER_TEXT, .offset = AT(path), .otherwise = "/"},
    {.key = "host", .type = READER_TEXT, .offset = AT(host)},
    {.key = "method", .type = READER_NAME, .offset = AT(method), .otherwise = "GET"},
    {.key = "headers",
     .type = READER_LIST,
     .offset = AT(headers),
     .max = EXPERIMENT_HEADERS_MAX,
     .item = &text_item,
     .item_bytes = sizeof(const char *),
     .count_offset = AT(header_count)},
    {.key = "body", .type = READER_TEXT, .offset = AT(body)},
    {.key = "bodySize", .type = READER_SIZE, .offset = AT(body_bytes), .max = 1 << 30},
    {.key = "expectContinue", .type = READER_BOOL, .offset = AT(expect_continue)},
    {.key = "sequenceHeader", .type = READER_NAME, .offset = AT(sequence_header)},
    {.key = "expectStatus",
     .type = READER_LIST,
     .offset = AT(statuses),
     .max = EXPERIMENT_STATUSES_MAX,
     .item = &text_item,
     .item_bytes = sizeof(const char *),
     .count_offset = AT(status_count)},
    {.key = "expectSize", .type = READER_SIZE, .offset = AT(expect_bytes), .max = 1 << 30},
    {.key = "expectText", .type = READER_TEXT, .offset = AT(expect_text), .max = 256},
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

static int check_http(struct reader *reader, void *object)
{
    const struct experiment_http *http = object;
    uint16_t first, last;

    if (http->path[0] != '/' && strcmp(http->path, "*") != 0)
        return reader_refuse(reader, "path: got \"%s\", want one that begins with /", http->path);
    if (http->body != NULL && http->body_bytes > 0)
        return reader_refuse(reader, "\"body\" and \"bodySize\" exclude each other");
    if (http->expect_continue && http->body == NULL && http->body_bytes == 0)
        return reader_refuse(reader, "expectContinue: there is no body to wait with");
    for (uint32_t i = 0; i < http->header_count; i++) {
        const char *colon = strchr(http->headers[i], ':');
        if (colon == NULL || colon == http->headers[i])
            return reader_refuse(reader, "headers[%u]: got \"%s\", want \"Name: value\"", i,
                                 http->headers[i]);
    }
    for (uint32_t i = 0; i < http->status_count; i++)
        if (!experiment_status_range(http->statuses[i], &first, &last))
            return reader_refuse(reader,
                                 "expectStatus[%u]: got \"%s\", want a status such as \"200\" or "
                                 "\"200-299\"",
                                 i, http->statuses[i]);
    return 0;
}
