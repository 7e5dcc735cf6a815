#include "plan/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define BASE                                                                                       \
    "{\"version\":1,\"name\":\"x\",\"target\":{\"address\":\"10.0.0.1\",\"port\":80},"             \
    "\"streams\":[{\"name\":\"s\",\"protocol\":\"connect\",\"rate\":\"1/s\"}],"                    \
    "\"steps\":[{\"do\":\"start\"}]"
#define RATE(value) "{\"set\":{\"streams.s.rate\":\"" value "\"}}"
#define PORT(value) "{\"set\":{\"target.port\":" value "}}"

static int load(const char *json, const struct experiment_options *options, struct experiment **out,
                struct error *err)
{
    *err = (struct error){0};
    *out = NULL;
    return experiment_parse("a.json", json, strlen(json), options, out, err);
}

static const char both[] = BASE ",\"variants\":{\"v\":" RATE("2/s") ",\"w\":" RATE(
    "3/s") "},\"matrix\":{\"port\":{"
           "\"a\":" PORT("81") ",\"b\":" PORT(
               "82") "},\"rate\":{\"slow\":{\"set\":{}},\"fast\":" RATE("9/s") "}}}";

static void the_last_axis_changes_fastest(void **state)
{
    static const char *const plain[] = {"a-slow", "a-fast", "b-slow", "b-fast"};
    static const char *const varied[] = {"v-a-slow", "v-a-fast", "v-b-slow", "v-b-fast",
                                         "w-a-slow", "w-a-fast", "w-b-slow", "w-b-fast"};
    static const char *const patterns[] = {"*-b-*", "w-a-fast", "v-a-slow/3"};
    struct experiment *x;
    struct matrix matrix;
    struct text text = {0};
    struct error err;

    (void)state;
    assert_int_equal(load(both, NULL, &x, &err), 0);
    assert_int_equal(matrix_make(x, false, &matrix, &err), 0);
    assert_int_equal(matrix.count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(matrix.cells[i].name, plain[i]);
    matrix_free(&matrix);
    assert_int_equal(matrix_make(x, true, &matrix, &err), 0);
    assert_int_equal(matrix.count, 8);
    for (unsigned i = 0; i < 8; i++) {
        assert_string_equal(matrix.cells[i].name, varied[i]);
        assert_int_equal(matrix_matches(&matrix.cells[i], 1, patterns, 2),
                         i == 2 || i == 3 || i >= 5);
    }
    assert_false(matrix_matches(&matrix.cells[0], 2, &patterns[2], 1));
    assert_true(matrix_matches(&matrix.cells[0], 3, &patterns[2], 1));
    assert_false(matrix_matches(&matrix.cells[1], 3, &patterns[2], 1));
    matrix_settings(&matrix.cells[3], &text);
    assert_string_equal(text_str(&text),
                        "streams.s.rate=\"2/s\" target.port=82 streams.s.rate=\"9/s\"");
    text_free(&text);
    matrix_free(&matrix);
    experiment_free(x);
}

/* Variant, then the axes in their order, then what was typed: the later one wins. */
static void a_cell_reads_as_one_run(void **state)
{
    static const char *const sets[] = {"target.port=99"};
    static const struct {
        unsigned cell;
        uint16_t port;
        double rate;
        bool typed;
    } rows[] = {{0, 81, 2, false}, {3, 82, 9, false}, {6, 82, 3, false}, {7, 99, 9, true}};
    struct experiment *x, *one;
    struct matrix matrix;
    struct error err;

    (void)state;
    assert_int_equal(load(both, NULL, &x, &err), 0);
    assert_int_equal(matrix_make(x, true, &matrix, &err), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct experiment_options options = {.sets = sets, .set_count = rows[i].typed};
        matrix_options(&matrix.cells[rows[i].cell], &options);
        if (load(both, &options, &one, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(one->streams[0].target.port, rows[i].port);
        assert_true(one->streams[0].rate_per_s == rows[i].rate);
        assert_null(json_member(one->resolved, "matrix"));
        assert_null(json_member(one->resolved, "variants"));
        assert_int_equal(one->repeats, 1);
        experiment_free(one);
    }
    matrix_free(&matrix);
    experiment_free(x);
}

#define LAB                                                                                        \
    BASE ",\"cluster\":{\"kubeconfig\":\"lab\",\"context\":\"seamline-lab\",\"namespace\":\"n\""
#define SEEDED LAB ",\"lab\":{\"seed\":40}},\"seed\":7"
#define UNSAID LAB "}}"

/* The draws of a repeat are its own, the same for all runs of the matrix, and written down. */
static void a_repeat_has_its_own_seeds(void **state)
{
    static const char json[] = SEEDED
        ",\"repeats\":3,\"matrix\":{\"rate\":{\"slow\":{\"set\":{}},\"fast\":" RATE("9/s") "}}}";
    static const char *const last[] = {"seed=4294967295"};
    static const struct {
        uint32_t repeat, seed, lab_seed;
    } rows[] = {{0, 7, 40}, {1, 7, 40}, {2, 8, 41}, {1000, 1006, 1039}};
    struct experiment *x, *one;
    struct matrix matrix;
    struct error err;

    (void)state;
    assert_int_equal(load(json, NULL, &x, &err), 0);
    assert_int_equal(matrix_make(x, false, &matrix, &err), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (unsigned cell = 0; cell < matrix.count; cell++) {
            struct experiment_options options = {.repeat = rows[i].repeat};
            matrix_options(&matrix.cells[cell], &options);
            assert_int_equal(load(json, &options, &one, &err), 0);
            assert_int_equal(one->seed, rows[i].seed);
            assert_int_equal(one->cluster.lab.seed, rows[i].lab_seed);
            assert_int_equal(json_integer(one->resolved, "seed", -1), rows[i].seed);
            assert_int_equal(json_integer(one->resolved, "cluster.lab.seed", -1), rows[i].lab_seed);
            experiment_free(one);
        }
    /* Also those of a lab of which the file says nothing. */
    struct experiment_options third = {.single = true, .repeat = 3};
    assert_int_equal(load(UNSAID, &third, &one, &err), 0);
    assert_int_equal(json_integer(one->resolved, "cluster.lab.seed", -1), 3);
    experiment_free(one);
    /* Past the greatest there is the least. */
    struct experiment_options options = {.sets = last, .set_count = 1, .repeat = 2};
    matrix_options(&matrix.cells[0], &options);
    assert_int_equal(load(json, &options, &one, &err), 0);
    assert_int_equal(one->seed, 0);
    experiment_free(one);
    matrix_free(&matrix);
    experiment_free(x);
}

static void without_any_it_is_one_run(void **state)
{
    struct experiment *x;
    struct matrix matrix;
    struct error err;

    (void)state;
    assert_int_equal(load(BASE "}", NULL, &x, &err), 0);
    assert_int_equal(matrix_make(x, true, &matrix, &err), 0);
    assert_int_equal(matrix.count, 1);
    assert_string_equal(matrix.cells[0].name, "x");
    matrix_free(&matrix);
    experiment_free(x);
}

#define AXIS "{\"1\":" RATE("1/s") ",\"2\":" RATE("2/s") ",\"3\":" RATE("3/s") "}"

static void what_cannot_be_run_is_refused_when_the_file_is_read(void **state)
{
    static const struct {
        const char *json, *message;
    } rows[] = {
        {BASE ",\"matrix\":{\"a\":{\"x\":" RATE("fast") "}}}", "variant \"x\": a.json: "
                                                               "streams[0].rate: "},
        {BASE ",\"matrix\":{\"a\":{\"x\":{\"set\":{\"target.prot\":1}}}}}",
         "a.json: matrix.a.x.set: target.prot: "},
        {BASE ",\"matrix\":{\"a\":{}}}",
         "a.json: matrix.a: got an object, want an object of 1 to 16"},
        {BASE ",\"matrix\":{\"a/b\":{\"x\":{\"set\":{}}}}}", "\"a/b\" is no name for an axis"},
        {BASE ",\"matrix\":{\"a\":{\"..\":{\"set\":{}}}}}", "\"..\" is no name for an alternative"},
        {BASE ",\"matrix\":{\"a\":{\"x\":{\"set\":{},\"need\":[]}}}}", "unknown key \"need\""},
        {BASE ",\"matrix\":{\"a\":{\"x\":{\"set\":{}},\"x-y\":{\"set\":{}}},"
              "\"b\":{\"z\":{\"set\":{}},\"y-z\":{\"set\":{}}}}}",
         "two runs would be named \"x-y-z\""},
        {BASE ",\"matrix\":{\"a\":" AXIS ",\"b\":" AXIS ",\"c\":" AXIS ",\"d\":" AXIS ",\"e\":" AXIS
              ",\"f\":" AXIS "}}",
         "729 runs; want at most 256"},
        {BASE ",\"repeats\":0}", "a.json: repeats: got 0"},
        /* Assignments that change the list that they stand in. */
        {BASE ",\"variants\":{\"v\":{\"set\":{\"variants.v\":1,\"variants.w\":2,\"name\":\"/\"}}}}",
         "variant \"v\": a.json: name: "},
        {BASE ",\"matrix\":{\"a\":{\"x\":{\"set\":{\"matrix\":{},\"name\":\"/\"}}}}}",
         "variant \"x\": a.json: name: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct experiment *x;
        struct error err;
        assert_true(load(rows[i].json, NULL, &x, &err) < 0);
        assert_null(x);
        if (strstr(err.text, rows[i].message) == NULL)
            fail_msg("%zu: %s", i, err.text);
        assert_int_equal(err.status, EXIT_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_axis_changes_fastest),
        cmocka_unit_test(a_cell_reads_as_one_run),
        cmocka_unit_test(a_repeat_has_its_own_seeds),
        cmocka_unit_test(without_any_it_is_one_run),
        cmocka_unit_test(what_cannot_be_run_is_refused_when_the_file_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
