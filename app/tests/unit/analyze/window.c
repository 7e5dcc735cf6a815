/* Loss windows: which outages are one, how long it was, and whose fault it may be. */
#include "analyze/window.h"

#include "tests/unit/analyze/scene.h"

enum {
    FLOWS = 4,
    VALIDATE = 3
};

/* Requests every 10 ms on a flow from 0 to 10 s; those due within a gap given to add_gap() are
 * lost. */
struct gap {
    uint8_t stream;
    uint32_t flow;
    double from_ms, to_ms; /* TO_MS 0: to the end. */
    uint16_t host;
    uint32_t lost; /* 0: the connection broke and nothing was lost. */
};

static void add_gap(struct scene *scene, const struct gap *gap)
{
    bool open = gap->to_ms == 0;
    SCENE_ADD(scene, outage,
              ((struct record_outage){.last_good_sent_ns = MS(gap->from_ms - 10),
                                      .last_good_done_ns = MS(gap->from_ms - 9),
                                      .signal_ns = MS(gap->from_ms + 1),
                                      .recovered_sent_ns = open ? 0 : MS(gap->to_ms),
                                      .recovered_done_ns = open ? 0 : MS(gap->to_ms + 1),
                                      .flow = gap->flow,
                                      .lost = gap->lost,
                                      .host = gap->host,
                                      .stream = gap->stream,
                                      .signal = CONNECTION_RST}));
}

static bool is_lost(const struct gap *gaps, size_t count, uint32_t flow, double due_ms)
{
    for (size_t i = 0; i < count; i++)
        if (gaps[i].flow == flow && gaps[i].lost > 0 && due_ms >= gaps[i].from_ms &&
            (gaps[i].to_ms == 0 || due_ms < gaps[i].to_ms))
            return true;
    return false;
}

static struct logs logs_of(const struct gap *gaps, size_t count)
{
    struct scene scene = {0};
    for (unsigned i = 0; i < FLOWS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%u", i + 1);
        scene_host(&scene, name);
    }
    for (size_t i = 0; i < count; i++)
        add_gap(&scene, &gaps[i]);
    for (uint32_t flow = 0; flow < FLOWS; flow++) {
        uint8_t stream = flow == FLOWS - 1;
        for (unsigned i = 0; i < 1000; i++) {
            bool lost = is_lost(gaps, count, flow, 10 * i);
            scene_request(&scene, stream, flow, 10 * i, 1, lost ? OUTCOME_RESET : OUTCOME_OK,
                          (uint16_t)(flow + 1));
        }
    }
    logs_sort(&scene.logs);
    return scene.logs;
}

static uint32_t opens(void)
{
    return 1u << OUTCOME_RESET | 1u << OUTCOME_CLOSED;
}

static void make(struct windows *windows, const struct logs *logs, struct window_scope scope,
                 double hold_off_ms)
{
    struct outage *outages = outages_make(logs, opens(), VALIDATE);
    assert_non_null(outages);
    assert_int_equal(windows_make(windows, logs, outages, scope, MS(hold_off_ms)), 0);
    free(outages);
}

static const struct window_scope run = {.stream = WINDOW_ALL_STREAMS, .host = WINDOW_ALL_HOSTS};

static void closer_than_the_hold_off_is_one_window(void **state)
{
    static const struct gap gaps[] = {
        {0, 0, 1000, 1100, 1, 10}, {0, 1, 1050, 1200, 2, 15}, {0, 2, 1600, 1650, 3, 5}};
    static const struct {
        double hold_off;
        size_t windows;
        uint32_t lost_first;
    } rows[] = {{0, 2, 25}, {380, 2, 25}, {400, 1, 30}, {5000, 1, 30}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct logs logs = logs_of(gaps, 3);
        struct windows windows;
        make(&windows, &logs, run, rows[i].hold_off);
        assert_int_equal(windows.count, rows[i].windows);
        assert_int_equal(windows.items[0].lost, rows[i].lost_first);
        assert_true(windows.items[0].validated);
        windows_free(&windows);
        logs_free(&logs);
    }
}

static void brackets_of_a_union(void **state)
{
    static const struct gap gaps[] = {{0, 0, 1000, 1100, 1, 10}, {0, 1, 1005, 1095, 2, 9}};
    struct logs logs = logs_of(gaps, 2);
    struct windows windows;
    (void)state;
    make(&windows, &logs, run, 1000);
    assert_int_equal(windows.count, 1);
    const struct window *window = &windows.items[0];
    assert_int_equal(window->onset.from_ns, MS(990));
    assert_int_equal(window->onset.to_ns, MS(1001));
    assert_int_equal(window->recovery.from_ns, MS(1006)); /* Known to be down then: flow 1. */
    assert_int_equal(window->recovery.to_ns, MS(1101));
    assert_int_equal(window_duration(window).from_ns, MS(5));
    assert_int_equal(window_duration(window).to_ns, MS(111));
    assert_int_equal(window_length_ns(window, 0), MS(1101) - MS(995.5));
    assert_int_equal(window->outages, 2);
    assert_int_equal(window->flows, 2);
    assert_int_equal(window->host_count, 2);
    assert_int_equal(window->hosts[0], 1);
    assert_int_equal(window->lost_by_stream[0], 19);
    assert_int_equal(window->outcomes[OUTCOME_RESET], 19);
    windows_free(&windows);
    logs_free(&logs);
}

static void scopes_see_their_own(void **state)
{
    static const struct gap gaps[] = {
        {0, 0, 1000, 1100, 1, 10}, {0, 1, 3000, 3100, 2, 10}, {1, 3, 5000, 5100, 4, 10}};
    static const struct {
        struct window_scope scope;
        size_t windows;
        double from;
    } rows[] = {
        {{WINDOW_ALL_STREAMS, WINDOW_ALL_HOSTS}, 3, 990},
        {{0, WINDOW_ALL_HOSTS}, 2, 990},
        {{1, WINDOW_ALL_HOSTS}, 1, 4990},
        {{WINDOW_ALL_STREAMS, 2}, 1, 2990},
        {{WINDOW_ALL_STREAMS, 3}, 0, 0},
        {{1, 2}, 0, 0},
    };
    struct logs logs = logs_of(gaps, 3);
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct windows windows;
        make(&windows, &logs, rows[i].scope, 1000);
        assert_int_equal(windows.count, rows[i].windows);
        if (windows.count > 0)
            assert_int_equal(windows.items[0].onset.from_ns, MS(rows[i].from));
        if (rows[i].scope.host == 2 && windows.count > 0) {
            struct windows *const of_host[] = {NULL, NULL, &windows};
            assert_int_equal(windows_count_hosts(of_host, 3, &logs), 0);
            assert_int_equal(windows.items[0].outcomes[OUTCOME_RESET], 10);
            assert_int_equal(windows.items[0].outcomes[OUTCOME_OK], 2); /* 2990 and 3100. */
        }
        windows_free(&windows);
    }
    logs_free(&logs);
}

static void a_broken_connection_without_loss_opens_none(void **state)
{
    static const struct gap gaps[] = {{0, 0, 1000, 1010, 1, 0}};
    struct logs logs = logs_of(gaps, 1);
    struct windows windows;
    (void)state;
    make(&windows, &logs, run, 1000);
    assert_int_equal(windows.count, 0);
    windows_free(&windows);
    logs_free(&logs);
}

/* Back at 1100, but lost again after two good ones, at 1120: no hold-off would have joined them, the
 * missing validation does. */
static void a_relapse_before_validation_is_the_same_window(void **state)
{
    static const struct gap gaps[] = {{0, 0, 1000, 1100, 1, 10}, {0, 0, 1120, 1200, 1, 8}};
    static const struct gap apart[] = {{0, 0, 1000, 1100, 1, 10}, {0, 0, 1140, 1200, 1, 6}};
    struct windows windows;
    (void)state;
    struct logs logs = logs_of(gaps, 2);
    make(&windows, &logs, run, 0);
    assert_int_equal(windows.count, 1);
    assert_true(windows.items[0].validated);
    assert_int_equal(windows.items[0].outages, 2);
    assert_int_equal(windows.items[0].flows, 1);
    assert_int_equal(windows.items[0].recovery.to_ns, MS(1201));
    windows_free(&windows);
    logs_free(&logs);
    logs = logs_of(apart, 2);
    make(&windows, &logs, run, 0);
    assert_int_equal(windows.count, 2);
    assert_true(windows.items[0].validated && windows.items[1].validated);
    windows_free(&windows);
    logs_free(&logs);
}

static void the_end_of_the_stream_leaves_it_open_or_not_validated(void **state)
{
    static const struct gap open[] = {{0, 0, 1000, 0, 1, 900}, {0, 1, 8000, 8100, 2, 10}};
    static const struct gap late[] = {{0, 0, 9900, 9980, 1, 8}};
    struct windows windows;
    (void)state;
    struct logs logs = logs_of(open, 2);
    make(&windows, &logs, run, 100);
    assert_int_equal(windows.count, 1); /* What comes after it joins: it never was over. */
    assert_true(windows.items[0].open);
    assert_false(windows.items[0].validated);
    assert_int_equal(windows.items[0].recovery.to_ns, 0);
    assert_int_equal(window_duration(&windows.items[0]).from_ns, 0);
    assert_true(window_duration(&windows.items[0]).to_ns == UINT64_MAX);
    assert_int_equal(window_length_ns(&windows.items[0], MS(10000)), MS(10000) - MS(995.5));
    windows_free(&windows);
    logs_free(&logs);
    logs = logs_of(late, 1);
    make(&windows, &logs, run, 100);
    assert_int_equal(windows.count, 1);
    assert_false(windows.items[0].open);
    assert_false(windows.items[0].validated); /* Two good ones, and the end. */
    windows_free(&windows);
    logs_free(&logs);
}

static void the_testers_faults_flag_what_they_could_explain(void **state)
{
    static const struct gap gaps[] = {{0, 0, 1000, 1100, 1, 10}};
    static const struct {
        const char *what;
        enum tester_fault kind;
        double from, to, stall;
        bool flagged;
    } rows[] = {
        {"a short stall", FAULT_STALL, 1020, 1030, 10, false},
        {"a stall over most of it", FAULT_STALL, 900, 1080, 90, true},
        {"a stall elsewhere", FAULT_STALL, 2000, 3000, 0, false},
        {"frames missed in it", FAULT_MISSED, 1010, 1020, 0, true},
        {"frames missed before", FAULT_MISSED, 500, 600, 0, false},
        {"sent late", FAULT_SENT_LATE, 1010, 1020, 0, false},
        {"the link went down", FAULT_LINK, 1050, 1050, 0, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene = {.logs = logs_of(gaps, 1)};
        struct windows windows;
        SCENE_ADD(&scene, fault,
                  ((struct record_fault){.start_ns = MS(rows[i].from),
                                         .end_ns = MS(rows[i].to),
                                         .count = 1,
                                         .kind = rows[i].kind}));
        make(&windows, &scene.logs, run, 0);
        if (windows.items[0].tester != rows[i].flagged ||
            windows.items[0].stall_ns != MS(rows[i].stall))
            fail_msg("%s: flagged %d, stall %g ms", rows[i].what, windows.items[0].tester,
                     (double)windows.items[0].stall_ns / 1e6);
        windows_free(&windows);
        logs_free(&scene.logs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closer_than_the_hold_off_is_one_window),
        cmocka_unit_test(brackets_of_a_union),
        cmocka_unit_test(scopes_see_their_own),
        cmocka_unit_test(a_broken_connection_without_loss_opens_none),
        cmocka_unit_test(a_relapse_before_validation_is_the_same_window),
        cmocka_unit_test(the_end_of_the_stream_leaves_it_open_or_not_validated),
        cmocka_unit_test(the_testers_faults_flag_what_they_could_explain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
