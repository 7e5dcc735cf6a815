#include "traffic/exchange_http.h"

#include <string.h>

#include "traffic/name.h"

static struct exchange_answer judge(struct traffic *traffic, struct traffic_conn *conn,
                                    struct traffic_request *request, enum http_verdict verdict);
static void take_name(struct traffic *traffic, struct traffic_conn *conn, const struct http *http);

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
    const struct http_message *message = &stream->config.messages[stream->next_message];
    if (++stream->next_message == stream->config.message_count)
        stream->next_message = 0;
    request->state.http.message = message;
    request->state.http.number = stream->asked++;
    http_ask(&request->state.http.parser, message->is_head);
    if (stream->config.expect->digested)
        request->state.http.parser.digest = digest_of(traffic, request);
    return message->is_continue ? message->head_bytes : message->total_bytes;
}

static void fill(const struct traffic *traffic, const struct traffic_request *request,
                 uint64_t offset, uint8_t *bytes, uint32_t count)
{
    (void)traffic;
    http_message_fill(request->state.http.message, request->state.http.number, offset, bytes,
                      count);
}

static struct exchange_answer receive(struct traffic *traffic, struct traffic_conn *conn,
                                      struct traffic_request *request, const uint8_t *bytes,
                                      uint32_t count)
{
    struct traffic_stream *stream = &traffic->streams[conn->stream];
    const struct http_message *message = request->state.http.message;
    struct http *parser = &request->state.http.parser;
    uint32_t used = 0;
    enum http_verdict verdict =
        http_receive_known(parser, stream->config.expect, &stream->known, bytes, count, &used);
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
                      request->bytes < request->state.http.message->total_bytes;
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
