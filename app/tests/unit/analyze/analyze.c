/* A run directory to its result: whole, killed, cut, and of things that do not belong together. */
#include "analyze/analyze.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "record/record.h"
#include "rundir/log_writer.h"
#include "tests/unit/analyze/scene.h"
#include "tests/unit/rundir/scratch.h"

static void write_experiment(const char *folder)
{
    struct experiment *experiment = scene_experiment("");
    char path[500], *printed = json_print(experiment->resolved, true);
    struct text text = {0};
    snprintf(path, sizeof(path), "%s/experiment.json", folder);
    text_add(&text, printed);
    assert_int_equal(text_write_file(&text, path), 0);
    text_free(&text);
    free(printed);
    experiment_free(experiment);
}

static void write_log(const char *folder)
{
    struct log_writer writer;
    struct error err = {0};
    struct record *record = record_setup(&(struct record_config){.stream_count = 2});
    uint16_t host = record_host_id(record, "pod-a", 5);
    for (unsigned i = 0; i < 10; i++)
        record_request_done(record, &(struct record_request){.due_ns = MS(3000 + 100 * i),
                                                             .sent_ns = MS(3000 + 100 * i),
                                                             .done_ns = MS(3001 + 100 * i),
                                                             .host = host});
    assert_int_equal(log_writer_open(&writer, folder, 0, &err), 0);
    record_finish(record);
    assert_int_equal(log_writer_flush(&writer, record, &err), 0);
    record_append(record, RECORD_FAULTS,
                  &(struct record_fault){.start_ns = 1, .end_ns = 2, .count = 1});
    record_finish(record);
    assert_int_equal(log_writer_flush(&writer, record, &err), 0);
    assert_int_equal(log_writer_close(&writer, &err), 0);
    record_free(record);
}

static void write_timeline(const char *folder, bool cut)
{
    struct timeline_event event = {.kind = TIMELINE_RUN_START, .not_after_ns = 5};
    struct text text = {0};
    char path[500];
    timeline_print(&event, &text);
    text_add(&text, "\n");
    event.kind = TIMELINE_RUN_END;
    if (cut)
        text_add(&text, "{\"notBefore\":7,\"notAf");
    else
        timeline_print(&event, &text);
    text_add(&text, cut ? "" : "\n");
    snprintf(path, sizeof(path), "%s/cluster.jsonl", folder);
    assert_int_equal(text_write_file(&text, path), 0);
    text_free(&text);
}

static void write_run(const char *folder, bool final, uint32_t streams)
{
    struct scene scene;
    struct error err = {0};
    scene_open(&scene, "");
    scene.meta.final = final;
    scene.meta.stream_count = streams;
    scene.meta.streams[0].totals.due = final ? 10 : 0;
    scene.meta.streams[0].totals.outcomes[OUTCOME_OK] = final ? 10 : 0;
    assert_int_equal(meta_write(&scene.meta, folder, &err), 0);
    experiment_free(scene.experiment);
    write_experiment(folder);
    write_log(folder);
}

static void a_whole_run(void **state)
{
    struct result *result = NULL;
    struct error err = {0};
    write_run(*state, true, 2);
    write_timeline(*state, false);
    if (analyze_rundir(*state, &result, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(result->streams[0].due, 10);
    assert_true(result->streams[0].complete && result->streams[0].sums_hold);
    assert_int_equal(result->stalls, 1);
    assert_int_equal(result->timeline.count, 2);
    assert_false(result->timeline.cut);
    assert_string_equal(text_str(&result->unread), "");
    assert_string_equal(result->pods[0].name, "pod-a");
    result_free(result);
}

/* Killed: no end in meta.json, the log and the timeline cut in mid-write. */
static void a_killed_run(void **state)
{
    struct result *result = NULL;
    struct error err = {0};
    char path[500];
    write_run(*state, false, 2);
    write_timeline(*state, true);
    snprintf(path, sizeof(path), "%s/worker-0.log", (const char *)*state);
    struct text log = {0};
    assert_int_equal(text_read_file(&log, path, 1 << 20), 0);
    assert_int_equal(truncate(path, (off_t)log.size - 10), 0);
    text_free(&log);
    if (analyze_rundir(*state, &result, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(result->streams[0].due, 10);
    assert_false(result->streams[0].complete);
    assert_true(result->logs.damaged_bytes > 0);
    assert_int_equal(result->stalls, 0); /* It was in the block that is cut. */
    assert_true(result->timeline.cut);
    assert_int_equal(result->timeline.count, 1);
    result_free(result);
}

static void what_is_missing_or_foreign_is_named(void **state)
{
    struct result *result = NULL;
    struct error err = {0};
    char path[500];
    assert_true(analyze_rundir(*state, &result, &err) < 0);
    assert_non_null(strstr(err.text, "meta.json"));
    write_run(*state, true, 1);
    err = (struct error){0};
    assert_true(analyze_rundir(*state, &result, &err) < 0);
    assert_non_null(strstr(err.text, "different runs"));
    snprintf(path, sizeof(path), "%s/worker-0.log", (const char *)*state);
    assert_int_equal(unlink(path), 0);
    err = (struct error){0};
    assert_true(analyze_rundir(*state, &result, &err) < 0);
    assert_non_null(strstr(err.text, "worker-N.log: no traffic was sent"));
    assert_null(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_run, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_killed_run, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(what_is_missing_or_foreign_is_named, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
