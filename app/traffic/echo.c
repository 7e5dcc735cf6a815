#include "traffic/echo.h"

#include <netinet/in.h>
#include <string.h>

#include "net/wire.h"
#include "traffic/answering.h"
#include "traffic/conn.h"
#include "traffic/flow.h"

enum {
    HEADER_BYTES = 8 /* Of UDP, and of an ICMP echo. */
};

static inline const struct traffic_flow *flow_to(const struct traffic *traffic,
                                                 const struct tuple *tuple);
static inline void take_answer(struct traffic *traffic, const struct traffic_flow *flow,
                               const uint8_t *l4, uint32_t bytes, uint64_t now_ns);
static void take_error(struct traffic *traffic, const struct traffic_flow *flow,
                       const struct icmp_error *error, uint64_t now_ns);
static void bind_flow(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
static void unbind_flow(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
static void no_place(struct traffic *traffic, struct traffic_stream *stream, uint64_t due_ns,
                     uint64_t now_ns);
static inline void skip_stale(struct traffic *traffic, struct traffic_stream *stream,
                              uint64_t now_ns);
static void decide(struct traffic *traffic, struct traffic_stream *stream, struct echo_entry *entry,
                   struct conn_ending ending, uint64_t now_ns);
static void unsent(struct traffic *traffic, struct traffic_stream *stream, struct echo_entry *entry,
                   enum unsent_reason reason, uint64_t now_ns);
static void settle(struct traffic *traffic, struct traffic_stream *stream);
static void set_timer(struct traffic *traffic, struct traffic_stream *stream);
static bool arrived(struct traffic *traffic, const struct traffic_flow *flow,
                    struct echo_flow *ends, uint64_t sequence);
static void answered(struct traffic *traffic, struct traffic_stream *stream, struct echo_flow *ends,
                     struct echo_entry *entry, const uint8_t *payload, uint64_t now_ns);
static bool is_named(const uint8_t *payload, uint32_t bytes, const struct name *name);
static bool is_zero(const uint8_t *bytes, uint32_t count);
static bool learn_name(struct traffic *traffic, const uint8_t *payload, uint32_t bytes,
                       uint16_t *name);
static bool oldest_open(const struct traffic_stream *stream, uint32_t index, uint64_t *number);
static bool marked(const struct traffic_flow *flow, uint32_t index, const uint8_t *l4,
                   uint32_t bytes, struct mark *mark);
static bool was_sent(const struct traffic_stream *stream, const struct mark *mark,
                     uint64_t *number);

static struct traffic_stream *stream_of(struct traffic *traffic, const struct traffic_flow *flow)
{
    return &traffic->streams[flow->stream];
}

static uint32_t index_of(const struct traffic *traffic, const struct traffic_flow *flow)
{
    return (uint32_t)(flow - traffic->flows) - traffic->streams[flow->stream].flow_base;
}

static struct echo_entry *entry_of(const struct traffic_stream *stream, uint64_t number)
{
    return &stream->echo.entries[number & (stream->echo.capacity - 1)];
}

static struct traffic_flow *flow_of(struct traffic *traffic, const struct traffic_stream *stream,
                                    const struct echo_entry *entry)
{
    return &traffic->flows[stream->flow_base + entry->flow];
}

static struct traffic_flow *head_flow(struct traffic *traffic, const struct traffic_stream *stream)
{
    return &traffic->flows[stream->flow_base + stream->echo.head_flow];
}

static void count(struct traffic *traffic, const struct traffic_flow *flow,
                  enum datagram_count what)
{
    record_count_add(&traffic_counters(traffic, flow->stream)->datagrams[what], 1);
}

static void echo_start(struct traffic *traffic, struct traffic_stream *stream, uint64_t start_ns)
{
    stream->opened = stream->flow_count;
    stream->echo.run++;
    for (uint32_t i = 0; i < stream->flow_count; i++)
        bind_flow(traffic, &traffic->flows[stream->flow_base + i], start_ns);
    schedule_start(&stream->schedule, start_ns);
}

/* The number is given even to what cannot be sent: flows take turns by it. */
static void echo_due(struct traffic *traffic, struct traffic_stream *stream, uint32_t slot,
                     uint64_t due_ns, uint64_t now_ns)
{
    struct echo *echo = &stream->echo;
    (void)slot;
    skip_stale(traffic, stream, now_ns);
    const struct traffic_flow *flow = head_flow(traffic, stream);
    if (echo->head - echo->tail == echo->capacity) {
        no_place(traffic, stream, due_ns, now_ns);
        return;
    }
    struct echo_entry *entry = entry_of(stream, echo->head++);
    const uint32_t index = echo->head_flow;
    echo->head_flow = index + 1 == stream->flow_count ? 0 : index + 1;
    *entry = (struct echo_entry){.request.due_ns = due_ns,
                                 .request.done_ns = now_ns,
                                 .request.flow = flow_index(traffic, flow),
                                 .request.stream = flow->stream,
                                 .state = ECHO_WAITING,
                                 .flow = index};
    traffic->waiting++;
    if (now_ns > due_ns && now_ns - due_ns > stream->unsent_after_ns)
        unsent(traffic, stream, entry, stream->unsent_reason, now_ns);
    else if (!echo->flows[index].bound)
        unsent(traffic, stream, entry, UNSENT_NO_PORT, now_ns);
}

/* The ring is full of requests under way. */
static void no_place(struct traffic *traffic, struct traffic_stream *stream, uint64_t due_ns,
                     uint64_t now_ns)
{
    struct traffic_flow *flow = head_flow(traffic, stream);
    const struct record_request request = {.due_ns = due_ns,
                                           .done_ns = now_ns,
                                           .flow = flow_index(traffic, flow),
                                           .stream = flow->stream,
                                           .outcome = OUTCOME_UNSENT,
                                           .reason = UNSENT_POOL_FULL};
    flow_request_done(traffic, flow, &request);
}

static struct traffic_flow *echo_unreached(struct traffic *traffic, struct traffic_stream *stream,
                                           uint32_t slot)
{
    (void)slot;
    return head_flow(traffic, stream);
}

/* The timer of the first flow serves the whole stream. */
static void echo_wake(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    struct traffic_stream *stream = stream_of(traffic, flow);
    struct echo *echo = &stream->echo;
    while (echo->tail != echo->next) {
        struct echo_entry *entry = entry_of(stream, echo->tail);
        if (entry->state != ECHO_SENT ||
            entry->request.sent_ns + stream->config.timeout_ns > now_ns)
            break;
        decide(traffic, stream, entry, (struct conn_ending){CONNECTION_SILENCE, OUTCOME_STALLED},
               now_ns);
    }
    set_timer(traffic, stream);
}

static bool echo_stop(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns)
{
    struct echo *echo = &stream->echo;
    while (echo->tail != echo->head)
        decide(traffic, stream, entry_of(stream, echo->tail),
               (struct conn_ending){CONNECTION_UNFINISHED, OUTCOME_UNFINISHED}, now_ns);
    echo->next = echo->head;
    wheel_cancel(&traffic->wheel, &stream->echo.timer.wheel);
    for (uint32_t i = 0; i < stream->flow_count; i++) {
        struct traffic_flow *flow = &traffic->flows[stream->flow_base + i];
        unbind_flow(traffic, flow, now_ns);
        flow_stop(traffic, flow);
    }
    return true;
}

const struct pattern echo_pattern = {.start = echo_start,
                                     .due = echo_due,
                                     .regardless = true,
                                     .unreached = echo_unreached,
                                     .wake = echo_wake,
                                     .stop = echo_stop};

bool echo_next(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns,
               struct traffic_datagram *datagram)
{
    struct echo *echo = &stream->echo;
    skip_stale(traffic, stream, now_ns);
    if (echo->next == echo->head ||
        entry_of(stream, echo->next)->request.due_ns > now_ns + traffic->ahead_ns)
        return false;
    uint64_t number = echo->next++;
    struct echo_entry *entry = entry_of(stream, number);
    const struct traffic_flow *flow = flow_of(traffic, stream, entry);
    entry->state = ECHO_HANDED;
    traffic->waiting--;
    *datagram =
        (struct traffic_datagram){.tuple = &echo->flows[entry->flow].tuple,
                                  .group = flow_group(traffic, flow),
                                  .stream = flow->stream,
                                  .l4_bytes = (uint16_t)(HEADER_BYTES + stream->config.size_bytes),
                                  .due_ns = entry->request.due_ns,
                                  .number = number};
    return true;
}

uint64_t echo_fill(const struct traffic *traffic, const struct traffic_datagram *datagram,
                   uint64_t now_ns, uint8_t *l4)
{
    const struct traffic_stream *stream = &traffic->streams[datagram->stream];
    const struct tuple *tuple = datagram->tuple;
    const uint32_t zeros = datagram->l4_bytes - HEADER_BYTES - MARK_ECHO_BYTES;
    const struct mark mark = {.kind = MARK_ECHO,
                              .run = stream->echo.run,
                              .worker = traffic->worker,
                              .stream = datagram->stream,
                              .sequence = datagram->number / stream->flow_count,
                              .flow = entry_of(stream, datagram->number)->flow,
                              .sent_ns = now_ns};
    uint64_t header = (uint64_t)tuple->local_port << 48 | (uint64_t)tuple->remote_port << 32 |
                      (uint64_t)datagram->l4_bytes << 16;
    if (tuple->protocol != IPPROTO_UDP) {
        const bool v4 = tuple->protocol == IPPROTO_ICMP;
        header = (uint64_t)(v4 ? ICMP_V4_ECHO : ICMP_V6_ECHO) << 56 |
                 (uint64_t)tuple->local_port << 16 | (uint16_t)mark.sequence;
    }
    memset(l4 + HEADER_BYTES, 0, zeros);
    const uint64_t sum = mark_write(&mark, l4 + HEADER_BYTES + zeros);
    /* At an odd place all its bytes are in the other half of their words. */
    return checksum_put64(l4, header) + (zeros % 2 == 0 ? sum : sum << 8);
}

void echo_sent(struct traffic *traffic, const struct traffic_datagram *datagram, uint64_t sent_ns)
{
    struct traffic_stream *stream = &traffic->streams[datagram->stream];
    struct echo_entry *entry = entry_of(stream, datagram->number);
    if (datagram->number < stream->echo.tail || entry->state != ECHO_HANDED)
        return; /* The stream was stopped in between. */
    entry->state = ECHO_SENT;
    entry->request.sent_ns = sent_ns;
    traffic_count_sent(traffic, &entry->request);
    set_timer(traffic, stream);
}

void echo_refused(struct traffic *traffic, const struct traffic_datagram *datagram,
                  enum unsent_reason reason, uint64_t now_ns)
{
    struct traffic_stream *stream = &traffic->streams[datagram->stream];
    struct echo_entry *entry = entry_of(stream, datagram->number);
    if (reason != UNSENT_NONE)
        unsent(traffic, stream, entry, reason, now_ns);
    else
        decide(traffic, stream, entry, (struct conn_ending){CONNECTION_ICMP, OUTCOME_UNREACHABLE},
               now_ns);
}

static uint32_t table_place(const struct traffic *traffic, const struct address *local,
                            uint16_t local_port)
{
    uint64_t key = (uint64_t)wire_get32(local->bytes + 12) << 16 | local_port;
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (traffic->echo_places - 1);
}

bool echo_answer(struct traffic *traffic, const struct tuple *tuple, const uint8_t *l4,
                 uint32_t bytes, uint64_t now_ns)
{
    const struct traffic_flow *flow = flow_to(traffic, tuple);
    if (flow != NULL)
        take_answer(traffic, flow, l4, bytes, now_ns);
    return flow != NULL;
}

bool echo_error(struct traffic *traffic, const struct icmp_error *error, uint64_t now_ns)
{
    const struct traffic_flow *flow = flow_to(traffic, &error->quoted);
    if (flow != NULL)
        take_error(traffic, flow, error, now_ns);
    return flow != NULL;
}

/* The running flow that TUPLE is of; NULL: none. */
static inline const struct traffic_flow *flow_to(const struct traffic *traffic,
                                                 const struct tuple *tuple)
{
    if (traffic->echo_places == 0)
        return NULL;
    uint32_t place = table_place(traffic, &tuple->local, tuple->local_port);
    for (; traffic->echo_table[place] != 0; place = (place + 1) & (traffic->echo_places - 1)) {
        const uint32_t index = traffic->echo_table[place] - 1;
        const struct traffic_flow *flow = &traffic->flows[index];
        const struct traffic_stream *stream = &traffic->streams[flow->stream];
        const struct echo_flow *ends = &stream->echo.flows[index - stream->flow_base];
        if (ends->bound && tuple_equal(&ends->tuple, tuple))
            return flow;
    }
    return NULL;
}

static inline void take_answer(struct traffic *traffic, const struct traffic_flow *flow,
                               const uint8_t *l4, uint32_t bytes, uint64_t now_ns)
{
    struct traffic_stream *stream = stream_of(traffic, flow);
    const uint32_t index = index_of(traffic, flow);
    struct echo_flow *ends = &stream->echo.flows[index];
    struct mark mark;
    uint64_t number;
    if (!marked(flow, index, l4, bytes, &mark)) {
        if (oldest_open(stream, index, &number))
            decide(traffic, stream, entry_of(stream, number),
                   (struct conn_ending){CONNECTION_BAD_ANSWER, OUTCOME_BAD_ANSWER}, now_ns);
        else
            count(traffic, flow, DATAGRAM_STRANGERS);
        return;
    }
    if (mark.run != stream->echo.run || !was_sent(stream, &mark, &number)) {
        count(traffic, flow, DATAGRAM_STRANGERS);
        return;
    }
    if (!arrived(traffic, flow, ends, mark.sequence))
        return;
    struct echo_entry *entry = entry_of(stream, number);
    if (number < stream->echo.tail || entry->state != ECHO_SENT)
        count(traffic, flow, DATAGRAM_OVERDUE);
    else if (bytes != HEADER_BYTES + stream->config.size_bytes)
        decide(traffic, stream, entry,
               (struct conn_ending){CONNECTION_BAD_ANSWER, OUTCOME_BAD_ANSWER}, now_ns);
    else
        answered(traffic, stream, ends, entry, l4 + HEADER_BYTES, now_ns);
}

static void take_error(struct traffic *traffic, const struct traffic_flow *flow,
                       const struct icmp_error *error, uint64_t now_ns)
{
    struct traffic_stream *stream = stream_of(traffic, flow);
    struct conn_ending ending = {CONNECTION_ICMP, OUTCOME_UNREACHABLE};
    struct mark mark;
    uint64_t number;
    const uint32_t index = index_of(traffic, flow);
    bool quoted = error->quoted_bytes == HEADER_BYTES + stream->config.size_bytes &&
                  marked(flow, index, error->quoted_l4, error->quoted_bytes, &mark) &&
                  mark.run == stream->echo.run;
    bool known = quoted ? was_sent(stream, &mark, &number) : oldest_open(stream, index, &number);
    if (error->kind == ICMP_PORT_UNREACHABLE)
        ending = (struct conn_ending){CONNECTION_REFUSED, OUTCOME_REFUSED};
    if (!known || number < stream->echo.tail || entry_of(stream, number)->state != ECHO_SENT)
        count(traffic, flow, DATAGRAM_STRANGERS);
    else
        decide(traffic, stream, entry_of(stream, number), ending, now_ns);
}

/* Not a port that servers do not answer. Their run is short: a few tries are enough. */
static uint32_t take_end(const struct target *target, uint64_t now_ns, struct tuple *tuple)
{
    struct ports *ports = &target->sweep->ports;
    for (unsigned i = 0; i < TRAFFIC_TUPLE_TRIES; i++) {
        uint32_t slot = ports_take(ports, now_ns, tuple);
        bool wrong = answering_port(tuple->local_port) || tuple->local_port == target->port;
        if (slot == PORTS_NONE || !wrong)
            return slot;
        ports_release(ports, slot, now_ns);
    }
    return PORTS_NONE;
}

/* Its client end is free before the stream stops only if there was none: its requests are unsent
 * then. */
static void bind_flow(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    const struct traffic_stream *stream = stream_of(traffic, flow);
    struct echo_flow *ends = &stream->echo.flows[index_of(traffic, flow)];
    const struct target *target = flow_target(traffic, flow);
    bool v4 = address_is_v4(&target->address);
    uint8_t icmp = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    ends->tuple = (struct tuple){
        .remote = target->address,
        .remote_port = target->port,
        .protocol = stream->config.protocol == TRAFFIC_UDP ? (uint8_t)IPPROTO_UDP : icmp};
    ends->name = 0;
    ends->largest_rtt_ns = 0;
    ends->oldest = stream->echo.head;
    ends->port_slot = take_end(target, now_ns, &ends->tuple);
    ends->bound = ends->port_slot != PORTS_NONE;
    if (!ends->bound)
        return;
    uint32_t place = table_place(traffic, &ends->tuple.local, ends->tuple.local_port);
    while (traffic->echo_table[place] != 0)
        place = (place + 1) & (traffic->echo_places - 1);
    traffic->echo_table[place] = (uint32_t)(flow - traffic->flows) + 1;
}

/* Those behind it in its run move up, lest they are no longer found. */
static void unbind_flow(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    struct echo_flow *ends = &stream_of(traffic, flow)->echo.flows[index_of(traffic, flow)];
    uint32_t *table = traffic->echo_table, mask = traffic->echo_places - 1;
    if (!ends->bound)
        return;
    ends->bound = false;
    ports_release(&flow_target(traffic, flow)->sweep->ports, ends->port_slot, now_ns);
    uint32_t hole = table_place(traffic, &ends->tuple.local, ends->tuple.local_port);
    while (table[hole] != (uint32_t)(flow - traffic->flows) + 1)
        hole = (hole + 1) & mask;
    table[hole] = 0;
    for (uint32_t at = (hole + 1) & mask; table[at] != 0; at = (at + 1) & mask) {
        struct traffic_flow *other = &traffic->flows[table[at] - 1];
        const struct tuple *tuple =
            &stream_of(traffic, other)->echo.flows[index_of(traffic, other)].tuple;
        uint32_t home = table_place(traffic, &tuple->local, tuple->local_port);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        table[hole] = table[at];
        table[at] = 0;
        hole = at;
    }
}

/* Requests that found no room at the port for too long are not sent any more. Deciding one moves
 * `next` on, too, when nothing before it is open. */
static inline void skip_stale(struct traffic *traffic, struct traffic_stream *stream,
                              uint64_t now_ns)
{
    struct echo *echo = &stream->echo;
    while (echo->next != echo->head) {
        struct echo_entry *entry = entry_of(stream, echo->next);
        if (entry->state != ECHO_WAITING)
            echo->next++;
        else if (now_ns > entry->request.due_ns &&
                 now_ns - entry->request.due_ns > stream->unsent_after_ns)
            unsent(traffic, stream, entry, UNSENT_TX_FULL, now_ns);
        else
            return;
    }
}

static void unsent(struct traffic *traffic, struct traffic_stream *stream, struct echo_entry *entry,
                   enum unsent_reason reason, uint64_t now_ns)
{
    entry->request.reason = (uint8_t)reason;
    decide(traffic, stream, entry, (struct conn_ending){CONNECTION_UNSENT, OUTCOME_UNSENT}, now_ns);
}

static void decide(struct traffic *traffic, struct traffic_stream *stream, struct echo_entry *entry,
                   struct conn_ending ending, uint64_t now_ns)
{
    struct record_request *request = &entry->request;
    bool by_arrival = ending.end != CONNECTION_SILENCE && ending.end != CONNECTION_UNFINISHED;
    traffic->waiting -= entry->state == ECHO_WAITING;
    entry->state = ECHO_DECIDED;
    entry->end = (uint8_t)ending.end;
    request->done_ns = by_arrival ? traffic_arrival_ns(traffic, now_ns, request->sent_ns) : now_ns;
    request->outcome = (uint8_t)ending.outcome;
    request->arrival_uncertainty_ns =
        by_arrival ? conn_saturate(traffic->uncertainty_ns - (now_ns - request->done_ns)) : 0;
    flow_request_done(traffic, flow_of(traffic, stream, entry), request);
    settle(traffic, stream);
}

static void settle(struct traffic *traffic, struct traffic_stream *stream)
{
    struct echo *echo = &stream->echo;
    for (; echo->tail != echo->head; echo->tail++) {
        const struct echo_entry *entry = entry_of(stream, echo->tail);
        if (entry->state != ECHO_DECIDED)
            break;
        flow_settle(traffic, flow_of(traffic, stream, entry), &entry->request, entry->end,
                    echo->flows[entry->flow].largest_rtt_ns);
    }
    if (echo->next < echo->tail)
        echo->next = echo->tail;
}

static void set_timer(struct traffic *traffic, struct traffic_stream *stream)
{
    struct wheel_timer *timer = &stream->echo.timer.wheel;
    const struct echo_entry *oldest = entry_of(stream, stream->echo.tail);
    if (!wheel_is_set(timer) && stream->echo.tail != stream->echo.next &&
        oldest->state == ECHO_SENT)
        wheel_set(&traffic->wheel, timer, oldest->request.sent_ns + stream->config.timeout_ns);
}

/* True for the first answer to the flow's request SEQUENCE. */
static bool arrived(struct traffic *traffic, const struct traffic_flow *flow,
                    struct echo_flow *ends, uint64_t sequence)
{
    uint32_t extent = 0;
    switch (sequence_arrive(&ends->sequence, sequence, &extent)) {
    case SEQUENCE_IN_ORDER: return true;
    case SEQUENCE_REORDERED:
        count(traffic, flow, DATAGRAM_REORDERED);
        record_count_raise(&traffic_counters(traffic, flow->stream)->reorder_extent, extent);
        return true;
    case SEQUENCE_DUPLICATE: count(traffic, flow, DATAGRAM_DUPLICATES); return false;
    case SEQUENCE_OLD: count(traffic, flow, DATAGRAM_OLD); return false;
    }
    return false;
}

static void answered(struct traffic *traffic, struct traffic_stream *stream, struct echo_flow *ends,
                     struct echo_entry *entry, const uint8_t *payload, uint64_t now_ns)
{
    struct record_request *request = &entry->request;
    struct conn_ending ending = {CONNECTION_BAD_ANSWER, OUTCOME_BAD_ANSWER};
    const uint32_t bytes = stream->config.size_bytes - MARK_ECHO_BYTES;
    if (is_named(payload, bytes, name_at(&traffic->names, ends->name)) ||
        learn_name(traffic, payload, bytes, &ends->name)) {
        request->done_ns = traffic_arrival_ns(traffic, now_ns, request->sent_ns);
        request->first_byte_ns = request->done_ns;
        uint64_t rtt_ns = request->done_ns - request->sent_ns;
        request->host = name_at(&traffic->names, ends->name)->host;
        if (rtt_ns > ends->largest_rtt_ns)
            ends->largest_rtt_ns = conn_saturate(rtt_ns);
        ending = (struct conn_ending){CONNECTION_DONE, conn_good_outcome(stream, request)};
    }
    decide(traffic, stream, entry, ending, now_ns);
}

/* BYTES of PAYLOAD are NAME, which has zeros behind it, and zeros: mostly the name that came
 * before, or none. */
static bool is_named(const uint8_t *payload, uint32_t bytes, const struct name *name)
{
    uint32_t limit = bytes < NAME_BYTES ? bytes : NAME_BYTES;
    return name->count <= limit && memcmp(payload, name->bytes, limit) == 0 &&
           (bytes == limit || is_zero(payload + limit, bytes - limit));
}

static bool is_zero(const uint8_t *bytes, uint32_t count)
{
    uint64_t any = 0, word;
    for (; count >= 8; count -= 8, bytes += 8) {
        memcpy(&word, bytes, sizeof(word));
        any |= word;
    }
    for (uint32_t i = 0; i < count; i++)
        any |= bytes[i];
    return any == 0;
}

/* The server has another name than before. False: what it wrote is none. */
static bool learn_name(struct traffic *traffic, const uint8_t *payload, uint32_t bytes,
                       uint16_t *name)
{
    uint32_t limit = bytes < NAME_BYTES ? bytes : NAME_BYTES, end = 0;
    while (end < limit && payload[end] != 0)
        end++;
    if (!is_zero(payload + end, bytes - end))
        return false;
    *name = name_id(&traffic->names, payload, end);
    return true;
}

/* An index that only rises: each request is passed once. */
static bool oldest_open(const struct traffic_stream *stream, uint32_t index, uint64_t *number)
{
    const struct echo *echo = &stream->echo;
    struct echo_flow *ends = &echo->flows[index];
    uint64_t at = ends->oldest > echo->tail ? ends->oldest : echo->tail;
    at += (index + stream->flow_count - at % stream->flow_count) % stream->flow_count;
    while (at < echo->next && entry_of(stream, at)->state == ECHO_DECIDED)
        at += stream->flow_count;
    ends->oldest = at;
    *number = at;
    return at < echo->next && entry_of(stream, at)->state == ECHO_SENT;
}

/* It ends by a mark of FLOW, the INDEX-th of its stream. */
static bool marked(const struct traffic_flow *flow, uint32_t index, const uint8_t *l4,
                   uint32_t bytes, struct mark *mark)
{
    return bytes >= HEADER_BYTES + MARK_ECHO_BYTES &&
           mark_read(l4 + bytes - MARK_ECHO_BYTES, MARK_ECHO, mark) &&
           mark->stream == flow->stream && mark->flow == index;
}

/* What is beyond the numbers in use was forged. */
static bool was_sent(const struct traffic_stream *stream, const struct mark *mark, uint64_t *number)
{
    if (mark->sequence > stream->echo.next) /* Nor does the product overflow then. */
        return false;
    *number = mark->sequence * stream->flow_count + mark->flow;
    return *number < stream->echo.next;
}
