/* All memory of a stack, in one piece, taken before the worker starts. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tcp/tcp_priv.h"

#define MS UINT64_C(1000000)

enum {
    LINE_BYTES = 64,
    HUGE_BYTES = 2 << 20,
    COUNT_MAX = 1 << 26,   /* Of any table. */
    ACTIVES_ALL = 1 << 17, /* Up to so many connections may all be awake at once, by default. */
    MTU_MIN = 576,
    MTU_MAX = 65535,
    WINDOW_MAX = 1 << 30, /* RFC 7323 2.3. */
};

/* Where each table stands behind struct tcp. */
struct plan {
    size_t pool, actives, table, addresses, segments, time_waits, listeners, half_opens;
    size_t chunks, events, replies;
    size_t total; /* Bytes of it all. */
    uint32_t reply_slots;
};

static int check(const struct tcp_config *config, struct error *err);
static int check_range(const char *name, uint64_t value, uint64_t low, uint64_t high,
                       struct error *err);
static struct plan plan_memory(const struct tcp_config *config);
static void place(struct tcp *tcp, const struct plan *plan);
static uint32_t table_entries(const struct tcp_config *config);
static size_t reserve(size_t *total, size_t bytes);

struct tcp_config tcp_config_default(uint32_t connections)
{
    return tcp_config_quiet(connections, connections);
}

struct tcp_config tcp_config_quiet(uint32_t connections, uint32_t awake)
{
    /* Of very many connections most are quiet, in any case. */
    uint32_t most =
        connections < ACTIVES_ALL ? connections : ACTIVES_ALL + (connections - ACTIVES_ALL) / 8;
    uint32_t actives = awake < most ? awake : most;

    return (struct tcp_config){
        .connections = connections,
        .actives = actives,
        .addresses = 2 * actives,
        .time_waits = actives < 16384 ? 65536 : 4 * actives,
        .listeners = 16,
        .half_opens = 1024,
        .segments = 4 * actives + 4096,
        .segments_per_connection = 1024,
        .chunks = actives / 4 + 1024,
        .chunks_per_connection = 64,
        .chunk_bytes = 2048,
        .events = 8192,
        .replies = actives + 1024,
        .tick_ns = 65536,
        .rto_initial_ns = 1000 * MS,
        .rto_min_ns = 200 * MS, /* Differs: RFC 6298 (2.4) says 1 s; what kernels have is 200 ms. */
        .rto_max_ns = 60000 * MS,
        .syn_retries = 6,
        .syn_ack_retries = 5,
        .user_timeout_ns = 120000 * MS,
        .fin_wait_2_ns = 60000 * MS,
        .keep_alive_interval_ns = 75000 * MS,
        .keep_alive_probes = 9,
        .time_wait_ns = 60000 * MS, /* Differs: 2 MSL is 4 minutes in RFC 9293; 60 s in kernels. */
        .window_bytes = 256 * 1024,
        .mtu_bytes = 1500,
        .initial_window_segs = 10,
        .congestion = TCP_CUBIC,
        .timestamps = true,
        .window_scale = true,
        .sack = true,
        .tell_acked = true,
        .soft_icmp_ends_syn = true,
        .challenge_acks_per_s = 1000,
    };
}

struct tcp *tcp_setup(const struct tcp_config *config, uint64_t now_ns, struct error *err)
{
    struct plan plan;
    struct tcp *tcp;
    void *memory;

    if (check(config, err) < 0)
        return NULL;
    plan = plan_memory(config);
    if (posix_memalign(&memory, HUGE_BYTES, plan.total) != 0) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM,
                  "tcp: no %zu bytes of memory for %" PRIu32
                  " connections: lower the number of connections a worker",
                  plan.total, config->connections);
        return NULL;
    }
    madvise(memory, plan.total, MADV_HUGEPAGE); /* Quicker if granted, and the same if not. */
    memset(memory, 0, plan.total);
    tcp = memory;
    tcp->config = *config;
    tcp->rtt_limits = (struct tcp_rtt_limits){.initial_ns = config->rto_initial_ns,
                                              .min_ns = config->rto_min_ns,
                                              .max_ns = config->rto_max_ns,
                                              .granularity_ns = config->tick_ns};
    tcp->own_scale = tcp_options_scale(config->window_bytes);
    tcp->table_key = hash_words_key(&config->key);
    tcp->challenge_second = UINT64_MAX;
    tcp->mtu_lowered_ns = TCP_NEVER_NS;
    wheel_init(&tcp->wheel, config->tick_ns, now_ns);
    place(tcp, &plan);
    return tcp;
}

void tcp_teardown(struct tcp *tcp)
{
    free(tcp);
}

static int check(const struct tcp_config *config, struct error *err)
{
    const struct {
        const char *name;
        uint64_t value, low, high;
    } ranges[] = {
        {"connections", config->connections, 1, POOL_CAPACITY_MAX},
        {"actives", config->actives, 1, POOL_CAPACITY_MAX},
        {"addresses", config->addresses, 0, COUNT_MAX},
        {"time_waits", config->time_waits, 0, COUNT_MAX},
        {"listeners", config->listeners, 0, 1024},
        {"half_opens", config->half_opens, 0, COUNT_MAX},
        {"syn_ack_retries", config->syn_ack_retries, 0, TCP_SYN_ACK_RETRIES_MAX},
        {"segments", config->segments, 1, COUNT_MAX},
        {"segments_per_connection", config->segments_per_connection, 1, COUNT_MAX},
        {"chunks", config->chunks, 0, COUNT_MAX},
        {"chunks_per_connection", config->chunks_per_connection, 0, 4096},
        {"chunk_bytes", config->chunk_bytes, 64, 16384},
        {"events", config->events, config->chunks_per_connection + 16, COUNT_MAX},
        {"replies", config->replies, 1, COUNT_MAX},
        {"tick_ns", config->tick_ns, 1, 100 * MS},
        {"rto_min_ns", config->rto_min_ns, 1, config->rto_max_ns},
        {"rto_initial_ns", config->rto_initial_ns, config->rto_min_ns, config->rto_max_ns},
        {"rto_max_ns", config->rto_max_ns, 1, 3600 * 1000 * MS},
        {"keep_alive_probes", config->keep_alive_probes, 0, UINT8_MAX},
        {"keep_alive_interval_ns", config->keep_alive_interval_ns, 1, UINT64_MAX / 4},
        {"delayed_ack_ns", config->delayed_ack_ns, 0, 500 * MS - 1}, /* RFC 9293 MUST-40. */
        {"window_bytes", config->window_bytes, 1, config->window_scale ? WINDOW_MAX : UINT16_MAX},
        {"mtu_bytes", config->mtu_bytes, MTU_MIN, MTU_MAX},
        {"initial_window_segs", config->initial_window_segs, 1, 64},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        int status =
            check_range(ranges[i].name, ranges[i].value, ranges[i].low, ranges[i].high, err);
        if (status < 0)
            return status;
    }
    return 0;
}

static int check_range(const char *name, uint64_t value, uint64_t low, uint64_t high,
                       struct error *err)
{
    if (value >= low && value <= high)
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "tcp: %s is %" PRIu64 ": set it to between %" PRIu64 " and %" PRIu64, name,
                     value, low, high);
}

static struct plan plan_memory(const struct tcp_config *config)
{
    struct plan plan = {.reply_slots = 1};

    while (plan.reply_slots < config->replies)
        plan.reply_slots *= 2;

    reserve(&plan.total, sizeof(struct tcp));
    plan.pool = reserve(&plan.total, pool_bytes(config->connections, sizeof(struct tcp_slot)));
    plan.actives = reserve(&plan.total, config->actives * sizeof(struct tcb));
    plan.addresses = reserve(&plan.total, tcp_addresses_bytes(config->addresses));
    plan.table = reserve(&plan.total, tcp_table_bytes(table_entries(config)));
    plan.segments = reserve(&plan.total, config->segments * sizeof(struct tcp_segment));
    plan.time_waits = reserve(&plan.total, config->time_waits * sizeof(struct tcp_time_wait));
    plan.listeners = reserve(&plan.total, config->listeners * sizeof(struct tcp_listener));
    plan.half_opens = reserve(&plan.total, config->half_opens * sizeof(struct tcp_half_open));
    plan.chunks = reserve(&plan.total, tcp_reassembly_bytes(config->chunks, config->chunk_bytes));
    plan.events = reserve(&plan.total, config->events * sizeof(struct tcp_event));
    plan.replies = reserve(&plan.total, plan.reply_slots * sizeof(struct tcp_descriptor));
    return plan;
}

/* Whatever has a tuple. */
static uint32_t table_entries(const struct tcp_config *config)
{
    return config->connections + config->time_waits + config->half_opens;
}

static size_t reserve(size_t *total, size_t bytes)
{
    size_t at = *total;

    *total += (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    return at;
}

static void place(struct tcp *tcp, const struct plan *plan)
{
    const struct tcp_config *config = &tcp->config;
    uint8_t *base = (uint8_t *)tcp;
    void *at;

    pool_init(&tcp->pool, base + plan->pool, config->connections, sizeof(struct tcp_slot));
    tcp_table_init(&tcp->table, base + plan->table, table_entries(config));
    tcp_addresses_init(&tcp->addresses, base + plan->addresses, config->addresses, &config->key);
    SLIST_INIT(&tcp->free_tcbs);
    at = base + plan->actives;
    struct tcb *actives = at;
    for (uint32_t i = config->actives; i > 0; i--)
        SLIST_INSERT_HEAD(&tcp->free_tcbs, &actives[i - 1], free_link);
    tcp_reassembly_init(&tcp->reassembly, base + plan->chunks, config->chunks, config->chunk_bytes,
                        config->chunks_per_connection);
    at = base + plan->events;
    tcp->events = at;
    tcp->event_capacity = config->events;
    at = base + plan->replies;
    tcp->replies = at;
    tcp->replies_mask = plan->reply_slots - 1;

    at = base + plan->listeners;
    struct tcp_listener *listeners = at;
    at = base + plan->half_opens;
    tcp_listen_init(tcp, listeners, at);

    TAILQ_INIT(&tcp->ready);
    TAILQ_INIT(&tcp->time_waits);
    TAILQ_INIT(&tcp->free_time_waits);
    at = base + plan->time_waits;
    tcp->time_wait_array = at;
    for (uint32_t i = 0; i < config->time_waits; i++)
        TAILQ_INSERT_TAIL(&tcp->free_time_waits, &tcp->time_wait_array[i], link);
    STAILQ_INIT(&tcp->free_segments);
    at = base + plan->segments;
    struct tcp_segment *segments = at;
    for (uint32_t i = 0; i < config->segments; i++)
        STAILQ_INSERT_TAIL(&tcp->free_segments, &segments[i], link);
}
