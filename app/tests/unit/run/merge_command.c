/* `seamline merge`: a run that two appliances sent half of each is the run that one sent; what is no
 * share of it is refused, and why. */
#include "run/merge_command.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/text.h"
#include "rundir/log_writer.h"
#include "tests/unit/analyze/scene.h"
#include "tests/unit/rundir/scratch.h"

enum {
    FLOWS = 4, /* Of the whole. */
    ARGUMENTS = 16,
    REQUESTS = 200, /* On each flow, every 20 ms. */
    LATER_MS = 1234 /* The second appliance began. */
};

/* A share: flows FIRST to FIRST + COUNT of the whole, seen from LATER_MS on. */
struct share {
    const char *name;
    uint32_t first, count;
    double later_ms;
    unsigned workers;
    const char *windows; /* Other than the whole's. */
    bool changed;
    struct meta_server_clock server;
    const char *predicted; /* The prediction's basis; NULL: there is none. */
};

/* EXPERIMENT with COUNT connections and their part of the rate. */
static struct experiment *plan(uint32_t count, const char *windows)
{
    char text[2000];
    struct experiment *experiment = NULL;
    struct error err = {0};
    snprintf(text, sizeof(text),
             "{\"version\":1,\"name\":\"halves\","
             "\"cluster\":{\"kubeconfig\":\"lab\",\"context\":\"seamline-lab\","
             "\"namespace\":\"seamline\"},\"target\":{\"address\":\"10.0.0.9\",\"port\":5003},"
             "\"streams\":[{\"name\":\"held\",\"protocol\":\"ctraffic\",\"connections\":%u,"
             "\"rate\":\"%u/s\",\"size\":1024}],\"windows\":{\"holdOff\":\"%s\"},"
             "\"steps\":[{\"do\":\"start\",\"streams\":[\"held\"]},"
             "{\"do\":\"stop\",\"streams\":[\"held\"]}],"
             "\"expect\":[{\"stream\":\"held\",\"figure\":\"brokenConnections\",\"equals\":%u}]}",
             count, 50 * count, windows, FLOWS);
    if (experiment_parse("halves", text, strlen(text), NULL, &experiment, &err) < 0)
        fail_msg("%s", err.text);
    return experiment;
}

static void write_plan(const char *path, const struct experiment *experiment)
{
    struct text text = {0};
    char *printed = json_print(experiment->resolved, true);
    text_add(&text, printed);
    assert_int_equal(text_write_file(&text, path), 0);
    free(printed);
    text_free(&text);
}

/* Flow F loses its connection at 2 s + 100 F ms, and four requests with it. */
static void play_flow(struct record *record, const struct share *share, uint32_t flow,
                      uint32_t number, uint16_t host)
{
    double back_ms = -share->later_ms, broken_ms = 3000 + 100 * flow + back_ms;
    uint32_t first = record_new_connection_id(record), second = record_new_connection_id(record);
    for (unsigned i = 0; i < REQUESTS; i++) {
        double due_ms = 2000 + 20 * i + back_ms + flow;
        bool lost = due_ms >= broken_ms && due_ms < broken_ms + 80;
        record_request_done(
            record, &(struct record_request){.due_ns = MS(due_ms),
                                             .sent_ns = lost ? 0 : MS(due_ms),
                                             .first_byte_ns = lost ? 0 : MS(due_ms + 1),
                                             .done_ns = MS(due_ms + 1),
                                             .connection = lost                 ? 0
                                                           : due_ms < broken_ms ? first
                                                                                : second,
                                             .flow = number,
                                             .host = lost ? 0 : host,
                                             .outcome = lost ? OUTCOME_BLOCKED : OUTCOME_OK});
    }
    record_connection_done(record, &(struct record_connection){.opened_ns = MS(2000 + back_ms),
                                                               .connected_ns = MS(2000.5 + back_ms),
                                                               .ended_ns = MS(broken_ms),
                                                               .id = first,
                                                               .flow = number,
                                                               .host = host,
                                                               .end = CONNECTION_RST});
    record_connection_done(record, &(struct record_connection){.opened_ns = MS(broken_ms),
                                                               .connected_ns = MS(broken_ms + 79),
                                                               .ended_ns = MS(6100 + back_ms),
                                                               .id = second,
                                                               .flow = number,
                                                               .host = host,
                                                               .end = CONNECTION_LASTING});
    record_append(record, RECORD_OUTAGES,
                  &(struct record_outage){.last_good_sent_ns = MS(broken_ms - 20 + flow),
                                          .last_good_done_ns = MS(broken_ms - 19 + flow),
                                          .signal_ns = MS(broken_ms),
                                          .first_attempt_ns = MS(broken_ms),
                                          .connected_ns = MS(broken_ms + 79),
                                          .recovered_sent_ns = MS(broken_ms + 80 + flow),
                                          .recovered_done_ns = MS(broken_ms + 81 + flow),
                                          .flow = number,
                                          .connection = first,
                                          .successor = second,
                                          .attempts = 1,
                                          .lost = 4,
                                          .host = host,
                                          .successor_host = host,
                                          .signal = CONNECTION_RST});
}

static void write_worker(const char *directory, const struct share *share, unsigned worker)
{
    struct record *record =
        record_setup(&(struct record_config){.worker = worker, .stream_count = 1});
    struct log_writer writer;
    struct error err = {0};
    uint32_t each = share->count / share->workers;
    assert_non_null(record);
    uint16_t host = record_host_id(record, "pod-a", 5);
    for (uint32_t i = worker * each; i < (worker + 1) * each; i++)
        play_flow(record, share, share->first + i, i, host);
    record_finish(record);
    assert_int_equal(log_writer_open(&writer, directory, worker, &err), 0);
    assert_int_equal(log_writer_flush(&writer, record, &err), 0);
    assert_int_equal(log_writer_close(&writer, &err), 0);
    record_free(record);
}

static void write_meta(const char *directory, const struct share *share,
                       const struct experiment *experiment)
{
    struct meta meta = {.final = true,
                        .ended_ns = MS(7000 - share->later_ms),
                        .tsc_hz = 2000000000,
                        .worker_count = share->workers,
                        .stream_count = 1,
                        .change_ns = share->changed ? MS(2500 - share->later_ms) : 0,
                        .server_clock = share->server};
    struct meta_stream *stream = &meta.streams[0];
    struct error err = {0};
    if (share->predicted != NULL) {
        meta.prediction = (struct meta_prediction){true, 2.5, 2, 2, 2, 3, 4, ""};
        snprintf(meta.prediction.basis, sizeof(meta.prediction.basis), "%s", share->predicted);
    }
    snprintf(meta.version, sizeof(meta.version), "0.1.0");
    json_format_time(INT64_C(1795000000000000000) + (int64_t)MS(share->later_ms), 9, meta.started);
    *stream = scene_stream("held", "ctraffic");
    stream->flows = share->count;
    stream->rate_pps = experiment->streams[0].rate_per_s;
    stream->started_ns = stream->steady_ns = MS(2000 - share->later_ms);
    stream->stopped_ns = MS(6100 - share->later_ms);
    stream->totals.due = (uint64_t)REQUESTS * share->count;
    stream->totals.outcomes[OUTCOME_BLOCKED] = 4 * (uint64_t)share->count;
    stream->totals.outcomes[OUTCOME_OK] = (REQUESTS - 4) * (uint64_t)share->count;
    assert_int_equal(meta_write(&meta, directory, &err), 0);
}

static void make(const char *folder, const struct share *share)
{
    char directory[1000], path[1100];
    struct experiment *experiment =
        plan(share->count, share->windows != NULL ? share->windows : "1s");
    snprintf(directory, sizeof(directory), "%s/%s", folder, share->name);
    snprintf(path, sizeof(path), "%s/experiment.json", directory);
    assert_int_equal(mkdir(directory, 0755), 0);
    write_plan(path, experiment);
    write_meta(directory, share, experiment);
    for (unsigned i = 0; i < share->workers; i++)
        write_worker(directory, share, i);
    experiment_free(experiment);
}

/* `seamline merge` with LINE's words, in FOLDER; its standard output goes nowhere. */
static enum exit_status merge(const char *folder, const char *line, struct error *err)
{
    char words[1000], *argv[ARGUMENTS] = {(char[]){"merge"}}, *next = words;
    int argc = 1, stdout_fd = dup(STDOUT_FILENO), fd = open("/dev/null", O_WRONLY);
    snprintf(words, sizeof(words), "%s", line);
    for (char *word; (word = strsep(&next, " ")) != NULL && argc + 1 < ARGUMENTS;)
        argv[argc++] = word;
    memset(err, 0, sizeof(*err));
    assert_int_equal(chdir(folder), 0);
    fflush(stdout);
    assert_true(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
    enum exit_status status = merge_command(argc, argv, err);
    fflush(stdout);
    dup2(stdout_fd, STDOUT_FILENO);
    close(stdout_fd);
    close(fd);
    return status;
}

static const struct share whole = {"whole", 0, 4, 0, 2, NULL, true, {0}, NULL};
static const struct share first_half = {"a", 0, 2, 0, 1, NULL, true, {0}, NULL};
static const struct share second_half = {"b", 2, 2, LATER_MS, 1, NULL, false, {0}, NULL};

static int setup(void **state)
{
    char path[1000];
    if (scratch_setup(state) < 0)
        return -1;
    struct experiment *experiment = plan(FLOWS, "1s");
    snprintf(path, sizeof(path), "%s/x.json", (const char *)*state);
    write_plan(path, experiment);
    experiment_free(experiment);
    make(*state, &first_half);
    make(*state, &second_half);
    return 0;
}

static struct result *analyze(const char *folder, const char *name)
{
    char path[1000];
    struct result *result = NULL;
    struct error err = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (analyze_rundir(path, &result, &err) < 0)
        fail_msg("%s", err.text);
    return result;
}

static void two_halves_are_the_whole(void **state)
{
    struct error err;
    make(*state, &whole);
    enum exit_status status = merge(*state, "a b -e x.json -o both --clock-error 10us", &err);
    if (status != EXIT_MET)
        fail_msg("%d: %s", (int)status, err.text);
    struct result *one = analyze(*state, "whole"), *two = analyze(*state, "both");
    const struct result_stream *x = &one->streams[0], *y = &two->streams[0];
    assert_int_equal(y->due, 4 * REQUESTS);
    assert_memory_equal(x->outcomes, y->outcomes, sizeof(x->outcomes));
    assert_true(y->complete && y->sums_hold && y->exact);
    assert_int_equal(y->lost, 16);
    assert_int_equal(x->broken, y->broken);
    assert_int_equal(x->lasting, y->lasting);
    assert_memory_equal(&x->latency_from_due, &y->latency_from_due, sizeof(x->latency_from_due));
    assert_memory_equal(&x->interruption, &y->interruption, sizeof(x->interruption));
    assert_memory_equal(&x->outages, &y->outages, sizeof(x->outages));
    assert_int_equal(one->windows.count, two->windows.count);
    assert_int_equal(two->windows.count, 1);
    assert_memory_equal(&one->windows.items[0], &two->windows.items[0], sizeof(struct window));
    assert_int_equal(two->windows.items[0].flows, FLOWS);
    assert_int_equal(one->pod_count, two->pod_count);
    assert_int_equal(one->full_recovery_ns, two->full_recovery_ns);
    assert_int_equal(two->meta.streams[0].flows, FLOWS);
    assert_int_equal(two->meta.worker_count, 2);
    assert_int_equal(two->meta.clock_error_ns, 10000);
    assert_string_equal(two->meta.started, one->meta.started);
    for (size_t i = 0; i < one->logs.request_count; i++) {
        assert_int_equal(one->logs.requests[i].due_ns, two->logs.requests[i].due_ns);
        assert_int_equal(one->logs.requests[i].flow, two->logs.requests[i].flow);
        assert_int_equal(one->logs.requests[i].connection, two->logs.requests[i].connection);
    }
    result_free(one);
    result_free(two);
}

/* The clocks are apart by what the API server's tells of both. */
static void clocks_are_put_to_each_other(void **state)
{
    struct share ahead = second_half, known = first_half;
    struct error err;
    ahead.name = "ahead";
    ahead.later_ms = LATER_MS;
    ahead.server = (struct meta_server_clock){2000000, 4000000, 10, 0};
    known.name = "known";
    known.server = (struct meta_server_clock){5000000, 7000000, 10, 0};
    make(*state, &ahead);
    make(*state, &known);
    assert_int_equal(merge(*state, "known ahead -e x.json -o both", &err), EXIT_MET);
    struct result *result = analyze(*state, "both");
    assert_int_equal(result->meta.clock_error_ns, 2000000);
    /* Flow 2's first request: 3 ms earlier by the first one's clock. */
    for (size_t i = 0; i < result->logs.request_count; i++)
        if (result->logs.requests[i].flow == 2) {
            assert_int_equal(result->logs.requests[i].due_ns, MS(2002 - 3));
            break;
        }
    result_free(result);
    assert_int_equal(merge(*state, "known ahead -e x.json -o c --clock-error 1ms", &err), EXIT_MET);
    assert_int_equal(merge(*state, "known ahead -e x.json -o d --clock-error 900us", &err),
                     EXIT_USAGE);
    assert_non_null(strstr(err.text, "at least 1 ms apart"));
}

/* A merge that fails leaves nothing that a second try would have to go round. */
static void what_fails_leaves_no_half(void **state)
{
    char log[1000], away[1000], both[1000];
    struct error err;
    snprintf(log, sizeof(log), "%s/b/worker-0.log", (const char *)*state);
    snprintf(away, sizeof(away), "%s/away", (const char *)*state);
    snprintf(both, sizeof(both), "%s/both", (const char *)*state);
    assert_int_equal(rename(log, away), 0);
    assert_int_equal(merge(*state, "a b -e x.json -o both --clock-error 1us", &err), EXIT_USAGE);
    assert_non_null(strstr(err.text, "b/worker-0.log"));
    assert_int_equal(access(both, F_OK), -1);
    assert_int_equal(rename(away, log), 0);
    assert_int_equal(merge(*state, "a b -e x.json -o both --clock-error 1us", &err), EXIT_MET);
}

static void what_is_no_share_is_refused(void **state)
{
    static const struct {
        const char *line, *told;
    } rows[] = {
        {"a -e x.json", "want -e EXPERIMENT.json and 2"},
        {"a b", "want -e EXPERIMENT.json and 2"},
        {"a b -e x.json -o o", "how far the clocks of a and b are apart"},
        {"a b -e x.json -o o --clock-error fast", "is no time"},
        {"a a -e x.json -o o --clock-error 1us", "a and a are the same run"},
        {"a other -e x.json -o o --clock-error 1us",
         "other: no share of this experiment: windows.holdOff is \"2s\" in it, \"1s\" in the "
         "whole"},
        {"a b -e x.json -o o --clock-error 1us -s streams.held.connections=5",
         "4 connections together, the whole 5"},
        {"a b -e x.json -o o --clock-error 1us -s streams.held.rate=300/s",
         "200 requests/s together, the whole 300"},
        {"a both -e x.json -o o --clock-error 1us", "a and both both changed the cluster"},
        {"a late -e x.json -o o --clock-error 1us", "did not run at the same time"},
        {"a many -e x.json -o o --clock-error 1us", "4294967296 workers"},
        {"a b -e x.json -o a --clock-error 1us", "already holds a run"},
        {"a nowhere -e x.json -o o --clock-error 1us", "nowhere"},
    };
    struct share other = second_half, both = second_half, late = second_half, many = second_half;
    struct error err;
    char path[1000];
    other.name = "other";
    other.windows = "2s";
    both.name = "both";
    both.changed = true;
    late.name = "late";
    many.name = "many";
    make(*state, &other);
    make(*state, &both);
    make(*state, &late);
    make(*state, &many);
    /* An hour later, by its clock. */
    struct meta meta;
    snprintf(path, sizeof(path), "%s/late", (const char *)*state);
    assert_int_equal(meta_read(&meta, path, &err), 0);
    json_format_time(INT64_C(1795003600000000000), 9, meta.started);
    assert_int_equal(meta_write(&meta, path, &err), 0);
    meta_free(&meta);
    /* With the other's one they are 0 in 32 bits. */
    snprintf(path, sizeof(path), "%s/many", (const char *)*state);
    assert_int_equal(meta_read(&meta, path, &err), 0);
    meta.worker_count = UINT32_MAX;
    assert_int_equal(meta_write(&meta, path, &err), 0);
    meta_free(&meta);
    snprintf(path, sizeof(path), "%s/a/cluster.jsonl", (const char *)*state);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum exit_status status = merge(*state, rows[i].line, &err);
        if (status != EXIT_USAGE || strstr(err.text, rows[i].told) == NULL)
            fail_msg("%s: %d \"%s\"", rows[i].line, (int)status, err.text);
    }
}

/* The whole's is the sum, when all are of the same rollout; else why there is none is in the notes. */
static void predictions_are_added_up(void **state)
{
    static const struct {
        const char *name, *of_a, *of_b, *told;
    } rows[] = {
        {"1", "rr, 4 pods", "rr, 4 pods", NULL},
        {"2", "rr, 4 pods", "lc, 4 pods",
         "that of share a2 is of \"rr, 4 pods\", that of share b2 of \"lc, 4 pods\""},
        {"3", "rr, 4 pods", NULL, "share a3 has one of its own connections, share b3 has none"},
        {"4", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char a[8], b[8], line[100], path[1000];
        struct share one = first_half, two = second_half;
        struct meta meta;
        struct error err;
        snprintf(a, sizeof(a), "a%s", rows[i].name);
        snprintf(b, sizeof(b), "b%s", rows[i].name);
        one.name = a;
        one.predicted = rows[i].of_a;
        two.name = b;
        two.predicted = rows[i].of_b;
        make(*state, &one);
        make(*state, &two);
        snprintf(line, sizeof(line), "%s %s -e x.json -o both%s --clock-error 0s", a, b,
                 rows[i].name);
        assert_int_equal(merge(*state, line, &err), EXIT_MET);
        snprintf(path, sizeof(path), "%s/both%s", (const char *)*state, rows[i].name);
        assert_int_equal(meta_read(&meta, path, &err), 0);
        assert_int_equal(meta.prediction.given, i == 0);
        if (i == 0) {
            assert_string_equal(meta.prediction.basis, "rr, 4 pods, summed over 2 shares");
            assert_true(meta.prediction.mean == 5);
            assert_int_equal(meta.prediction.min, 4);
            assert_int_equal(meta.prediction.p99, 6);
            assert_int_equal(meta.prediction.max, 8);
        }
        assert_true((strstr(meta.notes, "no prediction") != NULL) == (rows[i].told != NULL));
        assert_true(rows[i].told == NULL || strstr(meta.notes, rows[i].told) != NULL);
        meta_free(&meta);
    }
}

/* The rest of a damaged log is copied: the whole's reader tells of it. */
static void damage_is_kept(void **state)
{
    struct error err;
    struct text text = {0};
    char path[1000];
    snprintf(path, sizeof(path), "%s/b/worker-0.log", (const char *)*state);
    assert_int_equal(text_read_file(&text, path, 1 << 30), 0);
    text.data[text.size - 1] ^= 1;
    assert_int_equal(text_write_file(&text, path), 0);
    text_free(&text);
    enum exit_status status = merge(*state, "a b -e x.json -o both --clock-error 0s", &err);
    if (status != EXIT_NOT_MET)
        fail_msg("%d: %s", (int)status, err.text);
    struct result *one = analyze(*state, "b"), *two = analyze(*state, "both");
    assert_true(two->logs.damaged_bytes > 0);
    assert_int_equal(one->logs.damaged_bytes, two->logs.damaged_bytes);
    result_free(one);
    result_free(two);
}

int main(void)
{
#define WITH_HALVES(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        WITH_HALVES(two_halves_are_the_whole),  WITH_HALVES(clocks_are_put_to_each_other),
        WITH_HALVES(what_fails_leaves_no_half), WITH_HALVES(what_is_no_share_is_refused),
        WITH_HALVES(predictions_are_added_up),  WITH_HALVES(damage_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
