/* What a second worker on the same NIC port brings: frames of 64 bytes (60 and the FCS) into the
 * profile null, by one worker and by two, in turn. The value is the second rate over the first;
 * cycles are those of a frame when two send.
 *
 * Usage: workers [CPU CPU]. Two workers and the control thread need three CPUs: with fewer the
 * figure is printed and not judged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_launch.h>

#include "base/clock.h"
#include "net/net_setup.h"

#include "tests/bench/bench.h"

enum {
    WORKERS = 2,
    REPEATS = 11,
    FRAME_BYTES = 60,
    MEASURE_NS = 100000000,
    AHEAD_NS = 5000000 /* All begin together, so long after the launch. */
};

static struct clock run_clock;

/* One worker's work, and what came of it. */
struct pump {
    struct net_port *port;
    uint64_t start_ns; /* Run time. */
    uint64_t frames;
    uint64_t ticks;
};

static void send_burst(struct pump *pump)
{
    uint8_t *frames[NET_BURST];
    uint16_t bytes[NET_BURST];
    uint16_t room = net_tx_room(pump->port);
    uint16_t count = net_tx_frames(pump->port, frames, room < NET_BURST ? room : NET_BURST);
    for (uint16_t i = 0; i < count; i++) {
        memset(frames[i], 0, FRAME_BYTES);
        bytes[i] = FRAME_BYTES;
    }
    net_tx_frames_commit(pump->port, bytes, count);
    pump->frames += net_tx_flush(pump->port);
}

static int pump_main(void *argument)
{
    struct pump *pump = argument;
    while (clock_now_ns(&run_clock) < pump->start_ns)
        continue;
    uint64_t begin = clock_tsc(), now = begin;
    const uint64_t end_ns = pump->start_ns + MEASURE_NS;
    while (clock_ns(&run_clock, now) < end_ns) {
        send_burst(pump);
        now = clock_tsc();
    }
    pump->ticks = now - begin;
    return 0;
}

/* Frames a second of the first COUNT workers together; *TICKS of one frame. */
static double measure(struct net_port *ports[], unsigned count, double *ticks)
{
    static struct pump pumps[WORKERS];
    uint64_t frames = 0, spent = 0;
    const uint64_t start_ns = clock_now_ns(&run_clock) + AHEAD_NS;
    for (unsigned i = 0; i < count; i++) {
        pumps[i] = (struct pump){.port = ports[i], .start_ns = start_ns};
        rte_eal_remote_launch(pump_main, &pumps[i], net_worker_lcore(i));
    }
    for (unsigned i = 0; i < count; i++) {
        rte_eal_wait_lcore(net_worker_lcore(i));
        frames += pumps[i].frames;
        spent += pumps[i].ticks;
    }
    *ticks = (double)spent / (double)frames;
    return (double)frames * 1e9 / MEASURE_NS;
}

static int open_port(const int cpus[], struct net_port *ports[], struct error *err)
{
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {cpus[0], cpus[1]},
                                       .worker_count = WORKERS,
                                       .memory = NET_MEMORY_AUTO,
                                       .memory_mib = 256};
    struct net_port_config config = {
        .name = "bench", .profile = "null", .device = "bench0", .queues = WORKERS};
    config.pool_count = 1;
    if (net_eal_start(&eal, NULL, err) < 0 ||
        prefix_parse("10.0.0.0/24", &config.pools[0], err) < 0)
        return -1;
    return net_port_open(&config, getenv("SEAMLINE_DRIVERS"), ports, NULL, err);
}

int main(int argc, char **argv)
{
    const int cpus[WORKERS] = {argc > 1 ? atoi(argv[1]) : 0, argc > 2 ? atoi(argv[2]) : 1};
    struct net_port *ports[WORKERS];
    struct error err = {0};
    double one[REPEATS], two[REPEATS];
    char note[160];
    clock_start(&run_clock, 200000000);
    if (open_port(cpus, ports, &err) < 0) {
        fprintf(stderr, "workers: %s\n", err.text);
        return EXIT_ENVIRONMENT;
    }
    struct bench bench = {.name = "workers",
                          .unit = "times",
                          .must = 1.8,
                          .aim = 1.95,
                          .judged = sysconf(_SC_NPROCESSORS_ONLN) >= 3,
                          .note = note};
    for (unsigned i = 0; i < REPEATS; i++) {
        double unused, ticks;
        one[i] = measure(ports, 1, &unused);
        two[i] = measure(ports, 2, &ticks);
        bench_add(&bench, two[i] / one[i], ticks);
    }
    snprintf(note, sizeof(note), "one worker %.1f Mpps, two %.1f Mpps (medians)",
             bench_median(one, REPEATS) / 1e6, bench_median(two, REPEATS) / 1e6);
    bench_print(&bench);
    net_port_close(ports[0]);
    net_eal_stop();
    return EXIT_MET;
}
