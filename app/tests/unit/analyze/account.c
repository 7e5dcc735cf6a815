/* The account of a whole run: sums, bounds, pods, convergence, expectations. */
#include "analyze/result.h"

#include "tests/unit/analyze/scene.h"

static void sums_hold_and_lost_is_what_opens_windows(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, "");
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        scene_request(&scene, 0, 0, 3000 + 10 * i, 1, i, 0);
    scene_request(&scene, 1, 0, 3000, 1, OUTCOME_OK, 0);
    struct result *result = scene_analyze(&scene);
    const struct result_stream *held = &result->streams[0];
    assert_true(held->sums_hold && held->complete);
    assert_int_equal(held->due, OUTCOME_COUNT);
    assert_int_equal(held->lost, 9);
    assert_int_equal(held->received, 3);
    assert_int_equal(held->pattern.periods, 1); /* unsent and unfinished are in no sequence. */
    assert_int_equal(held->pattern.longest_period, 9);
    assert_int_equal(held->latency_from_due.count, 3);
    assert_int_equal(result->streams[1].due, 1);
    result_free(result);
}

static void the_baseline_ends_with_the_change(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, "");
    scene.meta.change_ns = MS(5000);
    static const struct {
        double due, after;
        enum outcome outcome;
    } rows[] = {{1500, 90, OUTCOME_OK},   {2000, 2, OUTCOME_OK},  {3000, 4, OUTCOME_OK},
                {4000, 0, OUTCOME_RESET}, {5000, 80, OUTCOME_OK}, {6000, 0, OUTCOME_RESET}};
    for (unsigned i = 0; i < 6; i++)
        scene_request(&scene, 0, 0, rows[i].due, rows[i].after, rows[i].outcome, 0);
    struct result *result = scene_analyze(&scene);
    assert_int_equal(result->streams[0].baseline_due, 3);
    assert_int_equal(result->streams[0].baseline_lost, 1);
    assert_int_equal(result->streams[0].baseline_p99_ns, MS(4));
    result_free(result);
}

/* What makes a run's figures a bound; totals are then the workers' own. */
static void incomplete_records_are_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct scene scene;
        scene_open(&scene, "");
        scene_request(&scene, 0, 0, 3000, 1, OUTCOME_OK, 0);
        scene_count(&scene);
        scene.totals_given = true;
        scene.meta.streams[0].totals.due += i == 1;
        scene.meta.streams[0].totals.outcomes[OUTCOME_RESET] += i == 1;
        scene.meta.final = i != 2;
        scene.meta.records_refused = i == 3;
        scene.logs.damaged_bytes = i == 4 ? 100 : 0;
        struct result *result = scene_analyze(&scene);
        assert_int_equal(result->streams[0].complete, i == 0);
        assert_int_equal(result->streams[0].due, i == 1 ? 2 : 1);
        assert_int_equal(result->streams[0].lost, i == 1 ? 1 : 0);
        assert_true(result->streams[0].sums_hold);
        result_free(result);
    }
}

static void sums_that_do_not_hold_are_told(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, "");
    scene_request(&scene, 0, 0, 3000, 1, OUTCOME_OK, 0);
    scene_count(&scene);
    scene.totals_given = true;
    scene.meta.streams[0].totals.due = 3;
    struct result *result = scene_analyze(&scene);
    assert_false(result->streams[0].sums_hold);
    assert_false(result->streams[0].complete);
    result_free(result);
}

/* ---- connections and pods ---- */

static void add_connection(struct scene *scene, uint8_t stream, double opened_ms, bool up,
                           double ended_ms, enum connection_end end, uint16_t host)
{
    struct record_connection connection = {.opened_ns = MS(opened_ms),
                                           .connected_ns = up ? MS(opened_ms + 1) : 0,
                                           .ended_ns = MS(ended_ms),
                                           .id = (uint32_t)scene->logs.connection_count + 1,
                                           .received = host != 0,
                                           .host = host,
                                           .stream = stream,
                                           .end = (uint8_t)end};
    SCENE_ADD(scene, connection, connection);
}

static void connections_add_up_by_stream_and_pod(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, "");
    uint16_t a = scene_host(&scene, "a"), b = scene_host(&scene, "b");
    add_connection(&scene, 0, 1000, true, 3000, CONNECTION_RST, a);
    add_connection(&scene, 0, 1000, true, 3000, CONNECTION_FIN, a);
    add_connection(&scene, 0, 3000, true, 11000, CONNECTION_LASTING, b);
    add_connection(&scene, 0, 3000, true, 3100, CONNECTION_SILENCE, 0);
    add_connection(&scene, 0, 3000, true, 3100, CONNECTION_UNSENT, b);
    add_connection(&scene, 0, 3000, false, 3001, CONNECTION_REFUSED, 0);
    add_connection(&scene, 0, 10900, false, 11000, CONNECTION_UNFINISHED, 0);
    add_connection(&scene, 0, 3000, false, 3000, CONNECTION_UNSENT, 0);
    add_connection(&scene, 1, 3000, true, 3001, CONNECTION_DONE, 0);
    struct result *result = scene_analyze(&scene);
    const struct result_stream *held = &result->streams[0];
    assert_int_equal(held->connections, 5);
    assert_int_equal(held->connections,
                     held->lasting + held->broken + held->done + held->unfinished);
    assert_int_equal(held->broken, 3);
    assert_int_equal(held->broken_by_end[CONNECTION_RST], 1);
    assert_int_equal(held->failed_connects, 1);
    assert_int_equal(held->failed_by_end[CONNECTION_REFUSED], 1);
    assert_int_equal(result->streams[1].done, 1);
    assert_int_equal(result->pods[0].broken, 2);
    assert_int_equal(result->pods[1].lasting, 1);
    assert_int_equal(result->known, 2);
    assert_int_equal(result->unknown, 2); /* Broken without an answer; refused. */
    result_free(result);
}

/* Who met the SYN of an attempt at AT? Pod a is marked deleted at 4.0 s and gone at 7 s, and accepts
 * its last connection at 5 s; pod b is ready at 8.0 s and first answers at 9 s. */
static void the_pod_of_a_failed_attempt_is_inferred_or_unknown(void **state)
{
    static const struct {
        double at;
        const char *pod; /* NULL: unknown. */
    } rows[] = {
        {3900, NULL},              /* Before it was marked. */
        {4500, NULL},              /* It still accepted later. */
        {5500, "a"},  {6900, "a"}, /* b comes a second before it is ready. */
        {7500, NULL},              /* Either. */
        {9100, NULL},              /* Neither. */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        scene_open(&scene, "");
        uint16_t a = scene_host(&scene, "a"), b = scene_host(&scene, "b");
        add_connection(&scene, 0, 4999, true, 6000, CONNECTION_FIN, a);
        add_connection(&scene, 1, rows[i].at, false, rows[i].at, CONNECTION_CONNECT_TIMEOUT, 0);
        scene_request(&scene, 0, 0, 5000, 1, OUTCOME_OK, a);
        scene_request(&scene, 0, 0, 9000, 1, OUTCOME_OK, b);
        scene_event(&scene, TIMELINE_POD_TERMINATING, "a", 4000, 4020);
        scene_event(&scene, TIMELINE_POD_GONE, "a", 0, 7000);
        scene_event(&scene, TIMELINE_POD_READY, "b", 8000, 8020);
        struct result *result = scene_analyze(&scene);
        assert_int_equal(result->attempt_count, 1);
        const struct result_attempt *attempt = &result->attempts[0];
        const char *pod =
            attempt->knowledge == POD_INFERRED ? result->pods[attempt->pod].name : NULL;
        if ((pod == NULL) != (rows[i].pod == NULL) || (pod && strcmp(pod, rows[i].pod) != 0))
            fail_msg("at %g ms: %s", rows[i].at, pod ? pod : "unknown");
        assert_int_equal(result->inferred, pod != NULL);
        assert_int_equal(result->known, 1);
        result_free(result);
    }
}

/* An attempt at 5 s. Pod a is told to end by a watch whose older state is from the beginning. */
static void a_pod_is_suspect_only_as_long_as_a_watch_may_lag(void **state)
{
    static const struct {
        double told_ms;
        bool gap; /* The watch was broken from 4 to 6 s. */
        bool inferred;
    } rows[] = {{5100, false, true}, {6500, false, false}, {5100, true, false}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        scene_open(&scene, "");
        uint16_t a = scene_host(&scene, "a");
        add_connection(&scene, 1, 5000, false, 5000, CONNECTION_CONNECT_TIMEOUT, 0);
        scene_request(&scene, 0, 0, 3000, 1, OUTCOME_OK, a);
        if (rows[i].gap) {
            scene_event(&scene, TIMELINE_WATCH_GAP, "pods", 4000, 6000);
            scene.timeline.events[scene.timeline.count - 1].unseen = true;
        }
        scene_event(&scene, TIMELINE_POD_TERMINATING, "a", 100, rows[i].told_ms);
        struct result *result = scene_analyze(&scene);
        assert_int_equal(result->attempt_count, 1);
        assert_int_equal(result->attempts[0].knowledge,
                         rows[i].inferred ? POD_INFERRED : POD_UNKNOWN);
        result_free(result);
    }
}

static void pods_have_their_places_and_times(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, "");
    uint16_t a = scene_host(&scene, "a");
    scene_request(&scene, 0, 0, 3000, 1, OUTCOME_OK, a);
    scene_request(&scene, 0, 0, 3200, 1, OUTCOME_RESET, a);
    scene_request(&scene, 0, 0, 3400, 1, OUTCOME_OK, a);
    scene_event(&scene, TIMELINE_POD_CREATED, "b", 100, 200);
    scene_event(&scene, TIMELINE_POD_TERMINATING, "a", 3100, 3200);
    struct result *result = scene_analyze(&scene);
    assert_int_equal(result->pod_count, 2);
    assert_string_equal(result->pods[0].name, "a");
    assert_int_equal(result->pods[0].requests, 3);
    assert_int_equal(result->pods[0].lost, 1);
    assert_int_equal(result->pods[0].first_answer_ns, MS(3001));
    assert_int_equal(result->pods[0].last_answer_ns, MS(3401));
    assert_non_null(result->pods[0].terminating);
    assert_int_equal(result->pods[1].host, 0);
    assert_non_null(result->pods[1].created);
    result_free(result);
}

/* A kubelet gives a pod with a longer name the first 63 bytes of it as its host name. */
static void a_long_name_is_known_by_its_host(void **state)
{
    struct scene scene;
    char host[64], name[254], other[254];
    (void)state;
    snprintf(host, sizeof(host), "%063d", 0);
    snprintf(name, sizeof(name), "%0252da", 0);
    snprintf(other, sizeof(other), "%0252db", 0);
    scene_open(&scene, "");
    uint16_t a = scene_host(&scene, host);
    scene_request(&scene, 0, 0, 3000, 1, OUTCOME_OK, a);
    scene_event(&scene, TIMELINE_POD_CREATED, name, 100, 200);
    scene_event(&scene, TIMELINE_POD_CREATED, other, 300, 400);
    scene_event(&scene, TIMELINE_POD_TERMINATING, name, 3100, 3200);
    struct result *result = scene_analyze(&scene);
    assert_int_equal(result->pod_count, 2);
    assert_string_equal(result->pods[0].name, name);
    assert_int_equal(result->pods[0].host, a);
    assert_int_equal(result->pods[0].requests, 1);
    assert_non_null(result->pods[0].created);
    assert_non_null(result->pods[0].terminating);
    assert_string_equal(result->pods[1].name, other);
    assert_int_equal(result->pods[1].host, 0);
    result_free(result);
}

static void an_answer_names_the_pod_of_what_came_before_it(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, "");
    uint16_t a = scene_host(&scene, "a");
    add_connection(&scene, 0, 2900, true, 11000, CONNECTION_LASTING, a);
    uint32_t id = scene.logs.connections[0].id;
    scene_request(&scene, 0, 0, 3000, 1, OUTCOME_BLOCKED, 0);
    scene_request(&scene, 0, 0, 3200, 1, OUTCOME_OK, a);
    scene_request(&scene, 0, 0, 3400, 1, OUTCOME_BLOCKED, 0);
    scene.logs.requests[0].connection = id;
    struct result *result = scene_analyze(&scene);
    assert_int_equal(result->pods[0].requests, 2);
    assert_int_equal(result->pods[0].lost, 1);
    result_free(result);
}

/* ---- outages of a stream, convergence, cause ---- */

static void add_outage(struct scene *scene, double from_ms, double to_ms, uint16_t host,
                       uint32_t lost, uint32_t connection)
{
    SCENE_ADD(scene, outage,
              ((struct record_outage){.last_good_sent_ns = MS(from_ms),
                                      .last_good_done_ns = MS(from_ms),
                                      .signal_ns = MS(from_ms + 50),
                                      .recovered_sent_ns = to_ms > 0 ? MS(to_ms - 1) : 0,
                                      .recovered_done_ns = to_ms > 0 ? MS(to_ms) : 0,
                                      .lost = lost,
                                      .connection = connection,
                                      .successor = connection ? connection + 1 : 0,
                                      .host = host,
                                      .signal = CONNECTION_RST}));
}

static void convergence_counts_from_the_change(void **state)
{
    static const struct {
        const char *what;
        double change;
        double outages[2][2]; /* From and to, in ms; to 0: open; from 0: none. */
        double first, full;   /* 0: UINT64_MAX. */
    } rows[] = {
        {"loss before and after", 5000, {{3000, 3500}, {6000, 6700}}, 1050, 1700},
        {"two after", 5000, {{5500, 5600}, {8000, 8700}}, 550, 3700},
        {"never over", 5000, {{6000, 0}, {0, 0}}, 1050, 0},
        {"no loss after", 5000, {{3000, 3500}, {0, 0}}, 0, 0},
        {"no change", 0, {{3000, 3500}, {0, 0}}, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        scene_open(&scene, "");
        scene.meta.change_ns = MS(rows[i].change);
        for (unsigned k = 0; k < 2 && rows[i].outages[k][0] > 0; k++)
            add_outage(&scene, rows[i].outages[k][0], rows[i].outages[k][1], 0, 1, 1);
        for (unsigned k = 0; k < 100; k++)
            scene_request(&scene, 0, 0, 1000 + 100 * k, 1, OUTCOME_OK, 0);
        struct result *result = scene_analyze(&scene);
        uint64_t first_ns = rows[i].first > 0 ? MS(rows[i].first) : UINT64_MAX;
        uint64_t full_ns = rows[i].full > 0 ? MS(rows[i].full) : UINT64_MAX;
        if (result->first_loss_ns != first_ns || result->full_recovery_ns != full_ns)
            fail_msg("%s: %g, %g", rows[i].what, (double)result->first_loss_ns / 1e6,
                     (double)result->full_recovery_ns / 1e6);
        result_free(result);
    }
}

static void outages_in_figures(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, "");
    add_outage(&scene, 3000, 3200, 0, 1, 1);
    add_outage(&scene, 4000, 4400, 0, 0, 2);
    add_outage(&scene, 5000, 5100, 0, 1, 0); /* No connection broke: an attempt failed. */
    add_outage(&scene, 6000, 0, 0, 1, 3);
    struct result *result = scene_analyze(&scene);
    const struct result_stream *held = &result->streams[0];
    assert_int_equal(held->outages.count, 4);
    assert_int_equal(held->outages.open, 1);
    assert_int_equal(held->outages.shortest_ns, MS(100));
    assert_int_equal(held->outages.longest_ns, MS(400));
    assert_int_equal(held->outages.last_ns, MS(100));
    assert_int_equal(held->outages.total_ns, MS(700));
    assert_int_equal(held->interruption.count, 2);
    assert_int_equal(held->interruption.max_ns, MS(400));
    assert_int_equal(held->onset_width.count, 4);
    assert_int_equal(held->onset_width.max_ns, MS(50));
    result_free(result);
}

static void an_unexplained_window_names_what_was_near(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, "");
    uint16_t a = scene_host(&scene, "a"), b = scene_host(&scene, "b");
    add_outage(&scene, 3000, 3200, a, 1, 1);
    add_outage(&scene, 6000, 6200, b, 1, 2);
    for (unsigned i = 0; i < 100; i++)
        scene_request(&scene, 0, 0, 1000 + 100 * i, 1, OUTCOME_OK, a);
    scene_event(&scene, TIMELINE_POD_TERMINATING, "a", 1000, 1100);
    scene_event(&scene, TIMELINE_POD_READY, "c", 2900, 2950);
    scene_event(&scene, TIMELINE_POD_READY, "late", 9000, 9100);
    struct result *result = scene_analyze(&scene);
    assert_int_equal(result->windows.count, 2);
    assert_string_equal(result->causes[0].event->object, "c");
    assert_string_equal(result->causes[1].event->object, "c");
    assert_int_equal(result->causes[1].cause, CAUSE_UNEXPLAINED);
    assert_non_null(strstr(result->causes[1].text, "nearest event: pod-ready c"));
    result_free(result);
}

static void what_was_not_seen_is_summed(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, "");
    scene_event(&scene, TIMELINE_WATCH_GAP, "pods", 1000, 1400);
    scene.timeline.events[0].unseen = true;
    scene_event(&scene, TIMELINE_WATCH_BROKEN, "pods", 900, 1000);
    scene_event(&scene, TIMELINE_WATCH_BROKEN, "nodes", 900, 1000);
    SCENE_ADD(&scene, fault,
              ((struct record_fault){.start_ns = 5, .end_ns = 12, .count = 1, .kind = 0}));
    SCENE_ADD(&scene, fault,
              ((struct record_fault){.start_ns = 20, .end_ns = 21, .count = 1, .kind = 0}));
    SCENE_ADD(&scene, fault,
              ((struct record_fault){.end_ns = 21, .count = 9, .kind = FAULT_MISSED}));
    struct result *result = scene_analyze(&scene);
    assert_int_equal(result->unseen_ns, MS(400));
    assert_int_equal(result->watches_broken, 2);
    assert_int_equal(result->stalls, 2);
    assert_int_equal(result->stall_total_ns, 8);
    assert_int_equal(result->stall_longest_ns, 7);
    assert_int_equal(result->faults[FAULT_MISSED], 9);
    result_free(result);
}

static void parts_of_different_runs_are_refused(void **state)
{
    struct scene scene;
    struct result *result = NULL;
    struct error err = {0};
    (void)state;
    scene_open(&scene, "");
    scene.meta.stream_count = 1;
    assert_true(analyze_parts(&scene.meta, &scene.logs, &scene.timeline, scene.experiment, &result,
                              &err) < 0);
    assert_null(result);
    assert_non_null(strstr(err.text, "different runs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_hold_and_lost_is_what_opens_windows),
        cmocka_unit_test(the_baseline_ends_with_the_change),
        cmocka_unit_test(incomplete_records_are_told),
        cmocka_unit_test(sums_that_do_not_hold_are_told),
        cmocka_unit_test(connections_add_up_by_stream_and_pod),
        cmocka_unit_test(the_pod_of_a_failed_attempt_is_inferred_or_unknown),
        cmocka_unit_test(a_pod_is_suspect_only_as_long_as_a_watch_may_lag),
        cmocka_unit_test(pods_have_their_places_and_times),
        cmocka_unit_test(a_long_name_is_known_by_its_host),
        cmocka_unit_test(an_answer_names_the_pod_of_what_came_before_it),
        cmocka_unit_test(convergence_counts_from_the_change),
        cmocka_unit_test(outages_in_figures),
        cmocka_unit_test(an_unexplained_window_names_what_was_near),
        cmocka_unit_test(what_was_not_seen_is_summed),
        cmocka_unit_test(parts_of_different_runs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
