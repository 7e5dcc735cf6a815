/* Echo streams against a path that does with each request as it is told, in virtual time. */
#include "traffic/echo.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "net/checksum.h"
#include "net/wire.h"
#include "traffic/traffic.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)
#define TRIP_NS (100 * US)
#define STAMP_NS UINT64_C(700) /* After the turn's time. */
#define POLL_NS UINT64_C(3000) /* Uncertainty of every arrival. */

enum {
    QUEUE = 4096,
    DATAGRAM_BYTES = 256,
    REQUESTS = 100000,
    SIZE_BYTES = 100 /* Of a payload. */
};

/* What becomes of a request. */
enum fate {
    ECHO_BACK,
    LOSE,
    TWICE,        /* The second one 10 us behind. */
    SLOW,         /* 10 ms more than the others. */
    OVERTAKEN,    /* Past the time-out. */
    REFUSE,       /* Port unreachable, quoting all. */
    REFUSE_SHORT, /* The same, quoting 8 bytes. */
    UNREACHABLE,  /* Host unreachable, quoting all. */
    DAMAGE,       /* A byte of the zeros is set. */
    CUT,          /* All but the first 8 bytes of the payload come back. */
    UNMARKED,     /* The mark is wiped out. */
    FATES
};

struct arrival {
    uint64_t at_ns;
    uint64_t order;
    struct tuple tuple;
    bool icmp;
    enum icmp_kind kind;
    uint32_t bytes;
    uint8_t l4[DATAGRAM_BYTES];
};

struct scene {
    uint64_t now_ns;
    struct tcp *tcp;
    struct record *record;
    struct traffic *traffic;
    const char *host; /* The server's name; NULL: it writes none. */
    bool tx_full;
    bool no_hop;
    enum unsent_reason refusal; /* Of the port; UNSENT_NONE: it takes all. */
    uint8_t fates[REQUESTS];    /* By number of sending. */
    uint32_t sent;
    struct arrival last; /* Sent last, as it was. */
    struct arrival queue[QUEUE];
    uint32_t queued;
    uint64_t order;
};

static struct traffic_config config_of(enum traffic_protocol protocol, uint32_t flows,
                                       uint64_t rate, const char *target)
{
    struct traffic_config config = traffic_config_default();
    struct traffic_stream_config *stream = &config.streams[0];
    *stream = traffic_stream_default(protocol);
    stream->flows = flows;
    stream->law = law_constant(rate, S);
    stream->size_bytes = SIZE_BYTES;
    stream->timeout_ns = 50 * MS;
    stream->late_ns = 5 * MS;
    stream->target_count = 1;
    stream->targets[0].port = protocol == TRAFFIC_UDP ? 5003 : 0;
    assert_int_equal(address_parse(target, &stream->targets[0].address, NULL), 0);
    config.stream_count = 1;
    config.pool_count = 2;
    assert_int_equal(prefix_parse("10.0.0.0/29", &config.pools[0], NULL), 0);
    assert_int_equal(prefix_parse("fd00::/125", &config.pools[1], NULL), 0);
    return config;
}

static struct scene *scene_of(const struct traffic_config *config)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    struct record_config record = {.stream_count = config->stream_count};
    struct error err = {0};
    struct tcp_config tcp = tcp_config_default(traffic_connections_needed(config));
    assert_non_null(scene);
    scene->tcp = tcp_setup(&tcp, 0, &err);
    scene->record = record_setup(&record);
    scene->traffic = traffic_setup(config, scene->tcp, scene->record, &err);
    assert_string_equal(err.text, "");
    assert_non_null(scene->traffic);
    scene->host = "pod-a";
    return scene;
}

/* One UDP flow, one request a millisecond, from 1 s on: request k is due at 1 s + k ms. */
static struct scene *simple_scene(void)
{
    struct traffic_config config = config_of(TRAFFIC_UDP, 1, 1000, "10.9.0.1");
    struct scene *scene = scene_of(&config);
    scene->now_ns = S / 2;
    assert_true(traffic_start(scene->traffic, 0, scene->now_ns, S));
    return scene;
}

static void put(struct scene *scene, const struct arrival *what, uint64_t at_ns)
{
    assert_true(scene->queued < QUEUE);
    struct arrival *arrival = &scene->queue[scene->queued++];
    *arrival = *what;
    arrival->at_ns = at_ns;
    arrival->order = scene->order++;
}

static void answer(struct scene *scene, enum fate fate)
{
    struct arrival back = scene->last;
    uint8_t *payload = back.l4 + 8;
    uint64_t at_ns = scene->now_ns + TRIP_NS;
    if (scene->host != NULL)
        memcpy(payload, scene->host, strlen(scene->host));
    switch (fate) {
    case ECHO_BACK: break;
    case LOSE: return;
    case TWICE: put(scene, &back, at_ns + 10 * US); break;
    case SLOW: at_ns += 10 * MS; break;
    case OVERTAKEN: at_ns += 60 * MS; break;
    case REFUSE:
    case REFUSE_SHORT:
    case UNREACHABLE:
        back = scene->last;
        back.icmp = true;
        back.bytes = fate == REFUSE_SHORT ? 8 : back.bytes;
        back.kind = fate == UNREACHABLE ? ICMP_HOST_UNREACHABLE : ICMP_PORT_UNREACHABLE;
        break;
    case DAMAGE: payload[40] = 1; break;
    case CUT:
        back.bytes -= 8;
        memmove(payload, payload + 8, back.bytes - 8);
        break;
    case UNMARKED: memset(back.l4 + back.bytes - MARK_ECHO_BYTES, 0, MARK_ECHO_BYTES); break;
    case FATES: fail();
    }
    put(scene, &back, at_ns);
}

static void arrive(struct scene *scene)
{
    for (;;) {
        struct arrival *first = NULL;
        for (uint32_t i = 0; i < scene->queued; i++) {
            struct arrival *at = &scene->queue[i];
            if (first == NULL || at->at_ns < first->at_ns ||
                (at->at_ns == first->at_ns && at->order < first->order))
                first = at;
        }
        if (first == NULL || first->at_ns > scene->now_ns)
            return;
        struct arrival arrival = *first;
        *first = scene->queue[--scene->queued];
        if (arrival.icmp) {
            struct icmp_error error = {.kind = arrival.kind,
                                       .quoted = arrival.tuple,
                                       .quoted_l4 = arrival.l4,
                                       .quoted_bytes = arrival.bytes};
            assert_true(traffic_answer_error(scene->traffic, &error, scene->now_ns, POLL_NS));
        } else {
            assert_true(traffic_answer(scene->traffic, &arrival.tuple, arrival.l4, arrival.bytes,
                                       scene->now_ns, POLL_NS));
        }
    }
}

static void transmit(struct scene *scene)
{
    struct traffic_datagram datagram;
    while (!scene->tx_full && traffic_datagram(scene->traffic, scene->now_ns, &datagram)) {
        if (scene->no_hop || scene->refusal != UNSENT_NONE) {
            traffic_datagram_refused(scene->traffic, &datagram, scene->refusal, scene->now_ns);
            continue;
        }
        scene->last = (struct arrival){.tuple = *datagram.tuple, .bytes = datagram.l4_bytes};
        assert_true(datagram.l4_bytes <= DATAGRAM_BYTES);
        memset(scene->last.l4, 0xee, DATAGRAM_BYTES);
        uint64_t sum =
            traffic_datagram_fill(scene->traffic, &datagram, scene->now_ns, scene->last.l4);
        assert_int_equal(checksum_finish(sum),
                         checksum_finish(checksum_add(0, scene->last.l4, datagram.l4_bytes)));
        answer(scene, scene->fates[scene->sent++]);
        traffic_datagram_sent(scene->traffic, &datagram, scene->now_ns + STAMP_NS);
    }
}

static void turn(struct scene *scene)
{
    arrive(scene);
    traffic_timers(scene->traffic, scene->now_ns);
    traffic_due(scene->traffic, scene->now_ns);
    transmit(scene);
}

static void run(struct scene *scene, uint64_t at_ns)
{
    for (;;) {
        turn(scene);
        uint64_t next_ns = traffic_next_ns(scene->traffic);
        for (uint32_t i = 0; i < scene->queued; i++)
            if (scene->queue[i].at_ns < next_ns)
                next_ns = scene->queue[i].at_ns;
        if (next_ns > at_ns)
            break;
        scene->now_ns = next_ns > scene->now_ns ? next_ns : scene->now_ns;
    }
    scene->now_ns = at_ns;
    turn(scene);
}

static void assert_outcomes(const struct scene *scene, const char *expected)
{
    char text[256] = "";
    size_t size = 0;
    for (unsigned o = 0; o < OUTCOME_COUNT; o++) {
        uint64_t count = record_count_read(&scene->record->streams[0].counters.outcomes[o]);
        if (count > 0)
            size +=
                (size_t)snprintf(text + size, sizeof(text) - size, "%s%s %llu",
                                 size > 0 ? ", " : "", outcome_text(o), (unsigned long long)count);
    }
    assert_string_equal(text, expected);
}

static uint64_t counted(const struct scene *scene, enum datagram_count what)
{
    return record_count_read(&scene->record->streams[0].counters.datagrams[what]);
}

static const struct record_request *request(const struct scene *scene, uint64_t index)
{
    return record_at(scene->record, RECORD_REQUESTS, index);
}

/* Nothing is left: each due request has an outcome, the client ends are free. */
static void stop(struct scene *scene)
{
    struct traffic_report report;
    bool stopped = false;
    traffic_stop(scene->traffic, 0, scene->now_ns);
    while (traffic_report(scene->traffic, &report))
        stopped = report.kind == TRAFFIC_REPORT_STOPPED;
    assert_true(stopped);
    assert_true(record_sums_hold(scene->record));
    assert_false(traffic_datagrams_wait(scene->traffic));
    assert_true(traffic_next_ns(scene->traffic) == UINT64_MAX);
    assert_int_equal(scene->traffic->sweeps[0].ports.in_use, 0);
    assert_int_equal(scene->traffic->sweeps[1].ports.in_use, 0);
    for (uint32_t i = 0; i < scene->traffic->echo_places; i++)
        assert_int_equal(scene->traffic->echo_table[i], 0);
    assert_false(echo_answer(scene->traffic, &scene->last.tuple, scene->last.l4, scene->last.bytes,
                             scene->now_ns));
    traffic_free(scene->traffic);
    tcp_teardown(scene->tcp);
    record_free(scene->record);
    free(scene);
}

/* A NIC's stamps are before the turn that finds them: answers have the NIC's, if that is not before
 * they were asked for. */
static void answers_are_stamped_by_their_arrival(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    run(scene, S + 10 * MS - 1);
    traffic_lag(scene->traffic, POLL_NS - 500);
    run(scene, S + 20 * MS - 1);
    traffic_lag(scene->traffic, TRIP_NS - STAMP_NS + 1);
    run(scene, S + 30 * MS - 1);
    assert_outcomes(scene, "ok 30");
    const struct record_request *one = request(scene, 13);
    assert_int_equal(one->done_ns, S + 13 * MS + TRIP_NS - (POLL_NS - 500));
    assert_int_equal(one->first_byte_ns, one->done_ns);
    assert_int_equal(one->arrival_uncertainty_ns, 500);
    one = request(scene, 23);
    assert_int_equal(one->done_ns, one->sent_ns);
    stop(scene);
}

/* For a NIC that sends on time: 50 us before they are due. When it cannot any more, what was taken
 * ahead waits until it is due. */
static void requests_are_handed_out_ahead(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    struct traffic *traffic = scene->traffic;
    struct traffic_datagram datagram;
    traffic_ahead(traffic, 50 * US);
    assert_int_equal(traffic_next_ns(traffic), S - 50 * US);
    assert_int_equal(traffic_due(traffic, S - 50 * US - 1), 0);
    assert_int_equal(traffic_due(traffic, S - 50 * US), 1);
    assert_true(traffic_datagram(traffic, S - 50 * US, &datagram));
    assert_int_equal(datagram.due_ns, S);
    traffic_datagram_sent(traffic, &datagram, S);
    assert_int_equal(traffic_due(traffic, S + MS - 50 * US), 1);
    traffic_ahead(traffic, 0);
    assert_int_equal(traffic_next_ns(traffic), S + 2 * MS);
    assert_true(traffic_datagrams_wait(traffic));
    assert_false(traffic_datagram(traffic, S + MS - 1, &datagram));
    assert_true(traffic_datagram(traffic, S + MS, &datagram));
    assert_int_equal(datagram.due_ns, S + MS);
    traffic_datagram_sent(traffic, &datagram, S + MS + STAMP_NS);
    scene->now_ns = S + MS + STAMP_NS;
    stop(scene);
}

static void every_request_is_answered(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    run(scene, 3 * S - 1);
    assert_outcomes(scene, "ok 2000");
    const struct record_request *third = request(scene, 3);
    assert_int_equal(third->due_ns, S + 3 * MS);
    assert_int_equal(third->sent_ns, S + 3 * MS + STAMP_NS);
    assert_int_equal(third->done_ns, S + 3 * MS + TRIP_NS);
    assert_int_equal(third->arrival_uncertainty_ns, POLL_NS);
    assert_int_equal(third->connection, 0);
    const struct record_host *host = record_at(scene->record, RECORD_HOSTS, third->host - 1);
    assert_string_equal(host->name, "pod-a");
    struct traffic_report report;
    assert_true(traffic_report(scene->traffic, &report));
    assert_true(traffic_report(scene->traffic, &report));
    assert_int_equal(report.kind, TRAFFIC_REPORT_STEADY);
    assert_int_equal(report.at_ns, 2 * S + TRIP_NS);
    assert_int_equal(record_count(scene->record, RECORD_OUTAGES), 0);
    stop(scene);
}

/* With answers unread, requests go out all the same: nothing blocks them. */
static void unread_answers_hold_nothing_up(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    scene->now_ns = S + 4 * MS;
    assert_int_equal(traffic_due_regardless(scene->traffic, scene->now_ns), 5);
    assert_int_equal(traffic_due_regardless(scene->traffic, scene->now_ns), 0);
    assert_true(traffic_datagrams_wait(scene->traffic));
    run(scene, 3 * S - 1);
    assert_outcomes(scene, "ok 2000");
    stop(scene);
}

/* Flows take turns, each from its own end and with its own numbers. */
static void flows_take_turns(void **state)
{
    (void)state;
    struct traffic_config config = config_of(TRAFFIC_UDP, 3, 1000, "10.9.0.1");
    struct scene *scene = scene_of(&config);
    struct tuple ends[3];
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    for (unsigned k = 0; k < 9; k++) {
        struct mark mark;
        run(scene, S + k * MS);
        assert_true(
            mark_read(scene->last.l4 + scene->last.bytes - MARK_ECHO_BYTES, MARK_ECHO, &mark));
        assert_int_equal(scene->last.bytes, 8 + SIZE_BYTES);
        assert_int_equal(wire_get16(scene->last.l4), scene->last.tuple.local_port);
        assert_int_equal(wire_get16(scene->last.l4 + 2), 5003);
        assert_int_equal(wire_get16(scene->last.l4 + 4), scene->last.bytes);
        assert_int_equal(mark.sequence, k / 3);
        assert_int_equal(mark.flow, k % 3);
        assert_int_equal(mark.sent_ns, S + k * MS);
        if (k < 3)
            ends[k] = scene->last.tuple;
        assert_true(tuple_equal(&ends[k % 3], &scene->last.tuple));
    }
    for (unsigned i = 0; i < 3; i++)
        assert_false(tuple_equal(&ends[i], &ends[(i + 1) % 3]));
    run(scene, S + 9 * MS - 1);
    assert_outcomes(scene, "ok 9");
    stop(scene);
}

static void identifiers_are_ends_of_icmp(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct traffic_config config =
            config_of(TRAFFIC_ICMP, 2, 1000, v6 ? "fd00:9::1" : "10.9.0.1");
        struct scene *scene = scene_of(&config);
        assert_true(traffic_start(scene->traffic, 0, 0, S));
        scene->host = NULL;
        run(scene, S + 5 * MS);
        assert_int_equal(scene->last.tuple.protocol, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
        assert_int_equal(scene->last.l4[0], v6 ? 128 : 8);
        assert_int_equal(scene->last.l4[1], 0);
        assert_int_equal(wire_get16(scene->last.l4 + 4), scene->last.tuple.local_port);
        assert_int_equal(wire_get16(scene->last.l4 + 6), 2);
        run(scene, S + 6 * MS - 1);
        assert_outcomes(scene, "ok 6");
        assert_int_equal(request(scene, 0)->host, 0);
        stop(scene);
    }
}

/* Three in a row are lost: one outage, of silence, from the first one's stamp to the next answer. */
static void losses_are_an_outage(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    memset(scene->fates + 10, LOSE, 3);
    run(scene, S + 100 * MS - 1);
    assert_outcomes(scene, "ok 97, stalled 3");
    assert_int_equal(record_count(scene->record, RECORD_OUTAGES), 1);
    const struct record_outage *outage = record_at(scene->record, RECORD_OUTAGES, 0);
    assert_int_equal(outage->signal, CONNECTION_SILENCE);
    assert_int_equal(outage->last_good_sent_ns, S + 9 * MS + STAMP_NS);
    assert_int_equal(outage->first_unanswered_ns, S + 10 * MS + STAMP_NS);
    assert_int_equal(outage->recovered_sent_ns, S + 13 * MS + STAMP_NS);
    assert_int_equal(outage->recovered_done_ns, S + 13 * MS + TRIP_NS);
    assert_in_range(outage->signal_ns, S + 60 * MS + STAMP_NS,
                    S + 60 * MS + STAMP_NS + TRAFFIC_TIMER_TICK_NS + MS);
    assert_int_equal(outage->lost, 3);
    stop(scene);
}

/* A black hole to the end: the outage is written open; those that did not time out are
 * unfinished. */
static void black_hole_to_the_end(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    memset(scene->fates + 100, LOSE, REQUESTS - 100);
    run(scene, S + 200 * MS);
    traffic_stop(scene->traffic, 0, scene->now_ns);
    assert_outcomes(scene, "ok 100, stalled 50, unfinished 51");
    const struct record_outage *outage = record_at(scene->record, RECORD_OUTAGES, 0);
    assert_int_equal(outage->recovered_done_ns, 0);
    assert_int_equal(outage->lost, 50);
    stop(scene);
}

/* With the request quoted, the error is about it; else about the oldest open one. */
static void errors_decide(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    scene->fates[5] = REFUSE;
    scene->fates[10] = LOSE;
    scene->fates[12] = UNREACHABLE;
    scene->fates[20] = LOSE;
    scene->fates[21] = REFUSE_SHORT;
    run(scene, S + 100 * MS - 1);
    assert_outcomes(scene, "ok 95, refused 2, unreachable 1, stalled 2");
    uint8_t outcomes[100];
    for (unsigned i = 0; i < 100; i++) {
        const struct record_request *one = request(scene, i);
        outcomes[(one->due_ns - S) / MS] = one->outcome;
        if (one->outcome == OUTCOME_REFUSED)
            assert_true(one->done_ns == S + 5 * MS + TRIP_NS ||
                        one->done_ns == S + 21 * MS + TRIP_NS);
    }
    assert_int_equal(outcomes[5], OUTCOME_REFUSED);
    assert_int_equal(outcomes[10], OUTCOME_REFUSED);
    assert_int_equal(outcomes[12], OUTCOME_UNREACHABLE);
    assert_int_equal(outcomes[20], OUTCOME_STALLED);
    assert_int_equal(outcomes[21], OUTCOME_STALLED);
    stop(scene);
}

static void wrong_answers_are_bad(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    scene->fates[5] = DAMAGE;
    scene->fates[6] = CUT;
    scene->fates[7] = UNMARKED;
    run(scene, S + 100 * MS - 1);
    assert_outcomes(scene, "ok 97, bad-answer 3");
    assert_int_equal(request(scene, 7)->outcome, OUTCOME_BAD_ANSWER);
    assert_int_equal(request(scene, 7)->done_ns, S + 7 * MS + TRIP_NS);
    stop(scene);
}

/* Request 10 comes behind 11 to 20, late; request 30 comes twice; request 40 is given up first. */
static void order_is_counted(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    scene->fates[10] = SLOW;
    scene->fates[30] = TWICE;
    scene->fates[40] = OVERTAKEN;
    run(scene, S + 200 * MS - 1);
    assert_outcomes(scene, "ok 198, late 1, stalled 1");
    assert_int_equal(counted(scene, DATAGRAM_REORDERED), 2);
    assert_int_equal(counted(scene, DATAGRAM_DUPLICATES), 1);
    assert_int_equal(counted(scene, DATAGRAM_OVERDUE), 1);
    assert_int_equal(counted(scene, DATAGRAM_STRANGERS), 0);
    assert_int_equal(record_count_read(&scene->record->streams[0].counters.reorder_extent), 59);
    stop(scene);
}

/* Marks that nobody wrote: numbers not sent yet, other flows, another run. */
static void forged_marks_are_strangers(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    run(scene, S + 10 * MS - 1);
    static const uint64_t numbers[] = {10, 11, 1000, UINT64_MAX, UINT64_MAX / 2};
    for (unsigned i = 0; i < 5; i++) {
        struct arrival forged = scene->last;
        struct mark mark;
        uint8_t *at = forged.l4 + forged.bytes - MARK_ECHO_BYTES;
        assert_true(mark_read(at, MARK_ECHO, &mark));
        mark.sequence = numbers[i];
        mark_write(&mark, at);
        put(scene, &forged, scene->now_ns);
    }
    struct arrival old = scene->last;
    old.l4[old.bytes - MARK_ECHO_BYTES + 5] ^= 1; /* The run. */
    put(scene, &old, scene->now_ns);
    turn(scene);
    assert_int_equal(counted(scene, DATAGRAM_STRANGERS), 6);
    old = scene->last;
    old.l4[old.bytes - MARK_ECHO_BYTES + 19] ^=
        1; /* The flow: as good as no mark, and none is open. */
    put(scene, &old, scene->now_ns);
    turn(scene);
    assert_int_equal(counted(scene, DATAGRAM_STRANGERS), 7);
    struct tuple nobody = scene->last.tuple;
    nobody.local_port ^= 1;
    assert_false(traffic_answer(scene->traffic, &nobody, scene->last.l4, scene->last.bytes,
                                scene->now_ns, 0));
    run(scene, S + 20 * MS - 1);
    assert_outcomes(scene, "ok 20");
    assert_int_equal(counted(scene, DATAGRAM_REORDERED), 0);
    stop(scene);
}

/* What the tester could not send is its own doing, and named. */
static void unsent_is_named(void **state)
{
    (void)state;
    struct scene *scene = simple_scene();
    run(scene, S + 10 * MS - 1);
    scene->now_ns = S + 60 * MS; /* A stall: more than 20 ms late is not sent. */
    run(scene, S + 100 * MS - 1);
    assert_outcomes(scene, "ok 70, unsent 30");
    assert_int_equal(request(scene, 10)->reason, UNSENT_STALL);
    scene->tx_full = true;
    run(scene, S + 150 * MS - 1);
    scene->tx_full = false;
    run(scene, S + 200 * MS - 1);
    assert_outcomes(scene, "ok 140, unsent 60");
    assert_int_equal(request(scene, 100)->reason, UNSENT_TX_FULL);
    assert_int_equal(record_count(scene->record, RECORD_OUTAGES), 0);
    scene->no_hop = true;
    run(scene, S + 210 * MS - 1);
    assert_outcomes(scene, "ok 140, unreachable 10, unsent 60");
    assert_int_equal(request(scene, 205)->sent_ns, 0);
    scene->no_hop = false;
    scene->refusal = UNSENT_TX_FULL;
    run(scene, S + 220 * MS - 1);
    assert_outcomes(scene, "ok 140, unreachable 10, unsent 70");
    assert_int_equal(request(scene, 215)->reason, UNSENT_TX_FULL);
    stop(scene);
}

static void refused_at_set_up(const struct traffic_config *config, const char *text)
{
    struct record_config record = {.stream_count = 1};
    struct tcp_config tcp = tcp_config_default(1);
    struct error err = {0};
    struct tcp *stack = tcp_setup(&tcp, 0, &err);
    struct record *log = record_setup(&record);
    struct traffic *traffic = traffic_setup(config, stack, log, &err);
    assert_int_equal(traffic == NULL, text[0] != '\0');
    assert_string_equal(err.text, text);
    traffic_free(traffic);
    tcp_teardown(stack);
    record_free(log);
}

/* With its headers, it must fit the port: 20 + 8 bytes of IPv4, 40 + 8 of IPv6. */
static void too_large_for_the_port(void **state)
{
    (void)state;
    struct traffic_config v4 = config_of(TRAFFIC_UDP, 1, 1000, "10.9.0.1");
    struct traffic_config v6 = config_of(TRAFFIC_ICMP, 1, 1000, "fd00:9::1");
    v4.mtu_bytes = v6.mtu_bytes = 1500;
    v4.streams[0].size_bytes = 1472;
    v6.streams[0].size_bytes = 1452;
    refused_at_set_up(&v4, "");
    refused_at_set_up(&v6, "");
    v4.streams[0].size_bytes++;
    v6.streams[0].size_bytes++;
    refused_at_set_up(&v4, "stream \"\", size: 1473 bytes to 10.9.0.1 make packets of 1501 bytes, "
                           "and the NIC port's MTU is 1500");
    refused_at_set_up(&v6, "stream \"\", size: 1453 bytes to fd00:9::1 make packets of 1501 bytes, "
                           "and the NIC port's MTU is 1500");
}

/* transmit() holds the sum of each against its bytes: with the mark at an odd place, too. */
static void the_sum_is_of_what_was_written(void **state)
{
    (void)state;
    for (uint16_t size_bytes = 32; size_bytes < 72; size_bytes++) {
        for (unsigned i = 0; i < 2; i++) {
            struct traffic_config config =
                config_of(i == 0 ? TRAFFIC_UDP : TRAFFIC_ICMP, 3, 1000, "10.9.0.1");
            config.streams[0].size_bytes = size_bytes;
            struct scene *scene = scene_of(&config);
            assert_true(traffic_start(scene->traffic, 0, 0, S));
            run(scene, S + 8 * MS);
            assert_int_equal(scene->sent, 9);
            stop(scene);
        }
    }
}

static void without_ports_nothing_is_sent(void **state)
{
    (void)state;
    struct traffic_config config = config_of(TRAFFIC_UDP, 8, 1000, "10.9.0.1");
    config.port_first = config.port_last = 5000; /* One port of 6 addresses. */
    struct scene *scene = scene_of(&config);
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    run(scene, S + 80 * MS - 1);
    assert_outcomes(scene, "ok 60, unsent 20");
    stop(scene);
}

/* The answer to a request of before the stop is no answer to the one of that number after it. */
static void a_stream_starts_again(void **state)
{
    (void)state;
    struct traffic_config config = config_of(TRAFFIC_UDP, 3, 1000, "10.9.0.1");
    config.quarantine_ns = 0; /* The same ends come again. */
    config.port_first = config.port_last = 5000;
    assert_int_equal(prefix_parse("10.0.0.0/30", &config.pools[0], NULL), 0);
    config.streams[0].flows = 2;
    struct scene *scene = scene_of(&config);
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    scene->fates[4] = OVERTAKEN;
    run(scene, S + 5 * MS - 1);
    assert_true(traffic_stop(scene->traffic, 0, scene->now_ns));
    assert_outcomes(scene, "ok 4, unfinished 1");
    scene->now_ns += MS;
    assert_true(traffic_start(scene->traffic, 0, scene->now_ns, S + 10 * MS));
    run(scene, S + 110 * MS - 1);
    assert_outcomes(scene, "ok 104, unfinished 1");
    assert_int_equal(counted(scene, DATAGRAM_STRANGERS), 1);
    stop(scene);
}

/* Random fates on many flows: outcomes and counts are exactly what the path did. */
static void accounts_agree_with_the_path(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 4; seed++) {
        struct traffic_config config = config_of(TRAFFIC_UDP, 7, 20000, "fd00:9::1");
        struct scene *scene = scene_of(&config);
        struct random random;
        uint64_t did[FATES] = {0};
        const uint32_t total = 20000;
        random_seed(&random, seed);
        for (uint32_t i = 0; i < total; i++) {
            static const uint8_t fates[] = {LOSE,   TWICE, SLOW,   OVERTAKEN,
                                            REFUSE, CUT,   DAMAGE, UNREACHABLE};
            if (random_below(&random, 5) == 0)
                scene->fates[i] = fates[random_below(&random, 8)];
            did[scene->fates[i]]++;
        }
        assert_true(traffic_start(scene->traffic, 0, 0, S));
        run(scene, 2 * S - 1);
        memset(scene->fates + scene->sent, LOSE, REQUESTS - scene->sent);
        assert_int_equal(scene->sent, total);
        run(scene, 2 * S + 200 * MS);
        const struct record_counters *counters = &scene->record->streams[0].counters;
        assert_int_equal(record_count_read(&counters->outcomes[OUTCOME_OK]),
                         did[ECHO_BACK] + did[TWICE]);
        assert_int_equal(record_count_read(&counters->outcomes[OUTCOME_LATE]), did[SLOW]);
        assert_int_equal(record_count_read(&counters->outcomes[OUTCOME_REFUSED]), did[REFUSE]);
        assert_int_equal(record_count_read(&counters->outcomes[OUTCOME_UNREACHABLE]),
                         did[UNREACHABLE]);
        assert_int_equal(record_count_read(&counters->outcomes[OUTCOME_BAD_ANSWER]),
                         did[CUT] + did[DAMAGE]);
        assert_true(record_count_read(&counters->outcomes[OUTCOME_STALLED]) >=
                    did[LOSE] + did[OVERTAKEN]);
        assert_int_equal(counted(scene, DATAGRAM_DUPLICATES), did[TWICE]);
        assert_int_equal(counted(scene, DATAGRAM_OVERDUE), did[OVERTAKEN]);
        assert_int_equal(counted(scene, DATAGRAM_OLD), 0);
        assert_int_equal(counted(scene, DATAGRAM_STRANGERS), 0);
        stop(scene);
    }
}

/* Servers answer none that come from where servers are: nobody is asked from there. */
static void no_flow_has_a_server_s_port(void **state)
{
    (void)state;
    struct traffic_config config = config_of(TRAFFIC_UDP, 16, 1000, "10.9.0.1");
    config.streams[0].targets[0].port = 5002;
    config.port_first = 5000;
    config.port_last = 5004;
    struct scene *scene = scene_of(&config);
    struct traffic_datagram datagram;
    unsigned count = 0;
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    traffic_due(scene->traffic, S + 15 * MS);
    for (; traffic_datagram(scene->traffic, S + 15 * MS, &datagram); count++) {
        assert_int_not_equal(datagram.tuple->local_port, 5001);
        assert_int_not_equal(datagram.tuple->local_port, 5002);
        assert_int_not_equal(datagram.tuple->local_port, 5003);
        traffic_datagram_sent(scene->traffic, &datagram, S + 15 * MS);
    }
    /* Six addresses with two ports each; the other flows have none. */
    assert_int_equal(count, 12);
    assert_true(traffic_stop(scene->traffic, 0, S + 17 * MS));
    assert_true(record_sums_hold(scene->record));
    traffic_free(scene->traffic);
    tcp_teardown(scene->tcp);
    record_free(scene->record);
    free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_stamped_by_their_arrival),
        cmocka_unit_test(requests_are_handed_out_ahead),
        cmocka_unit_test(every_request_is_answered),
        cmocka_unit_test(flows_take_turns),
        cmocka_unit_test(unread_answers_hold_nothing_up),
        cmocka_unit_test(identifiers_are_ends_of_icmp),
        cmocka_unit_test(losses_are_an_outage),
        cmocka_unit_test(black_hole_to_the_end),
        cmocka_unit_test(errors_decide),
        cmocka_unit_test(wrong_answers_are_bad),
        cmocka_unit_test(order_is_counted),
        cmocka_unit_test(forged_marks_are_strangers),
        cmocka_unit_test(unsent_is_named),
        cmocka_unit_test(the_sum_is_of_what_was_written),
        cmocka_unit_test(without_ports_nothing_is_sent),
        cmocka_unit_test(a_stream_starts_again),
        cmocka_unit_test(accounts_agree_with_the_path),
        cmocka_unit_test(too_large_for_the_port),
        cmocka_unit_test(no_flow_has_a_server_s_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
