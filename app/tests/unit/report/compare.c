/* A comparison in each format: the same figures, and names of others as text. */
#include "report/compare.h"

#include "base/json.h"
#include "tests/unit/analyze/scene.h"

#define HOSTILE "a|b</script><b>*x*"

/* Broken connections went from 10 to 30 of 100, by one run on each side. */
static void print(enum compare_format format, struct text *out)
{
    struct compare_options options = compare_options_default();
    struct compare_run runs[2] = {{.directory = HOSTILE, .stream_count = 1},
                                  {.directory = "new", .stream_count = 1}};
    struct compare_stream streams[2] = {{.name = HOSTILE}, {.name = HOSTILE}};
    struct compare_side base = {&runs[0], 1}, next = {&runs[1], 1};
    struct remarks remarks = {0};
    struct comparison comparison;
    for (unsigned i = 0; i < 2; i++) {
        runs[i].streams = &streams[i];
        streams[i].values[COMPARE_BROKEN_CONNECTIONS] =
            (struct compare_value){.given = true,
                                   .value = i == 0 ? 10 : 30,
                                   .share = {i == 0 ? 10 : 30, 100},
                                   .design = 1};
    }
    remarks_add(&remarks, true, "other plan: %s", HOSTILE);
    assert_int_equal(compare_sides(&base, &next, &options, &comparison), 0);
    const struct compare_account account = {&base, &next, &options, &remarks, &comparison};
    compare_print(&account, format, out);
    assert_false(out->failed);
    comparison_free(&comparison);
}

static void assert_has(const struct text *text, const char *what)
{
    if (strstr(text_str(text), what) == NULL)
        fail_msg("no \"%s\" in %.3000s", what, text_str(text));
}

static void text_tells_the_figures(void **state)
{
    struct text text = {0};
    (void)state;
    print(COMPARE_FORMAT_TEXT, &text);
    assert_has(&text, "Verdict:     1 regression: " HOSTILE ".brokenConnections\n");
    assert_has(&text, "brokenConnections   10 [5.523 .. 17.44]");
    assert_has(&text, "NOT ALIKE:   other plan");
    assert_has(&text, "WORSE\n");
    text_free(&text);
}

static void json_has_all_of_them(void **state)
{
    struct text text = {0};
    struct error err = {0};
    (void)state;
    print(COMPARE_FORMAT_JSON, &text);
    cJSON *json = json_parse(text_str(&text), text.size, &err);
    assert_non_null(json);
    const cJSON *row = json_member(json, "figures")->child;
    assert_string_equal(json_string(json, "verdict", ""), "worse");
    assert_string_equal(json_string(row, "stream", ""), HOSTILE);
    assert_string_equal(json_string(row, "verdict", ""), "worse");
    assert_int_equal(json_integer(row, "base.value", 0), 10);
    assert_int_equal(json_integer(row, "new.hits", 0), 30);
    assert_int_equal(json_integer(row, "new.of", 0), 100);
    assert_int_equal(json_integer(row, "change.value", 0), 20);
    assert_int_equal(cJSON_GetArraySize(json_member(json, "objections")), 1);
    cJSON_Delete(json);
    text_free(&text);
}

static void markdown_takes_names_for_text(void **state)
{
    struct text text = {0};
    (void)state;
    print(COMPARE_FORMAT_MARKDOWN, &text);
    assert_has(&text, "| a&#124;b&#60;/script&#62;&#60;b&#62;&#42;x&#42; | brokenConnections | 10 "
                      "(5.523 .. 17.44) |");
    assert_has(&text, "**WORSE** |\n");
    assert_null(strstr(text_str(&text), "<b>"));
    text_free(&text);
}

static void a_page_takes_names_for_text(void **state)
{
    struct text text = {0};
    (void)state;
    print(COMPARE_FORMAT_HTML, &text);
    assert_has(&text, "<!doctype html>");
    assert_has(&text, "a|b\\u003c/script>\\u003cb>*x*");
    assert_null(strstr(text_str(&text), "a|b<"));
    text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_tells_the_figures),
        cmocka_unit_test(json_has_all_of_them),
        cmocka_unit_test(markdown_takes_names_for_text),
        cmocka_unit_test(a_page_takes_names_for_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
