/* Brackets of outages, what was lost in them, and when their end was validated. */
#include "analyze/outage.h"

#include "tests/unit/analyze/scene.h"

static uint32_t default_opens(void)
{
    uint32_t opens = 0;
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        opens |= (uint32_t)outcome_is_loss(i) << i;
    return opens;
}

/* All in ms. */
static void onset_is_the_tightest_that_the_stamps_allow(void **state)
{
    static const struct {
        const char *what;
        double last_good, signal, first_unanswered, rtt, from, to;
    } rows[] = {
        {"a FIN between two requests", 100, 150, 0, 2, 100, 150},
        {"a RST after the request that met it", 100, 301, 300, 2, 100, 301},
        {"silence: given up late, but unanswered since 300", 100, 1300, 300, 2, 100, 302},
        {"only silence so far, no signal", 100, 0, 300, 2, 100, 302},
        {"never answered: the first request that was not", 0, 1300, 300, 0, 300, 300},
        {"never answered, refused at once", 0, 305, 0, 0, 305, 305},
        {"a signal before the last good request, by a damaged log", 500, 400, 0, 0, 400, 400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct record_outage record = {.last_good_sent_ns = MS(rows[i].last_good),
                                       .signal_ns = MS(rows[i].signal),
                                       .first_unanswered_ns = MS(rows[i].first_unanswered)};
        struct bracket onset = outage_onset(&record, MS(rows[i].rtt));
        if (onset.from_ns != MS(rows[i].from) || onset.to_ns != MS(rows[i].to))
            fail_msg("%s: [%g, %g] ms", rows[i].what, (double)onset.from_ns / 1e6,
                     (double)onset.to_ns / 1e6);
    }
}

/* Flow 0 of stream 0: good until 100, broken at 150, back at 500. */
static struct record_outage broken(void)
{
    return (struct record_outage){.last_good_sent_ns = MS(100),
                                  .last_good_done_ns = MS(101),
                                  .signal_ns = MS(150),
                                  .recovered_sent_ns = MS(500),
                                  .recovered_done_ns = MS(501),
                                  .connection = 1,
                                  .successor = 2,
                                  .lost = 3,
                                  .signal = CONNECTION_RST};
}

static void attempt(struct logs *logs, double opened_ms, uint32_t flow, enum connection_end end)
{
    struct scene scene = {.logs = *logs};
    struct record_connection connection = {
        .opened_ns = MS(opened_ms), .flow = flow, .end = (uint8_t)end};
    if (end == CONNECTION_RST)
        connection.connected_ns = MS(opened_ms + 1);
    SCENE_ADD(&scene, connection, connection);
    *logs = scene.logs;
}

static void recovery_begins_after_the_last_failed_attempt(void **state)
{
    static const struct {
        const char *what;
        double opened;
        uint32_t flow;
        enum connection_end end;
        double from;
    } rows[] = {
        {"refused", 300, 0, CONNECTION_REFUSED, 300},
        {"connected, and broken before any answer", 300, 0, CONNECTION_RST, 300},
        {"of another flow", 300, 1, CONNECTION_REFUSED, 150},
        {"before it broke", 120, 0, CONNECTION_REFUSED, 150},
        {"after the request that was answered", 500.5, 0, CONNECTION_REFUSED, 150},
        {"the tester's own failure", 300, 0, CONNECTION_UNSENT, 150},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene = {0};
        SCENE_ADD(&scene, outage, broken());
        attempt(&scene.logs, rows[i].opened, rows[i].flow, rows[i].end);
        struct outage *outages = outages_make(&scene.logs, default_opens(), 1);
        if (outages[0].recovery.from_ns != MS(rows[i].from))
            fail_msg("%s: from %g ms", rows[i].what, (double)outages[0].recovery.from_ns / 1e6);
        assert_int_equal(outages[0].recovery.to_ns, MS(501));
        assert_false(outages[0].open);
        free(outages);
        logs_free(&scene.logs);
    }
}

static void an_open_outage_has_no_recovery(void **state)
{
    struct scene scene = {0};
    struct record_outage record = broken();
    (void)state;
    record.recovered_sent_ns = record.recovered_done_ns = 0;
    SCENE_ADD(&scene, outage, record);
    struct outage *outages = outages_make(&scene.logs, default_opens(), 3);
    assert_true(outages[0].open);
    assert_int_equal(outages[0].recovery.to_ns, 0);
    assert_true(outages[0].validated_ns == UINT64_MAX);
    assert_int_equal(outages[0].relapse_ns, 0);
    free(outages);
    logs_free(&scene.logs);
}

/* The round trip that was seen may reach beyond a quick recovery. */
static void onset_ends_before_recovery(void **state)
{
    struct scene scene = {0};
    struct record_outage record = {.last_good_sent_ns = MS(100),
                                   .signal_ns = MS(1100),
                                   .first_unanswered_ns = MS(102),
                                   .recovered_sent_ns = MS(104),
                                   .recovered_done_ns = MS(104.5),
                                   .largest_rtt_ns = 50000000,
                                   .lost = 1};
    (void)state;
    SCENE_ADD(&scene, outage, record);
    struct outage *outages = outages_make(&scene.logs, default_opens(), 1);
    assert_int_equal(outages[0].onset.to_ns, MS(104.5));
    assert_int_equal(outages[0].recovery.from_ns, MS(104.5));
    free(outages);
    logs_free(&scene.logs);
}

/* Requests of flow 0: one that ended the outage at 500, and then as OUTCOMES say, 10 ms apart. */
static struct outage *followed_by(struct scene *scene, const enum outcome *outcomes, size_t count,
                                  uint32_t validate)
{
    memset(scene, 0, sizeof(*scene));
    SCENE_ADD(scene, outage, broken());
    scene_request(scene, 0, 0, 100, 1, OUTCOME_OK, 1);
    scene_request(scene, 0, 0, 300, 0, OUTCOME_BLOCKED, 0);
    scene_request(scene, 0, 0, 500, 1, OUTCOME_OK, 1);
    for (size_t i = 0; i < count; i++)
        scene_request(scene, 0, 0, 510 + 10 * (double)i, 1, outcomes[i], 1);
    scene_request(scene, 0, 1, 505, 1, OUTCOME_RESET, 1); /* Another flow's. */
    logs_sort(&scene->logs);
    return outages_make(&scene->logs, default_opens(), validate);
}

static void recovery_is_validated_by_good_ones_in_a_row(void **state)
{
    static const struct {
        const char *what;
        enum outcome outcomes[4];
        size_t count;
        double validated, relapse; /* 0: never. */
    } rows[] = {
        {"three good ones", {OUTCOME_OK, OUTCOME_LATE, OUTCOME_OK}, 3, 521, 0},
        {"the stream ends", {OUTCOME_OK}, 1, 0, 0},
        {"lost again", {OUTCOME_OK, OUTCOME_RESET, OUTCOME_OK, OUTCOME_OK}, 4, 0, 520},
        {"an unsent one does not count", {OUTCOME_UNSENT, OUTCOME_OK, OUTCOME_OK}, 3, 531, 0},
        {"cut off", {OUTCOME_OK, OUTCOME_UNFINISHED}, 2, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        struct outage *outages = followed_by(&scene, rows[i].outcomes, rows[i].count, 3);
        uint64_t validated_ns = rows[i].validated > 0 ? MS(rows[i].validated) : UINT64_MAX;
        uint64_t relapse_ns = rows[i].relapse > 0     ? MS(rows[i].relapse)
                              : rows[i].validated > 0 ? 0
                                                      : UINT64_MAX;
        if (outages[0].validated_ns != validated_ns || outages[0].relapse_ns != relapse_ns)
            fail_msg("%s: validated %g, relapse %g", rows[i].what,
                     (double)outages[0].validated_ns / 1e6, (double)outages[0].relapse_ns / 1e6);
        free(outages);
        logs_free(&scene.logs);
    }
}

static void one_good_answer_can_be_enough(void **state)
{
    struct scene scene;
    (void)state;
    struct outage *outages = followed_by(&scene, NULL, 0, 1);
    assert_int_equal(outages[0].validated_ns, MS(501));
    free(outages);
    logs_free(&scene.logs);
}

/* A request at 100 is answered only at 450; the slots at 200, 300 and 400 were blocked by it. They
 * are of the outage that its answer ends, and do not break its validation. */
static struct logs slow_answer(void)
{
    struct scene scene = {0};
    scene_request(&scene, 0, 0, 0, 1, OUTCOME_OK, 1);
    scene_request(&scene, 0, 0, 100, 350, OUTCOME_OK, 1);
    for (unsigned i = 2; i < 5; i++)
        scene_request(&scene, 0, 0, 100 * i, 0, OUTCOME_BLOCKED, 1);
    scene_request(&scene, 0, 0, 500, 1, OUTCOME_OK, 1);
    scene_request(&scene, 0, 0, 600, 10, OUTCOME_RESET, 1);
    scene_request(&scene, 0, 0, 700, 1, OUTCOME_OK, 1);
    SCENE_ADD(&scene, outage,
              ((struct record_outage){.last_good_done_ns = MS(1),
                                      .last_good_sent_ns = 1,
                                      .signal_ns = MS(200),
                                      .first_unanswered_ns = MS(100),
                                      .recovered_sent_ns = MS(100),
                                      .recovered_done_ns = MS(450),
                                      .lost = 3,
                                      .connection = 1,
                                      .successor = 1,
                                      .signal = CONNECTION_SILENCE}));
    SCENE_ADD(&scene, outage,
              ((struct record_outage){.last_good_sent_ns = MS(500),
                                      .last_good_done_ns = MS(501),
                                      .signal_ns = MS(610),
                                      .first_unanswered_ns = MS(600),
                                      .recovered_sent_ns = MS(700),
                                      .recovered_done_ns = MS(701),
                                      .lost = 1,
                                      .connection = 1,
                                      .successor = 2,
                                      .signal = CONNECTION_RST}));
    logs_sort(&scene.logs);
    return scene.logs;
}

static void slots_blocked_by_a_late_answer_are_of_its_outage(void **state)
{
    static const struct {
        const char *what;
        uint32_t leave_out, lost[2];
    } rows[] = {
        {"as recorded", 0, {3, 1}},
        {"counted anew: all but refused", 1u << OUTCOME_REFUSED, {3, 1}},
        {"blocked opens nothing", 1u << OUTCOME_BLOCKED, {0, 1}},
        {"reset opens nothing", 1u << OUTCOME_RESET, {3, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct logs logs = slow_answer();
        struct outage *outages = outages_make(&logs, default_opens() & ~rows[i].leave_out, 2);
        for (unsigned k = 0; k < 2; k++)
            if (outages[k].lost != rows[i].lost[k])
                fail_msg("%s: outage %u lost %u", rows[i].what, k, outages[k].lost);
        assert_int_equal(outages[0].validated_ns, MS(501));
        free(outages);
        logs_free(&logs);
    }
}

/* A connect stream: one flow, a request every 2 ms, each lost one decided a second later, long after
 * the good ones behind it. Of every three the middle one is lost. */
static void overlapping_requests_are_in_the_outage_between_their_neighbours(void **state)
{
    struct scene scene = {0};
    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        double due = 1000 + 2 * i;
        bool lost = i % 3 == 1;
        scene_request(&scene, 1, 0, due, lost ? 1000 : 0.5,
                      lost ? OUTCOME_CONNECT_TIMEOUT : OUTCOME_OK, 0);
        if (!lost)
            continue;
        SCENE_ADD(&scene, outage,
                  ((struct record_outage){.last_good_sent_ns = MS(due - 2),
                                          .last_good_done_ns = MS(due - 1.5),
                                          .signal_ns = MS(due + 1000),
                                          .first_unanswered_ns = MS(due),
                                          .recovered_sent_ns = MS(due + 2),
                                          .recovered_done_ns = MS(due + 2.5),
                                          .largest_rtt_ns = 500000,
                                          .lost = 1,
                                          .stream = 1,
                                          .signal = CONNECTION_CONNECT_TIMEOUT}));
    }
    logs_sort(&scene.logs);
    for (unsigned counted = 0; counted < 2; counted++) {
        uint32_t opens = default_opens() & ~(counted ? 1u << OUTCOME_BLOCKED : 0);
        struct outage *outages = outages_make(&scene.logs, opens, 2);
        for (unsigned i = 0; i < 3; i++) {
            double lost_due = 1002 + 6 * i;
            assert_int_equal(outages[i].lost, 1);
            assert_int_equal(outages[i].onset.from_ns, MS(lost_due - 2));
            assert_int_equal(outages[i].onset.to_ns, MS(lost_due + 0.5));
            assert_int_equal(outages[i].recovery.to_ns, MS(lost_due + 2.5));
            assert_int_equal(outages[i].validated_ns, i < 2 ? MS(lost_due + 4.5) : UINT64_MAX);
        }
        free(outages);
    }
    logs_free(&scene.logs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onset_is_the_tightest_that_the_stamps_allow),
        cmocka_unit_test(recovery_begins_after_the_last_failed_attempt),
        cmocka_unit_test(an_open_outage_has_no_recovery),
        cmocka_unit_test(onset_ends_before_recovery),
        cmocka_unit_test(recovery_is_validated_by_good_ones_in_a_row),
        cmocka_unit_test(one_good_answer_can_be_enough),
        cmocka_unit_test(slots_blocked_by_a_late_answer_are_of_its_outage),
        cmocka_unit_test(overlapping_requests_are_in_the_outage_between_their_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
