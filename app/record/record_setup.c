#include "record/record.h"

#include <stdlib.h>

/* Enough for a short run at low rates; run/ asks for what its plan needs. */
static const uint64_t default_capacity[RECORD_TYPE_COUNT] = {
    [RECORD_REQUESTS] = 1 << 17, [RECORD_CONNECTIONS] = 1 << 14, [RECORD_OUTAGES] = 1 << 14,
    [RECORD_SEGMENTS] = 1 << 14, [RECORD_HOSTS] = 1 << 10,       [RECORD_FAULTS] = 1 << 16,
    [RECORD_DUES] = 1 << 15,     [RECORD_FOLDS] = 1 << 15,
};

/* Pages are written once here: a page fault on the worker would be a stall of its own. */
static void *take(uint64_t size)
{
    void *memory = NULL;
    size = (size + 63) / 64 * 64;
    if (posix_memalign(&memory, 64, size) != 0)
        return NULL;
    return memset(memory, 0, size);
}

static bool take_logs(struct record *record, const struct record_config *config)
{
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++) {
        struct record_log *log = &record->logs[type];
        log->capacity = config->capacity[type];
        if (log->capacity == 0)
            log->capacity = default_capacity[type];
        if (type == RECORD_HOSTS && log->capacity > UINT16_MAX)
            log->capacity = UINT16_MAX;
        log->record_bytes = record_type_bytes[type];
        if (log->capacity > (uint64_t)1 << 40)
            return false;
        log->records = take(log->capacity * log->record_bytes);
        if (log->records == NULL)
            return false;
        log->free_until = log->capacity;
    }
    return true;
}

static bool take_streams(struct record *record, const struct record_config *config)
{
    record->streams = take(config->stream_count * sizeof(*record->streams));
    if (record->streams == NULL)
        return false;
    uint64_t hosts = record->logs[RECORD_HOSTS].capacity;
    for (uint32_t i = 0; i < config->stream_count; i++) {
        struct record_stream *stream = &record->streams[i];
        assert(config->keep[i].mode != RECORD_MODE_SAMPLED || config->keep[i].one_in > 0);
        stream->keep = config->keep[i];
        stream->dues.chunk.stream = (uint8_t)i;
        intervals_clear(&stream->intervals);
        stream->answers = take(hosts * sizeof(*stream->answers));
        if (stream->answers == NULL)
            return false;
    }
    return true;
}

struct record *record_setup(const struct record_config *config)
{
    assert(config->stream_count > 0 && config->stream_count <= RECORD_STREAMS);
    struct record *record = take(sizeof(*record));
    if (record == NULL)
        return NULL;
    record->worker = config->worker;
    record->stream_count = config->stream_count;
    record->folds = take(sizeof(*record->folds));
    if (record->folds == NULL || !take_logs(record, config) || !take_streams(record, config)) {
        record_free(record);
        return NULL;
    }
    return record;
}

void record_free(struct record *record)
{
    if (record == NULL)
        return;
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        free(record->logs[type].records);
    for (uint32_t i = 0; record->streams != NULL && i < record->stream_count; i++)
        free(record->streams[i].answers);
    free(record->streams);
    free(record->folds);
    free(record);
}
