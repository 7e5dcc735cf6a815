/* Expectations: figures, from a step on, against fixed and predicted bounds, and when they decide
 * nothing. */
#include "analyze/result.h"

#include "tests/unit/analyze/scene.h"

/* held: 10 requests from 3.0 s on, 100 ms apart; the third is reset, the eighth blocked. Connection 1
 * breaks at 3.25 s, an attempt fails, connection 2 lasts. The step "upgrade" begins at 3.5 s. */
static void open_scene(struct scene *scene, const char *expect)
{
    char extra[600];
    snprintf(extra, sizeof(extra),
             ",\"windows\":{\"holdOff\":\"0s\",\"validate\":1},\"expect\":[%s]", expect);
    scene_open(scene, extra);
    for (unsigned i = 0; i < 10; i++)
        scene_request(scene, 0, 0, 3000 + 100 * i,
                      i == 2   ? 50
                      : i == 7 ? 0
                               : 1 + i,
                      i == 2   ? OUTCOME_RESET
                      : i == 7 ? OUTCOME_BLOCKED
                               : OUTCOME_OK,
                      0);
    SCENE_ADD(scene, connection,
              ((struct record_connection){.opened_ns = MS(1000),
                                          .connected_ns = MS(1001),
                                          .ended_ns = MS(3250),
                                          .id = 1,
                                          .end = CONNECTION_RST}));
    SCENE_ADD(
        scene, connection,
        ((struct record_connection){
            .opened_ns = MS(3250), .ended_ns = MS(3251), .id = 2, .end = CONNECTION_REFUSED}));
    SCENE_ADD(scene, connection,
              ((struct record_connection){.opened_ns = MS(3260),
                                          .connected_ns = MS(3261),
                                          .ended_ns = MS(11000),
                                          .id = 3,
                                          .end = CONNECTION_LASTING}));
    SCENE_ADD(scene, outage,
              ((struct record_outage){.last_good_sent_ns = MS(3100),
                                      .signal_ns = MS(3250),
                                      .recovered_sent_ns = MS(3300),
                                      .recovered_done_ns = MS(3304),
                                      .lost = 1,
                                      .connection = 1,
                                      .successor = 3,
                                      .signal = CONNECTION_RST}));
    SCENE_ADD(scene, outage,
              ((struct record_outage){.last_good_sent_ns = MS(3600),
                                      .last_good_done_ns = MS(3607),
                                      .signal_ns = MS(3700),
                                      .recovered_sent_ns = MS(3800),
                                      .recovered_done_ns = MS(3809),
                                      .lost = 1,
                                      .signal = CONNECTION_SILENCE}));
    scene_event(scene, TIMELINE_STEP_START, "upgrade", 3500, 3500);
    scene->meta.prediction = (struct meta_prediction){
        .given = true, .mean = 1.5, .min = 1, .p1 = 1, .p50 = 1, .p99 = 2, .max = 3};
}

static void figures_and_bounds(void **state)
{
    static const struct {
        const char *figure, *compare, *bound, *from;
        double value;
        enum verdict verdict;
    } rows[] = {
        {"lastingConnections", "equals", "1", "", 1, VERDICT_MET},
        {"lastingConnections", "equals", "2", "", 1, VERDICT_NOT_MET},
        {"brokenConnections", "equals", "1", "", 1, VERDICT_MET},
        {"brokenConnections", "equals", "0", "upgrade", 0, VERDICT_MET},
        {"brokenConnections", "atMost", "\"predicted.mean\"", "", 1, VERDICT_MET},
        {"brokenConnections", "atLeast", "\"predicted.p99\"", "", 1, VERDICT_NOT_MET},
        {"brokenConnections", "atLeast", "\"predicted.min\"", "", 1, VERDICT_MET},
        {"failedConnects", "equals", "1", "", 1, VERDICT_MET},
        {"failedConnects", "equals", "0", "upgrade", 0, VERDICT_MET},
        {"lostRequests", "equals", "2", "", 2, VERDICT_MET},
        {"lostRequests", "atMost", "1", "upgrade", 1, VERDICT_MET},
        {"blockedRequests", "atMost", "0", "", 1, VERDICT_NOT_MET},
        {"unsentRequests", "equals", "0", "", 0, VERDICT_MET},
        {"goodRatio", "atLeast", "0.8", "", 0.8, VERDICT_MET},
        {"goodRatio", "atLeast", "0.81", "upgrade", 0.8, VERDICT_NOT_MET},
        {"windows", "equals", "2", "", 2, VERDICT_MET},
        {"windows", "equals", "1", "upgrade", 1, VERDICT_MET},
        {"longestWindow", "atMost", "\"130ms\"", "", 159e6, VERDICT_NOT_MET},
        {"totalWindow", "atMost", "\"288ms\"", "", 288e6, VERDICT_MET},
        {"longestOutage", "atMost", "\"210ms\"", "", 209e6, VERDICT_MET},
        {"longestOutage", "atMost", "\"200ms\"", "", 209e6, VERDICT_NOT_MET},
        {"latencyP50", "atMost", "\"5ms\"", "", 5e6, VERDICT_MET},
        {"latencyMax", "atMost", "\"10ms\"", "upgrade", 10e6, VERDICT_MET},
        {"latencyP99", "atMost", "\"9ms\"", "", 10e6, VERDICT_NOT_MET},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expect[300];
        struct scene scene;
        snprintf(expect, sizeof(expect), "{\"stream\":\"held\",\"figure\":\"%s\",\"%s\":%s%s%s%s}",
                 rows[i].figure, rows[i].compare, rows[i].bound,
                 rows[i].from[0] ? ",\"from\":\"" : "", rows[i].from, rows[i].from[0] ? "\"" : "");
        open_scene(&scene, expect);
        struct result *result = scene_analyze(&scene);
        const struct result_expectation *got = &result->expectations[0];
        if (got->verdict != rows[i].verdict || got->value > rows[i].value * 1.0000001 ||
            got->value < rows[i].value * 0.9999999)
            fail_msg("%s %s %s: %g, verdict %d", rows[i].figure, rows[i].compare, rows[i].bound,
                     got->value, got->verdict);
        assert_int_equal(result->verdict, rows[i].verdict);
        result_free(result);
    }
}

/* Records are missing: what is measured is at least so much, which may still decide. */
static void a_bound_decides_only_what_it_can(void **state)
{
    static const struct {
        const char *expect;
        enum verdict verdict;
    } rows[] = {
        {"\"figure\":\"brokenConnections\",\"atMost\":0", VERDICT_NOT_MET},
        {"\"figure\":\"brokenConnections\",\"atMost\":5", VERDICT_UNDECIDED},
        {"\"figure\":\"brokenConnections\",\"atLeast\":1", VERDICT_MET},
        {"\"figure\":\"brokenConnections\",\"atLeast\":2", VERDICT_UNDECIDED},
        {"\"figure\":\"brokenConnections\",\"equals\":1", VERDICT_UNDECIDED},
        {"\"figure\":\"brokenConnections\",\"equals\":0", VERDICT_NOT_MET},
        {"\"figure\":\"latencyP99\",\"atMost\":\"1ms\"", VERDICT_UNDECIDED},
        {"\"figure\":\"lostRequests\",\"equals\":2", VERDICT_MET}, /* The workers' own count. */
        {"\"figure\":\"lostRequests\",\"atMost\":5,\"from\":\"upgrade\"", VERDICT_UNDECIDED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expect[300];
        struct scene scene;
        snprintf(expect, sizeof(expect), "{\"stream\":\"held\",%s}", rows[i].expect);
        open_scene(&scene, expect);
        scene.meta.records_refused = 1;
        struct result *result = scene_analyze(&scene);
        if (result->expectations[0].verdict != rows[i].verdict)
            fail_msg("%s: verdict %d", rows[i].expect, result->expectations[0].verdict);
        assert_int_equal(result->expectations[0].text[0] != '\0',
                         rows[i].verdict == VERDICT_UNDECIDED);
        result_free(result);
    }
}

/* What is short of its bound may have come yet; what is over it already is over it. */
static void a_run_that_broke_off_decides_only_what_it_can(void **state)
{
    static const struct {
        const char *expect;
        enum verdict verdict;
    } rows[] = {
        {"\"figure\":\"brokenConnections\",\"atLeast\":2", VERDICT_UNDECIDED},
        {"\"figure\":\"brokenConnections\",\"atMost\":0", VERDICT_NOT_MET},
        {"\"figure\":\"lostRequests\",\"atMost\":5", VERDICT_UNDECIDED},
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        char expect[300];
        struct scene scene;
        snprintf(expect, sizeof(expect), "{\"stream\":\"held\",%s}", rows[i / 2].expect);
        open_scene(&scene, expect);
        scene.meta.interrupted = i % 2 == 0;
        snprintf(scene.meta.failure, sizeof(scene.meta.failure), "%s", i % 2 == 0 ? "" : "why");
        struct result *result = scene_analyze(&scene);
        if (result->expectations[0].verdict != rows[i / 2].verdict)
            fail_msg("%s: verdict %d", rows[i / 2].expect, result->expectations[0].verdict);
        result_free(result);
    }
}

static void nothing_to_measure_decides_nothing(void **state)
{
    static const struct {
        const char *stream, *expect, *why;
        bool step, predicted;
    } rows[] = {
        {"new", "\"figure\":\"lostRequests\",\"equals\":0", "never had a request due", true, true},
        {"held", "\"figure\":\"windows\",\"equals\":0,\"from\":\"upgrade\"", "step", false, true},
        {"held", "\"figure\":\"brokenConnections\",\"atMost\":\"predicted.max\"", "no prediction",
         true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expect[300];
        struct scene scene;
        snprintf(expect, sizeof(expect), "{\"stream\":\"%s\",%s}", rows[i].stream, rows[i].expect);
        open_scene(&scene, expect);
        scene.timeline.count = rows[i].step;
        scene.meta.prediction.given = rows[i].predicted;
        struct result *result = scene_analyze(&scene);
        assert_int_equal(result->verdict, VERDICT_UNDECIDED);
        assert_non_null(strstr(result->expectations[0].text, rows[i].why));
        result_free(result);
    }
}

/* One that is not met outweighs one that is undecided. */
static void the_verdict_is_the_worst(void **state)
{
    struct scene scene;
    (void)state;
    open_scene(&scene, "{\"stream\":\"held\",\"figure\":\"lostRequests\",\"equals\":0},"
                       "{\"stream\":\"new\",\"figure\":\"lostRequests\",\"equals\":0},"
                       "{\"stream\":\"held\",\"figure\":\"lostRequests\",\"equals\":2}");
    struct result *result = scene_analyze(&scene);
    assert_int_equal(result->verdict, VERDICT_NOT_MET);
    assert_int_equal(result->expectations[1].verdict, VERDICT_UNDECIDED);
    assert_int_equal(result->expectations[2].verdict, VERDICT_MET);
    result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_and_bounds),
        cmocka_unit_test(a_bound_decides_only_what_it_can),
        cmocka_unit_test(a_run_that_broke_off_decides_only_what_it_can),
        cmocka_unit_test(nothing_to_measure_decides_nothing),
        cmocka_unit_test(the_verdict_is_the_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
