/* Comparisons of runs that are made up: that like ones differ no oftener than is said, that planted
 * regressions are found, and each rule of a verdict. Numbers are random by fixed seeds. */
#include "analyze/compare.h"

#include <math.h>

#include "base/random.h"
#include "tests/unit/analyze/scene.h"

enum {
    RUNS = 8,
    COMPARISONS = 1000,
    LATENCY_COMPARISONS = 40,
    SECONDS = 30
};

static double normal(struct random *random)
{
    double sum = -6;
    for (unsigned i = 0; i < 12; i++)
        sum += random_unit(random);
    return sum;
}

static struct compare_value value(double number)
{
    return (struct compare_value){.given = true, .value = number, .design = 1};
}

/* One stream with a rollout's broken connections, windows and latencies. */
static void make_run(struct compare_run *run, struct random *random, double more_broken)
{
    *run = (struct compare_run){.stream_count = 1};
    run->streams = calloc(1, sizeof(*run->streams));
    assert_non_null(run->streams);
    snprintf(run->streams[0].name, sizeof(run->streams[0].name), "held");
    struct compare_value *values = run->streams[0].values;
    values[COMPARE_LOST_REQUESTS] = value(0.004 + 0.0005 * normal(random));
    values[COMPARE_BROKEN_CONNECTIONS] = value(round(120 + more_broken + 6 * normal(random)));
    values[COMPARE_FAILED_CONNECTS] = value(0);
    values[COMPARE_WINDOWS] = value((double)(6 + random_below(random, 4)));
    values[COMPARE_LONGEST_WINDOW] = value(2e8 + 2e7 * normal(random));
    values[COMPARE_LATENCY_P50] = value(20000 + 500 * normal(random));
    values[COMPARE_LATENCY_P99] = value(90000 + 9000 * normal(random));
}

static void make_side(struct compare_side *side, size_t count, struct random *random,
                      double more_broken)
{
    side->count = count;
    side->runs = calloc(count, sizeof(*side->runs));
    assert_non_null(side->runs);
    for (size_t i = 0; i < count; i++)
        make_run(&side->runs[i], random, more_broken);
}

static void free_side(struct compare_side *side)
{
    for (size_t i = 0; i < side->count; i++)
        compare_run_free(&side->runs[i]);
    free(side->runs);
}

static const struct compare_row *row_of(const struct comparison *comparison,
                                        enum compare_figure figure)
{
    for (size_t i = 0; i < comparison->row_count; i++)
        if (comparison->rows[i].figure == figure)
            return &comparison->rows[i];
    fail_msg("there is no %s", compare_figure_word(figure));
    return NULL;
}

/* How many of COMPARISONS found anything, and how many a regression of broken connections. */
static void simulate(double more_broken, unsigned *found, unsigned *regressions)
{
    struct compare_options options = compare_options_default();
    struct random random;
    random_seed(&random, 11);
    *found = *regressions = 0;
    for (unsigned i = 0; i < COMPARISONS; i++) {
        struct compare_side base, next;
        struct comparison comparison;
        bool any = false;
        make_side(&base, RUNS, &random, 0);
        make_side(&next, RUNS, &random, more_broken);
        assert_int_equal(compare_sides(&base, &next, &options, &comparison), 0);
        for (size_t k = 0; k < comparison.row_count; k++)
            any |= comparison.rows[k].in_family && comparison.rows[k].adjusted <= options.level;
        *found += any;
        *regressions += row_of(&comparison, COMPARE_BROKEN_CONNECTIONS)->verdict == COMPARE_WORSE;
        comparison_free(&comparison);
        free_side(&base);
        free_side(&next);
    }
}

/* Four standard errors of 1000 throws at 0.05 are 0.028; ranks are discrete, so it may be less. */
static void like_sets_differ_as_rarely_as_stated(void **state)
{
    unsigned found, regressions;
    (void)state;
    simulate(0, &found, &regressions);
    assert_in_range(found, 10, 78);
}

/* docs/accuracy.md: a shift of 2.5 standard deviations in 8 repeats each, 9 times in 10. */
static void planted_regressions_are_found(void **state)
{
    unsigned found, regressions;
    (void)state;
    simulate(15, &found, &regressions);
    assert_in_range(regressions, 900, COMPARISONS);
}

static void a_set_against_itself_has_no_difference(void **state)
{
    struct compare_options options = compare_options_default();
    struct compare_side side;
    struct comparison comparison;
    struct random random;
    (void)state;
    random_seed(&random, 3);
    make_side(&side, RUNS, &random, 0);
    assert_int_equal(compare_sides(&side, &side, &options, &comparison), 0);
    assert_true(comparison.repeated);
    assert_int_equal(comparison.row_count, 7);
    assert_int_equal(comparison.family, 6); /* Nobody failed to connect. */
    for (size_t i = 0; i < comparison.row_count; i++) {
        assert_int_equal(comparison.rows[i].verdict, COMPARE_NOT_FOUND);
        assert_true(comparison.rows[i].change == 0 && comparison.rows[i].superiority == 0.5);
    }
    assert_int_equal(comparison.worse + comparison.better, 0);
    comparison_free(&comparison);
    free_side(&side);
}

/* CHANGE is planted in all runs; the verdict on broken connections. */
static enum compare_verdict verdict_on(double change, const struct compare_options *options)
{
    struct compare_side base, next;
    struct comparison comparison;
    struct random random;
    random_seed(&random, 5);
    make_side(&base, RUNS, &random, 0);
    make_side(&next, RUNS, &random, change);
    assert_int_equal(compare_sides(&base, &next, options, &comparison), 0);
    enum compare_verdict verdict = row_of(&comparison, COMPARE_BROKEN_CONNECTIONS)->verdict;
    assert_int_equal(comparison.worse, verdict == COMPARE_WORSE);
    assert_int_equal(comparison.better, verdict == COMPARE_BETTER);
    comparison_free(&comparison);
    free_side(&base);
    free_side(&next);
    return verdict;
}

static void thresholds_decide_what_matters(void **state)
{
    struct compare_options options = compare_options_default();
    struct compare_threshold *threshold = &options.thresholds[COMPARE_BROKEN_CONNECTIONS];
    (void)state;
    assert_int_equal(verdict_on(30, &options), COMPARE_WORSE);
    assert_int_equal(verdict_on(-30, &options), COMPARE_BETTER);
    threshold->share = 0.5;
    assert_int_equal(verdict_on(30, &options), COMPARE_SLIGHT);
    threshold->share = 0.05;
    threshold->amount = 50;
    assert_int_equal(verdict_on(30, &options), COMPARE_SLIGHT);
    threshold->amount = 10;
    assert_int_equal(verdict_on(30, &options), COMPARE_WORSE);
    options.level = 1e-9;
    assert_int_equal(verdict_on(30, &options), COMPARE_NOT_FOUND);
}

static void too_few_runs_are_told(void **state)
{
    struct compare_options options = compare_options_default();
    struct compare_side base, next;
    struct comparison comparison;
    struct random random;
    (void)state;
    random_seed(&random, 5);
    make_side(&base, 3, &random, 0);
    make_side(&next, 3, &random, 1000);
    assert_int_equal(compare_sides(&base, &next, &options, &comparison), 0);
    assert_int_equal(comparison.worse, 0);
    assert_int_equal(comparison.runs_wanted, 5); /* 6 * 2 / 252; four have 2 / 70. */
    comparison_free(&comparison);
    memset(options.wanted, 0, sizeof(options.wanted));
    options.wanted[COMPARE_BROKEN_CONNECTIONS] = true;
    assert_int_equal(compare_sides(&base, &next, &options, &comparison), 0);
    assert_int_equal(comparison.row_count, 1);
    assert_int_equal(comparison.runs_wanted, 4); /* 2 / 70 */
    comparison_free(&comparison);
    free_side(&base);
    free_side(&next);
}

/* A single run with LOST of 10,000 requests, EACH outage losing so many. */
static void make_single(struct compare_side *side, uint64_t lost, double each)
{
    side->count = 1;
    side->runs = calloc(1, sizeof(*side->runs));
    assert_non_null(side->runs);
    side->runs[0].stream_count = 1;
    side->runs[0].streams = calloc(1, sizeof(*side->runs[0].streams));
    assert_non_null(side->runs[0].streams);
    struct compare_value *values = side->runs[0].streams[0].values;
    values[COMPARE_LOST_REQUESTS] = (struct compare_value){
        .given = true, .value = (double)lost / 10000, .share = {lost, 10000}, .design = each};
    values[COMPARE_LONGEST_WINDOW] = value((double)lost);
}

/* 40 more lost ones are a regression when each was lost by itself; in one outage they are one. */
static void what_is_lost_at_once_counts_once(void **state)
{
    static const struct {
        double each;
        enum compare_verdict verdict;
    } rows[] = {{1, COMPARE_WORSE}, {2, COMPARE_WORSE}, {40, COMPARE_NOT_FOUND}};
    struct compare_options options = compare_options_default();
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct compare_side base, next;
        struct comparison comparison;
        make_single(&base, 0, 1);
        make_single(&next, 40, rows[i].each);
        assert_int_equal(compare_sides(&base, &next, &options, &comparison), 0);
        assert_false(comparison.repeated);
        assert_int_equal(row_of(&comparison, COMPARE_LOST_REQUESTS)->verdict, rows[i].verdict);
        /* One value each tells nothing of runs. */
        assert_int_equal(row_of(&comparison, COMPARE_LONGEST_WINDOW)->verdict, COMPARE_NOT_JUDGED);
        comparison_free(&comparison);
        free_side(&base);
        free_side(&next);
    }
}

/* A run of so many seconds with 100 answers each, of MEAN and a second's own drift. */
static void make_latencies(struct compare_side *side, struct random *random, double mean_ns)
{
    make_single(side, 0, 1);
    struct compare_stream *stream = &side->runs[0].streams[0];
    stream->blocks.count = SECONDS;
    stream->blocks.counts = calloc(SECONDS, sizeof(*stream->blocks.counts));
    assert_non_null(stream->blocks.counts);
    struct histogram all;
    histogram_clear(&all);
    for (unsigned second = 0; second < SECONDS; second++) {
        double drift_ns = mean_ns * (1 + 0.05 * normal(random));
        for (unsigned i = 0; i < 100; i++) {
            uint64_t latency_ns = (uint64_t)fmax(1, drift_ns * (1 + 0.1 * normal(random)));
            stream->blocks.counts[second][histogram_bucket(latency_ns)]++;
            histogram_add(&all, latency_ns);
        }
    }
    stream->values[COMPARE_LATENCY_P50] = value((double)histogram_quantile(&all, 0.5));
    stream->values[COMPARE_LATENCY_P99] = value((double)histogram_quantile(&all, 0.99));
}

static unsigned differing_latencies(double base_ns, double next_ns, unsigned *covered)
{
    struct compare_options options = compare_options_default();
    struct random random;
    unsigned found = 0;
    memset(options.wanted, 0, sizeof(options.wanted));
    options.wanted[COMPARE_LATENCY_P50] = true;
    random_seed(&random, 17);
    *covered = 0;
    for (unsigned i = 0; i < LATENCY_COMPARISONS; i++) {
        struct compare_side base, next;
        struct comparison comparison;
        make_latencies(&base, &random, base_ns);
        make_latencies(&next, &random, next_ns);
        assert_int_equal(compare_sides(&base, &next, &options, &comparison), 0);
        const struct compare_row *row = row_of(&comparison, COMPARE_LATENCY_P50);
        found += row->adjusted <= options.level;
        *covered += row->base.interval.low <= base_ns && base_ns <= row->base.interval.high;
        comparison_free(&comparison);
        free_side(&base);
        free_side(&next);
    }
    return found;
}

/* Answers of a second are alike: a test that took each for itself would find differences in most of
 * these. */
static void latencies_are_compared_by_seconds(void **state)
{
    unsigned covered;
    (void)state;
    assert_in_range(differing_latencies(1e6, 1e6, &covered), 0, 6);
    assert_in_range(covered, 33, LATENCY_COMPARISONS);
    assert_in_range(differing_latencies(1e6, 1.08e6, &covered), 38, LATENCY_COMPARISONS);
}

/* Of three seconds the one in the middle had no answer; another stream's and kind's are not its. */
static void blocks_are_seconds_with_answers(void **state)
{
    struct log_bucket buckets[] = {{.bucket = 7, .count = 3}, {.bucket = 9, .count = 1}};
    struct logs_interval intervals[5] = {
        {.head = {.from_ns = MS(4000)}, .first = 0, .buckets = 2},
        {.head = {.from_ns = MS(4000)}, .first = 1, .buckets = 1}, /* Of another worker. */
        {.head = {.from_ns = MS(6000)}, .first = 1, .buckets = 1},
        {.head = {.from_ns = MS(5000), .stream = 1}, .first = 0, .buckets = 2},
        {.head = {.from_ns = MS(5000), .kind = INTERVAL_CONNECT}, .first = 0, .buckets = 2}};
    struct logs logs = {
        .intervals = intervals, .interval_count = 5, .buckets = buckets, .bucket_count = 2};
    struct latency_blocks blocks;
    (void)state;
    assert_int_equal(latency_blocks_make(&logs, 0, &blocks), 0);
    assert_int_equal(blocks.count, 2);
    assert_int_equal(blocks.counts[0][7], 3);
    assert_int_equal(blocks.counts[0][9], 2);
    assert_int_equal(blocks.counts[1][7], 0);
    assert_int_equal(blocks.counts[1][9], 1);
    latency_blocks_free(&blocks);
    assert_int_equal(latency_blocks_make(&logs, 2, &blocks), 0);
    assert_int_equal(blocks.count, 0);
    latency_blocks_free(&blocks);
}

/* From a result: what counts and of what, and how many were lost at once. */
static void a_run_gives_its_figures(void **state)
{
    struct scene scene;
    struct compare_run run;
    (void)state;
    scene_open(&scene, "");
    uint16_t pod = scene_host(&scene, "pod-a");
    for (unsigned i = 0; i < 100; i++)
        scene_request(&scene, 1, 0, 2000 + 10 * i, 1,
                      i == 40 || i == 41 ? OUTCOME_REFUSED
                      : i == 99          ? OUTCOME_UNSENT
                                         : OUTCOME_OK,
                      pod);
    struct record_outage outage = {.last_good_sent_ns = MS(2390),
                                   .last_good_done_ns = MS(2391),
                                   .signal_ns = MS(2401),
                                   .first_unanswered_ns = MS(2400),
                                   .recovered_sent_ns = MS(2420),
                                   .recovered_done_ns = MS(2421),
                                   .lost = 2,
                                   .stream = 1,
                                   .signal = CONNECTION_REFUSED};
    SCENE_ADD(&scene, outage, outage);
    struct result *result = scene_analyze(&scene);
    assert_int_equal(compare_run_make(result, "out", true, &run), 0);
    const struct compare_value *values = run.streams[1].values;
    assert_string_equal(run.streams[1].name, "new");
    assert_int_equal(values[COMPARE_LOST_REQUESTS].share.hits, 2);
    assert_int_equal(values[COMPARE_LOST_REQUESTS].share.trials, 99);
    assert_true(values[COMPARE_LOST_REQUESTS].design == 2);
    assert_false(values[COMPARE_FAILED_CONNECTS].given);
    assert_true(values[COMPARE_WINDOWS].value == 1);
    assert_true(values[COMPARE_LONGEST_WINDOW].bracket.low <= 19e6 &&
                values[COMPARE_LONGEST_WINDOW].bracket.high >= 19e6);
    assert_true(values[COMPARE_LATENCY_P50].value == 1e6);
    assert_false(run.streams[0].values[COMPARE_LATENCY_P50].given);
    assert_string_equal(run.facts.tester, "1 of 100 requests of new were not sent");
    assert_string_equal(run.facts.damage, "");
    compare_run_free(&run);
    result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_sets_differ_as_rarely_as_stated),
        cmocka_unit_test(planted_regressions_are_found),
        cmocka_unit_test(a_set_against_itself_has_no_difference),
        cmocka_unit_test(thresholds_decide_what_matters),
        cmocka_unit_test(too_few_runs_are_told),
        cmocka_unit_test(what_is_lost_at_once_counts_once),
        cmocka_unit_test(latencies_are_compared_by_seconds),
        cmocka_unit_test(blocks_are_seconds_with_answers),
        cmocka_unit_test(a_run_gives_its_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
