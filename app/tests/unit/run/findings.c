/* What doctor found, as it is printed. */
#include "run/findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"

static struct findings some(void)
{
    struct findings findings = {0};
    findings_add(&findings, FINDING_OK, "machine", "cores", "%d online", 4);
    findings_add(&findings, FINDING_WARN, "machine", "governor", "powersave");
    findings_mend(&findings, "cpupower -c %s frequency-set -g performance", "0-3");
    findings_add(&findings, FINDING_FAIL, "cluster", "right", "may not \033[2J\nlist nodes");
    findings_mend(&findings, "rules:\n- verbs: [\"\033list\"]");
    return findings;
}

static void each_has_a_line_and_its_mend(void **state)
{
    struct findings findings = some();
    struct text text = {0};
    (void)state;
    findings_print(&findings, &text);
    assert_string_equal(text_str(&text),
                        "machine\n"
                        "  ok    cores        4 online\n"
                        "  warn  governor     powersave\n"
                        "                  -> cpupower -c 0-3 frequency-set -g performance\n"
                        "cluster\n"
                        "  fail  right        may not ?[2J list nodes\n"
                        "                  -> rules:\n"
                        "                     - verbs: [\"?list\"]\n"
                        "1 ok, 1 warn, 1 fail\n");
    text_clear(&text);
    findings_lines(&findings, &text);
    assert_string_equal(text_str(&text), "powersave; cpupower -c 0-3 frequency-set -g performance\n"
                                         "may not ?[2J list nodes; rules:\n- verbs: [\"?list\"]\n");
    text_free(&text);
    findings_free(&findings);
}

/* A link is known later than the next hops behind it. */
static void a_part_stays_together(void **state)
{
    struct findings findings = {0};
    struct text text = {0};
    (void)state;
    findings_add(&findings, FINDING_OK, "ports", "driver", "af_xdp");
    findings_add(&findings, FINDING_OK, "next hops", "target", "web");
    findings_add(&findings, FINDING_FAIL, "ports", "link", "down");
    findings_print(&findings, &text);
    assert_string_equal(text_str(&text), "ports\n"
                                         "  ok    driver       af_xdp\n"
                                         "  fail  link         down\n"
                                         "next hops\n"
                                         "  ok    target       web\n"
                                         "2 ok, 0 warn, 1 fail\n");
    text_free(&text);
    findings_free(&findings);
}

static void json_has_the_same(void **state)
{
    struct findings findings = some();
    struct text text = {0};
    (void)state;
    findings_json(&findings, &text);
    cJSON *tree = json_parse(text_str(&text), text.size, NULL);
    assert_non_null(tree);
    assert_int_equal(json_integer(tree, "fail", -1), 1);
    assert_int_equal(cJSON_GetArraySize(json_member(tree, "findings")), 3);
    const cJSON *last = cJSON_GetArrayItem(json_member(tree, "findings"), 2);
    assert_string_equal(json_string(last, "part", ""), "cluster");
    assert_string_equal(json_string(last, "name", ""), "right");
    assert_string_equal(json_string(last, "state", ""), "fail");
    assert_string_equal(json_string(last, "text", ""), "may not ?[2J list nodes");
    assert_null(json_member(cJSON_GetArrayItem(json_member(tree, "findings"), 0), "mend"));
    cJSON_Delete(tree);
    text_free(&text);
    findings_free(&findings);
}

/* What finds no room is no success. */
static void what_is_too_much_is_a_failure(void **state)
{
    struct findings findings = {0};
    (void)state;
    for (unsigned i = 0; i < FINDINGS_MAX; i++)
        findings_add(&findings, FINDING_OK, "machine", "cores", "%u", i);
    assert_int_equal(findings.counts[FINDING_FAIL], 0);
    findings_add(&findings, FINDING_OK, "machine", "cores", "one more");
    assert_int_equal(findings.counts[FINDING_FAIL], 1);
    assert_int_equal(findings.count, FINDINGS_MAX);
    findings_free(&findings);
    findings_mend(&findings, "nothing");
    assert_int_equal(findings.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_line_and_its_mend),
        cmocka_unit_test(a_part_stays_together),
        cmocka_unit_test(json_has_the_same),
        cmocka_unit_test(what_is_too_much_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
