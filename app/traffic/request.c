#include "traffic/request.h"

#include <assert.h>
#include <string.h>

#include "traffic/conn.h"
#include "traffic/secure.h"

static void send(struct traffic *traffic, struct traffic_conn *conn, uint64_t bytes);
static void place(const struct traffic_conn *conn, struct traffic_request *request);
static bool says(const struct traffic_request *request, uint64_t offset, uint64_t count);
static bool is_borne(const struct traffic_request *request, uint64_t from, uint64_t to);
static uint32_t smaller(uint64_t a, uint32_t b);

struct traffic_request *request_take(struct traffic *traffic, const struct traffic_flow *flow,
                                     uint64_t due_ns)
{
    pool_handle handle = pool_take(&traffic->requests);
    if (handle == 0)
        return NULL;
    struct traffic_request *request = pool_at(&traffic->requests, handle);
    request->record = (struct record_request){
        .due_ns = due_ns, .flow = flow_index(traffic, flow), .stream = flow->stream};
    request->offset = 0;
    request->bytes = 0;
    request->from = UINT64_MAX;
    request->to = UINT64_MAX;
    request->sent_to = 0;
    request->asked = false;
    request->next = 0;
    request->self = handle;
    return request;
}

void request_give_back(struct traffic *traffic, struct traffic_request *request)
{
    pool_free(&traffic->requests, request->self);
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

void request_grown(struct traffic *traffic, struct traffic_conn *conn,
                   struct traffic_request *request, uint64_t before)
{
    place(conn, request);
    send(traffic, conn, request->bytes - before);
}

bool request_is_acked(const struct traffic *traffic, const struct traffic_conn *conn,
                      const struct traffic_request *request)
{
    return request->bytes == 0 || conn->secure ||
           tcp_is_acked(traffic->tcp, conn->tcp, request->to);
}

void request_answered(struct traffic *traffic, struct traffic_conn *conn,
                      struct traffic_request *request, const struct exchange_answer *answer,
                      uint64_t at_ns)
{
    struct conn_account *account = &conn->account;
    struct record_request *record = &request->record;
    record->done_ns = traffic_arrival_ns(traffic, at_ns, record->sent_ns);
    record->host = conn_host(traffic, conn);
    record->status = answer->status;
    record->reason = answer->reason;
    record->arrival_uncertainty_ns =
        conn_saturate(traffic->uncertainty_ns - (at_ns - record->done_ns));
    record->outcome = answer->outcome;
    if (record->retransmits == 0 && request->asked)
        conn_rtt(conn, record->done_ns - record->sent_ns);
    if (answer->outcome != OUTCOME_OK)
        return;
    record->outcome = (uint8_t)conn_good_outcome(&traffic->streams[conn->stream], record);
    account->received++;
    account->last_good_sent_ns = record->sent_ns;
    account->last_good_done_ns = record->done_ns;
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
    while (request != NULL) {
        uint64_t from = offset - request->offset;
        uint32_t run;
        if (offset < request->offset) {
            run = smaller(request->offset - offset, count);
            memset(bytes, 0, run);
        } else if (from < request->bytes) {
            run = smaller(request->bytes - from, count);
            exchange->fill(traffic, request, from, bytes, run);
        } else {
            request = request_next(traffic, request);
            continue;
        }
        if (run == count)
            return;
        bytes += run;
        offset += run;
        count -= run;
    }
    memset(bytes, 0, count);
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

static uint32_t smaller(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}
