#include "record/record.h"

const char *const record_type_name[RECORD_TYPE_COUNT] = {
    [RECORD_REQUESTS] = "requests", [RECORD_CONNECTIONS] = "connections",
    [RECORD_OUTAGES] = "outages",   [RECORD_SEGMENTS] = "segments",
    [RECORD_HOSTS] = "hosts",       [RECORD_FAULTS] = "faults",
    [RECORD_DUES] = "dues",         [RECORD_FOLDS] = "folds",
};

const uint32_t record_type_bytes[RECORD_TYPE_COUNT] = {
    [RECORD_REQUESTS] = sizeof(struct record_request),
    [RECORD_CONNECTIONS] = sizeof(struct record_connection),
    [RECORD_OUTAGES] = sizeof(struct record_outage),
    [RECORD_SEGMENTS] = sizeof(struct record_segment),
    [RECORD_HOSTS] = sizeof(struct record_host),
    [RECORD_FAULTS] = sizeof(struct record_fault),
    [RECORD_DUES] = sizeof(struct record_dues),
    [RECORD_FOLDS] = sizeof(struct record_fold),
};

enum {
    TIDY_FOLDS = 64 /* Ended with each request at most, once a second. */
};

/* RECORD_BYTES are those of the log: a constant, where the caller knows them, makes this a few
 * moves. */
static inline bool append(struct record_log *log, const void *bytes, uint32_t record_bytes)
{
    uint64_t count = atomic_load_explicit(&log->count, memory_order_relaxed);
    if (count == log->free_until) {
        log->free_until = atomic_load_explicit(&log->taken, memory_order_acquire) + log->capacity;
        if (count == log->free_until) {
            record_count_add(&log->refused, 1);
            return false;
        }
    }
    memcpy(log->records + log->place * record_bytes, bytes, record_bytes);
    log->place = log->place + 1 == log->capacity ? 0 : log->place + 1;
    atomic_store_explicit(&log->count, count + 1, memory_order_release);
    return true;
}

bool record_append(struct record *record, enum record_type type, const void *bytes)
{
    struct record_log *log = &record->logs[type];
    return append(log, bytes, log->record_bytes);
}

static void append_request(struct record *record, const struct record_request *request)
{
    append(&record->logs[RECORD_REQUESTS], request, sizeof(*request));
}

static void add_due(struct record *record, struct record_stream *stream, uint64_t due_ns)
{
    struct record_dues chunk;
    if (dues_add(&stream->dues, due_ns, &chunk))
        record_append(record, RECORD_DUES, &chunk);
}

/* Where it has its place in the run of its flow. */
static struct fold_place add_fold(struct record *record, const struct record_request *request)
{
    struct record_fold ended;
    struct fold_place place;
    if (folds_add(record->folds, request, &ended, &place))
        record_append(record, RECORD_FOLDS, &ended);
    return place;
}

static void add_latencies(struct record *record, struct record_stream *stream,
                          const struct record_request *request)
{
    struct histogram *latencies = intervals_at(&stream->intervals, request->done_ns)->latencies;
    bool plain = request->outcome == OUTCOME_OK;
    histogram_add(&latencies[INTERVAL_FROM_DUE], request->done_ns - request->due_ns);
    histogram_add(&latencies[plain ? INTERVAL_PLAIN : INTERVAL_FROM_SENT],
                  request->done_ns - request->sent_ns);
    if (request->host == 0 || request->host > record->logs[RECORD_HOSTS].capacity)
        return;
    struct record_answers *answers = &stream->answers[request->host - 1];
    if (record_count_read(&answers->count) == 0)
        atomic_store_explicit(&answers->first_ns, request->done_ns, memory_order_relaxed);
    atomic_store_explicit(&answers->last_ns, request->done_ns, memory_order_relaxed);
    record_count_add(&answers->count, 1);
}

/* UNTIL: good ones to pass before the next is taken. */
static bool is_sampled(const struct record_keep *keep, uint32_t *until)
{
    if (keep->mode == RECORD_MODE_FULL)
        return true;
    if (keep->mode == RECORD_MODE_FAILURES || (*until)-- > 0)
        return false;
    *until = keep->one_in - 1;
    return true;
}

/* True: no run is under way any more. */
static bool end_folds(struct record *record, unsigned most)
{
    struct record_fold ended;
    for (unsigned i = 0; i < most; i++) {
        if (!folds_end(record->folds, &ended))
            return true;
        record_append(record, RECORD_FOLDS, &ended);
    }
    return false;
}

static void finish_dues(struct record *record)
{
    struct record_dues chunk;
    for (uint32_t i = 0; i < record->stream_count; i++)
        while (dues_finish(&record->streams[i].dues, &chunk))
            record_append(record, RECORD_DUES, &chunk);
}

/* What is under way would be lost with a killed run: once a second it is published. Folds a few at
 * a time, for a long loop would hold the worker up; bins when no fold is left, for what is in a bin
 * and in no fold counts as ok. */
static void tidy(struct record *record, uint64_t now_ns)
{
    if (record->tidy_ns == 0)
        record->tidy_ns = now_ns + INTERVAL_NS;
    if (now_ns < record->tidy_ns || !end_folds(record, TIDY_FOLDS))
        return;
    finish_dues(record);
    record->tidy_ns = now_ns + INTERVAL_NS;
}

void record_request_done(struct record *record, const struct record_request *request)
{
    assert(request->stream < record->stream_count);
    assert(request->outcome < OUTCOME_COUNT);
    struct record_stream *stream = &record->streams[request->stream];
    bool good = outcome_is_good(request->outcome);
    record_count_add(&stream->counters.due, 1);
    record_count_add(&stream->counters.outcomes[request->outcome], 1);
    struct fold_place place = {.due_ns = request->due_ns};
    if (request->outcome != OUTCOME_OK) {
        place = add_fold(record, request);
        atomic_store_explicit(&stream->counters.wrong_due_ns, request->due_ns,
                              memory_order_relaxed);
    }
    add_due(record, stream, place.due_ns);
    if (request->sent_ns != 0 && request->sent_ns >= request->due_ns)
        intervals_add(&stream->intervals, INTERVAL_SEND_LAG, request->done_ns,
                      request->sent_ns - request->due_ns);
    if (good)
        add_latencies(record, stream, request);
    if (good ? is_sampled(&stream->keep, &stream->request_until)
             : place.began || stream->keep.mode == RECORD_MODE_FULL)
        append_request(record, request);
    if (request->done_ns >= record->tidy_ns)
        tidy(record, request->done_ns);
}

void record_keep(struct record *record, const struct record_request *request)
{
    if (record->streams[request->stream].keep.mode != RECORD_MODE_FULL)
        record_append(record, RECORD_REQUESTS, request);
}

void record_connection_done(struct record *record, const struct record_connection *connection)
{
    struct record_stream *stream = &record->streams[connection->stream];
    bool done = connection->end == CONNECTION_DONE;
    record_count_add(&stream->counters.done, done);
    if (!done || is_sampled(&stream->keep, &stream->connection_until))
        append(&record->logs[RECORD_CONNECTIONS], connection, sizeof(*connection));
}

void record_connect_time(struct record *record, uint32_t stream, uint64_t now_ns, uint64_t value_ns)
{
    intervals_add(&record->streams[stream].intervals, INTERVAL_CONNECT, now_ns, value_ns);
}

void record_secure_time(struct record *record, uint32_t stream, uint64_t now_ns, uint64_t value_ns)
{
    intervals_add(&record->streams[stream].intervals, INTERVAL_SECURE, now_ns, value_ns);
}

void record_finish(struct record *record)
{
    while (!end_folds(record, FOLD_SLOTS))
        continue;
    finish_dues(record);
    for (uint32_t i = 0; i < record->stream_count; i++)
        intervals_finish(&record->streams[i].intervals);
}

void record_requests_done(struct record *record, uint32_t stream, enum outcome outcome,
                          uint32_t count)
{
    assert(stream < record->stream_count);
    assert(outcome < OUTCOME_COUNT && !outcome_is_good(outcome));
    struct record_counters *counters = &record->streams[stream].counters;
    record_count_add(&counters->due, count);
    record_count_add(&counters->outcomes[outcome], count);
}

/* 24 bits count and 8 name the worker: after 16 million connections ids begin again. */
uint32_t record_new_connection_id(struct record *record)
{
    record->next_connection = (record->next_connection + 1) & 0xffffff;
    if (record->next_connection == 0)
        record->next_connection = 1;
    return record->worker << 24 | record->next_connection;
}

static struct record_host clean_host(const char *name, uint32_t size)
{
    struct record_host host = {0};
    if (size > sizeof(host.name) - 1)
        size = sizeof(host.name) - 1;
    for (uint32_t i = 0; i < size; i++)
        host.name[i] = name[i] > ' ' && name[i] <= '~' ? name[i] : '?';
    return host;
}

uint16_t record_host_id(struct record *record, const char *name, uint32_t size)
{
    if (size == 0)
        return 0;
    struct record_host host = clean_host(name, size);
    const struct record_host *hosts =
        (const struct record_host *)record->logs[RECORD_HOSTS].records;
    uint64_t count = record_count(record, RECORD_HOSTS);
    for (uint64_t i = 0; i < count; i++)
        if (memcmp(&hosts[i], &host, sizeof(host)) == 0)
            return (uint16_t)(i + 1);
    return record_append(record, RECORD_HOSTS, &host) ? (uint16_t)(count + 1) : 0;
}

uint64_t record_count(const struct record *record, enum record_type type)
{
    return atomic_load_explicit(&record->logs[type].count, memory_order_acquire);
}

const void *record_at(const struct record *record, enum record_type type, uint64_t index)
{
    const struct record_log *log = &record->logs[type];
    assert(index < record_count(record, type));
    return log->records + index % log->capacity * log->record_bytes;
}

uint64_t record_stretch(const struct record *record, enum record_type type, uint64_t index)
{
    const struct record_log *log = &record->logs[type];
    return log->capacity - index % log->capacity;
}

void record_take(struct record *record, enum record_type type, uint64_t count)
{
    assert(type != RECORD_HOSTS);
    atomic_store_explicit(&record->logs[type].taken, count, memory_order_release);
}

bool record_sums_hold(const struct record *record)
{
    for (uint32_t i = 0; i < record->stream_count; i++) {
        const struct record_counters *counters = &record->streams[i].counters;
        uint64_t sum = 0;
        for (unsigned o = 0; o < OUTCOME_COUNT; o++)
            sum += record_count_read(&counters->outcomes[o]);
        if (sum != record_count_read(&counters->due))
            return false;
    }
    return true;
}
