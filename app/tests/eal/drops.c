/* What the tester itself drops or cannot send, in mid-run: a driver that takes fewer packets than
 * it is offered, then none, then all again; a NIC that misses frames, finds no buffers and loses its
 * link; a port without room. Each is accounted once, and on the timeline.
 *
 * The far end of the port's rings is this test, a mirror while it looks. The ring to it is short:
 * when it is full, the driver refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_launch.h>
#include <rte_ring.h>

#include "net/net_setup.h"
#include "net/wire.h"
#include "run/fleet.h"
#include "tests/eal/test_nic.h"
#include "traffic/mark.h"
#include "worker/worker.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

enum {
    RING_PLACES = 63, /* One less than its size. */
    FLOWS = 2,
    UDP = 0, /* Streams. */
    TCP = 1,
    UNSENT_WANTED = 20,
    REQUESTS_MAX = 1 << 16
};

/* Real time is waited for no longer than this, and nothing else depends on it. */
#define PATIENCE_NS (60 * S)

static struct clock run_clock;
static struct net_port *port;
static struct worker *worker;
static struct record *record;
static struct fleet fleet;
static struct machine machine;
static struct machine_port nic_port = {.name = "drops", .socket = "rings", .queues = 1};
static uint32_t buffers_out; /* Before anything was sent. */
static uint64_t mirrored;    /* Datagrams. */
static uint8_t seen[REQUESTS_MAX];
static _Atomic bool no_room; /* For TCP. */

uint8_t *__real_net_tx_begin(struct net_port *port, const struct net_path *path,
                             const struct tuple *tuple, uint16_t l4_bytes, enum net_refusal *why);
uint8_t *__wrap_net_tx_begin(struct net_port *port, const struct net_path *path,
                             const struct tuple *tuple, uint16_t l4_bytes, enum net_refusal *why);

uint8_t *__wrap_net_tx_begin(struct net_port *of, const struct net_path *path,
                             const struct tuple *tuple, uint16_t l4_bytes, enum net_refusal *why)
{
    if (!no_room || tuple->protocol != WIRE_TCP)
        return __real_net_tx_begin(of, path, tuple, l4_bytes, why);
    *why = NET_REFUSED_ROOM;
    return NULL;
}

static uint64_t now(void)
{
    return clock_now_ns(&run_clock);
}

/* No request leaves twice. */
static void note(struct rte_mbuf *mbuf)
{
    const uint8_t *end = rte_pktmbuf_mtod(mbuf, const uint8_t *) + rte_pktmbuf_data_len(mbuf);
    struct mark mark;
    assert_true(mark_read(end - MARK_ECHO_BYTES, MARK_ECHO, &mark));
    uint64_t number = mark.sequence * FLOWS + mark.flow;
    assert_true(number < REQUESTS_MAX);
    assert_int_equal(seen[number]++, 0);
    mirrored++;
}

static void wire(void)
{
    void *object;
    while (rte_ring_dequeue(rte_ring_lookup("sl_drops_b"), &object) == 0) {
        struct rte_mbuf *mbuf = object;
        if (!test_nic_answer_arp(mbuf)) {
            note(mbuf);
            test_nic_turn_round(mbuf);
        }
        assert_int_equal(rte_ring_enqueue(rte_ring_lookup("sl_drops_a"), mbuf), 0);
    }
}

/* Once: what the driver holds now, and no more. */
static void wire_takes_a_full_ring(void)
{
    void *objects[RING_PLACES];
    assert_int_equal(
        rte_ring_dequeue_bulk(rte_ring_lookup("sl_drops_b"), objects, RING_PLACES, NULL),
        RING_PLACES);
    for (unsigned i = 0; i < RING_PLACES; i++) {
        if (!test_nic_answer_arp(objects[i]))
            note(objects[i]);
        rte_pktmbuf_free(objects[i]); /* Lost behind the driver: no answer. */
    }
}

static void command(const struct worker_command *command)
{
    while (!worker_command(worker, command))
        usleep(100);
}

/* The INDEX-th fault of KIND, waited for; the wire is a mirror meanwhile if it MIRRORS. */
static struct record_fault fault_of(enum tester_fault kind, unsigned index, bool mirrors)
{
    for (uint64_t end_ns = now() + PATIENCE_NS; now() < end_ns; usleep(100)) {
        unsigned found = 0;
        for (uint64_t i = 0; i < record_count(record, RECORD_FAULTS); i++) {
            const struct record_fault *fault = record_at(record, RECORD_FAULTS, i);
            if (fault->kind == kind && found++ == index)
                return *fault;
        }
        if (mirrors)
            wire();
    }
    fail_msg("no fault \"%s\" of number %u", tester_fault_text(kind), index);
    return (struct record_fault){0};
}

static unsigned number_of(enum tester_fault kind)
{
    unsigned number = 0;
    for (uint64_t i = 0; i < record_count(record, RECORD_FAULTS); i++) {
        const struct record_fault *fault = record_at(record, RECORD_FAULTS, i);
        number += fault->kind == kind;
    }
    return number;
}

/* What all faults of KIND counted. */
static uint64_t counted(enum tester_fault kind)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < record_count(record, RECORD_FAULTS); i++) {
        const struct record_fault *fault = record_at(record, RECORD_FAULTS, i);
        sum += fault->kind == kind ? fault->count : 0;
    }
    return sum;
}

static uint64_t udp_outcomes(enum outcome outcome)
{
    return record_count_read(&record->streams[UDP].counters.outcomes[outcome]);
}

/* A refusal as it looks from here: it was on at both times, and goes on. */
struct refusal {
    uint64_t early_ns, late_ns;
    uint16_t packets; /* That wait for the driver. */
};

/* Until the driver refuses, and then for as long as makes some requests unsent. A worker that made
 * them so since `early_ns` stamps its next burst later than that. */
static struct refusal wait_for_unsent(void)
{
    struct refusal refusal = {0};
    const struct rte_ring *ring = rte_ring_lookup("sl_drops_b");
    const uint64_t end_ns = now() + PATIENCE_NS;
    while ((!rte_ring_full(ring) || net_tx_queued(port) == 0) && now() < end_ns)
        usleep(100);
    refusal.early_ns = now();
    const uint64_t before = udp_outcomes(OUTCOME_UNSENT);
    while (udp_outcomes(OUTCOME_UNSENT) < before + UNSENT_WANTED && now() < end_ns)
        usleep(100);
    assert_true(udp_outcomes(OUTCOME_UNSENT) >= before + UNSENT_WANTED);
    assert_int_equal(rte_ring_count(ring), RING_PLACES);
    refusal.packets = net_tx_queued(port);
    refusal.late_ns = now();
    return refusal;
}

static void wait_for_good(uint64_t count)
{
    for (uint64_t end_ns = now() + PATIENCE_NS; now() < end_ns; wire())
        if (udp_outcomes(OUTCOME_OK) >= count)
            return;
    fail_msg("no answers");
}

/* What was refused is the fault's count, and its span holds all of it. */
static void check_refusal(const struct record_fault *fault, const struct refusal *refusal)
{
    assert_in_range(refusal->packets, 1, NET_TX_QUEUE);
    assert_int_equal(fault->count, refusal->packets);
    assert_true(fault->start_ns > 0 && fault->start_ns <= refusal->late_ns);
    assert_true(fault->end_ns >= refusal->early_ns);
}

static void test_a_driver_that_refuses(void **state)
{
    struct record_fault fault, next;
    struct refusal refusal;
    unsigned first;
    struct worker_report report;
    (void)state;
    do
        wire();
    while (!worker_report(worker, &report) || report.net.kind != NET_EVENT_RESOLVED);
    command(&(struct worker_command){.kind = WORKER_START, .stream = UDP});
    wait_for_good(UNSENT_WANTED);

    refusal = wait_for_unsent();
    first = number_of(FAULT_TX_REFUSED); /* Of those that are over: this one goes on. */
    wire_takes_a_full_ring();
    fault = fault_of(FAULT_TX_REFUSED, first, false);
    check_refusal(&fault, &refusal);

    /* More is late than the ring has places for. */
    refusal = wait_for_unsent();
    assert_int_equal(number_of(FAULT_TX_REFUSED), first + 1);
    next = fault_of(FAULT_TX_REFUSED, first + 1, true);
    check_refusal(&next, &refusal);
    assert_true(next.start_ns >= fault.end_ns);
    wait_for_good(udp_outcomes(OUTCOME_OK) + UNSENT_WANTED);
}

/* Not the next hop's doing, which answers all the time. */
static void test_no_room_is_no_lost_hop(void **state)
{
    (void)state;
    no_room = true;
    command(&(struct worker_command){.kind = WORKER_START, .stream = TCP});
    for (uint64_t end_ns = now() + PATIENCE_NS;
         record_count(record, RECORD_CONNECTIONS) < FLOWS && now() < end_ns;)
        wire();
    assert_true(record_count(record, RECORD_CONNECTIONS) >= FLOWS);
    for (unsigned i = 0; i < FLOWS; i++) {
        const struct record_connection *connection = record_at(record, RECORD_CONNECTIONS, i);
        assert_int_equal(connection->end, CONNECTION_UNSENT);
    }
    command(&(struct worker_command){.kind = WORKER_STOP, .stream = TCP});
    assert_int_equal(record_count_read(&worker_counters(worker)->hop_refusals), 0);
}

/* A look between the last one and now. */
static void look(enum tester_fault kind, unsigned index, uint64_t count)
{
    struct error err = {0};
    uint64_t before_ns = fleet.nics[0].looked_ns;
    assert_int_equal(fleet_look(&fleet, &err), 0);
    struct record_fault fault = fault_of(kind, index, true);
    assert_int_equal(fault.count, count);
    assert_int_equal(fault.start_ns, before_ns);
    assert_int_equal(fault.end_ns, fleet.nics[0].looked_ns);
}

static void test_what_the_nic_drops(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(fleet_look(&fleet, &err), 0); /* All is well: see the sums in the end. */
    test_nic.imissed = 5;
    look(FAULT_MISSED, 0, 5);
    test_nic.imissed = 7;
    test_nic.rx_nombuf = 3;
    look(FAULT_MISSED, 1, 2);
    test_nic.link_down = true;
    look(FAULT_LINK, 0, 1);
    test_nic.link_down = false;
    look(FAULT_LINK, 1, 1);
    assert_int_equal(fleet_look(&fleet, &err), 0);
}

/* A request that found no room did so while the driver refused, and that is on the timeline. */
static bool was_refused(const struct record_request *request)
{
    for (uint64_t i = 0; i < record_count(record, RECORD_FAULTS); i++) {
        const struct record_fault *fault = record_at(record, RECORD_FAULTS, i);
        if (fault->kind == FAULT_TX_REFUSED && request->due_ns <= fault->end_ns &&
            request->done_ns >= fault->start_ns)
            return true;
    }
    return false;
}

static void check_requests(void)
{
    uint64_t sent = 0, late = 0, no_place = 0;
    for (uint64_t i = 0; i < record_count(record, RECORD_REQUESTS); i++) {
        const struct record_request *request = record_at(record, RECORD_REQUESTS, i);
        sent += request->sent_ns != 0;
        late += request->sent_ns != 0 &&
                request->sent_ns - request->due_ns > traffic_config_default().sent_late_ns;
        assert_int_not_equal(request->outcome, OUTCOME_UNREACHABLE);
        if (request->outcome != OUTCOME_UNSENT)
            continue;
        assert_int_equal(request->sent_ns, 0);
        if (request->stream == UDP && request->reason == UNSENT_TX_FULL) {
            no_place++;
            assert_true(was_refused(request));
        }
    }
    assert_int_equal(sent, mirrored);
    assert_true(no_place > 0);
    assert_true(late > 0);
    assert_int_equal(counted(FAULT_SENT_LATE), late);
}

static void check_meta(void)
{
    static struct meta meta;
    meta.stream_count = 2;
    fleet_account(&fleet, &meta);
    assert_int_equal(meta.ports[0].imissed, 7);
    assert_int_equal(meta.ports[0].rx_nombuf, 3);
    assert_int_equal(meta.ports[0].tx_refused, net_counters(port)->tx_refusals);
    assert_int_equal(meta.ports[0].mbufs_missing, 0);
    free(meta.notes);
}

/* Until the end the driver refuses: what waits for it is no leak, and the refusal is on the timeline
 * though it never ends. */
static void test_the_account_is_whole(void **state)
{
    struct worker_leftovers leftovers;
    struct worker_report report;
    (void)state;
    const struct refusal refusal = wait_for_unsent();
    const unsigned first = number_of(FAULT_TX_REFUSED);
    command(&(struct worker_command){.kind = WORKER_SHUTDOWN});
    while (record_count_read(&worker_counters(worker)->end_ns) == 0)
        worker_report(worker, &report);
    rte_eal_wait_lcore(net_worker_lcore(0));
    assert_true(net_tx_queued(port) >= refusal.packets);
    wire();
    assert_true(worker_leftovers(worker, &leftovers)); /* Outcomes are as many as requests due. */
    const struct record_fault fault = fault_of(FAULT_TX_REFUSED, first, false);
    check_refusal(&fault, &(struct refusal){.early_ns = refusal.early_ns,
                                            .late_ns = refusal.late_ns,
                                            .packets = net_tx_queued(port)});
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        assert_int_equal(record_count_read(&record->logs[type].refused), 0);
    check_requests();
    check_meta();
    assert_int_equal(counted(FAULT_MISSED), 7);
    assert_int_equal(counted(FAULT_NO_MBUF), 3);
    assert_int_equal(counted(FAULT_LINK), 2);
    void *left;
    while (rte_ring_dequeue(rte_ring_lookup("sl_drops_a"), &left) == 0)
        rte_pktmbuf_free(left);
    assert_int_equal(net_buffers_out(port), buffers_out + net_tx_queued(port));
    worker_free(worker);
    assert_int_equal(net_port_close(port), 0);
}

static int open_port(const struct address *hop, struct prefix *pool, struct error *err)
{
    struct net_port_config config = {.name = "drops",
                                     .profile = "ring",
                                     .device = "drops.a",
                                     .has_mac = true,
                                     .mac = {2, 0, 0, 0, 0, 1},
                                     .pool_count = 1};
    if (prefix_parse("10.0.0.0/24", pool, err) < 0 ||
        rte_ring_create("sl_drops_b", RING_PLACES + 1, SOCKET_ID_ANY,
                        RING_F_SP_ENQ | RING_F_SC_DEQ) == NULL)
        return -1;
    config.pools[0] = *pool;
    if (net_port_open(&config, getenv("SEAMLINE_DRIVERS"), &port, NULL, err) < 0 ||
        net_group_add(port, hop, 1, err) < 0)
        return -1;
    net_tx_room(port); /* Buffers to ask for the next hop. */
    buffers_out = net_buffers_out(port);
    return 0;
}

/* As fleet_open() and fleet_launch() leave it. */
static void make_fleet(void)
{
    fleet.machine = &machine;
    fleet.clock = &run_clock;
    fleet.count = fleet.nic_count = 1;
    fleet.stream_count = 2;
    fleet.nics[0] =
        (struct fleet_nic){.config = &nic_port, .open = true, .link_up = true, .looked_ns = now()};
    fleet.members[0] = (struct fleet_member){
        .nic = &fleet.nics[0], .port = port, .worker = worker, .running = true};
}

static int launch(struct error *err)
{
    struct worker_config config = worker_config_default();
    struct traffic_config *traffic = &config.traffic;
    struct traffic_target target = {.port = 5003};
    if (address_parse("10.0.1.1", &target.address, err) < 0 ||
        open_port(&target.address, &traffic->pools[0], err) < 0)
        return -1;
    traffic->pool_count = 1;
    traffic->stream_count = 2;
    traffic->close_timeout_ns = 100 * MS;
    traffic->streams[UDP] = traffic_stream_default(TRAFFIC_UDP);
    traffic->streams[UDP].flows = FLOWS;
    traffic->streams[UDP].law = law_constant(1000, S);
    traffic->streams[UDP].unsent_after_ns = 200 * MS;
    traffic->streams[TCP] = traffic_stream_default(TRAFFIC_CONNECT);
    traffic->streams[TCP].connect_timeout_ns = 300 * MS;
    for (unsigned i = 0; i < traffic->stream_count; i++) {
        traffic->streams[i].target_count = 1;
        traffic->streams[i].targets[0] = target;
    }
    config.clock = &run_clock;
    config.port = port;
    worker = worker_setup(&config, err);
    if (worker == NULL)
        return -1;
    record = worker_record(worker);
    make_fleet();
    return rte_eal_remote_launch(worker_main, worker, net_worker_lcore(0));
}

static int start(void **state)
{
    (void)state;
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {1},
                                       .worker_count = 1,
                                       .memory = NET_MEMORY_PAGES,
                                       .memory_mib = 128};
    struct error err = {0};
    clock_start(&run_clock, 50 * MS);
    test_nic.clock = &run_clock;
    if (net_eal_start(&eal, NULL, &err) < 0 || launch(&err) < 0) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    net_eal_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_driver_that_refuses),
        cmocka_unit_test(test_no_room_is_no_lost_hop),
        cmocka_unit_test(test_what_the_nic_drops),
        cmocka_unit_test(test_the_account_is_whole),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
