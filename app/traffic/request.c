#include "traffic/request.h"

#include <assert.h>
#include <string.h>

#include "traffic/conn.h"
#include "traffic/secure.h"

static void send(struct traffic *traffic, struct traffic_conn *conn, uint64_t bytes);
static void place(const struct traffic_conn *conn, struct traffic_request *request);
static bool has_begun(const struct traffic_request *request);
static bool says(const struct traffic_request *request, uint64_t offset, uint64_t count);
static bool is_borne(const struct traffic_request *request, uint64_t from, uint64_t to);

struct traffic_request *request_take(struct traffic *traffic, const struct record_request *record)
{
    struct traffic_request *request = pool_get(&traffic->requests, pool_take(&traffic->requests));
    if (request == NULL)
        return NULL;
    request->record = *record;
    request->offset = 0;
    request->bytes = 0;
    request->from = UINT64_MAX;
    request->to = UINT64_MAX;
    request->sent_to = 0;
    request->asked = false;
    request->next = 0;
    return request;
}

void request_give_back(struct traffic *traffic, struct traffic_request *request)
{
    pool_free(&traffic->requests, pool_handle_of(&traffic->requests, request));
}

void request_bind(struct traffic *traffic, struct traffic_conn *conn,
                  struct traffic_request *request)
{
    pool_handle handle = pool_handle_of(&traffic->requests, request);
    request->record.connection = conn->id;
    if (conn->requests == 0) {
        conn->first_request = handle;
    } else {
        struct traffic_request *last = pool_get(&traffic->requests, conn->last_request);
        last->next = handle;
    }
    conn->last_request = handle;
    conn->requests++;
}

void request_ask(struct traffic *traffic, struct traffic_conn *conn,
                 struct traffic_request *request, uint64_t deadline_ns)
{
    const struct exchange *exchange = exchange_of(traffic, conn->stream);
    assert(conn->state == CONN_UP && exchange->begin != NULL);
    request->offset = conn->asked_bytes;
    request->asked = true;
    request->bytes = exchange->begin(traffic, conn, request);
    place(conn, request);
    request->deadline_ns = deadline_ns;
    if (!wheel_is_set(&conn->timer.wheel) ||
        wheel_is_later(&traffic->wheel, &conn->timer.wheel, deadline_ns))
        wheel_set(&traffic->wheel, &conn->timer.wheel, deadline_ns);
    send(traffic, conn, request->bytes);
}

struct traffic_request *request_first(const struct traffic *traffic,
                                      const struct traffic_conn *conn)
{
    return conn->requests == 0 ? NULL : pool_get(&traffic->requests, conn->first_request);
}

struct traffic_request *request_next(const struct traffic *traffic,
                                     const struct traffic_request *request)
{
    return pool_get(&traffic->requests, request->next);
}

struct exchange_answer request_receive(struct traffic *traffic, struct traffic_conn *conn,
                                       const uint8_t *bytes, uint32_t count, uint64_t at_ns)
{
    struct traffic_request *request = request_first(traffic, conn);
    if (request == NULL || !request->asked || !has_begun(request))
        return (struct exchange_answer){
            .verdict = EXCHANGE_BAD, .reason = HTTP_BAD_UNASKED, .used_bytes = count};
    if (request->record.first_byte_ns == 0)
        request->record.first_byte_ns = traffic_arrival_ns(traffic, at_ns, request->record.sent_ns);
    uint64_t before = request->bytes;
    struct exchange_answer answer =
        exchange_of(traffic, conn->stream)->receive(traffic, conn, request, bytes, count);
    if (answer.verdict == EXCHANGE_MORE && request->bytes > before) {
        place(conn, request);
        send(traffic, conn, request->bytes - before);
    }
    return answer;
}

struct exchange_answer request_fin(struct traffic *traffic, struct traffic_conn *conn)
{
    const struct exchange *exchange = exchange_of(traffic, conn->stream);
    struct traffic_request *request = request_first(traffic, conn);
    if (request == NULL || !request->asked || exchange->fin == NULL)
        return (struct exchange_answer){.verdict = EXCHANGE_MORE};
    return exchange->fin(traffic, conn, request);
}

bool request_is_acked(const struct traffic *traffic, const struct traffic_conn *conn,
                      const struct traffic_request *request)
{
    return request->bytes == 0 || conn->secure ||
           tcp_is_acked(traffic->tcp, conn->tcp, request->to);
}

void request_answered(struct traffic *traffic, struct traffic_conn *conn,
                      struct traffic_request *request, struct exchange_answer answer,
                      uint64_t at_ns)
{
    struct conn_account *account = &conn->account;
    struct record_request *record = &request->record;
    record->done_ns = traffic_arrival_ns(traffic, at_ns, record->sent_ns);
    record->host = conn_host(traffic, conn);
    record->status = answer.status;
    record->reason = answer.reason;
    record->arrival_uncertainty_ns =
        conn_saturate(traffic->uncertainty_ns - (at_ns - record->done_ns));
    record->outcome = answer.outcome;
    if (record->retransmits == 0 && request->asked)
        conn_rtt(conn, record->done_ns - record->sent_ns);
    if (answer.outcome != OUTCOME_OK)
        return;
    record->outcome = (uint8_t)conn_good_outcome(&traffic->streams[conn->stream], record);
    account->received++;
    account->last_good_sent_ns = record->sent_ns;
    account->last_good_done_ns = record->done_ns;
}

void request_pop(struct traffic *traffic, struct traffic_conn *conn, struct record_request *record)
{
    struct traffic_request *request = request_first(traffic, conn);
    pool_handle handle = conn->first_request;
    *record = request->record;
    conn->first_request = request->next;
    conn->requests--;
    pool_free(&traffic->requests, handle);
}

void request_sent(struct traffic *traffic, struct traffic_conn *conn,
                  const struct tcp_descriptor *descriptor, uint64_t sent_ns)
{
    uint64_t first = descriptor->stream_offset, end = first + descriptor->payload_bytes;
    struct traffic_request *request = request_first(traffic, conn);
    for (; request != NULL; request = request_next(traffic, request)) {
        if (!is_borne(request, first, end))
            continue;
        uint64_t sent_to = request->to < end ? request->to : end;
        if (sent_to > request->sent_to)
            request->sent_to = sent_to;
        if (request->record.sent_ns != 0 || request->from < first)
            continue;
        request->record.sent_ns = sent_ns;
        conn->account.sent++;
        traffic_count_sent(traffic, &request->record);
    }
}

void request_resent(struct traffic *traffic, struct traffic_conn *conn, uint64_t offset,
                    uint32_t count)
{
    struct traffic_request *request = request_first(traffic, conn);
    bool waits = conn->state != CONN_UP; /* For what was sent again. */
    for (; request != NULL; request = request_next(traffic, request))
        if ((waits || is_borne(request, offset, offset + count)) &&
            request->record.retransmits < UINT8_MAX)
            request->record.retransmits++;
}

void request_sealed(struct traffic *traffic, const struct traffic_conn *conn, uint64_t offset,
                    uint32_t count, uint64_t from, uint64_t to)
{
    struct traffic_request *request = request_first(traffic, conn);
    for (; request != NULL; request = request_next(traffic, request)) {
        if (!says(request, offset, count))
            continue;
        if (request->from == UINT64_MAX)
            request->from = from;
        if (offset + count >= request->offset + request->bytes)
            request->to = to;
    }
}

void request_fill(const struct traffic *traffic, const struct traffic_conn *conn, uint64_t offset,
                  uint8_t *bytes, uint32_t count)
{
    const struct exchange *exchange = exchange_of(traffic, conn->stream);
    const struct traffic_request *request = request_first(traffic, conn);
    if (request == NULL || offset < request->offset)
        memset(bytes, 0, count);
    for (; request != NULL; request = request_next(traffic, request)) {
        if (!says(request, offset, count))
            continue;
        uint64_t first = offset > request->offset ? offset : request->offset;
        uint64_t end = request->offset + request->bytes;
        if (end > offset + count)
            end = offset + count;
        exchange->fill(traffic, request, first - request->offset, bytes + (first - offset),
                       (uint32_t)(end - first));
    }
}

static void send(struct traffic *traffic, struct traffic_conn *conn, uint64_t bytes)
{
    conn->asked_bytes += bytes;
    if (conn->secure)
        secure_pump(traffic, conn);
    else if (bytes > 0)
        tcp_send(traffic->tcp, conn->tcp, bytes);
}

/* Over TLS the place is known when it is encrypted. */
static void place(const struct traffic_conn *conn, struct traffic_request *request)
{
    if (conn->secure) {
        request->to = UINT64_MAX;
        return;
    }
    request->from = request->offset;
    request->to = request->offset + request->bytes;
}

/* Something of REQUEST has left, if it has bytes at all. */
static bool has_begun(const struct traffic_request *request)
{
    return request->bytes == 0 || request->sent_to > request->from;
}

/* COUNT bytes of our stream from OFFSET on are partly of REQUEST. */
static bool says(const struct traffic_request *request, uint64_t offset, uint64_t count)
{
    return offset < request->offset + request->bytes && offset + count > request->offset;
}

/* Bytes FROM to TO of the tcp's stream bear some of REQUEST. */
static bool is_borne(const struct traffic_request *request, uint64_t from, uint64_t to)
{
    return from < request->to && to > request->from;
}
