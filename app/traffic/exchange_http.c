#include "traffic/exchange_http.h"

#include <string.h>

#include "traffic/name.h"

static inline void judge(struct traffic *traffic, struct traffic_conn *conn,
                         struct traffic_request *request, enum http_verdict verdict,
                         struct exchange_answer *answer);
static void take_name(struct traffic *traffic, struct traffic_conn *conn, const struct http *http);

/* The one that goes with its place in the pool. */
static struct digest *digest_of(const struct traffic *traffic,
                                const struct traffic_request *request)
{
    return &traffic->digests[request->self & traffic->requests.index_mask];
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

static void receive(struct traffic *traffic, struct traffic_conn *conn,
                    struct traffic_request *request, const uint8_t *bytes, uint32_t count,
                    struct exchange_answer *answer)
{
    struct traffic_stream *stream = &traffic->streams[conn->stream];
    const struct http_message *message = request->state.http.message;
    struct http *parser = &request->state.http.parser;
    enum http_verdict verdict = http_receive_known(parser, stream->config.expect, &stream->known,
                                                   bytes, count, &answer->used_bytes);
    judge(traffic, conn, request, verdict, answer);
    if (message->is_continue && parser->continued)
        request->bytes = message->total_bytes;
}

static void fin(struct traffic *traffic, struct traffic_conn *conn, struct traffic_request *request,
                struct exchange_answer *answer)
{
    const struct http_expect *expect = traffic->streams[conn->stream].config.expect;
    enum http_verdict verdict = http_finish(&request->state.http.parser, expect);
    judge(traffic, conn, request, verdict, answer);
}

const struct exchange http_exchange = {
    .begin = begin, .fill = fill, .receive = receive, .fin = fin};

static inline void judge(struct traffic *traffic, struct traffic_conn *conn,
                         struct traffic_request *request, enum http_verdict verdict,
                         struct exchange_answer *answer)
{
    const struct http *parser = &request->state.http.parser;
    answer->outcome = OUTCOME_OK;
    answer->reason = parser->reason;
    answer->last = false;
    answer->status = parser->status;
    if (verdict == HTTP_MORE) {
        answer->verdict = EXCHANGE_MORE;
        return;
    }
    answer->verdict = verdict == HTTP_BAD ? EXCHANGE_BAD : EXCHANGE_WHOLE;
    if (verdict == HTTP_BAD)
        return;
    request->record.answer_bytes =
        parser->body_bytes < UINT32_MAX ? (uint32_t)parser->body_bytes : UINT32_MAX;
    answer->last =
        verdict == HTTP_WHOLE_CLOSE || request->bytes < request->state.http.message->total_bytes;
    if (!parser->expected)
        answer->outcome = OUTCOME_BAD_STATUS;
    if (parser->name_bytes > 0)
        take_name(traffic, conn, parser);
    if (!request_is_sent(request)) {
        answer->verdict = EXCHANGE_BAD;
        answer->reason = HTTP_BAD_EARLY;
    }
}

/* A proxy may give each answer of a connection from another backend. */
static void take_name(struct traffic *traffic, struct traffic_conn *conn, const struct http *http)
{
    const struct name *name = name_at(&traffic->names, conn->name);
    if (name->count != http->name_bytes || memcmp(name->bytes, http->name, name->count) != 0)
        conn->name = name_id(&traffic->names, http->name, http->name_bytes);
}
