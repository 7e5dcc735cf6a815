#include <assert.h>
#include <errno.h>
#include <numa.h>
#include <stdlib.h>
#include <string.h>

#include "net/net_setup.h"
#include "worker/worker_priv.h"

#define S UINT64_C(1000000000)

static int fill(struct worker *worker, const struct worker_config *config, struct error *err);
static int fill_mailboxes(struct worker *worker, struct error *err);
static int fill_record(struct worker *worker, const struct worker_config *config,
                       struct error *err);
static int fill_tcp(struct worker *worker, const struct worker_config *config,
                    const struct traffic_config *traffic, struct error *err);
static void prefer_node(int node);

struct worker_config worker_config_default(void)
{
    const struct tcp_config tcp = tcp_config_default(1);
    return (struct worker_config){.stall_ns = 200000,
                                  .time_wait_ns = 60 * S,
                                  .traffic = traffic_config_default(),
                                  .tcp = {.congestion = tcp.congestion,
                                          .ecn = tcp.ecn,
                                          .sack = tcp.sack,
                                          .timestamps = tcp.timestamps,
                                          .window_scale = tcp.window_scale,
                                          .initial_window_segs = tcp.initial_window_segs,
                                          .window_bytes = tcp.window_bytes,
                                          .delayed_ack_ns = tcp.delayed_ack_ns,
                                          .rto_initial_ns = tcp.rto_initial_ns,
                                          .rto_min_ns = tcp.rto_min_ns,
                                          .keep_alive_ns = tcp.keep_alive_ns,
                                          .keep_alive_interval_ns = tcp.keep_alive_interval_ns,
                                          .keep_alive_probes = tcp.keep_alive_probes}};
}

struct worker *worker_setup(const struct worker_config *config, struct error *err)
{
    assert(config->clock != NULL);
    assert(config->port != NULL);
    prefer_node(net_port_socket(config->port));
    size_t bytes = (sizeof(struct worker) + 63) & ~(size_t)63;
    struct worker *worker = aligned_alloc(64, bytes);
    if (worker == NULL) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "not enough memory for a worker");
    } else {
        memset(worker, 0, bytes);
        if (fill(worker, config, err) < 0) {
            worker_free(worker);
            worker = NULL;
        }
    }
    prefer_node(-1);
    return worker;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    traffic_free(worker->traffic);
    tcp_teardown(worker->tcp);
    record_free(worker->record);
    free(worker->memory[0]);
    free(worker->memory[1]);
    free(worker);
}

struct record *worker_record(const struct worker *worker)
{
    return worker->record;
}

const struct worker_counters *worker_counters(const struct worker *worker)
{
    return &worker->counters;
}

const struct tcp_counters *worker_tcp_counters(const struct worker *worker)
{
    return tcp_counters(worker->tcp);
}

bool worker_leftovers(const struct worker *worker, struct worker_leftovers *leftovers)
{
    *leftovers =
        (struct worker_leftovers){.traffic_connections = traffic_connections(worker->traffic),
                                  .tcp_connections = tcp_connections(worker->tcp),
                                  .net_buffers = net_buffers_held(worker->port),
                                  .sums_hold = record_sums_hold(worker->record)};
    return leftovers->traffic_connections == 0 && leftovers->tcp_connections == 0 &&
           leftovers->net_buffers == 0 && leftovers->sums_hold;
}

static int fill(struct worker *worker, const struct worker_config *config, struct error *err)
{
    struct traffic_config traffic = config->traffic;
    traffic.worker = net_port_queue(config->port);
    traffic.mtu_bytes = net_mtu_bytes(config->port);
    traffic.steering = net_port_steering(config->port);
    traffic.worker_count = traffic.steering->workers;
    if (traffic.port_seed == 0)
        traffic.port_seed = config->key.k0;
    worker->port = config->port;
    net_mac(config->port, worker->mac);
    net_port_clock(config->port, config->clock);
    worker->sends_on_time = net_port_sends_on_time(config->port);
    worker->clock = config->clock;
    worker->stall_ns = config->stall_ns;
    worker->close_timeout_ns = traffic.close_timeout_ns;
    worker->stream_count = traffic.stream_count;
    if (fill_mailboxes(worker, err) < 0 || fill_record(worker, config, err) < 0 ||
        fill_tcp(worker, config, &traffic, err) < 0)
        return -1;
    worker->traffic = traffic_setup(&traffic, worker->tcp, worker->record, err);
    return worker->traffic != NULL ? 0 : -1;
}

static int fill_mailboxes(struct worker *worker, struct error *err)
{
    worker->memory[0] =
        aligned_alloc(64, mailbox_bytes(WORKER_COMMANDS, sizeof(struct worker_command)));
    worker->memory[1] =
        aligned_alloc(64, mailbox_bytes(WORKER_REPORTS, sizeof(struct worker_report)));
    if (worker->memory[0] == NULL || worker->memory[1] == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "not enough memory for mailboxes");
    worker->commands =
        mailbox_init(worker->memory[0], WORKER_COMMANDS, sizeof(struct worker_command));
    worker->reports = mailbox_init(worker->memory[1], WORKER_REPORTS, sizeof(struct worker_report));
    return 0;
}

static int fill_record(struct worker *worker, const struct worker_config *config, struct error *err)
{
    struct record_config record = {.worker = config->index,
                                   .stream_count = config->traffic.stream_count};
    memcpy(record.capacity, config->capacity, sizeof(record.capacity));
    memcpy(record.keep, config->keep, sizeof(record.keep));
    worker->record = record_setup(&record);
    if (worker->record == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM,
                         "not enough memory for the worker's logs; make the run shorter or its "
                         "rates lower");
    return 0;
}

/* A connection that is probed is never quiet. */
static void choose(struct tcp_config *tcp, const struct worker_tcp *chosen)
{
    tcp->congestion = chosen->congestion;
    tcp->ecn = chosen->ecn;
    tcp->sack = chosen->sack;
    tcp->timestamps = chosen->timestamps;
    tcp->window_scale = chosen->window_scale;
    tcp->initial_window_segs = chosen->initial_window_segs;
    tcp->window_bytes = chosen->window_bytes;
    tcp->delayed_ack_ns = chosen->delayed_ack_ns;
    tcp->rto_initial_ns = chosen->rto_initial_ns;
    tcp->rto_min_ns = chosen->rto_min_ns;
    tcp->keep_alive_ns = chosen->keep_alive_ns;
    tcp->keep_alive_interval_ns = chosen->keep_alive_interval_ns;
    tcp->keep_alive_probes = chosen->keep_alive_probes;
    if (chosen->keep_alive_ns > 0)
        tcp->actives = tcp->connections;
}

/* Time-outs are traffic's: those of the tcp itself are off, so that each is measured in one
 * place. */
static int fill_tcp(struct worker *worker, const struct worker_config *config,
                    const struct traffic_config *traffic, struct error *err)
{
    uint32_t connections = traffic->connections;
    if (connections == 0)
        connections = traffic_connections_needed(traffic);
    struct tcp_config tcp = tcp_config_quiet(connections, traffic_awake_needed(traffic));
    tcp.key = config->key;
    tcp.syn_retries = 16;
    tcp.syn_timeout_ns = 0;
    tcp.user_timeout_ns = 0;
    tcp.fin_wait_2_ns = 0;
    tcp.tell_acked = traffic_acked_needed(traffic);
    tcp.time_wait_ns = config->time_wait_ns;
    tcp.time_waits = traffic_time_waits_needed(traffic, config->time_wait_ns);
    tcp.time_wait_reuse = traffic->quarantine_ns < config->time_wait_ns;
    tcp.mtu_bytes = net_mtu_bytes(config->port);
    choose(&tcp, &config->tcp);
    worker->tcp = tcp_setup(&tcp, 0, err);
    return worker->tcp != NULL ? 0 : -1;
}

/* Where the pages that are written next come from; -1: from near the calling thread. */
static void prefer_node(int node)
{
    if (numa_available() < 0)
        return;
    numa_set_preferred(node);
}
