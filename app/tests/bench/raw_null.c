/* How many raw frames of 64 bytes (60 and the FCS) one worker makes and gives to a port that
 * swallows them (profile null, no rights needed): usage: raw_null [CPU]. Once with all frames alike
 * but for their numbers, which is judged, and once with ports and addresses that go round.
 *
 * The value is in millions of frames a second of CPU time that the worker had, and cycles are TSC
 * ticks of the same: where others want the CPU too, the worker is kept from it, and that is not the
 * frame's cost. The rate by the wall clock is in the note. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_launch.h>

#include "base/clock.h"
#include "net/net_setup.h"
#include "worker/worker.h"

#include "tests/bench/bench.h"

enum {
    REPEATS = 21,
    REPEAT_US = 100000
};

static struct clock run_clock;
static clockid_t worker_clock;

static int run_worker(void *worker)
{
    pthread_getcpuclockid(pthread_self(), &worker_clock);
    return worker_main(worker);
}

static uint64_t worker_cpu_ns(void)
{
    struct timespec time = {0};
    clock_gettime(worker_clock, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int fail(const struct error *err)
{
    fprintf(stderr, "raw_null: %s\n", err->text);
    return EXIT_ENVIRONMENT;
}

static int open_port(int cpu, struct net_port **port, struct prefix *pool, struct error *err)
{
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {cpu},
                                       .worker_count = 1,
                                       .memory = NET_MEMORY_AUTO,
                                       .memory_mib = 256};
    struct net_port_config config = {.name = "bench", .profile = "null", .device = "bench0"};
    if (net_eal_start(&eal, NULL, err) < 0 || prefix_parse("10.0.0.0/24", pool, err) < 0)
        return -1;
    config.pools[0] = *pool;
    config.pool_count = 1;
    return net_port_open(&config, getenv("SEAMLINE_DRIVERS"), port, NULL, err);
}

static int fill_stream(struct traffic_stream_config *stream, bool ranges, struct error *err)
{
    struct template_config *frames = &stream->raw.template;
    *stream = traffic_stream_default(TRAFFIC_RAW);
    stream->law = law_maximum();
    stream->target_count = 1;
    stream->targets[0].port = 9;
    stream->raw.has_mac = true;
    memcpy(stream->raw.mac, (uint8_t[]){2, 0, 0, 0, 0, 9}, 6);
    if (address_parse("10.9.0.1", &frames->destination, err) < 0 ||
        address_parse("10.0.0.1", &frames->source, err) < 0)
        return -1;
    stream->targets[0].address = frames->destination;
    frames->source_port = 1024;
    frames->destination_port = 9;
    if (ranges) {
        frames->counts[TEMPLATE_SOURCE] = 200;
        frames->counts[TEMPLATE_DESTINATION] = 1000;
        frames->counts[TEMPLATE_SOURCE_PORT] = 50000;
        frames->counts[TEMPLATE_DESTINATION_PORT] = 16;
    }
    return 0;
}

static void measure(const struct worker *worker, struct bench *bench, double wall[])
{
    const struct record_counters *counters = &worker_record(worker)->streams[0].counters;
    for (unsigned i = 0; i < REPEATS; i++) {
        uint64_t sent = record_count_read(&counters->sent);
        uint64_t at_ns = clock_now_ns(&run_clock), cpu_ns = worker_cpu_ns();
        usleep(REPEAT_US);
        sent = record_count_read(&counters->sent) - sent;
        at_ns = clock_now_ns(&run_clock) - at_ns;
        cpu_ns = worker_cpu_ns() - cpu_ns;
        if (sent == 0 || cpu_ns == 0)
            continue; /* It was kept from the CPU all the time. */
        wall[bench->count] = 1e3 * (double)sent / (double)at_ns;
        bench_add(bench, 1e3 * (double)sent / (double)cpu_ns,
                  (double)cpu_ns * (double)run_clock.hz / 1e9 / (double)sent);
    }
}

static int run(struct net_port *port, const struct prefix *pool, struct bench *bench, bool ranges)
{
    struct worker_config config = worker_config_default();
    struct error err = {0};
    double wall[REPEATS];
    char note[160];
    config.clock = &run_clock;
    config.port = port;
    config.traffic.pools[0] = *pool;
    config.traffic.pool_count = 1;
    config.traffic.stream_count = 1;
    if (fill_stream(&config.traffic.streams[0], ranges, &err) < 0)
        return fail(&err);
    struct worker *worker = worker_setup(&config, &err);
    if (worker == NULL)
        return fail(&err);
    worker_command(worker, &(struct worker_command){.kind = WORKER_START});
    rte_eal_remote_launch(run_worker, worker, net_worker_lcore(0));
    usleep(2 * REPEAT_US);
    measure(worker, bench, wall);
    worker_command(worker, &(struct worker_command){.kind = WORKER_SHUTDOWN});
    rte_eal_wait_lcore(net_worker_lcore(0));
    worker_free(worker);
    snprintf(note, sizeof(note), "%.1f million frames a second by the wall clock%s",
             bench->count > 0 ? bench_median(wall, bench->count) : 0.0,
             ranges ? ", addresses and ports going round" : "");
    bench->note = note;
    bench_print(bench);
    return EXIT_MET;
}

int main(int argc, char **argv)
{
    struct bench fixed = {
        .name = "raw-null", .unit = "Mpps", .must = 20, .aim = 50, .judged = true};
    struct bench ranges = {.name = "raw-null-ranges", .unit = "Mpps"};
    struct net_port *port = NULL;
    struct prefix pool;
    struct error err = {0};
    clock_start(&run_clock, 200000000);
    if (open_port(argc > 1 ? atoi(argv[1]) : 1, &port, &pool, &err) < 0)
        return fail(&err);
    int status = run(port, &pool, &fixed, false);
    if (status == EXIT_MET)
        status = run(port, &pool, &ranges, true);
    net_port_close(port);
    net_eal_stop();
    return status;
}
