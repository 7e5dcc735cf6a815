/* Raw streams: what is sent, what is counted of what comes back, and what is refused. */
#include "traffic/raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/wire.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

enum {
    ROOM = 64,
    FRAME_BYTES = 2048,
    UDP_AT = 34
};

struct scene {
    struct tcp *tcp;
    struct record *record;
    struct traffic *traffic;
    uint8_t room[ROOM][FRAME_BYTES];
    uint8_t *at[ROOM];
    uint16_t bytes[ROOM];
    struct traffic_frames frames;
};

static const uint8_t mac_to[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t mac_from[6] = {2, 0, 0, 0, 0, 2};

static struct traffic_config config_of(struct law law)
{
    struct traffic_config config = traffic_config_default();
    struct traffic_stream_config *stream = &config.streams[0];
    *stream = traffic_stream_default(TRAFFIC_RAW);
    stream->law = law;
    stream->target_count = 1;
    stream->targets[0].port = 9;
    assert_int_equal(address_parse("10.9.0.1", &stream->targets[0].address, NULL), 0);
    stream->raw.template.destination = stream->targets[0].address;
    assert_int_equal(address_parse("10.0.0.1", &stream->raw.template.source, NULL), 0);
    stream->raw.template.source_port = 1024;
    stream->raw.template.destination_port = 9;
    config.run = 7;
    config.stream_count = 1;
    config.pool_count = 1;
    assert_int_equal(prefix_parse("10.0.0.0/24", &config.pools[0], NULL), 0);
    return config;
}

static struct scene *scene_of(const struct traffic_config *config)
{
    static struct scene scene;
    struct record_config record = {.stream_count = 1, .worker = 3};
    struct tcp_config tcp = tcp_config_default(1);
    struct error err = {0};
    memset(&scene, 0, sizeof(scene));
    scene.tcp = tcp_setup(&tcp, 0, &err);
    scene.record = record_setup(&record);
    scene.traffic = traffic_setup(config, scene.tcp, scene.record, &err);
    assert_string_equal(err.text, "");
    for (unsigned i = 0; i < ROOM; i++)
        scene.at[i] = scene.room[i];
    return &scene;
}

static uint64_t outcome(const struct scene *scene, enum outcome which)
{
    return record_count_read(&scene->record->streams[0].counters.outcomes[which]);
}

static uint64_t counted(const struct scene *scene, enum datagram_count what)
{
    return record_count_read(&scene->record->streams[0].counters.datagrams[what]);
}

static uint64_t received(const struct scene *scene)
{
    return record_count_read(&scene->record->streams[0].counters.received);
}

/* The next frames, at most MAX. Returns their number. */
static uint16_t send(struct scene *scene, uint16_t max, uint64_t now_ns)
{
    traffic_due(scene->traffic, now_ns);
    if (!traffic_frames_wait(scene->traffic, now_ns) ||
        !traffic_frames(scene->traffic, now_ns, max, &scene->frames))
        return 0;
    traffic_frames_fill(scene->traffic, &scene->frames, mac_to, mac_from, scene->at, scene->bytes,
                        now_ns);
    return scene->frames.count;
}

static bool arrives(struct scene *scene, unsigned frame)
{
    struct tuple tuple = {.protocol = WIRE_UDP};
    return traffic_answer(scene->traffic, &tuple, scene->room[frame] + UDP_AT,
                          scene->bytes[frame] - UDP_AT, S, 0);
}

static bool is_stopped(struct scene *scene)
{
    struct traffic_report report;
    bool stopped = false;
    while (traffic_report(scene->traffic, &report))
        stopped = report.kind == TRAFFIC_REPORT_STOPPED;
    return stopped;
}

/* Nothing is left, and each due slot has its outcome. The last frames have a second to arrive. */
static void stop(struct scene *scene, uint64_t now_ns)
{
    assert_true(traffic_stop(scene->traffic, 0, now_ns));
    assert_false(traffic_frames_wait(scene->traffic, UINT64_MAX - 1));
    traffic_timers(scene->traffic, now_ns + S - MS);
    assert_false(is_stopped(scene));
    traffic_timers(scene->traffic, now_ns + S + MS);
    assert_true(is_stopped(scene));
    assert_true(traffic_next_ns(scene->traffic) == UINT64_MAX);
    assert_true(record_sums_hold(scene->record));
    traffic_free(scene->traffic);
    tcp_teardown(scene->tcp);
    record_free(scene->record);
}

/* 1000 a second: one each millisecond, and those that wait go together. */
static void the_law_is_kept(void **state)
{
    (void)state;
    struct traffic_config config = config_of(law_constant(1000, S));
    struct scene *scene = scene_of(&config);
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    assert_int_equal(send(scene, ROOM, S - 1), 0);
    assert_int_equal(traffic_next_ns(scene->traffic), S);
    assert_int_equal(send(scene, ROOM, S), 1);
    assert_int_equal(send(scene, ROOM, S), 0);
    assert_int_equal(send(scene, ROOM, S + 10 * MS), 10);
    assert_int_equal(send(scene, 4, S + 20 * MS), 4);
    assert_int_equal(send(scene, ROOM, S + 20 * MS), 6);
    assert_int_equal(scene->frames.stream, 0);
    assert_null(scene->frames.mac);
    assert_int_equal(scene->frames.tuple->local_port, 1024);
    assert_int_equal(outcome(scene, OUTCOME_SENT), 21);
    struct mark mark;
    assert_true(mark_read(scene->room[5] + UDP_AT + 8, MARK_RAW, &mark));
    assert_int_equal(mark.sequence, 20);
    assert_int_equal(mark.worker, 3);
    assert_int_equal(mark.run, 7);
    stop(scene, S + 21 * MS);
}

/* A stall: what is more than 20 ms late is unsent, not sent in a burst. */
static void late_slots_are_unsent(void **state)
{
    (void)state;
    struct traffic_config config = config_of(law_constant(1000, S));
    struct scene *scene = scene_of(&config);
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    assert_int_equal(send(scene, ROOM, S + 99 * MS), 21);
    assert_int_equal(outcome(scene, OUTCOME_UNSENT), 79);
    assert_int_equal(outcome(scene, OUTCOME_SENT), 21);
    stop(scene, S + 99 * MS);
}

/* What the device has no room for was never due; a way that is not there is no matter of room. */
static void a_maximum_is_due_when_it_is_taken(void **state)
{
    (void)state;
    struct traffic_config config = config_of(law_maximum());
    struct scene *scene = scene_of(&config);
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    assert_true(traffic_frames(scene->traffic, S, 9, &scene->frames));
    traffic_frames_missed(scene->traffic, 0, 9, OUTCOME_UNSENT);
    assert_int_equal(record_count_read(&scene->record->streams[0].counters.due), 0);
    traffic_frames_missed(scene->traffic, 0, 9, OUTCOME_UNREACHABLE);
    assert_int_equal(record_count_read(&scene->record->streams[0].counters.due), 9);
    stop(scene, S);
}

static void a_maximum_takes_all_the_room(void **state)
{
    (void)state;
    struct traffic_config config = config_of(law_maximum());
    struct scene *scene = scene_of(&config);
    assert_true(traffic_start(scene->traffic, 0, S / 2, S));
    assert_int_equal(send(scene, ROOM, S - 1), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(send(scene, ROOM, S), ROOM);
    assert_int_equal(send(scene, 5, S + 1), 5);
    assert_int_equal(outcome(scene, OUTCOME_SENT), 3 * ROOM + 5);
    struct traffic_report report;
    assert_true(traffic_report(scene->traffic, &report));
    assert_false(traffic_report(scene->traffic, &report));
    send(scene, 1, 2 * S);
    assert_true(traffic_report(scene->traffic, &report));
    assert_int_equal(report.kind, TRAFFIC_REPORT_STEADY);
    stop(scene, 2 * S);
}

/* Frames 10, 20 and 30 are lost, 40 comes twice, 50 behind 51 to 60. */
static void losses_are_what_is_missing(void **state)
{
    (void)state;
    struct traffic_config config = config_of(law_maximum());
    struct scene *scene = scene_of(&config);
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    assert_int_equal(send(scene, ROOM, S), ROOM);
    for (unsigned i = 0; i < ROOM; i++) {
        if (i == 61)
            assert_true(arrives(scene, 50));
        if (i == 10 || i == 20 || i == 30 || i == 50)
            continue;
        assert_true(arrives(scene, i));
        if (i == 40)
            assert_true(arrives(scene, i));
    }
    assert_int_equal(received(scene), ROOM - 3);
    assert_int_equal(counted(scene, DATAGRAM_DUPLICATES), 1);
    assert_int_equal(counted(scene, DATAGRAM_REORDERED), 1);
    assert_int_equal(record_count_read(&scene->record->streams[0].counters.reorder_extent), 10);
    stop(scene, S);
}

/* Forged numbers that were not sent yet, by this worker or another: strangers, and what follows is
 * told in order as if they had never come. */
static void numbers_from_the_future_are_strangers(void **state)
{
    static struct traffic_board board;
    (void)state;
    struct traffic_config config = config_of(law_maximum());
    config.board = &board;
    struct scene *scene = scene_of(&config);
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    send(scene, ROOM, S);
    board.workers[5].streams[0] = 2;
    for (unsigned worker = 3; worker <= 5; worker += 2) {
        static const uint64_t far[] = {ROOM, RAW_WINDOW, UINT64_C(1) << 39, UINT64_MAX};
        for (unsigned i = 0; i < 4; i++) {
            uint8_t *mark = scene->room[0] + UDP_AT + 8, kept[MARK_RAW_BYTES];
            memcpy(kept, mark, sizeof(kept));
            mark_write(
                &(struct mark){
                    .kind = MARK_RAW, .run = 7, .worker = (uint8_t)worker, .sequence = far[i]},
                mark);
            assert_true(arrives(scene, 0));
            memcpy(mark, kept, sizeof(kept));
        }
    }
    assert_int_equal(counted(scene, DATAGRAM_STRANGERS), 8);
    assert_int_equal(received(scene), 0);
    for (unsigned i = 0; i < ROOM; i++)
        assert_true(arrives(scene, i));
    assert_int_equal(received(scene), ROOM);
    assert_int_equal(counted(scene, DATAGRAM_REORDERED), 0);
    assert_int_equal(counted(scene, DATAGRAM_OLD), 0);
    stop(scene, S);
}

/* Another sender's numbers are its own; another run's frames are nobody's. */
static void senders_and_runs_are_told_apart(void **state)
{
    (void)state;
    struct traffic_config config = config_of(law_maximum());
    static struct traffic_board board;
    config.board = &board;
    struct scene *scene = scene_of(&config);
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    send(scene, 8, S);
    assert_int_equal(board.workers[3].streams[0], 8);
    assert_true(arrives(scene, 0));
    uint8_t *mark = scene->room[0] + UDP_AT + 8;
    board.workers[4].streams[0] = 1;
    mark[6] = 4; /* The worker. */
    assert_true(arrives(scene, 0));
    assert_int_equal(received(scene), 2);
    assert_int_equal(counted(scene, DATAGRAM_DUPLICATES), 0);
    mark[6] = TRAFFIC_SENDERS;
    assert_false(arrives(scene, 0));
    mark[6] = 3;
    mark = scene->room[1] + UDP_AT + 8;
    mark[5] ^= 1; /* The run. */
    assert_false(arrives(scene, 1));
    mark[5] ^= 1;
    mark[7] = 1; /* The stream. */
    assert_false(arrives(scene, 1));
    scene->bytes[2] = UDP_AT + 8 + MARK_RAW_BYTES - 1;
    assert_false(arrives(scene, 2));
    assert_true(arrives(scene, 3));
    assert_int_equal(received(scene), 3);
    traffic_frames(scene->traffic, S, 9, &scene->frames);
    traffic_frames_missed(scene->traffic, 0, 9, OUTCOME_UNREACHABLE);
    assert_int_equal(outcome(scene, OUTCOME_UNREACHABLE), 9);
    stop(scene, S);
}

static void refused(const struct traffic_config *config, const char *part)
{
    struct record_config record = {.stream_count = 1};
    struct tcp_config tcp = tcp_config_default(1);
    struct error err = {0};
    struct tcp *stack = tcp_setup(&tcp, 0, &err);
    struct record *log = record_setup(&record);
    assert_null(traffic_setup(config, stack, log, &err));
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, part);
    tcp_teardown(stack);
    record_free(log);
}

static void what_must_not_be_sent(void **state)
{
    (void)state;
    struct traffic_config good = config_of(law_maximum()), bad = good;
    struct template_config *frames = &bad.streams[0].raw.template;
    frames->source.bytes[14] = 1; /* 10.0.1.1. */
    refused(&bad, "in one client pool");
    bad = good;
    frames->counts[TEMPLATE_SOURCE] = 256;
    refused(&bad, "in one client pool");
    bad = good;
    memset(frames->destination.bytes + 12, 0xff, 4);
    frames->counts[TEMPLATE_DESTINATION] = 2;
    refused(&bad, "last 4 bytes");
    bad = good;
    frames->counts[TEMPLATE_SOURCE_PORT] = 65536 - 1023;
    refused(&bad, "ports");
    bad = good;
    frames->size_bytes[0] = 63;
    refused(&bad, "64 to 1518");
    bad = good;
    frames->size_bytes[0] = 1519;
    refused(&bad, "64 to 1518");
    bad = good;
    frames->size_count = 0;
    refused(&bad, "1 to 64");
    bad = good;
    bad.mtu_bytes = 1499;
    frames->size_bytes[0] = 1518;
    refused(&bad, "must fit the NIC port's MTU");
    bad = good;
    bad.streams[0].pattern = TRAFFIC_OPEN;
    refused(&bad, "mode");
}

/* When it is said that they may be, sources are anybody's. */
static void foreign_sources(void **state)
{
    (void)state;
    struct traffic_config config = config_of(law_maximum());
    config.streams[0].raw.template.source.bytes[13] = 7;
    config.streams[0].raw.foreign = true;
    struct scene *scene = scene_of(&config);
    assert_true(traffic_start(scene->traffic, 0, 0, S));
    assert_int_equal(send(scene, 1, S), 1);
    assert_int_equal(scene->room[0][27], 7);
    stop(scene, S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_law_is_kept),
        cmocka_unit_test(late_slots_are_unsent),
        cmocka_unit_test(a_maximum_takes_all_the_room),
        cmocka_unit_test(losses_are_what_is_missing),
        cmocka_unit_test(senders_and_runs_are_told_apart),
        cmocka_unit_test(numbers_from_the_future_are_strangers),
        cmocka_unit_test(a_maximum_is_due_when_it_is_taken),
        cmocka_unit_test(what_must_not_be_sent),
        cmocka_unit_test(foreign_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
