#include "record/record.h"

const char *const record_type_name[RECORD_TYPE_COUNT] = {
    [RECORD_REQUESTS] = "requests", [RECORD_CONNECTIONS] = "connections",
    [RECORD_OUTAGES] = "outages",   [RECORD_SEGMENTS] = "segments",
    [RECORD_HOSTS] = "hosts",       [RECORD_FAULTS] = "faults",
};

const uint32_t record_type_bytes[RECORD_TYPE_COUNT] = {
    [RECORD_REQUESTS] = sizeof(struct record_request),
    [RECORD_CONNECTIONS] = sizeof(struct record_connection),
    [RECORD_OUTAGES] = sizeof(struct record_outage),
    [RECORD_SEGMENTS] = sizeof(struct record_segment),
    [RECORD_HOSTS] = sizeof(struct record_host),
    [RECORD_FAULTS] = sizeof(struct record_fault),
};

bool record_append(struct record *record, enum record_type type, const void *bytes)
{
    struct record_log *log = &record->logs[type];
    uint64_t count = atomic_load_explicit(&log->count, memory_order_relaxed);
    if (count == log->capacity) {
        record_count_add(&log->refused, 1);
        return false;
    }
    memcpy(log->records + count * log->record_bytes, bytes, log->record_bytes);
    atomic_store_explicit(&log->count, count + 1, memory_order_release);
    return true;
}

void record_request_done(struct record *record, const struct record_request *request)
{
    assert(request->stream < record->stream_count);
    assert(request->outcome < OUTCOME_COUNT);
    struct record_stream *stream = &record->streams[request->stream];
    record_count_add(&stream->counters.due, 1);
    record_count_add(&stream->counters.outcomes[request->outcome], 1);
    if (request->sent_ns != 0 && request->sent_ns >= request->due_ns)
        histogram_add(&stream->send_lag, request->sent_ns - request->due_ns);
    if (outcome_is_good(request->outcome)) {
        histogram_add(&stream->latency_from_due, request->done_ns - request->due_ns);
        histogram_add(&stream->latency_from_sent, request->done_ns - request->sent_ns);
    }
    record_append(record, RECORD_REQUESTS, request);
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
    return log->records + index * log->record_bytes;
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
