/* A run directory of which one file is missing, cut at any place, has a bit turned over, or is of
 * another version: what can be read is reported in every format, the rest is named. Nothing is
 * passed over in silence, but for a digit or letter that became another one in a file of JSON. */
#include "report/report.h"

#include <errno.h>

#include "base/json.h"
#include "record/record.h"
#include "rundir/log_writer.h"
#include "rundir/rundir.h"
#include "tests/unit/analyze/scene.h"
#include "tests/unit/rundir/scratch.h"

enum {
    REQUESTS = 20, /* Of a worker. */
    PLACES = 12    /* That are damaged of a file, about. */
};

static const char *const files[] = {"meta.json", "experiment.json", "cluster.jsonl", "worker-0.log",
                                    "worker-1.log"};
enum {
    META,
    EXPERIMENT,
    TIMELINE,
    LOG_0,
    LOG_1,
    FILES
};

/* How a damaged run directory was taken. */
enum taken {
    REFUSED,
    TOLD,  /* As partial. */
    SILENT /* As whole. */
};

static void write_worker(const char *folder, unsigned index)
{
    struct record *record =
        record_setup(&(struct record_config){.worker = index, .stream_count = 2});
    struct log_writer writer;
    struct error err = {0};
    assert_non_null(record);
    uint16_t host = record_host_id(record, index == 0 ? "pod-a" : "pod-b", 5);
    uint32_t id = record_new_connection_id(record);
    for (unsigned i = 0; i < REQUESTS; i++) {
        bool lost = i == 9;
        record_request_done(record,
                            &(struct record_request){.due_ns = MS(3000 + 100 * i),
                                                     .sent_ns = MS(3000 + 100 * i),
                                                     .first_byte_ns = lost ? 0 : MS(3001 + 100 * i),
                                                     .done_ns = MS(3001 + 100 * i),
                                                     .connection = id,
                                                     .flow = index,
                                                     .host = host,
                                                     .outcome = lost ? OUTCOME_RESET : OUTCOME_OK});
    }
    record_connection_done(record, &(struct record_connection){.opened_ns = MS(2999),
                                                               .connected_ns = MS(2999.5),
                                                               .ended_ns = MS(5000),
                                                               .id = id,
                                                               .flow = index,
                                                               .host = host,
                                                               .end = CONNECTION_LASTING});
    record_append(record, RECORD_OUTAGES,
                  &(struct record_outage){.last_good_sent_ns = MS(3800),
                                          .last_good_done_ns = MS(3801),
                                          .signal_ns = MS(3901),
                                          .recovered_sent_ns = MS(4000),
                                          .recovered_done_ns = MS(4001),
                                          .flow = index,
                                          .connection = id,
                                          .successor = id,
                                          .lost = 1,
                                          .host = host,
                                          .successor_host = host,
                                          .signal = CONNECTION_RST});
    record_append(record, RECORD_FAULTS,
                  &(struct record_fault){.start_ns = MS(3700), .end_ns = MS(3702), .count = 1});
    record_finish(record);
    assert_int_equal(log_writer_open(&writer, folder, index, &err), 0);
    assert_int_equal(log_writer_flush(&writer, record, &err), 0);
    assert_int_equal(log_writer_close(&writer, &err), 0);
    record_free(record);
}

static void write_timeline(struct rundir *rundir)
{
    static const enum timeline_kind kinds[] = {TIMELINE_RUN_START,        TIMELINE_STREAM_START,
                                               TIMELINE_CHANGE,           TIMELINE_POD_GONE,
                                               TIMELINE_ROLLOUT_COMPLETE, TIMELINE_RUN_END};
    struct error err = {0};
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct timeline_event event = {.kind = kinds[i],
                                       .not_before_ns = MS(900 * i),
                                       .not_after_ns = MS(1000 * i),
                                       .object = "pod-a"};
        assert_int_equal(rundir_add_event(rundir, &event, &err), 0);
    }
}

/* A whole run in FOLDER/run. */
static int write_run(void **state)
{
    char path[1000];
    struct scene scene;
    struct rundir rundir;
    struct error err = {0};
    if (scratch_setup(state) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/run", (const char *)*state);
    scene_open(&scene, ",\"expect\":[{\"stream\":\"held\",\"figure\":\"lostRequests\","
                       "\"atMost\":2,\"from\":\"upgrade\"}]");
    scene.meta.worker_count = 2;
    scene.meta.change_ns = MS(2000);
    scene.meta.streams[0].totals.due = 2 * REQUESTS;
    scene.meta.streams[0].totals.outcomes[OUTCOME_OK] = 2 * REQUESTS - 2;
    scene.meta.streams[0].totals.outcomes[OUTCOME_RESET] = 2;
    scene.meta.port_count = 1;
    snprintf(scene.meta.ports[0].name, sizeof(scene.meta.ports[0].name), "p0");
    scene.meta.utc_count = 1;
    scene.meta.utc[0] = (struct utc_sample){.run_ns = 5, .utc_ns = 1795254797845262629};
    assert_int_equal(rundir_create(&rundir, path, "scene", &err), 0);
    assert_int_equal(
        rundir_write_json(&rundir, "experiment.json", scene.experiment->resolved, &err), 0);
    assert_int_equal(meta_write(&scene.meta, path, &err), 0);
    write_timeline(&rundir);
    rundir_close(&rundir);
    write_worker(path, 0);
    write_worker(path, 1);
    experiment_free(scene.experiment);
    return 0;
}

static void path_of(const char *folder, unsigned file, char path[1000])
{
    snprintf(path, 1000, "%s/run/%s", folder, files[file]);
}

static void read_file(const char *folder, unsigned file, struct text *content)
{
    char path[1000];
    path_of(folder, file, path);
    assert_int_equal(text_read_file(content, path, 1 << 20), 0);
    assert_true(content->size > 0);
}

static void write_file(const char *folder, unsigned file, const char *bytes, size_t size)
{
    char path[1000];
    path_of(folder, file, path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

/* In every format; SAID gets the error, or what is said to be missing or a bound. */
static enum taken take(const char *folder, char said[4000])
{
    char path[1000];
    struct result *result = NULL;
    struct error err = {0};
    struct text limits = {0};
    snprintf(path, sizeof(path), "%s/run", folder);
    if (analyze_rundir(path, &result, &err) < 0) {
        snprintf(said, 4000, "%s", err.text);
        assert_int_equal(err.status, EXIT_USAGE);
        assert_string_not_equal(said, "");
        return REFUSED;
    }
    for (unsigned format = 0; format < REPORT_FORMAT_COUNT; format++) {
        struct text made = {0};
        struct error why = {0};
        int code = report_make(result, (enum report_format)format, &made, &why);
        if (code < 0 && (code != -ENODATA || why.text[0] == '\0'))
            fail_msg("%s: %d %s", report_format_name((enum report_format)format), code, why.text);
        text_free(&made);
    }
    report_limits(result, &limits);
    snprintf(said, 4000, "%s", text_str(&limits));
    enum taken taken = limits.size > 0 ? TOLD : SILENT;
    text_free(&limits);
    result_free(result);
    return taken;
}

/* A log that ends between two blocks. */
static bool is_between_blocks(const struct text *log, size_t at)
{
    const uint8_t *bytes = (const uint8_t *)log->data;
    size_t end = sizeof(struct log_header);
    struct log_block block;
    for (uint32_t n = 0; end < at && logs_check_block(bytes + end, log->size - end, n, &block); n++)
        end += sizeof(block) + block.bytes;
    return end == at;
}

static void a_whole_run_is_whole(void **state)
{
    char said[4000];
    enum taken taken = take(*state, said);
    if (taken != SILENT)
        fail_msg("%d: %s", (int)taken, said);
}

static void check_cut(unsigned file, const struct text *content, size_t at, enum taken taken,
                      const char *said)
{
    bool needed = file == META || file == EXPERIMENT;
    bool unseen = needed ? at + 1 >= content->size /* The last newline. */
                         : file != TIMELINE && is_between_blocks(content, at);
    if (taken == SILENT && !unseen)
        fail_msg("%s cut to %zu of %zu: not a word", files[file], at, content->size);
    if (taken == REFUSED && (!needed || strstr(said, files[file]) == NULL))
        fail_msg("%s cut to %zu of %zu: %s", files[file], at, content->size, said);
}

static void each_file_cut_anywhere(void **state)
{
    for (unsigned file = 0; file < FILES; file++) {
        struct text content = {0};
        char said[4000];
        read_file(*state, file, &content);
        for (size_t at = 0; at < content.size; at += content.size / PLACES + 1) {
            write_file(*state, file, content.data, at);
            enum taken taken = take(*state, said);
            check_cut(file, &content, at, taken, said);
        }
        write_file(*state, file, content.data, content.size);
        text_free(&content);
    }
}

/* All of a log is under its checksums, but the number of its worker. */
static bool is_checked(unsigned file, size_t at)
{
    size_t from = offsetof(struct log_header, worker);
    return file >= LOG_0 && (at < from || at >= from + sizeof(uint32_t));
}

static void turn_over(struct text *content, size_t at, size_t bit)
{
    content->data[at] = (char)(content->data[at] ^ (1 << bit));
}

static void a_bit_of_each_file_turned_over(void **state)
{
    for (unsigned file = 0; file < FILES; file++) {
        struct text content = {0};
        char said[4000];
        read_file(*state, file, &content);
        size_t step = content.size / (2 * PLACES) + 1;
        for (size_t at = 0; at < content.size; at += step) {
            turn_over(&content, at, at / step % 8);
            write_file(*state, file, content.data, content.size);
            enum taken taken = take(*state, said);
            if (is_checked(file, at) ? taken != TOLD : taken == REFUSED && file >= TIMELINE)
                fail_msg("%s at %zu: %d %s", files[file], at, (int)taken, said);
            if (taken == REFUSED && strstr(said, files[file]) == NULL)
                fail_msg("%s at %zu: %s", files[file], at, said);
            turn_over(&content, at, at / step % 8);
        }
        write_file(*state, file, content.data, content.size);
        text_free(&content);
    }
}

static void each_file_missing(void **state)
{
    static const struct {
        enum taken taken;
        const char *said;
    } wanted[FILES] = {
        [META] = {REFUSED, "run/meta.json is missing, and nothing can be reported without it"},
        [EXPERIMENT] = {REFUSED, "run/experiment.json is missing"},
        [TIMELINE] = {TOLD, "  cluster.jsonl: No such file or directory; what happened in the"},
        [LOG_0] = {TOLD, "  worker-N.log: missing: 1 of 2\n"},
        [LOG_1] = {TOLD, "  worker-N.log: missing: 1 of 2\n"},
    };
    for (unsigned file = 0; file < FILES; file++) {
        struct text content = {0};
        char path[1000], said[4000];
        read_file(*state, file, &content);
        path_of(*state, file, path);
        assert_int_equal(unlink(path), 0);
        enum taken taken = take(*state, said);
        if (taken != wanted[file].taken || strstr(said, wanted[file].said) == NULL)
            fail_msg("%s: %d %s", files[file], (int)taken, said);
        write_file(*state, file, content.data, content.size);
        text_free(&content);
    }
}

/* One log of two is reported without it; when no other is left, the version that can is named. */
static void logs_of_another_version(void **state)
{
    char said[4000];
    for (unsigned file = LOG_0; file <= LOG_1; file++) {
        struct text content = {0};
        read_file(*state, file, &content);
        content.data[offsetof(struct log_header, record_bytes)]++;
        write_file(*state, file, content.data, content.size);
        text_free(&content);
        enum taken taken = take(*state, said);
        assert_int_equal(taken, file == LOG_0 ? TOLD : REFUSED);
        assert_non_null(strstr(said, "worker-0.log: written by another version"));
    }
    assert_non_null(strstr(said, "made by seamline 0.1.0: "));
}

/* Nothing of it is damaged. */
static void made_by_another_version(void **state)
{
    char path[1000];
    struct result *result = NULL;
    struct error err = {0};
    struct text content = {0}, made = {0};
    read_file(*state, META, &content);
    memcpy(strstr(content.data, "0.1.0"), "0.0.9", 5);
    write_file(*state, META, content.data, content.size);
    text_free(&content);
    snprintf(path, sizeof(path), "%s/run", (const char *)*state);
    assert_int_equal(analyze_rundir(path, &result, &err), 0);
    assert_int_equal(result->unread.size, 0);
    assert_int_equal(report_make(result, REPORT_TEXT, &made, NULL), 0);
    assert_non_null(
        strstr(text_str(&made), "made by seamline 0.0.9, read by " SEAMLINE_VERSION ": "));
    text_free(&made);
    result_free(result);
}

/* Those around it stand. */
static void a_damaged_line_of_the_timeline(void **state)
{
    char path[1000];
    struct result *result = NULL;
    struct error err = {0};
    struct text content = {0}, made = {0};
    read_file(*state, TIMELINE, &content);
    *strchr(content.data, ',') = '?';
    write_file(*state, TIMELINE, content.data, content.size);
    text_free(&content);
    snprintf(path, sizeof(path), "%s/run", (const char *)*state);
    assert_int_equal(analyze_rundir(path, &result, &err), 0);
    assert_int_equal(result->timeline.count, 5);
    assert_int_equal(result->timeline.damaged, 1);
    assert_int_equal(report_make(result, REPORT_TEXT, &made, NULL), 0);
    assert_non_null(strstr(text_str(&made), "\n  cluster.jsonl:1: line 1, column "));
    assert_non_null(strstr(text_str(&made), "; damaged lines that are left out: 1\n"));
    text_clear(&made);
    assert_int_equal(report_make(result, REPORT_JSON, &made, NULL), 0);
    assert_non_null(strstr(text_str(&made), "\"unread\":\t[\"cluster.jsonl:1: line 1, column "));
    text_clear(&made);
    assert_int_equal(report_make(result, REPORT_OPENMETRICS, &made, NULL), 0);
    assert_non_null(strstr(text_str(&made), "complete=\"false\""));
    text_free(&made);
    result_free(result);
}

static void what_is_no_run_directory(void **state)
{
    static const struct {
        const char *path, *said;
    } rows[] = {
        {"nowhere", "nowhere: No such file or directory; want a run directory"},
        {"run/meta.json", "run/meta.json is a file; want a run directory"},
        {".", "/. is no run directory: it has no meta.json, experiment.json or cluster.jsonl"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char path[1000];
        struct result *result = NULL;
        struct error err = {0};
        snprintf(path, sizeof(path), "%s/%s", (const char *)*state, rows[i].path);
        assert_true(analyze_rundir(path, &result, &err) < 0);
        if (strstr(err.text, rows[i].said) == NULL)
            fail_msg("%s", err.text);
        assert_null(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_run_is_whole, write_run, scratch_teardown),
        cmocka_unit_test_setup_teardown(each_file_cut_anywhere, write_run, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_bit_of_each_file_turned_over, write_run,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(each_file_missing, write_run, scratch_teardown),
        cmocka_unit_test_setup_teardown(logs_of_another_version, write_run, scratch_teardown),
        cmocka_unit_test_setup_teardown(made_by_another_version, write_run, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_line_of_the_timeline, write_run,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_run_directory, write_run, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
