#include "report/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/json.h"

static const char account[] =
    "{\"ended\":9000000000,\"streams\":["
    "{\"protocol\":\"ctraffic\",\"due\":100,\"outcomes\":{\"ok\":80,\"repaired\":5,\"late\":3,"
    "\"reset\":2,\"blocked\":10},\"lost\":12,\"connections\":{\"broken\":4,\"lasting\":8}},"
    "{\"protocol\":\"raw\",\"due\":50,\"outcomes\":{\"sent\":50},\"received\":49,\"lost\":1}],"
    "\"windows\":[{\"open\":false,\"onset\":{\"from\":1,\"to\":2},\"duration\":{\"from\":1,"
    "\"to\":12345678}},{\"open\":true,\"onset\":{\"from\":8000000000,\"to\":8000000001},"
    "\"duration\":{\"from\":0,\"to\":0}}]}";

static void figures_are_sums_over_streams(void **state)
{
    cJSON *json = json_parse(account, strlen(account), NULL);
    struct series_figures figures;

    (void)state;
    series_figures(json, &figures);
    assert_true(figures.given);
    assert_int_equal(figures.due, 150);
    assert_int_equal(figures.good, 88 + 49);
    assert_int_equal(figures.lost, 13);
    assert_int_equal(figures.windows, 2);
    assert_int_equal(figures.longest_ns, 1000000000); /* The open one, up to the end. */
    assert_int_equal(figures.broken, 4);
    assert_int_equal(figures.lasting, 8);
    cJSON_Delete(json);
}

static const struct series_run runs[] = {
    {"lc", 1, "lc/1", "", SERIES_SKIPPED, 0, "lc needs ipvs", {0}},
    {"rr", 1, "rr/1", "a=1", SERIES_ENDED, EXIT_MET, "", {true, 900, 890, 10, 1, 12345678, 10, 80}},
    {"lc", 2, "lc/2", "", SERIES_SKIPPED, 0, "lc needs ipvs", {0}},
    {"rr", 2, "rr/2", "a=1", SERIES_ENDED, EXIT_NOT_MET, "", {true, 900, 900, 0, 0, 0, 14, 80}},
    {"lc", 3, "lc/3", "", SERIES_KILLED, 9, "by signal 9", {0}},
    {"rr", 3, "rr/3", "a=1", SERIES_WAITING, 0, "", {0}},
};

static const char table[] =
    "Series:      up, 6 runs, started 2026-01-01T00:00:00Z\n\n"
    "  run      expected       offered       good     lost  windows  longest window   broken  "
    "lasting\n"
    "  lc 1     skipped    \n"
    "  rr 1     met                900        890       10        1        12.35 ms       10       "
    "80\n"
    "  lc 2     skipped    \n"
    "  rr 2     not met            900        900        0        0               -       14       "
    "80\n"
    "  lc 3     killed     \n"
    "  rr 3     not run    \n"
    "\n"
    "Over the repeats: mean (least..greatest, standard deviation)\n"
    "  lc       good -; lost -; windows -; longest window -; broken -; lasting -\n"
    "  rr       good 895 (890..900, 7.07); lost 5 (0..10, 7.07); windows 0.5 (0..1, 0.707); "
    "longest window 6.173 ms (0..12.35, 8.73); broken 12 (10..14, 2.83); lasting 80 (80..80, 0)\n"
    "\n"
    "Repeat N draws by the experiment's seeds plus N - 1; with --only NAME/N it is made again "
    "alone, by the same draws.\n"
    "\n"
    "  lc/1: skipped: lc needs ipvs\n"
    "  lc/2: skipped: lc needs ipvs\n"
    "  lc/3: killed: by signal 9\n";

static void a_table_has_a_row_for_each(void **state)
{
    struct series_run copy[6];
    struct series series = {"up", "2026-01-01T00:00:00Z", 3, 6, copy}, again;
    struct text text = {0};
    cJSON *json;

    (void)state;
    memcpy(copy, runs, sizeof(runs));
    series_table(&series, &text);
    assert_string_equal(text_str(&text), table);
    assert_int_equal(series_worst(&series), EXIT_INTERRUPTED); /* One was not made. */
    /* What is saved reads back to the same. */
    json = series_json(&series);
    assert_int_equal(series_read(json, &again), 0);
    text_clear(&text);
    series_table(&again, &text);
    assert_string_equal(text_str(&text), table);
    assert_string_equal(again.runs[1].settings, "a=1");
    free(again.runs);
    cJSON_Delete(json);
    text_free(&text);
}

/* With --only NAME/N the first repeat need not be there. */
static void a_name_is_told_once_by_whichever_repeat_is_first(void **state)
{
    struct series_run copy[6];
    struct series series = {"up", "", 3, 4, copy};
    struct text text = {0};

    (void)state;
    memcpy(copy, runs + 2, 4 * sizeof(runs[0])); /* lc 2, rr 2, lc 3, rr 3. */
    series_table(&series, &text);
    assert_non_null(strstr(text_str(&text), "  lc       good -;"));
    assert_non_null(strstr(text_str(&text), "  rr       good 900 (900..900, 0);"));
    assert_true(series_is_first(&series, 1));
    assert_false(series_is_first(&series, 2));
    assert_false(series_is_first(&series, 3));
    text_free(&text);
}

static void a_run_that_did_not_end_well_decides_the_status(void **state)
{
    struct series_run copy[6];
    struct series series = {"up", "", 3, 4, copy};

    (void)state;
    memcpy(copy, runs, sizeof(runs));
    assert_int_equal(series_worst(&series), EXIT_NOT_MET);
    copy[1].status = EXIT_INTERRUPTED;
    assert_int_equal(series_worst(&series), EXIT_INTERRUPTED);
    copy[1].status = 256; /* The exit status of a process would be 0. */
    assert_int_equal(series_worst(&series), EXIT_ENVIRONMENT);
    copy[1].state = SERIES_KILLED;
    assert_int_equal(series_worst(&series), EXIT_ENVIRONMENT);
    copy[1].state = SERIES_RUNNING;
    assert_int_equal(series_worst(&series), EXIT_INTERRUPTED);
    copy[1].state = SERIES_WAITING;
    assert_int_equal(series_worst(&series), EXIT_INTERRUPTED);
    series.count = 1;
    assert_int_equal(series_worst(&series), EXIT_MET);
}

/* A directory is looked into: none leads out of the series' own. */
static void another_file_is_refused(void **state)
{
    static const char *const files[] = {
        "{}",
        "{\"version\":2,\"runs\":[]}",
        "{\"version\":1,\"runs\":{}}",
        "{\"version\":1,\"runs\":[{\"state\":\"ended\",\"directory\":\"\"}]}",
        "{\"version\":1,\"runs\":[{\"state\":\"gone\",\"directory\":\"a\"}]}",
        "{\"version\":1,\"runs\":[{\"state\":\"ended\",\"directory\":\"/a\"}]}",
        "{\"version\":1,\"runs\":[{\"state\":\"ended\",\"directory\":\"../a\"}]}",
        "{\"version\":1,\"runs\":[{\"state\":\"ended\",\"directory\":\"a/../../b\"}]}",
    };
    struct series series;

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        cJSON *json = json_parse(files[i], strlen(files[i]), NULL);
        assert_non_null(json);
        assert_true(series_read(json, &series) < 0);
        cJSON_Delete(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_sums_over_streams),
        cmocka_unit_test(a_table_has_a_row_for_each),
        cmocka_unit_test(a_name_is_told_once_by_whichever_repeat_is_first),
        cmocka_unit_test(a_run_that_did_not_end_well_decides_the_status),
        cmocka_unit_test(another_file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
