/* The door of traffic for what has no connection. */
#include "traffic/echo.h"
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
        traffic->next_datagrams = (traffic->next_datagrams + 1) % traffic->stream_count;
        if (stream->config.pattern == TRAFFIC_ECHO && echo_next(traffic, stream, now_ns, datagram))
            return true;
    }
    return false;
}

void traffic_datagram_fill(const struct traffic *traffic, const struct traffic_datagram *datagram,
                           uint64_t now_ns, uint8_t *l4)
{
    echo_fill(traffic, datagram, now_ns, l4);
}

void traffic_datagram_sent(struct traffic *traffic, const struct traffic_datagram *datagram,
                           uint64_t sent_ns)
{
    echo_sent(traffic, datagram, sent_ns);
}

void traffic_datagram_refused(struct traffic *traffic, const struct traffic_datagram *datagram,
                              uint64_t now_ns)
{
    echo_refused(traffic, datagram, now_ns);
}

bool traffic_answer(struct traffic *traffic, const struct tuple *tuple, const uint8_t *l4,
                    uint32_t bytes, uint64_t now_ns, uint64_t uncertainty_ns)
{
    struct traffic_flow *flow = echo_flow_of(traffic, tuple);
    if (flow == NULL)
        return false;
    traffic->uncertainty_ns = uncertainty_ns;
    echo_answer(traffic, flow, l4, bytes, now_ns);
    return true;
}

/* Too big, and parameter problems, tell of a request as well as any other: it did not arrive. */
bool traffic_answer_error(struct traffic *traffic, const struct icmp_error *error, uint64_t now_ns,
                          uint64_t uncertainty_ns)
{
    struct traffic_flow *flow = echo_flow_of(traffic, &error->quoted);
    if (flow == NULL)
        return false;
    traffic->uncertainty_ns = uncertainty_ns;
    echo_error(traffic, flow, error, now_ns);
    return true;
}
