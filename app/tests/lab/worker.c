/* A worker on its lcore against ctraffic servers of the kernel's TCP, over a veth pair: usage:
 * PROFILE SERVER.py [ipv6].
 *
 * The server is killed, replaced, and stopped for a while; the account must say so: every due
 * request has its outcome, every broken connection its end, its outage and a bracket around the
 * moment of the kill. All is in a network namespace of this process alone. Needs root. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_launch.h>

#include "base/clock.h"
#include "net/net_setup.h"
#include "worker/worker.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

enum {
    HELD,
    NEW,
    FLOWS = 20
};

static struct clock run_clock;
static struct net_port *port;
static struct worker *worker;
static const char *profile;
static const char *server_script;
static bool ipv6;
static pid_t server;

static void sh(const char *command)
{
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static const char *target_text(void)
{
    return ipv6 ? "fd77::1" : "10.77.0.1";
}

/* Clients. */
static struct prefix pool(void)
{
    struct prefix parsed;
    assert_int_equal(prefix_parse(ipv6 ? "fd77:1::/64" : "10.77.1.0/24", &parsed, NULL), 0);
    return parsed;
}

static struct address address(const char *text)
{
    struct address parsed;
    assert_int_equal(address_parse(text, &parsed, NULL), 0);
    return parsed;
}

/* Returns when it listens. */
static void start_server(const char *name)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ready[1], STDOUT_FILENO);
        execlp("python3", "python3", server_script, name, target_text(), "5003", "5004",
               (char *)NULL);
        _exit(127);
    }
    assert_true(server > 0);
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
}

static void kill_server(void)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    server = 0;
}

static void wait_ms(unsigned ms)
{
    usleep(ms * 1000);
}

static void command(enum worker_command_kind kind, uint32_t stream)
{
    const struct worker_command bytes = {.kind = kind, .stream = stream};
    assert_true(worker_command(worker, &bytes));
}

/* Wait for a report of KIND for at most 10 s; others are passed over. */
static struct worker_report await_report(enum worker_report_kind kind, uint32_t stream)
{
    struct worker_report report;
    for (unsigned i = 0; i < 10000; i++) {
        while (worker_report(worker, &report))
            if (report.kind == kind && report.stream == stream)
                return report;
        wait_ms(1);
    }
    fail_msg("no report %d of stream %u", kind, stream);
    return report;
}

static uint64_t outcome(uint32_t stream, enum outcome which)
{
    return record_count_read(&worker_record(worker)->streams[stream].counters.outcomes[which]);
}

static const struct record_outage *outage(uint64_t index)
{
    return record_at(worker_record(worker), RECORD_OUTAGES, index);
}

static uint64_t outages_of(uint32_t stream)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < record_count(worker_record(worker), RECORD_OUTAGES); i++)
        count += outage(i)->stream == stream;
    return count;
}

static void test_streams_become_steady(void **state)
{
    (void)state;
    command(WORKER_START, HELD);
    command(WORKER_START, NEW);
    command(WORKER_START, HELD);
    await_report(WORKER_STREAM_STARTED, HELD);
    await_report(WORKER_STREAM_STEADY, HELD);
    const struct record_counters *counters = &worker_record(worker)->streams[HELD].counters;
    assert_int_equal(record_count_read(&counters->connections_up), FLOWS);
    assert_int_equal(record_count_read(&counters->steady_flows), FLOWS);
    assert_int_equal(record_count(worker_record(worker), RECORD_HOSTS), 1);
    assert_int_equal(outages_of(HELD), 0);
}

/* Of all answers on the held stream: what analyze/ takes for the time that one may need. */
static uint64_t longest_answer_ns(void)
{
    uint64_t longest_ns = 0;
    for (uint64_t i = 0; i < record_count(worker_record(worker), RECORD_REQUESTS); i++) {
        const struct record_request *of = record_at(worker_record(worker), RECORD_REQUESTS, i);
        if (of->stream == HELD && outcome_is_good(of->outcome) &&
            of->done_ns - of->sent_ns > longest_ns)
            longest_ns = of->done_ns - of->sent_ns;
    }
    return longest_ns;
}

/* Does the onset bracket of OF contain a moment in FROM_NS .. TO_NS? */
static bool is_bracketed(const struct record_outage *of, uint64_t longest_ns, uint64_t from_ns,
                         uint64_t to_ns)
{
    uint64_t end_ns = of->signal_ns;
    uint64_t overdue_ns = of->first_unanswered_ns + longest_ns;
    if (of->first_unanswered_ns != 0 && overdue_ns < end_ns)
        end_ns = overdue_ns;
    return of->last_good_sent_ns <= to_ns && end_ns >= from_ns;
}

/* SIGKILL: the kernel closes all 20 (by RST those with a packet unread), then refuses, until
 * another server listens. */
static void test_a_killed_server(void **state)
{
    (void)state;
    uint64_t before_ns = clock_now_ns(&run_clock);
    kill_server();
    uint64_t after_ns = clock_now_ns(&run_clock);
    wait_ms(300);
    start_server("pod-b");
    wait_ms(2500);
    assert_int_equal(outages_of(HELD), FLOWS);
    uint64_t longest_ns = longest_answer_ns();
    for (uint64_t i = 0; i < record_count(worker_record(worker), RECORD_OUTAGES); i++) {
        const struct record_outage *of = outage(i);
        if (of->stream != HELD)
            continue;
        assert_true(is_bracketed(of, longest_ns, before_ns, after_ns));
        assert_true(of->signal == CONNECTION_FIN || of->signal == CONNECTION_RST);
        assert_true(of->last_good_sent_ns <= after_ns);
        assert_true(of->signal_ns >= before_ns);
        assert_true(of->recovered_sent_ns > of->signal_ns);
        assert_true(of->attempts >= 2);
        assert_int_equal(of->host, 1);
        assert_int_equal(of->successor_host, 2);
    }
    assert_true(outcome(NEW, OUTCOME_REFUSED) >= 5);
    assert_true(outages_of(NEW) >= 1);
}

/* SIGSTOP for 1.5 s: the kernel goes on to acknowledge, and nobody answers. */
static void test_a_stopped_server(void **state)
{
    (void)state;
    uint64_t stalled = outcome(HELD, OUTCOME_STALLED);
    kill(server, SIGSTOP);
    wait_ms(1500);
    kill(server, SIGCONT);
    wait_ms(2000);
    assert_true(outcome(HELD, OUTCOME_STALLED) - stalled >= FLOWS);
    assert_true(outcome(HELD, OUTCOME_BLOCKED) > 0);
    const struct record_counters *counters = &worker_record(worker)->streams[HELD].counters;
    assert_int_equal(record_count_read(&counters->connections_up), FLOWS);
    assert_int_equal(record_count_read(&counters->steady_flows), FLOWS);
}

static void test_everything_is_accounted_for(void **state)
{
    (void)state;
    struct worker_leftovers leftovers;
    uint64_t ends[CONNECTION_END_COUNT] = {0};
    command(WORKER_STOP, NEW);
    await_report(WORKER_STREAM_STOPPED, NEW);
    command(WORKER_SHUTDOWN, 0);
    rte_eal_wait_lcore(net_worker_lcore(0));
    assert_true(worker_leftovers(worker, &leftovers));
    const struct record *record = worker_record(worker);
    for (uint64_t i = 0; i < record_count(record, RECORD_CONNECTIONS); i++) {
        const struct record_connection *of = record_at(record, RECORD_CONNECTIONS, i);
        if (of->stream == HELD)
            ends[of->end]++;
    }
    assert_int_equal(ends[CONNECTION_LASTING], FLOWS);
    /* More, when a successor met the dying server's listener before that was closed too. */
    assert_true(ends[CONNECTION_FIN] + ends[CONNECTION_RST] >= FLOWS);
    assert_true(ends[CONNECTION_SILENCE] >= FLOWS);
    assert_int_equal(outcome(HELD, OUTCOME_BAD_ANSWER), 0);
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        assert_int_equal(atomic_load(&record->logs[type].refused), 0);
    const struct worker_counters *counters = worker_counters(worker);
    print_message("# %s: %.0f cycles an idle turn, %.0f a busy one, longest gap %.3f ms\n", profile,
                  (double)counters->idle_cycles / (double)counters->idle_turns,
                  (double)counters->busy_cycles / (double)(counters->turns - counters->idle_turns),
                  (double)counters->longest_gap_ns / 1e6);
    assert_true(counters->idle_turns > 1000);
    worker_free(worker);
    assert_int_equal(net_port_close(port), 0);
}

static void make_link(void)
{
    sh("ip link set lo up");
    sh("ip link add slw0 numrxqueues 1 numtxqueues 1 "
       "type veth peer name slw1 numrxqueues 1 numtxqueues 1");
    sh("sysctl -qw net.ipv6.conf.slw0.disable_ipv6=1 net.ipv4.conf.slw0.arp_ignore=8");
    sh("ethtool -K slw1 tx off tso off gso off gro off >/dev/null");
    sh("ip link set slw0 up; ip link set slw1 up");
    sh("ip addr add 10.77.0.1/24 dev slw1; ip route add 10.77.1.0/24 dev slw1");
    sh("ip -6 addr add fd77::1/64 dev slw1 nodad; ip -6 route add fd77:1::/64 dev slw1");
}

static struct worker_config configure(int group)
{
    struct worker_config config = worker_config_default();
    struct traffic_stream_config held = traffic_stream_default(TRAFFIC_CTRAFFIC);
    struct traffic_stream_config new = traffic_stream_default(TRAFFIC_CONNECT);
    held.flows = FLOWS;
    held.law = law_constant(10 * FLOWS, UINT64_C(1000000000));
    new.law = law_constant(100, UINT64_C(1000000000));
    held.target_count = new.target_count = 1;
    held.targets[0].address = new.targets[0].address = address(target_text());
    held.targets[0].port = 5003;
    new.targets[0].port = 5004;
    held.targets[0].group = new.targets[0].group = (uint16_t)group;
    config.clock = &run_clock;
    config.port = port;
    config.key = (struct hash_key){clock_tsc(), 7};
    config.traffic.seed = clock_tsc();
    config.traffic.pools[0] = pool();
    config.traffic.pool_count = 1;
    config.traffic.streams[HELD] = held;
    config.traffic.streams[NEW] = new;
    config.traffic.stream_count = 2;
    return config;
}

static int start(void **state)
{
    (void)state;
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {1},
                                       .worker_count = 1,
                                       .memory = NET_MEMORY_PAGES,
                                       .memory_mib = 256};
    const struct net_port_config config = {
        .name = "test", .profile = profile, .device = "slw0", .pools = {pool()}, .pool_count = 1};
    const struct address hop = address(target_text());
    struct error err = {0};
    char note[NET_NOTE_BYTES];
    if (unshare(CLONE_NEWNET) < 0) {
        perror("unshare");
        return -1;
    }
    clock_start(&run_clock, 50000000);
    make_link();
    start_server("pod-a");
    int group = -1;
    if (net_eal_start(&eal, NULL, &err) == 0 &&
        net_port_open(&config, getenv("SEAMLINE_DRIVERS"), &port, note, &err) == 0 &&
        (group = net_group_add(port, &hop, 1, &err)) >= 0 &&
        net_resolve(port, &run_clock, 5 * S, &err) == 0) {
        struct worker_config of_worker = configure(group);
        worker = worker_setup(&of_worker, &err);
    }
    if (worker == NULL) {
        print_error("%s\n", err.text);
        return -1;
    }
    return rte_eal_remote_launch(worker_main, worker, net_worker_lcore(0));
}

static int stop(void **state)
{
    (void)state;
    if (server > 0)
        kill_server();
    net_eal_stop();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_become_steady),
        cmocka_unit_test(test_a_killed_server),
        cmocka_unit_test(test_a_stopped_server),
        cmocka_unit_test(test_everything_is_accounted_for),
    };
    profile = argc > 1 ? argv[1] : "af_packet";
    server_script = argc > 2 ? argv[2] : "app/tests/lab/ctraffic_server.py";
    ipv6 = argc > 3 && strcmp(argv[3], "ipv6") == 0;
    return cmocka_run_group_tests_name(profile, tests, start, stop);
}
