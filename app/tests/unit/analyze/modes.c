/* What a run showed does not depend on how much of it was recorded: the same traffic, through the
 * record, the run directory and the analysis, in every mode. */
#include "tests/unit/traffic/world.h"

/* Both headers have one; that of the scene takes fractions. */
#undef MS
#include "rundir/log_writer.h"
#include "tests/unit/analyze/scene.h"
#include "tests/unit/rundir/scratch.h"

enum {
    STREAMS = 2,
    SECONDS = 16
};

static struct world *open_world(struct record_keep keep)
{
    struct traffic_config config = traffic_config_default();
    config.stream_count = STREAMS;
    config.validate = 3;
    config.seed = 1;
    config.streams[0] = traffic_stream_default(TRAFFIC_CTRAFFIC);
    config.streams[0].flows = 8;
    config.streams[0].law = law_constant(100, S);
    config.streams[0].timeout_ns = S;
    config.streams[0].late_ns = S / 2;
    config.streams[1] = traffic_stream_default(TRAFFIC_CONNECT);
    config.streams[1].law = law_constant(50, S);
    config.streams[1].connect_timeout_ns = S;
    config.streams[1].late_ns = S / 2;
    struct world *world = world_new_config(&config);
    world->pods = 4;
    for (unsigned i = 0; i < STREAMS; i++)
        world->record->streams[i].keep = keep;
    return world;
}

static void go(struct world *world, struct log_writer *writer, uint64_t at_ns)
{
    struct error err = {0};
    while (world->now_ns < at_ns) {
        uint64_t next_ns = world->now_ns / S * S + S;
        world_run(world, next_ns < at_ns ? next_ns : at_ns);
        assert_int_equal(log_writer_flush(writer, world->record, &err), 0);
    }
}

static void set_doors(struct world *world, enum pod_door door)
{
    for (uint32_t i = 0; i < world->pods; i++)
        world->pod[i].door = door;
}

/* Everything that can go wrong, one after the other. */
static void play(struct world *world, struct log_writer *writer)
{
    for (uint32_t i = 0; i < STREAMS; i++)
        assert_true(traffic_start(world->traffic, i, world->now_ns, world->now_ns));
    go(world, writer, 2 * S);
    world->pod[1].door = POD_REFUSE;
    world_reset(world, 1);
    go(world, writer, 3 * S);
    world->pod[1].door = POD_ACCEPT;
    world_close(world, 2);
    go(world, writer, 4 * S);
    set_doors(world, POD_SILENT);
    world->pod[3].manner = POD_MUTE;
    go(world, writer, 6 * S + S / 3);
    world->pod[3].manner = POD_ECHO;
    set_doors(world, POD_ACCEPT);
    world->pod[1].manner = POD_RESET;
    world->pod[2].manner = POD_CLOSE;
    go(world, writer, 7 * S);
    world->pod[1].manner = world->pod[2].manner = POD_ECHO;
    go(world, writer, 8 * S);
    world->pod[0].delay_ns = 6 * S / 10;
    go(world, writer, 9 * S);
    world->pod[0].delay_ns = 0;
    world->pod[2].manner = POD_DROP_ONE;
    go(world, writer, 10 * S);
    world->pod[2].door = POD_SLAM;
    world_reset(world, 2);
    go(world, writer, 11 * S);
    world->pod[2].door = POD_ACCEPT;
    world_stall(world, world->now_ns + S / 4);
    go(world, writer, 12 * S);
    for (uint32_t i = 0; i < world->pods; i++)
        world_reset(world, i);
    set_doors(world, POD_REFUSE);
    go(world, writer, 13 * S);
    set_doors(world, POD_ACCEPT);
    go(world, writer, SECONDS * S);
    for (uint32_t i = 0; i < STREAMS; i++)
        assert_true(traffic_stop(world->traffic, i, world->now_ns));
    go(world, writer, world->now_ns + 5 * S);
}

static void count(struct meta *meta, const struct record *record)
{
    for (unsigned s = 0; s < STREAMS; s++) {
        struct record_log_totals *totals = &meta->streams[s].totals;
        totals->due = record_count_read(&record->streams[s].counters.due);
        totals->done = record_count_read(&record->streams[s].counters.done);
        for (unsigned i = 0; i < OUTCOME_COUNT; i++)
            totals->outcomes[i] = record_count_read(&record->streams[s].counters.outcomes[i]);
    }
}

static struct result *record_and_analyze(struct record_keep keep)
{
    char *folder = NULL;
    struct scene scene;
    struct log_writer writer;
    struct error err = {0};
    assert_int_equal(scratch_setup((void **)&folder), 0);
    assert_int_equal(log_writer_open(&writer, folder, 0, &err), 0);
    struct world *world = open_world(keep);
    play(world, &writer);
    record_finish(world->record);
    assert_int_equal(log_writer_flush(&writer, world->record, &err), 0);
    assert_int_equal(log_writer_close(&writer, &err), 0);
    scene_open(&scene, ",\"windows\":{\"holdOff\":\"300ms\"},\"expect\":["
                       "{\"stream\":\"held\",\"figure\":\"lostRequests\",\"atMost\":0},"
                       "{\"stream\":\"new\",\"figure\":\"goodRatio\",\"atLeast\":0.5}]");
    scene.meta.change_ns = 2 * S;
    scene.totals_given = true;
    count(&scene.meta, world->record);
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        assert_int_equal(record_count_read(&world->record->logs[type].refused), 0);
    world_free(world);
    assert_int_equal(logs_read(&scene.logs, folder, &err), 0);
    assert_int_equal(scene.logs.damaged_bytes, 0);
    scratch_teardown((void **)&folder);
    return scene_analyze(&scene);
}

static void compare_windows(const struct windows *a, const struct windows *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_memory_equal(&a->items[i], &b->items[i], sizeof(a->items[i]));
}

static void compare_streams(const struct result_stream *a, const struct result_stream *b)
{
    assert_true(a->complete && b->complete && a->sums_hold && b->sums_hold);
    assert_int_equal(a->due, b->due);
    assert_memory_equal(a->outcomes, b->outcomes, sizeof(a->outcomes));
    assert_int_equal(a->sent, b->sent);
    assert_int_equal(a->received, b->received);
    assert_int_equal(a->lost, b->lost);
    assert_int_equal(a->connections, b->connections);
    assert_int_equal(a->lasting, b->lasting);
    assert_int_equal(a->broken, b->broken);
    assert_int_equal(a->done, b->done);
    assert_int_equal(a->failed_connects, b->failed_connects);
    assert_memory_equal(&a->pattern, &b->pattern, sizeof(a->pattern));
    assert_memory_equal(&a->outages, &b->outages, sizeof(a->outages));
    assert_memory_equal(&a->onset_width, &b->onset_width, sizeof(a->onset_width));
    assert_memory_equal(&a->interruption, &b->interruption, sizeof(a->interruption));
    assert_int_equal(a->baseline_due, b->baseline_due);
    assert_int_equal(a->baseline_lost, b->baseline_lost);
    compare_windows(&a->windows, &b->windows);
}

static void compare_outages(const struct result *a, const struct result *b)
{
    assert_int_equal(a->logs.outage_count, b->logs.outage_count);
    for (size_t i = 0; i < a->logs.outage_count; i++) {
        const struct outage *x = &a->outages[i], *y = &b->outages[i];
        assert_memory_equal(x->record, y->record, sizeof(*x->record));
        assert_memory_equal(&x->onset, &y->onset, sizeof(x->onset));
        assert_memory_equal(&x->recovery, &y->recovery, sizeof(x->recovery));
        assert_int_equal(x->validated_ns, y->validated_ns);
        assert_int_equal(x->relapse_ns, y->relapse_ns);
        assert_int_equal(x->lost, y->lost);
    }
}

static void compare_pods(const struct result *a, const struct result *b)
{
    assert_int_equal(a->pod_count, b->pod_count);
    for (size_t i = 0; i < a->pod_count; i++) {
        const struct result_pod *x = &a->pods[i], *y = &b->pods[i];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->requests, y->requests);
        assert_int_equal(x->lost, y->lost);
        assert_int_equal(x->first_answer_ns, y->first_answer_ns);
        assert_int_equal(x->last_answer_ns, y->last_answer_ns);
        assert_int_equal(x->windows.count, y->windows.count);
    }
}

/* A histogram's figure is not below the exact one, and at most 1/128 above. */
static void compare_latencies(const struct result_quantiles *exact,
                              const struct result_quantiles *other)
{
    const uint64_t *x = &exact->p50_ns, *y = &other->p50_ns;
    assert_int_equal(exact->count, other->count);
    assert_int_equal(exact->min_ns, other->min_ns);
    assert_int_equal(exact->max_ns, other->max_ns);
    for (unsigned i = 0; i < 5; i++)
        assert_true(y[i] >= x[i] && y[i] <= x[i] + x[i] / 128 + 1);
}

static void compare(const struct result *a, const struct result *b)
{
    for (unsigned i = 0; i < STREAMS; i++) {
        compare_streams(&a->streams[i], &b->streams[i]);
        compare_latencies(&a->streams[i].latency_from_due, &b->streams[i].latency_from_due);
        compare_latencies(&a->streams[i].latency_from_sent, &b->streams[i].latency_from_sent);
        compare_latencies(&a->streams[i].connect_time, &b->streams[i].connect_time);
        compare_latencies(&a->streams[i].send_lag, &b->streams[i].send_lag);
    }
    compare_outages(a, b);
    compare_pods(a, b);
    compare_windows(&a->windows, &b->windows);
    assert_int_equal(a->first_loss_ns, b->first_loss_ns);
    assert_int_equal(a->full_recovery_ns, b->full_recovery_ns);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(a->expectations[i].verdict, b->expectations[i].verdict);
        assert_true(a->expectations[i].value == b->expectations[i].value);
    }
}

/* The traffic has what there is to be compared. */
static void expect_variety(const struct result *result)
{
    static const enum outcome wanted[] = {OUTCOME_OK,      OUTCOME_REPAIRED, OUTCOME_LATE,
                                          OUTCOME_RESET,   OUTCOME_CLOSED,   OUTCOME_STALLED,
                                          OUTCOME_BLOCKED, OUTCOME_UNSENT};
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_true(result->streams[0].outcomes[wanted[i]] > 0);
    assert_true(result->streams[1].outcomes[OUTCOME_REFUSED] > 0);
    assert_true(result->streams[1].outcomes[OUTCOME_CONNECT_TIMEOUT] > 0);
    assert_true(result->windows.count >= 3);
    assert_true(result->streams[0].pattern.periods > 3);
    size_t relapsed = 0;
    for (size_t i = 0; i < result->logs.outage_count; i++)
        relapsed += result->outages[i].validated_ns == UINT64_MAX && !result->outages[i].open;
    assert_true(relapsed > 0);
}

static void every_mode_gives_the_same_account(void **state)
{
    static const struct record_keep modes[] = {
        {.mode = RECORD_MODE_FAILURES},
        {.mode = RECORD_MODE_SAMPLED, .one_in = 7},
    };
    (void)state;
    struct result *full = record_and_analyze((struct record_keep){.mode = RECORD_MODE_FULL});
    expect_variety(full);
    for (unsigned s = 0; s < STREAMS; s++) {
        assert_true(full->streams[s].exact);
        assert_int_equal(full->streams[s].logged, full->streams[s].due);
    }
    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct result *other = record_and_analyze(modes[i]);
        compare(full, other);
        for (unsigned s = 0; s < STREAMS; s++) {
            assert_false(other->streams[s].exact);
            assert_true(other->streams[s].logged < full->streams[s].logged / 2);
        }
        result_free(other);
    }
    result_free(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mode_gives_the_same_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
