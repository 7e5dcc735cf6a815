/* How fast one connection downloads from the Linux kernel: over a veth pair with offloads off, by a
 * client worker on AF_XDP, as a share of what the kernel's own client gets from the same server
 * over the same pair. The two take turns. Cycles are those of the worker's busy turns by segment;
 * they have much of the server's kernel in them, which acts on an ACK, and sends what that allows,
 * within the system call that hands the ACK over.
 *
 * Usage: bulk [CPU CPU], the client's and the server's. Needs root, iproute2 and ethtool; it makes
 * its own network namespaces. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_launch.h>

#include "net/net_setup.h"
#include "worker/worker.h"

#include "tests/bench/bench.h"
#include "tests/bench/shared/veth.h"

enum {
    ROUNDS = 5,
    WARM_UP = 1,   /* Downloads of a round that do not count, */
    DOWNLOADS = 3, /* and that do. */
    ALL = WARM_UP + DOWNLOADS,
    BODY_BYTES = 128 << 20,
    PATIENCE_MS = 60000
};
#define S UINT64_C(1000000000)

static struct clock run_clock;
static struct http_message message;
static struct http_expect expect;
static struct prefix clients;
static struct address server;

/* Our downloads of a round. */
struct ours {
    bool good;
    uint64_t took_ns[ALL];
    double cycles; /* Of the worker, for a segment. */
    char profile[PROFILE_NAME_BYTES];
    char fallback[NET_NOTE_BYTES]; /* Why it is not AF_XDP's; "": it is. */
    struct error err;              /* Why it is not good. */
};

static int start_eal(int cpu, struct error *err)
{
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {cpu},
                                       .worker_count = 1,
                                       .memory = NET_MEMORY_PAGES,
                                       .memory_mib = 256};
    const struct http_request_config request = {.target = "/", .host = VETH_SERVER};
    clock_start(&run_clock, 200 * S / 1000);
    http_expect_init(&expect);
    if (prefix_parse(VETH_CLIENTS, &clients, err) < 0 ||
        address_parse(VETH_SERVER, &server, err) < 0 ||
        http_message_request(&message, &request, err) < 0)
        return -1;
    return net_eal_start(&eal, NULL, err);
}

static struct worker *make_worker(struct net_port *port, struct error *err)
{
    struct worker_config config = worker_config_default();
    struct traffic_stream_config *stream = &config.traffic.streams[0];
    int group = net_group_add(port, &server, 1, err);
    if (group < 0 || net_resolve(port, &run_clock, 5 * S, err) < 0)
        return NULL;
    config.clock = &run_clock;
    config.port = port;
    config.traffic.port_seed = clock_tsc();
    config.traffic.pools[0] = clients;
    config.traffic.pool_count = 1;
    config.traffic.stream_count = 1;
    *stream = traffic_stream_default(TRAFFIC_HTTP);
    stream->pattern = TRAFFIC_CLOSED;
    stream->keep_alive = true;
    stream->flows = 1;
    stream->messages = &message;
    stream->message_count = 1;
    stream->expect = &expect;
    stream->timeout_ns = PATIENCE_MS * S / 1000;
    stream->targets[0] =
        (struct traffic_target){.address = server, .port = VETH_PORT, .group = (uint16_t)group};
    stream->target_count = 1;
    return worker_setup(&config, err);
}

static int read_downloads(const struct worker *worker, struct ours *ours, struct error *err)
{
    const struct record *record = worker_record(worker);
    for (unsigned i = 0; i < PATIENCE_MS && record_count(record, RECORD_REQUESTS) < ALL; i++)
        usleep(1000);
    if (record_count(record, RECORD_REQUESTS) < ALL)
        return error_set(err, EXIT_ENVIRONMENT, -1, "no download within %d s", PATIENCE_MS / 1000);
    for (unsigned i = 0; i < ALL; i++) {
        const struct record_request *of = record_at(record, RECORD_REQUESTS, i);
        if (!outcome_is_good(of->outcome))
            return error_set(err, EXIT_ENVIRONMENT, -1, "a download was not good: %s",
                             outcome_text(of->outcome));
        ours->took_ns[i] = of->done_ns - of->sent_ns;
    }
    return 0;
}

static int run_worker(struct worker *worker, struct ours *ours, struct error *err)
{
    worker_command(worker, &(struct worker_command){.kind = WORKER_START});
    rte_eal_remote_launch(worker_main, worker, net_worker_lcore(0));
    int status = read_downloads(worker, ours, err);
    worker_command(worker, &(struct worker_command){.kind = WORKER_QUIT});
    rte_eal_wait_lcore(net_worker_lcore(0));
    ours->cycles = (double)record_count_read(&worker_counters(worker)->busy_cycles) /
                   (double)worker_tcp_counters(worker)->segments_in;
    return status;
}

/* ALL downloads on one connection. */
static int download(int cpu, struct ours *ours, struct error *err)
{
    struct net_port_config config = {
        .name = "bench", .profile = "af_xdp", .device = VETH_NEAR, .pool_count = 1};
    struct net_port *port;
    if (start_eal(cpu, err) < 0)
        return -1;
    config.pools[0] = clients;
    if (net_port_open(&config, getenv("SEAMLINE_DRIVERS"), &port, ours->fallback, err) < 0)
        return -1;
    snprintf(ours->profile, sizeof(ours->profile), "%s", net_port_profile(port)->name);
    struct worker *worker = make_worker(port, err);
    int status = worker != NULL ? run_worker(worker, ours, err) : -1;
    worker_free(worker);
    http_message_free(&message);
    net_port_close(port);
    net_eal_stop();
    return status;
}

/* In a process of its own: only with that does the driver let go of the interface, which the
 * kernel's client wants next. */
static int our_client(int cpu, struct ours *ours, struct error *err)
{
    int tell[2];
    *ours = (struct ours){.good = false};
    pid_t child = pipe(tell) == 0 ? fork() : -1;
    if (child == 0) {
        ours->good = download(cpu, ours, &ours->err) == 0;
        _exit(write(tell[1], ours, sizeof(*ours)) != sizeof(*ours));
    }
    if (child < 0)
        return error_set(err, EXIT_ENVIRONMENT, -1, "no process for our client");
    close(tell[1]);
    bool told = read(tell[0], ours, sizeof(*ours)) == sizeof(*ours);
    close(tell[0]);
    waitpid(child, NULL, 0);
    if (!told || !ours->good)
        return error_set(err, EXIT_ENVIRONMENT, -1, "our client: %s",
                         told ? ours->err.text : "it died");
    return 0;
}

static double gbit_per_s(uint64_t took_ns)
{
    return 8.0 * BODY_BYTES / (double)took_ns;
}

static int measure(const struct veth *veth, int cpu, struct bench *bench, char *note, size_t size,
                   struct error *err)
{
    double theirs[ROUNDS * DOWNLOADS], own[ROUNDS * DOWNLOADS];
    uint64_t took_ns[ALL];
    struct ours ours = {.cycles = 0};
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (veth_client(veth, cpu, ALL, took_ns, err) < 0 || our_client(cpu, &ours, err) < 0)
            return -1;
        for (unsigned i = WARM_UP; i < ALL; i++) {
            theirs[bench->count] = gbit_per_s(took_ns[i]);
            own[bench->count] = gbit_per_s(ours.took_ns[i]);
            bench_add(bench, own[bench->count] / theirs[bench->count], ours.cycles);
        }
    }
    snprintf(note, size, "%.2f Gbit/s, the kernel's client %.2f Gbit/s (medians); profile %s",
             bench_median(own, bench->count), bench_median(theirs, bench->count), ours.profile);
    if (ours.fallback[0])
        fprintf(stderr, "bulk: %s\n", ours.fallback);
    return 0;
}

int main(int argc, char **argv)
{
    const int cpus[2] = {argc > 1 ? atoi(argv[1]) : 0, argc > 2 ? atoi(argv[2]) : 1};
    char note[160] = "";
    struct bench bench = {
        .name = "bulk", .unit = "times", .must = 0.8, .aim = 1.5, .judged = true, .note = note};
    struct veth veth;
    struct error err = {0};
    bool good = veth_open(&veth, cpus[1], BODY_BYTES, &err) == 0 &&
                measure(&veth, cpus[0], &bench, note, sizeof(note), &err) == 0;
    veth_close(&veth);
    if (!good) {
        fprintf(stderr, "bulk: %s\n", err.text);
        return EXIT_ENVIRONMENT;
    }
    bench_print(&bench);
    return EXIT_MET;
}
