/* The door of traffic for what has no connection. */
#include "traffic/echo.h"
#include "traffic/raw.h"
#include "traffic/traffic_priv.h"

bool traffic_datagrams_wait(const struct traffic *traffic)
{
    return traffic->waiting != 0;
}

/* Streams take turns, so that a fast one does not hold up the others. */
bool traffic_datagram(struct traffic *traffic, uint64_t now_ns, struct traffic_datagram *datagram)
{
    for (uint32_t i = 0; traffic->waiting != 0 && i < traffic->stream_count; i++) {
        struct traffic_stream *stream = &traffic->streams[traffic->next_datagrams];
        if (++traffic->next_datagrams == traffic->stream_count)
            traffic->next_datagrams = 0;
        if (stream->config.pattern == TRAFFIC_ECHO && echo_next(traffic, stream, now_ns, datagram))
            return true;
    }
    return false;
}

uint64_t traffic_datagram_fill(const struct traffic *traffic,
                               const struct traffic_datagram *datagram, uint64_t now_ns,
                               uint8_t *l4)
{
    return echo_fill(traffic, datagram, now_ns, l4);
}

void traffic_datagram_sent(struct traffic *traffic, const struct traffic_datagram *datagram,
                           uint64_t sent_ns)
{
    echo_sent(traffic, datagram, sent_ns);
}

void traffic_datagram_refused(struct traffic *traffic, const struct traffic_datagram *datagram,
                              enum unsent_reason reason, uint64_t now_ns)
{
    echo_refused(traffic, datagram, reason, now_ns);
}

bool traffic_frames_wait(const struct traffic *traffic, uint64_t now_ns)
{
    return traffic->next_frames_ns <= now_ns;
}

bool traffic_frames(struct traffic *traffic, uint64_t now_ns, uint16_t max,
                    struct traffic_frames *frames)
{
    uint64_t next_ns = UINT64_MAX;
    *frames = (struct traffic_frames){0};
    for (uint32_t i = 0; i < traffic->stream_count; i++) {
        struct traffic_stream *stream = &traffic->streams[traffic->next_frames];
        if (stream->config.pattern == TRAFFIC_ONE_WAY) {
            if (frames->count == 0)
                raw_take(traffic, stream, max, now_ns, frames);
            if (stream->schedule.next_ns < next_ns)
                next_ns = stream->schedule.next_ns;
        }
        traffic->next_frames = (traffic->next_frames + 1) % traffic->stream_count;
    }
    if (frames->count > 0)
        traffic->next_frames = (frames->stream + 1u) % traffic->stream_count;
    traffic->next_frames_ns = next_ns;
    return frames->count > 0;
}

void traffic_frames_fill(struct traffic *traffic, const struct traffic_frames *frames,
                         const uint8_t to[6], const uint8_t from[6], uint8_t *const at[],
                         uint16_t bytes[], uint64_t now_ns)
{
    raw_fill(traffic, frames, to, from, at, bytes, now_ns);
}

/* A maximum is due when the device takes it: what that had no room for never was. */
void traffic_frames_missed(struct traffic *traffic, uint8_t stream, uint16_t count,
                           enum outcome outcome)
{
    bool maximum = traffic->streams[stream].config.law.arrivals == LAW_MAXIMUM;
    if (!maximum || outcome != OUTCOME_UNSENT)
        record_requests_done(traffic->record, stream, outcome, count);
}

bool traffic_answer(struct traffic *traffic, const struct tuple *tuple, const uint8_t *l4,
                    uint32_t bytes, uint64_t now_ns, uint64_t uncertainty_ns)
{
    traffic->uncertainty_ns = uncertainty_ns;
    return echo_answer(traffic, tuple, l4, bytes, now_ns) || raw_arrived(traffic, l4, bytes);
}

/* Too big, and parameter problems, tell of a request as well as any other: it did not arrive. */
bool traffic_answer_error(struct traffic *traffic, const struct icmp_error *error, uint64_t now_ns,
                          uint64_t uncertainty_ns)
{
    traffic->uncertainty_ns = uncertainty_ns;
    return echo_error(traffic, error, now_ns);
}
