#include "traffic/exchange_http.h"

#include <string.h>

#include "traffic/name.h"

static struct exchange_answer judge(struct traffic *traffic, struct traffic_conn *conn,
                                    struct traffic_request *request, enum http_verdict verdict);
static void take_name(struct traffic *traffic, struct traffic_conn *conn, const struct http *http);

static const struct http_message *message_of(const struct traffic *traffic,
                                             const struct traffic_request *request)
{
    const struct traffic_stream_config *config = &traffic->streams[request->record.stream].config;
    return &config->messages[request->state.http.number % config->message_count];
}

/* The one that goes with its place in the pool. */
static struct digest *digest_of(const struct traffic *traffic,
                                const struct traffic_request *request)
{
    pool_handle handle = pool_handle_of(&traffic->requests, request);
    return &traffic->digests[handle & traffic->requests.index_mask];
}

static uint64_t begin(struct traffic *traffic, const struct traffic_conn *conn,
                      struct traffic_request *request)
{
    struct traffic_stream *stream = &traffic->streams[conn->stream];
    request->state.http.number = stream->asked++;
    const struct http_message *message = message_of(traffic, request);
    http_ask(&request->state.http.parser, message->is_head);
    if (stream->config.expect->digested)
        request->state.http.parser.digest = digest_of(traffic, request);
    return message->is_continue ? message->head_bytes : message->total_bytes;
}

static void fill(const struct traffic *traffic, const struct traffic_request *request,
                 uint64_t offset, uint8_t *bytes, uint32_t count)
{
    uint64_t number = request->state.http.number;
    http_message_fill(message_of(traffic, request), number, offset, bytes, count);
}

static struct exchange_answer receive(struct traffic *traffic, struct traffic_conn *conn,
                                      struct traffic_request *request, const uint8_t *bytes,
                                      uint32_t count)
{
    const struct http_expect *expect = traffic->streams[conn->stream].config.expect;
    const struct http_message *message = message_of(traffic, request);
    struct http *parser = &request->state.http.parser;
    uint32_t used = 0;
    enum http_verdict verdict = http_receive(parser, expect, bytes, count, &used);
    struct exchange_answer answer = judge(traffic, conn, request, verdict);
    answer.used_bytes = used;
    if (message->is_continue && parser->continued)
        request->bytes = message->total_bytes;
    return answer;
}

static struct exchange_answer fin(struct traffic *traffic, struct traffic_conn *conn,
                                  struct traffic_request *request)
{
    const struct http_expect *expect = traffic->streams[conn->stream].config.expect;
    return judge(traffic, conn, request, http_finish(&request->state.http.parser, expect));
}

const struct exchange http_exchange = {
    .begin = begin, .fill = fill, .receive = receive, .fin = fin};

static struct exchange_answer judge(struct traffic *traffic, struct traffic_conn *conn,
                                    struct traffic_request *request, enum http_verdict verdict)
{
    const struct http *parser = &request->state.http.parser;
    const struct http_expect *expect = traffic->streams[conn->stream].config.expect;
    struct exchange_answer answer = {.status = parser->status};
    switch (verdict) {
    case HTTP_MORE: answer.verdict = EXCHANGE_MORE; break;
    case HTTP_BAD:
        answer.verdict = EXCHANGE_BAD;
        answer.reason = parser->reason;
        break;
    default:
        answer.verdict = EXCHANGE_WHOLE;
        answer.last = verdict == HTTP_WHOLE_CLOSE ||
                      request->bytes < message_of(traffic, request)->total_bytes;
        if (!http_status_expected(expect, parser->status))
            answer.outcome = OUTCOME_BAD_STATUS;
        take_name(traffic, conn, parser);
        if (!request_is_sent(request)) {
            answer.verdict = EXCHANGE_BAD;
            answer.reason = HTTP_BAD_EARLY;
        }
        break;
    }
    return answer;
}

/* A proxy may give each answer of a connection from another backend. */
static void take_name(struct traffic *traffic, struct traffic_conn *conn, const struct http *http)
{
    const struct name *name = name_at(&traffic->names, conn->name);
    if (http->name_bytes == 0)
        return;
    if (name->count != http->name_bytes || memcmp(name->bytes, http->name, name->count) != 0)
        conn->name = name_id(&traffic->names, http->name, http->name_bytes);
}
