#include "tests/bench/shared/quiet.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/net_setup.h"
#include "tcp/tcp_header.h"
#include "worker/worker_priv.h"

enum {
    SPARE = 64,              /* Connections beside those held. */
    PORTS_AN_ADDRESS = 60000 /* Fewer than there are. */
};
#define S UINT64_C(1000000000)
#define STEP_NS UINT64_C(250000) /* Of a turn. It opens 32 connections: 128,000 a second. */
#define SETTLE_NS (30 * S)       /* After the last was opened, all are quiet within this. */

static struct clock run_clock;
static struct net_port *port;
static struct prefix pool;

int quiet_start(struct error *err)
{
    const struct net_eal_config eal = {
        .main_core = -1, .memory = NET_MEMORY_PAGES, .memory_mib = 256};
    struct net_port_config config = {.name = "bench", .profile = "null", .device = "bench0"};
    /* Blocks of this size go back to the system when they are freed. */
    mallopt(M_MMAP_THRESHOLD, 1 << 17);
    clock_start(&run_clock, 50000000);
    int code = net_eal_start(&eal, NULL, err);
    if (code == 0)
        code = prefix_parse("10.0.0.0/16", &pool, err);
    config.pools[0] = pool;
    config.pool_count = 1;
    return code < 0 ? code : net_port_open(&config, getenv("SEAMLINE_DRIVERS"), &port, NULL, err);
}

void quiet_stop(void)
{
    net_port_close(port);
    net_eal_stop();
}

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL && fscanf(file, "%*s %llu", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct worker *make_worker(uint32_t count, bool exact, struct error *err)
{
    struct worker_config config = worker_config_default();
    struct traffic_config *traffic = &config.traffic;
    struct traffic_stream_config *stream = &traffic->streams[0];
    config.clock = &run_clock;
    config.port = port;
    traffic->pools[0] = pool;
    traffic->pool_count = 1;
    traffic->client_addresses = count / PORTS_AN_ADDRESS + 1;
    traffic->connections = exact ? count + SPARE : 0;
    traffic->stream_count = 1;
    *stream = traffic_stream_default(TRAFFIC_CTRAFFIC);
    stream->flows = count;
    stream->target_count = 1;
    stream->targets[0].port = 5003;
    if (address_parse("10.9.0.1", &stream->targets[0].address, err) < 0)
        return NULL;
    return worker_setup(&config, err);
}

/* The server: it agrees to all that it is offered. */
static void let_in(struct worker *worker, const struct tcp_descriptor *syn, uint64_t now_ns)
{
    uint8_t l4[TCP_HEADER_BYTES_MAX];
    struct tcp_header asked;
    if (tcp_header_parse(l4, tcp_header_write(syn, l4), &asked) != TCP_TAKEN)
        return;
    const struct tcp_options options = {.mss = asked.mss,
                                        .window_scale = 7,
                                        .has_window_scale = asked.has_window_scale,
                                        .has_timestamps = asked.has_timestamps,
                                        .sack_permitted = asked.sack_permitted,
                                        .tsval = 1,
                                        .tsecr = asked.tsval};
    struct tcp_descriptor answer = {
        .seq = ~syn->seq, .ack = syn->seq + 1, .flags = TCP_SYN | TCP_ACK, .window = UINT16_MAX};
    answer.tuple.local_port = syn->tuple.remote_port;
    answer.tuple.remote_port = syn->tuple.local_port;
    answer.options_bytes = tcp_header_options(&options, answer.options);
    tcp_input(worker->tcp, now_ns, &syn->tuple, l4, tcp_header_write(&answer, l4));
}

static void turn(struct worker *worker, uint64_t now_ns)
{
    struct tcp_descriptor *out = worker->descriptors;
    tcp_timers(worker->tcp, now_ns);
    traffic_timers(worker->traffic, now_ns);
    traffic_due(worker->traffic, now_ns);
    traffic_events(worker->traffic, now_ns, 0);
    uint32_t count = tcp_output(worker->tcp, now_ns, out, NET_TX_QUEUE);
    for (uint32_t i = 0; i < count; i++)
        traffic_sent(worker->traffic, &out[i], now_ns);
    traffic_events(worker->traffic, now_ns, 0);
    for (uint32_t i = 0; i < count; i++)
        if ((out[i].flags & TCP_SYN) != 0)
            let_in(worker, &out[i], now_ns);
    traffic_events(worker->traffic, now_ns, 0);
}

/* A connection that is awake has a timer. */
static uint32_t count_quiet(const struct worker *worker)
{
    uint32_t count = 0;
    tcp_conn conn = 0;
    struct tcp_info info;
    if (tcp_next_timer_ns(worker->tcp) != UINT64_MAX || tcp_output_wanted(worker->tcp))
        return 0;
    while ((conn = tcp_conn_next(worker->tcp, conn)) != 0)
        count += tcp_conn_info(worker->tcp, conn, &info) && info.state == TCP_ESTABLISHED;
    return count;
}

int quiet_hold(uint32_t count, bool exact, struct quiet *quiet, struct error *err)
{
    const uint64_t before = resident_bytes();
    struct worker *worker = make_worker(count, exact, err);
    if (worker == NULL)
        return -ENOMEM;
    const struct record_counters *counters = &worker_record(worker)->streams[0].counters;
    const uint64_t opened_ns = STEP_NS * (count / 32 + 1), begin = clock_tsc();
    uint64_t now_ns = STEP_NS, end = 0;
    /* Its first request is due when this is long over. */
    traffic_start(worker->traffic, 0, now_ns, now_ns + 86400 * S);
    while (now_ns < opened_ns + SETTLE_NS &&
           (end == 0 || tcp_next_timer_ns(worker->tcp) != UINT64_MAX)) {
        turn(worker, now_ns);
        now_ns += STEP_NS;
        if (end == 0 && record_count_read(&counters->connections_up) == count)
            end = clock_tsc();
    }
    if (end == 0)
        end = clock_tsc();
    quiet->ticks = (double)(end - begin) / count;
    quiet->connections = count_quiet(worker);
    quiet->bytes = resident_bytes() - before;
    worker_free(worker);
    return 0;
}
