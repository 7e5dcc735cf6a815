/* What a worker's turn costs that finds nothing to do, and how long a worker is kept from its
 * next turn: usage: idle_turn [CPU]. By the profile null, which needs no NIC and no rights, with
 * 80 flows set up and not started. 20 repetitions of 100 ms. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_launch.h>

#include "base/clock.h"
#include "net/net_setup.h"
#include "worker/worker.h"

#include "tests/bench/bench.h"

enum {
    REPETITIONS = 20
};

static struct clock run_clock;

static int fail(const struct error *err)
{
    fprintf(stderr, "idle_turn: %s\n", err->text);
    return EXIT_ENVIRONMENT;
}

static struct worker *make_worker(int cpu, struct net_port **port, struct error *err)
{
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {cpu},
                                       .worker_count = 1,
                                       .memory = NET_MEMORY_PAGES,
                                       .memory_mib = 256};
    struct net_port_config of_port = {.name = "bench", .profile = "null", .device = "bench0"};
    struct worker_config config = worker_config_default();
    struct traffic_config *traffic = &config.traffic;
    if (net_eal_start(&eal, NULL, err) < 0 ||
        prefix_parse("10.0.0.0/24", &of_port.pools[0], err) < 0)
        return NULL;
    of_port.pool_count = 1;
    if (net_port_open(&of_port, getenv("SEAMLINE_DRIVERS"), port, NULL, err) < 0)
        return NULL;
    config.clock = &run_clock;
    config.port = *port;
    traffic->pools[0] = of_port.pools[0];
    traffic->pool_count = 1;
    traffic->stream_count = 1;
    traffic->streams[0] = traffic_stream_default(TRAFFIC_CTRAFFIC);
    traffic->streams[0].target_count = 1;
    traffic->streams[0].targets[0].port = 5003;
    if (address_parse("10.9.0.1", &traffic->streams[0].targets[0].address, err) < 0)
        return NULL;
    return worker_setup(&config, err);
}

static void measure(const struct worker_counters *counters, struct bench *bench)
{
    for (unsigned i = 0; i < REPETITIONS; i++) {
        uint64_t turns = record_count_read(&counters->idle_turns);
        uint64_t cycles = record_count_read(&counters->idle_cycles);
        usleep(100000);
        turns = record_count_read(&counters->idle_turns) - turns;
        cycles = record_count_read(&counters->idle_cycles) - cycles;
        double ticks = turns == 0 ? 0 : (double)cycles / (double)turns;
        bench_add(bench, ticks * 1e9 / (double)run_clock.hz, ticks);
    }
}

int main(int argc, char **argv)
{
    struct error err = {0};
    struct net_port *port = NULL;
    char note[160];
    struct bench bench = {.name = "idle-turn", .unit = "ns", .judged = true, .note = note};
    clock_start(&run_clock, 200000000);
    struct worker *worker = make_worker(argc > 1 ? atoi(argv[1]) : 1, &port, &err);
    if (worker == NULL)
        return fail(&err);
    rte_eal_remote_launch(worker_main, worker, net_worker_lcore(0));
    usleep(100000);
    const struct worker_counters *counters = worker_counters(worker);
    measure(counters, &bench);
    snprintf(note, sizeof(note), "gaps over 200 us between turns: %llu in %.1f s, longest %.3f ms",
             (unsigned long long)record_count_read(&counters->stalls), REPETITIONS * 0.1,
             (double)record_count_read(&counters->longest_gap_ns) / 1e6);
    bench_print(&bench);
    worker_command(worker, &(struct worker_command){.kind = WORKER_SHUTDOWN});
    rte_eal_wait_lcore(net_worker_lcore(0));
    worker_free(worker);
    net_port_close(port);
    net_eal_stop();
    return EXIT_MET;
}
