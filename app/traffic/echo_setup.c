#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traffic/echo.h"

enum {
    RING_MIN = 64,
    RING_MAX = 1 << 24
};

/* Requests that are due in the time that one may stay undecided, and as many again. */
static uint64_t under_way(const struct traffic_stream *stream)
{
    const struct traffic_stream_config *config = &stream->config;
    uint64_t count = law_most(&config->law, config->timeout_ns + stream->unsent_after_ns);
    return count < RING_MAX / 2 ? 2 * count : RING_MAX;
}

static void *take(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    if (memory != NULL)
        memset(memory, 0, (bytes + 63) & ~(size_t)63);
    return memory;
}

int echo_setup(struct traffic_stream *stream, uint16_t run)
{
    struct echo *echo = &stream->echo;
    uint64_t requests = under_way(stream);
    uint32_t window = sequence_window(requests / stream->flow_count + 1);
    size_t window_bytes = (sequence_bytes(window) + 7) & ~(size_t)7;
    echo->run = run;
    echo->capacity = RING_MIN;
    while (echo->capacity < requests)
        echo->capacity *= 2;
    echo->entries = take(echo->capacity * sizeof(struct echo_entry));
    echo->flows = take(stream->flow_count * sizeof(struct echo_flow));
    echo->windows = take(stream->flow_count * window_bytes);
    if (echo->entries == NULL || echo->flows == NULL || echo->windows == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < stream->flow_count; i++)
        sequence_init(&echo->flows[i].sequence, (uint8_t *)echo->windows + i * window_bytes,
                      window);
    return 0;
}

void echo_free(struct traffic_stream *stream)
{
    free(stream->echo.entries);
    free(stream->echo.flows);
    free(stream->echo.windows);
}
