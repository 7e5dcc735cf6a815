/* Every format of one run that is written by hand, against what a person wrote down and checked.
 *
 * The golden files stand beside this one. SEAMLINE_GOLDEN_WRITE=1 in the environment writes them
 * anew: read the difference before it is committed. */
#include "report/report.h"

#include <errno.h>

#include "tests/unit/report/story.h"

static void compare(const char *file, const struct text *made)
{
    char path[1000];
    struct text golden = {0};
    snprintf(path, sizeof(path), "%s/%s", getenv("GOLDEN_DIR"), file);
    if (getenv("SEAMLINE_GOLDEN_WRITE") != NULL)
        assert_int_equal(text_write_file(made, path), 0);
    assert_int_equal(text_read_file(&golden, path, 1 << 20), 0);
    assert_string_equal(text_str(made), text_str(&golden));
    text_free(&golden);
}

static void each_format_is_golden(void **state)
{
    static const struct {
        const char *format, *file;
    } rows[] = {
        {"text", "story.txt"},
        {"json", "story.json"},
        {"markdown", "story.md"},
        {"junit", "story-junit.xml"},
        {"openmetrics", "story-openmetrics.txt"},
        {"ctraffic", "story-ctraffic.json"},
        {"ctraffic-hosts", "story-ctraffic-hosts.txt"},
        {"ctraffic-throughput", "story-ctraffic-throughput.txt"},
        {"ctraffic-connections", "story-ctraffic-connections.txt"},
    };
    struct scene scene;
    (void)state;
    story_open(&scene);
    struct result *result = scene_analyze(&scene);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum report_format format;
        struct text made = {0};
        struct error err = {0};
        assert_true(report_format_find(rows[i].format, &format));
        assert_string_equal(report_format_name(format), rows[i].format);
        assert_int_equal(report_make(result, format, &made, &err), 0);
        compare(rows[i].file, &made);
        text_free(&made);
    }
    result_free(result);
}

/* An experiment may ask for each by the same word. */
static void experiments_know_all_formats(void **state)
{
    (void)state;
    assert_int_equal(EXPERIMENT_FORMAT_COUNT, REPORT_FORMAT_COUNT);
    for (unsigned i = 0; i < REPORT_FORMAT_COUNT; i++)
        assert_string_equal(experiment_format_word(i), report_format_name(i));
    assert_string_equal(report_format_name(REPORT_FORMAT_COUNT), "?");
    assert_string_equal(report_format_file(REPORT_FORMAT_COUNT), "?");
}

/* Intervals from the first request to the last, by due; what no log has, without a time. */
static void the_table_over_time(void **state)
{
    static const char table[] =
        "time_s,length_s,stream,due,ok,repaired,late,refused,connect-timeout,unreachable,reset,"
        "closed,stalled,bad-status,bad-answer,blocked,unsent,unfinished,sent,lost,latency_p50_s,"
        "latency_p99_s,latency_max_s\n"
        "2.500,0.005,\"a,b\",2,1,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0.001000000,0.009000000,"
        "0.009000000\n"
        "2.505,0.005,\"a,b\",0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,,,\n"
        "2.510,0.005,\"a,b\",1,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,1,,,\n"
        ",,\"a,b\",3,0,0,0,0,0,0,0,0,3,0,0,0,0,0,0,3,,,\n"
        "3.000,0.005,new,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0.002000000,0.002000000,0.002000000\n";
    struct scene scene;
    struct text made = {0};
    (void)state;
    scene_open(&scene, "");
    snprintf(scene.meta.streams[0].name, sizeof(scene.meta.streams[0].name), "a,b");
    scene_request(&scene, 0, 0, 2500, 1, OUTCOME_OK, 0);
    scene_request(&scene, 0, 0, 2504.9, 9, OUTCOME_LATE, 0);
    scene_request(&scene, 0, 0, 2510, 1, OUTCOME_REFUSED, 0);
    scene_request(&scene, 1, 0, 3000, 2, OUTCOME_OK, 0);
    scene_count(&scene);
    scene.totals_given = true;
    scene.meta.streams[0].totals.due += 3;
    scene.meta.streams[0].totals.outcomes[OUTCOME_STALLED] += 3;
    struct result *result = scene_analyze(&scene);
    assert_int_equal(report_make(result, REPORT_CSV, &made, NULL), 0);
    assert_string_equal(text_str(&made), table);
    text_free(&made);
    result_free(result);
}

/* What tells of each request is refused where not each has a record: with the counts. */
static void a_sample_is_not_exported(void **state)
{
    struct scene scene;
    struct text made = {0};
    struct error err = {0};
    (void)state;
    story_open(&scene);
    logs_sort(&scene.logs); /* Makes bins and folds of all requests. */
    scene_count(&scene);
    scene.totals_given = true;
    size_t kept = 0;
    for (size_t i = 0; i < scene.logs.request_count; i++)
        if (scene.logs.requests[i].stream != 0 || scene.logs.requests[i].due_ns < MS(9000))
            scene.logs.requests[kept++] = scene.logs.requests[i];
    scene.logs.request_count = kept;
    snprintf(scene.meta.streams[0].record, sizeof(scene.meta.streams[0].record), "sampled");
    struct result *result = scene_analyze(&scene);
    assert_int_equal(report_make(result, REPORT_CTRAFFIC, &made, &err), -ENODATA);
    assert_non_null(strstr(err.text, "format ctraffic: stream held: 80 of 100 requests have a "
                                     "record of their own (sampled)"));
    assert_int_equal(made.size, 0);
    text_free(&made);
    result_free(result);
}

static void formats_that_are_not_there(void **state)
{
    enum report_format format;
    struct scene scene;
    struct text made = {0};
    struct error err = {0};
    (void)state;
    assert_false(report_format_find("vegetables", &format));
    scene_open(&scene, "");
    snprintf(scene.meta.streams[0].protocol, sizeof(scene.meta.streams[0].protocol), "connect");
    struct result *result = scene_analyze(&scene);
    assert_int_equal(report_make(result, REPORT_CTRAFFIC_HOSTS, &made, &err), -ENODATA);
    assert_non_null(strstr(err.text, "no stream of protocol \"ctraffic\""));
    err = (struct error){0};
    assert_int_equal(report_make(result, REPORT_CHECK, &made, &err), -ENODATA);
    assert_non_null(strstr(err.text, "no stream of mode \"closed\""));
    text_free(&made);
    result_free(result);
}

/* From the first change to the end of its rollout; not that of another before. */
static void an_update_has_its_row(void **state)
{
    struct scene scene;
    struct text made = {0};
    struct error err = {0};
    (void)state;
    for (unsigned complete = 0; complete < 2; complete++) {
        setenv("TZ", "XXX-01:30", 1);
        scene_open(&scene, "");
        scene.meta.change_ns = MS(5000.25);
        scene_event(&scene, TIMELINE_ROLLOUT_COMPLETE, "mserver", 0, 4000);
        if (complete)
            scene_event(&scene, TIMELINE_ROLLOUT_COMPLETE, "mserver", 0, 7400);
        struct result *result = scene_analyze(&scene);
        int code = report_make(result, REPORT_UPDATE, &made, &err);
        assert_int_equal(code, complete ? 0 : -ENODATA);
        assert_string_equal(text_str(&made), complete ? "2026-11-21 11:30:05.500250,"
                                                        "2026-11-21 11:30:07.900000\n"
                                                      : "");
        result_free(result);
    }
    assert_non_null(strstr(err.text, "no change whose rollout was complete"));
    text_free(&made);
    unsetenv("TZ");
}

/* A row for each request that was sent, by the clock on the wall; a failure is -0.01, and shifts
 * nothing. */
static void a_closed_loop_is_checked(void **state)
{
    static const char *const sets[] = {"streams.new.protocol=http", "streams.new.mode=closed"};
    static const char text[] =
        "{\"version\":1,\"name\":\"scene\",\"streams\":[{\"name\":\"held\",\"protocol\":"
        "\"ctraffic\","
        "\"target\":{\"address\":\"10.0.0.9\",\"port\":80},\"rate\":\"10/s\"},{\"name\":\"new\","
        "\"protocol\":\"http\",\"target\":{\"address\":\"10.0.0.9\",\"port\":80}}],"
        "\"steps\":[{\"do\":\"start\"},{\"do\":\"stop\"}]}";
    struct experiment_options options = {.sets = sets, .set_count = 2};
    struct scene scene;
    struct text made = {0};
    struct error err = {0};
    (void)state;
    setenv("TZ", "XXX-01:30", 1);
    scene_open(&scene, "");
    experiment_free(scene.experiment);
    if (experiment_parse("scene", text, sizeof(text) - 1, &options, &scene.experiment, &err) < 0)
        fail_msg("%s", err.text);
    scene_request(&scene, 0, 0, 1000, 9, OUTCOME_OK, 0); /* Of another stream. */
    scene_request(&scene, 1, 0, 1000.25, 1.5, OUTCOME_OK, 0);
    scene_request(&scene, 1, 0, 1001.75, 100, OUTCOME_BAD_STATUS, 0);
    scene_request(&scene, 1, 0, 1101.75, 0, OUTCOME_UNSENT, 0);
    scene_request(&scene, 1, 0, 1201.75, 0.2, OUTCOME_REFUSED, 0);
    scene_request(&scene, 1, 0, 1301.75, 700, OUTCOME_LATE, 0);
    scene_request(&scene, 1, 0, 2001.75, 1, OUTCOME_UNFINISHED, 0);
    struct result *result = scene_analyze(&scene);
    if (report_make(result, REPORT_CHECK, &made, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(text_str(&made), "2026-11-21 11:30:01.500250,0.001500\n"
                                         "2026-11-21 11:30:01.501750,-0.01\n"
                                         "2026-11-21 11:30:01.701750,-0.01\n"
                                         "2026-11-21 11:30:01.801750,0.700000\n");
    text_free(&made);
    result_free(result);
    unsetenv("TZ");
}

/* Results as vegeta encodes them, and wrk's summary: each outcome where these tools have it. */
static void an_http_stream_for_other_tools(void **state)
{
    static const char text[] =
        "{\"version\":1,\"name\":\"scene\",\"streams\":[{\"name\":\"web\",\"protocol\":\"http\","
        "\"rate\":\"10/s\",\"target\":{\"address\":\"10.0.0.9\",\"port\":80},"
        "\"http\":{\"path\":\"/"
        "a,b\",\"method\":\"POST\",\"body\":\"change\"}}],\"steps\":[{\"do\":\"start\"},{\"do\":"
        "\"stop\"}]}";
    static const char results[] =
        "1795255201500000000,200,1500000,6,1234,,,web,0,POST,\"http://10.0.0.9:80/a,b\",\n"
        "1795255201600000000,503,2000000,6,190,bad-status,,web,1,POST,\"http://10.0.0.9:80/a,b\",\n"
        "1795255201700000000,0,3000000,6,0,bad-answer,,web,2,POST,\"http://10.0.0.9:80/a,b\",\n"
        "1795255201800000000,0,4000000,6,0,stalled,,web,3,POST,\"http://10.0.0.9:80/a,b\",\n"
        "1795255201900000000,0,0,0,0,blocked,,web,4,POST,\"http://10.0.0.9:80/a,b\",\n";
    static const char summary[] = "Running 10s test @ http://10.0.0.9:80 by 10.0.0.1\n"
                                  "  1 threads and 1 connections\n"
                                  "  Thread Stats   Avg      Stdev     Max   +/- Stdev\n"
                                  "    Latency     1.50ms    3.23us   1.50ms  100.00%\n"
                                  "    Req/Sec     0.00      0.00     0.00      0.00%\n"
                                  "  3 requests in 10.00s, 2.40MB read\n"
                                  "  Socket errors: connect 0, read 0, write 0, timeout 1\n"
                                  "  Non-2xx or 3xx responses: 1\n"
                                  "  Bad answers: 1\n"
                                  "  Not asked: blocked 1, unsent 0, unfinished 0\n"
                                  "Requests/sec:      0.30\n"
                                  "Transfer/sec:    245.76KB\n";
    struct scene scene;
    struct text made = {0};
    struct error err = {0};
    (void)state;
    scene_open(&scene, "");
    experiment_free(scene.experiment);
    if (experiment_parse("scene", text, sizeof(text) - 1, NULL, &scene.experiment, &err) < 0)
        fail_msg("%s", err.text);
    scene.meta.stream_count = 1;
    scene.meta.streams[0] = scene_stream("web", "http");
    snprintf(scene.meta.streams[0].target, sizeof(scene.meta.streams[0].target),
             "http://10.0.0.9:80 by 10.0.0.1");
    scene_request(&scene, 0, 0, 1000, 1.5, OUTCOME_OK, 0);
    scene_request(&scene, 0, 0, 1100, 2, OUTCOME_BAD_STATUS, 0);
    scene_request(&scene, 0, 0, 1200, 3, OUTCOME_BAD_ANSWER, 0);
    scene_request(&scene, 0, 0, 1300, 4, OUTCOME_STALLED, 0);
    scene_request(&scene, 0, 0, 1400, 0, OUTCOME_BLOCKED, 0);
    scene.meta.streams[0].totals.read_bytes = 2516582;
    scene.logs.requests[0].status = 200;
    scene.logs.requests[0].answer_bytes = 1234;
    scene.logs.requests[1].answer_bytes = 190;
    scene.logs.requests[1].status = 503;
    scene.logs.requests[2].status = 200;
    struct result *result = scene_analyze(&scene);
    assert_int_equal(report_make(result, REPORT_VEGETA, &made, &err), 0);
    assert_string_equal(text_str(&made), results);
    text_clear(&made);
    assert_int_equal(report_make(result, REPORT_WRK, &made, &err), 0);
    assert_string_equal(text_str(&made), summary);
    text_free(&made);
    result_free(result);
}

/* The counts of datagrams stand in both, with their sentences for people. */
static void datagrams_are_counted(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        struct scene scene;
        struct text made = {0}, json = {0};
        struct error err = {0};
        scene_open(&scene, "");
        struct meta_stream *meta = &scene.meta.streams[0];
        meta->datagrams = true;
        meta->totals.datagrams[DATAGRAM_REORDERED] = round == 0 ? 7 : 0;
        meta->totals.reorder_extent = round == 0 ? 4 : 0;
        struct result *result = scene_analyze(&scene);
        assert_int_equal(report_make(result, REPORT_TEXT, &made, &err), 0);
        assert_int_equal(report_make(result, REPORT_JSON, &json, &err), 0);
        const char *line = round == 0
                               ? "  Datagrams\n    reordered 7 (- of answered), largest "
                                 "extent 4: answers behind one to a later request of their "
                                 "flow (RFC 4737)\n"
                               : "  Datagrams\n    each answer came once, in order, in time\n";
        assert_non_null(strstr(text_str(&made), line));
        assert_null(strstr(text_str(&made), "duplicates"));
        assert_non_null(strstr(text_str(&json), "\"largestExtent\""));
        text_free(&made);
        text_free(&json);
        result_free(result);
    }
}

/* A watch that went on missed nothing, and still was broken. */
static void watches_that_broke_are_told(void **state)
{
    static const struct {
        bool broken, unseen;
        const char *text;
    } rows[] = {
        {false, false, "\nUnseen\n  no watch was broken\n"},
        {true, false,
         "\nUnseen\n  watches broke off 1 time and went on from where they were: nothing was "
         "missed\n"},
        {true, true,
         "\nUnseen\n  watches broke off 1 time; not all went on from where they were:\n"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        struct text made = {0};
        scene_open(&scene, "");
        if (rows[i].broken)
            scene_event(&scene, TIMELINE_WATCH_BROKEN, "pods", 900, 1000);
        if (rows[i].unseen) {
            scene_event(&scene, TIMELINE_WATCH_GAP, "pods", 1000, 1400);
            scene.timeline.events[1].unseen = true;
        }
        struct result *result = scene_analyze(&scene);
        assert_int_equal(report_make(result, REPORT_TEXT, &made, NULL), 0);
        if (strstr(text_str(&made), rows[i].text) == NULL)
            fail_msg("%s", text_str(&made));
        text_free(&made);
        result_free(result);
    }
}

/* A killed run with a full log, seen by a person. */
static void what_is_only_a_bound_is_told_first(void **state)
{
    static const char *const parts[] = {
        "Killed, so partial. ",
        "Environment: no cluster\n",
        "its end is not recorded",
        "It was KILLED",
        "Verdict:     undecided",
        "\nWhat is missing, and figures that are a bound only\n",
        "the run's end is missing",
        "full logs refused 7 records",
        "99 bytes at the end of logs are damaged or cut",
        "stream held: counts of connections",
        "undecided  held: brokenConnections 0, expected atMost 3 (the records",
        "Nothing was changed by this run.",
        "(THE SUM DOES NOT HOLD)",
        "by the NIC's clock: 9 arrivals stamped, 4 datagrams sent, to within",
        "it was set 2 times",
        "1 BUFFERS WERE NOT GIVEN BACK",
        "queue 0, core 2: received 70, sent 10, handed over 60, taken over 0, hand-over full 3",
        "queue 1, core 3: received 0, sent 11, handed over 0, taken over 57, hand-over full 0",
    };
    struct scene scene;
    struct text made = {0};
    (void)state;
    scene_open(&scene, ",\"expect\":[{\"stream\":\"held\",\"figure\":\"brokenConnections\","
                       "\"atMost\":3}]");
    scene_request(&scene, 0, 0, 3000, 1, OUTCOME_OK, 0);
    scene.meta.final = false;
    scene.meta.ended_ns = scene.meta.streams[0].stopped_ns = 0;
    scene.meta.records_refused = 7;
    scene.logs.damaged_bytes = 99;
    scene.meta.port_count = 1;
    scene.meta.ports[0] = (struct meta_port){.name = "p",
                                             .driver = "d",
                                             .mbufs_missing = 1,
                                             .stamps_arrivals = true,
                                             .sends_on_time = true,
                                             .tx_timed = 4,
                                             .rx_stamps = 9,
                                             .clock_bound_ns = 1200,
                                             .clock_jumps = 2};
    scene.meta.queue_count = 2;
    scene.meta.queues[0] = (struct meta_queue){
        .core = 2, .rx_packets = 70, .tx_packets = 10, .handed_out = 60, .handover_full = 3};
    scene.meta.queues[1] =
        (struct meta_queue){.queue = 1, .core = 3, .tx_packets = 11, .handed_in = 57};
    struct result *result = scene_analyze(&scene);
    result->streams[0].sums_hold = false;
    assert_int_equal(report_make(result, REPORT_TEXT, &made, NULL), 0);
    const char *at = text_str(&made);
    assert_ptr_equal(at, strstr(at, parts[0]));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        at = strstr(at, parts[i]);
        if (at == NULL)
            fail_msg("no \"%s\" in order in %s", parts[i], text_str(&made));
    }
    text_free(&made);
    result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_is_golden),
        cmocka_unit_test(experiments_know_all_formats),
        cmocka_unit_test(the_table_over_time),
        cmocka_unit_test(a_sample_is_not_exported),
        cmocka_unit_test(formats_that_are_not_there),
        cmocka_unit_test(an_update_has_its_row),
        cmocka_unit_test(a_closed_loop_is_checked),
        cmocka_unit_test(an_http_stream_for_other_tools),
        cmocka_unit_test(datagrams_are_counted),
        cmocka_unit_test(watches_that_broke_are_told),
        cmocka_unit_test(what_is_only_a_bound_is_told_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
