#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traffic/echo.h"
#include "traffic/raw.h"
#include "traffic/secure.h"
#include "traffic/traffic_config.h"
#include "traffic/traffic_priv.h"

enum {
    CLIENT_ADDRESSES_DEFAULT = 16
};

static int fill(struct traffic *traffic, const struct traffic_config *config);
static int fill_conns(struct traffic *traffic, const struct traffic_config *config);
static int fill_secures(struct traffic *traffic, const struct traffic_config *config);
static int make_contexts(struct traffic *traffic, const struct traffic_config *config,
                         struct error *err);
static void close_secures(struct traffic *traffic);
static int fill_pool(struct pool *pool, void **memory, uint32_t capacity, uint32_t bytes);
static int fill_outages(struct traffic *traffic, const struct traffic_config *config);
static int fill_names(struct traffic *traffic);
static int fill_digests(struct traffic *traffic, const struct traffic_config *config);
static int fill_sweeps(struct traffic *traffic, const struct traffic_config *config);
static int fill_sweep(struct sweep *sweep, const struct traffic_config *config, bool v4);
static int fill_targets(struct traffic *traffic, const struct traffic_config *config);
static struct target *target_at(struct traffic *traffic, const struct traffic_target *wanted);
static int fill_stream(struct traffic *traffic, const struct traffic_config *config,
                       uint32_t index);
static int fill_schedule(struct traffic *traffic, struct traffic_stream *stream, uint64_t seed);
static void fill_catch_up(const struct traffic *traffic, struct traffic_stream *stream,
                          uint32_t stride);
static int fill_flows(struct traffic *traffic, struct traffic_stream *stream);
static int fill_echo_table(struct traffic *traffic, const struct traffic_config *config);
static int fill_order(struct traffic_stream *stream);
static uint32_t flow_count(const struct traffic_stream_config *stream);
static void *take(size_t count, size_t bytes);

struct traffic *traffic_setup(const struct traffic_config *config, struct tcp *tcp,
                              struct record *record, struct error *err)
{
    if (traffic_config_check(config, err) < 0)
        return NULL;
    assert(record->stream_count >= config->stream_count);
    struct traffic *traffic = take(1, sizeof(*traffic));
    int code = -ENOMEM;
    if (traffic != NULL) {
        traffic->tcp = tcp;
        traffic->record = record;
        code = fill(traffic, config);
    }
    if (code < 0)
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM,
                  "not enough memory for %u connections; ask for fewer, or a lower rate",
                  traffic_connections_needed(config));
    else
        code = make_contexts(traffic, config, err);
    if (code == 0)
        return traffic;
    traffic_free(traffic);
    return NULL;
}

void traffic_free(struct traffic *traffic)
{
    if (traffic == NULL)
        return;
    close_secures(traffic);
    for (uint32_t i = 0; i < traffic->stream_count; i++) {
        free(traffic->streams[i].places);
        free(traffic->streams[i].order.entries);
        tls_context_free(traffic->streams[i].tls);
        free(traffic->streams[i].crowds);
        free(traffic->streams[i].loops);
        echo_free(&traffic->streams[i]);
        raw_free(&traffic->streams[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        free(traffic->sweeps[i].addresses);
        free(traffic->sweeps[i].released);
    }
    free(traffic->echo_table);
    free(traffic->targets);
    free(traffic->flows);
    free(traffic->conns_memory);
    free(traffic->woken);
    free(traffic->requests_memory);
    free(traffic->secures_memory);
    free(traffic->pieces_memory);
    free(traffic->secure_at);
    free(traffic->outages_memory);
    free(traffic->names.entries);
    free(traffic->digests);
    free(traffic);
}

static int fill(struct traffic *traffic, const struct traffic_config *config)
{
    traffic->next_due_ns = UINT64_MAX;
    traffic->next_regardless_ns = UINT64_MAX;
    traffic->next_frames_ns = UINT64_MAX;
    traffic->sent_late_ns = config->sent_late_ns;
    traffic->close_timeout_ns = config->close_timeout_ns;
    traffic->steady_ns = config->steady_ns;
    traffic->worker = (uint8_t)traffic->record->worker;
    traffic->validate = config->validate;
    traffic->board = config->board;
    wheel_init(&traffic->wheel, TRAFFIC_TIMER_TICK_NS, 0);
    TAILQ_INIT(&traffic->closing);
    traffic->closing_timer.kind = TRAFFIC_TIMER_CLOSING;
    for (uint32_t i = 0; i < config->stream_count; i++)
        traffic->flow_count += flow_count(&config->streams[i]);
    traffic->flows = take(traffic->flow_count, sizeof(traffic->flows[0]));
    if (traffic->flows == NULL || fill_conns(traffic, config) < 0 ||
        fill_outages(traffic, config) < 0 || fill_names(traffic) < 0 ||
        fill_sweeps(traffic, config) < 0 || fill_targets(traffic, config) < 0 ||
        fill_echo_table(traffic, config) < 0 || fill_digests(traffic, config) < 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < config->stream_count; i++) {
        traffic->stream_count = i + 1;
        if (fill_stream(traffic, config, i) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int fill_conns(struct traffic *traffic, const struct traffic_config *config)
{
    uint32_t capacity =
        config->connections != 0 ? config->connections : traffic_connections_needed(config);
    uint32_t awake = traffic_awake_needed(config);
    if (awake < capacity) {
        traffic->conns_spare = TRAFFIC_WAKES;
        capacity = awake + TRAFFIC_WAKES;
    }
    if (fill_pool(&traffic->conns, &traffic->conns_memory, capacity, sizeof(struct traffic_conn)))
        return -ENOMEM;
    traffic->woken = take(TRAFFIC_WAKES, sizeof(traffic->woken[0]));
    if (traffic->woken == NULL)
        return -ENOMEM;
    uint32_t requests = traffic_requests_needed(config);
    if (fill_pool(&traffic->requests, &traffic->requests_memory, requests,
                  sizeof(struct traffic_request)))
        return -ENOMEM;
    return fill_secures(traffic, config);
}

/* Nothing where no stream is over TLS. */
static int fill_secures(struct traffic *traffic, const struct traffic_config *config)
{
    uint32_t needed = traffic_secures_needed(config);
    uint32_t capacity = needed < traffic->conns.capacity ? needed : traffic->conns.capacity;
    if (capacity == 0)
        return 0;
    uint64_t pieces = (uint64_t)capacity * SECURE_PIECES + SECURE_SPARE_PIECES;
    if (pieces > POOL_CAPACITY_MAX)
        return -ENOMEM;
    traffic->secure_at = take(traffic->conns.capacity, sizeof(pool_handle));
    if (traffic->secure_at == NULL ||
        fill_pool(&traffic->secures, &traffic->secures_memory, capacity, sizeof(struct secure)) < 0)
        return -ENOMEM;
    return fill_pool(&traffic->pieces, &traffic->pieces_memory, (uint32_t)pieces,
                     sizeof(struct hold_piece));
}

/* One for each stream: what it trusts, and whom it is. */
static int make_contexts(struct traffic *traffic, const struct traffic_config *config,
                         struct error *err)
{
    for (uint32_t i = 0; i < config->stream_count; i++) {
        struct traffic_stream *stream = &traffic->streams[i];
        if (config->streams[i].tls == NULL)
            continue;
        stream->tls = tls_context_new(config->streams[i].tls, err);
        if (stream->tls == NULL) {
            error_wrap(err, "stream \"%s\"", stream->config.name);
            return -EINVAL;
        }
    }
    return 0;
}

/* Those of connections that nobody ended. */
static void close_secures(struct traffic *traffic)
{
    const struct pool *secures = &traffic->secures;
    for (pool_handle at = pool_next(secures, 0); at != 0; at = pool_next(secures, at))
        tls_close(&((struct secure *)pool_get(secures, at))->tls);
}

static int fill_pool(struct pool *pool, void **memory, uint32_t capacity, uint32_t bytes)
{
    *memory = take(1, pool_bytes(capacity, bytes));
    if (*memory == NULL)
        return -ENOMEM;
    pool_init(pool, *memory, capacity, bytes);
    return 0;
}

static int fill_outages(struct traffic *traffic, const struct traffic_config *config)
{
    uint32_t most = config->outages != 0 ? config->outages : TRAFFIC_OUTAGES;
    uint32_t capacity = traffic->flow_count < most ? traffic->flow_count : most;
    traffic->outages_memory = take(1, outages_bytes(capacity));
    if (traffic->outages_memory == NULL)
        return -ENOMEM;
    outages_init(&traffic->outages, traffic->outages_memory, capacity);
    return 0;
}

/* As many as the record keeps, and the empty one. */
static int fill_names(struct traffic *traffic)
{
    uint32_t capacity = (uint32_t)traffic->record->logs[RECORD_HOSTS].capacity + 1;
    struct name *entries = take(capacity, sizeof(struct name));
    if (entries == NULL)
        return -ENOMEM;
    names_init(&traffic->names, entries, capacity, traffic->record);
    return 0;
}

static int fill_digests(struct traffic *traffic, const struct traffic_config *config)
{
    bool wanted = false;
    for (uint32_t i = 0; i < config->stream_count; i++)
        wanted |=
            config->streams[i].protocol == TRAFFIC_HTTP && config->streams[i].expect->digested;
    if (!wanted)
        return 0;
    traffic->digests = take(traffic->requests.capacity, sizeof(struct digest));
    return traffic->digests == NULL ? -ENOMEM : 0;
}

static int fill_sweeps(struct traffic *traffic, const struct traffic_config *config)
{
    for (unsigned v4 = 0; v4 < 2; v4++)
        if (fill_sweep(&traffic->sweeps[v4], config, v4) < 0)
            return -ENOMEM;
    return 0;
}

static int fill_sweep(struct sweep *sweep, const struct traffic_config *config, bool v4)
{
    uint32_t count = 0, max = config->client_addresses;
    if (max == 0)
        max = CLIENT_ADDRESSES_DEFAULT;
    sweep->addresses = take(max, sizeof(struct address));
    if (sweep->addresses == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < config->pool_count; i++)
        if (address_is_v4(&config->pools[i].address) == v4)
            count += ports_addresses_of(&config->pools[i], sweep->addresses + count, max - count);
    if (count == 0)
        return 0; /* No target has this family: traffic_config_check(). */
    const struct port_range range = traffic_config_ports(config, v4);
    uint16_t first = (uint16_t)range.first;
    sweep->released =
        take((size_t)count * ports_of_address(first, range.last, range.stride), sizeof(uint32_t));
    if (sweep->released == NULL)
        return -ENOMEM;
    uint64_t seed = config->port_seed != 0 ? config->port_seed : config->seed;
    ports_init(&sweep->ports, sweep->addresses, count, first, range.last, range.stride,
               sweep->released, seed, config->quarantine_ns);
    sweep->ports.steering = config->steering;
    sweep->ports.worker = (uint16_t)config->worker;
    return 0;
}

static int fill_targets(struct traffic *traffic, const struct traffic_config *config)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < config->stream_count; i++)
        most += config->streams[i].target_count;
    traffic->targets = take(most, sizeof(struct target));
    if (traffic->targets == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < config->stream_count; i++)
        for (uint32_t j = 0; j < config->streams[i].target_count; j++)
            target_at(traffic, &config->streams[i].targets[j]);
    return 0;
}

/* The one with this address and port; a new one if there is none. */
static struct target *target_at(struct traffic *traffic, const struct traffic_target *wanted)
{
    for (uint32_t i = 0; i < traffic->target_count; i++) {
        struct target *target = &traffic->targets[i];
        if (target->port == wanted->port && address_equal(&target->address, &wanted->address))
            return target;
    }
    struct target *target = &traffic->targets[traffic->target_count++];
    target->address = wanted->address;
    target->port = wanted->port;
    target->group = wanted->group;
    target->sweep = &traffic->sweeps[address_is_v4(&target->address)];
    return target;
}

static int fill_stream(struct traffic *traffic, const struct traffic_config *config, uint32_t index)
{
    struct traffic_stream *stream = &traffic->streams[index];
    stream->config = config->streams[index];
    stream->flow_count = flow_count(&stream->config);
    if (index > 0)
        stream->flow_base =
            traffic->streams[index - 1].flow_base + traffic->streams[index - 1].flow_count;
    if (fill_flows(traffic, stream) < 0 || fill_schedule(traffic, stream, config->seed + index) < 0)
        return -ENOMEM;
    if (stream->config.pattern == TRAFFIC_ECHO)
        return echo_setup(stream, config->run);
    if (stream->config.pattern == TRAFFIC_ONE_WAY)
        return raw_setup(stream, (uint8_t)index, traffic->worker, config->run);
    return stream->config.pattern == TRAFFIC_OPEN ? fill_order(stream) : 0;
}

static int fill_echo_table(struct traffic *traffic, const struct traffic_config *config)
{
    uint64_t flows = 0;
    for (uint32_t i = 0; i < config->stream_count; i++)
        if (config->streams[i].pattern == TRAFFIC_ECHO)
            flows += config->streams[i].flows;
    if (flows == 0)
        return 0;
    traffic->echo_places = 2;
    while (traffic->echo_places < 2 * flows)
        traffic->echo_places *= 2;
    traffic->echo_table = take(traffic->echo_places, sizeof(uint32_t));
    return traffic->echo_table == NULL ? -ENOMEM : 0;
}

/* Held flows begin at random places, so that they do not march in step; all else goes in turn. */
static int fill_schedule(struct traffic *traffic, struct traffic_stream *stream, uint64_t seed)
{
    const struct traffic_stream_config *config = &stream->config;
    bool held = config->pattern == TRAFFIC_HELD || config->pattern == TRAFFIC_CLOSED;
    uint32_t turns = held ? 0 : config->turn_count;
    uint32_t slots = held ? stream->flow_count : turns != 0 ? turns : 1;
    uint32_t stride = config->slot_stride != 0 ? config->slot_stride : slots;
    stream->places = take(slots, sizeof(uint64_t));
    if (stream->places == NULL)
        return -ENOMEM;
    if (held && config->law.arrivals == LAW_EVEN)
        schedule_stagger(stream->places, slots, stride, seed, config->slot_first);
    else if (turns != 0)
        schedule_by_turns(stream->places, config->turns, turns, config->slot_first,
                          config->slot_step);
    else
        schedule_in_turn(stream->places, slots, config->slot_first);
    schedule_init(&stream->schedule, &config->law, stream->places, slots, stride,
                  seed ^ ((uint64_t)config->slot_first << 32));
    stream->queue_max = traffic_queue_max(config);
    fill_catch_up(traffic, stream, held ? stride : stride / slots);
    return 0;
}

static void fill_catch_up(const struct traffic *traffic, struct traffic_stream *stream,
                          uint32_t stride)
{
    const struct traffic_stream_config *config = &stream->config;
    uint64_t in_an_hour = law_peak(&config->law, UINT64_C(3600000000000));
    uint64_t least_ns = UINT64_C(20000000);
    uint64_t interval_ns = (uint64_t)((wide_uint)3600000000000 * stride / in_an_hour);
    stream->unsent_reason = UNSENT_STALL;
    stream->unsent_after_ns = config->unsent_after_ns;
    if (stream->unsent_after_ns == 0)
        stream->unsent_after_ns = interval_ns > least_ns ? interval_ns : least_ns;
    if (config->catch_up == TRAFFIC_SKIP) {
        stream->unsent_reason = UNSENT_SKIPPED;
        stream->unsent_after_ns = traffic->sent_late_ns;
    }
}

static int fill_flows(struct traffic *traffic, struct traffic_stream *stream)
{
    enum traffic_pattern pattern = stream->config.pattern;
    uint32_t count = stream->flow_count;
    stream->index_offset = stream->config.flow_first - stream->flow_base;
    for (uint32_t i = 0; i < stream->config.target_count; i++)
        stream->targets[i] = target_at(traffic, &stream->config.targets[i]);
    if (pattern == TRAFFIC_OPEN && (stream->crowds = take(count, sizeof(struct crowd))) == NULL)
        return -ENOMEM;
    if (pattern == TRAFFIC_CLOSED && (stream->loops = take(count, sizeof(struct loop))) == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = stream->flow_base + i;
        const struct traffic_timer timer = {.kind = TRAFFIC_TIMER_FLOW, .flow = number};
        traffic->flows[number].timer = timer;
        traffic->flows[number].stream = (uint8_t)(stream - traffic->streams);
        traffic->flows[number].target = (uint8_t)(i % stream->config.target_count);
        if (pattern == TRAFFIC_OPEN)
            stream->crowds[i].timer = timer;
        if (pattern == TRAFFIC_CLOSED)
            stream->loops[i].timer = timer;
    }
    stream->echo.timer = traffic->flows[stream->flow_base].timer;
    return 0;
}

static int fill_order(struct traffic_stream *stream)
{
    uint32_t needed = traffic_order_needed(&stream->config, stream->unsent_after_ns);
    uint32_t capacity = 64;
    while (capacity < needed)
        capacity *= 2;
    stream->order.capacity = capacity;
    stream->order.entries = take(capacity, sizeof(struct order_entry));
    return stream->order.entries == NULL ? -ENOMEM : 0;
}

/* Of an open stream: one a target. */
static uint32_t flow_count(const struct traffic_stream_config *stream)
{
    return stream->pattern == TRAFFIC_OPEN ? stream->target_count : stream->flows;
}

/* Written to, so that the pages are there, and near the calling thread. */
static void *take(size_t count, size_t bytes)
{
    if (count != 0 && bytes > SIZE_MAX / 2 / count)
        return NULL;
    size_t size = (count * bytes + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, size != 0 ? size : 64);
    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}
