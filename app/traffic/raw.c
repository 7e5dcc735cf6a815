#include "traffic/raw.h"

static void raw_start(struct traffic *traffic, struct traffic_stream *stream, uint64_t start_ns)
{
    (void)traffic;
    stream->opened = stream->flow_count;
    schedule_start(&stream->schedule, start_ns);
}

/* The last frames are still under way. */
static bool raw_stop(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns)
{
    stream->lingers = true;
    wheel_set(&traffic->wheel, &traffic->flows[stream->flow_base].timer.wheel,
              now_ns + stream->config.timeout_ns);
    return true;
}

static void raw_wake(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    struct traffic_stream *stream = &traffic->streams[flow->stream];
    stream->lingers = false;
    traffic_drained(traffic, stream, now_ns);
}

/* What was not reached was not due: it waited for room only. */
const struct pattern raw_pattern = {.start = raw_start, .wake = raw_wake, .stop = raw_stop};

void raw_take(struct traffic *traffic, struct traffic_stream *stream, uint16_t max, uint64_t now_ns,
              struct traffic_frames *frames)
{
    struct schedule *schedule = &stream->schedule;
    uint32_t slot, stale = 0;
    uint64_t due_ns;
    *frames =
        (struct traffic_frames){.tuple = &stream->raw.tuple,
                                .mac = stream->config.raw.has_mac ? stream->config.raw.mac : NULL,
                                .group = stream->config.targets[0].group,
                                .stream = (uint8_t)(stream - traffic->streams)};
    if (stream->config.law.arrivals == LAW_MAXIMUM) {
        frames->count = schedule_is_due(schedule, now_ns) ? max : 0;
        return;
    }
    while (frames->count < max && stale < TRAFFIC_SLOTS_A_TURN &&
           schedule_take(schedule, now_ns, &slot, &due_ns)) {
        if (now_ns - due_ns <= stream->unsent_after_ns)
            frames->count++;
        else
            stale++;
    }
    if (stale > 0)
        record_requests_done(traffic->record, frames->stream, OUTCOME_UNSENT, stale);
}

void raw_fill(struct traffic *traffic, const struct traffic_frames *frames, const uint8_t to[6],
              const uint8_t from[6], uint8_t *const at[], uint16_t bytes[], uint64_t now_ns)
{
    struct traffic_stream *stream = &traffic->streams[frames->stream];
    template_ethernet(stream->raw.template, to, from);
    template_fill(stream->raw.template, at, bytes, frames->count);
    if (traffic->board != NULL)
        atomic_store_explicit(&traffic->board->workers[traffic->worker].streams[frames->stream],
                              stream->raw.template->sequence, memory_order_release);
    record_requests_done(traffic->record, frames->stream, OUTCOME_SENT, frames->count);
    record_count_add(&traffic_counters(traffic, frames->stream)->sent, frames->count);
    if (!stream->steady_told && now_ns >= stream->steady_since_ns + traffic->steady_ns) {
        stream->steady_told = true;
        traffic_tell(traffic, frames->stream, TRAFFIC_REPORT_STEADY, now_ns);
    }
}

/* The sender's line is read only for a number beyond what was read of it before. */
static bool was_sent(const struct traffic *traffic, const struct raw *raw, const struct mark *mark)
{
    uint64_t *reached = &raw->reached[mark->worker];
    if (mark->sequence < *reached)
        return true;
    if (mark->worker == traffic->worker)
        *reached = raw->template->sequence;
    else if (traffic->board != NULL)
        *reached = atomic_load_explicit(
            &traffic->board->workers[mark->worker].streams[mark->stream], memory_order_acquire);
    return mark->sequence < *reached;
}

bool raw_arrived(struct traffic *traffic, const uint8_t *l4, uint32_t bytes)
{
    struct mark mark;
    if (bytes < RAW_MARK_AT + MARK_RAW_BYTES || !mark_read(l4 + RAW_MARK_AT, MARK_RAW, &mark) ||
        mark.stream >= traffic->stream_count || mark.worker >= TRAFFIC_SENDERS)
        return false;
    const struct raw *raw = &traffic->streams[mark.stream].raw;
    if (raw->template == NULL || mark.run != raw->run)
        return false;
    struct record_counters *counters = traffic_counters(traffic, mark.stream);
    struct sequence *sequence = &raw->senders[mark.worker];
    uint32_t extent = 0;
    if (!was_sent(traffic, raw, &mark)) {
        record_count_add(&counters->datagrams[DATAGRAM_STRANGERS], 1);
        return true;
    }
    switch (sequence_arrive(sequence, mark.sequence, &extent)) {
    case SEQUENCE_IN_ORDER: record_count_add(&counters->received, 1); break;
    case SEQUENCE_REORDERED:
        record_count_add(&counters->received, 1);
        record_count_add(&counters->datagrams[DATAGRAM_REORDERED], 1);
        record_count_raise(&counters->reorder_extent, extent);
        break;
    case SEQUENCE_DUPLICATE: record_count_add(&counters->datagrams[DATAGRAM_DUPLICATES], 1); break;
    case SEQUENCE_OLD: record_count_add(&counters->datagrams[DATAGRAM_OLD], 1); break;
    }
    return true;
}
