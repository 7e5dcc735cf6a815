/* An event survives being printed and parsed; what is no event is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "rundir/timeline.h"
#include "tests/unit/rundir/scratch.h"

static void every_kind_comes_back(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < TIMELINE_KIND_COUNT; kind++) {
        struct timeline_event event = {0}, back = {0};
        event.not_before_ns = kind;
        event.not_after_ns = UINT64_C(9007199254740991);
        event.kind = kind;
        event.ours = kind % 2;
        event.unseen = kind % 3 == 0;
        strcpy(event.object, "o\"b");
        strcpy(event.text, "line\nbreak");
        struct text line = {0};
        timeline_print(&event, &line);
        assert_null(strchr(line.data, '\n'));
        struct error err = {0};
        assert_int_equal(timeline_parse(line.data, line.size, &back, &err), 0);
        assert_memory_equal(&event, &back, sizeof(event));
        text_free(&line);
    }
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"kind\":\"pod-ready\"}",
        "{\"kind\":\"nonsense\",\"notBefore\":1,\"notAfter\":2}",
        "{\"kind\":\"note\",\"notBefore\":3,\"notAfter\":2}",
        "{\"kind\":\"note\",\"notBefore\":-3,\"notAfter\":2}",
        "{\"kind\":7,\"notBefore\":1,\"notAfter\":2}",
    };
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct timeline_event event;
        struct error err = {0};
        assert_int_equal(timeline_parse(lines[i], strlen(lines[i]), &event, &err), -EINVAL);
        assert_string_not_equal(err.text, "");
    }
}

static void names_that_are_too_long_are_cut(void **state)
{
    (void)state;
    char line[1000];
    struct timeline_event event;
    struct error err = {0};
    snprintf(line, sizeof(line),
             "{\"kind\":\"note\",\"notBefore\":1,\"notAfter\":2,\"object\":\"%0600d\"}", 0);
    assert_int_equal(timeline_parse(line, strlen(line), &event, &err), 0);
    assert_int_equal(strlen(event.object), TIMELINE_NAME_BYTES - 1);
}

static void a_name_stays_in_its_line(void **state)
{
    static const char line[] = "{\"notBefore\":1,\"notAfter\":2,\"kind\":\"pod-gone\","
                               "\"object\":\"a\\nb\",\"node\":\"c\\td\",\"text\":\"e\\r\\nf\"}";
    struct timeline_event event;
    (void)state;
    assert_int_equal(timeline_parse(line, sizeof(line) - 1, &event, NULL), 0);
    assert_string_equal(event.object, "a b");
    assert_string_equal(event.node, "c d");
    assert_string_equal(event.text, "e\r\nf");
}

#define GOOD "{\"kind\":\"note\",\"notBefore\":1,\"notAfter\":2}\n"

/* A line that is no event, in whatever place, costs no other. */
static void what_is_no_event_is_left_out_and_told(void **state)
{
    static const struct {
        const char *content;
        size_t count, damaged, first;
        bool cut;
    } rows[] = {
        {"", 0, 0, 0, false},
        {GOOD GOOD, 2, 0, 0, false},
        {GOOD "{\"kind\":\"no", 1, 0, 0, true},
        {GOOD "{\"kind\":\"no\n" GOOD, 2, 1, 2, false},
        {"\n" GOOD "\n\n" GOOD "x", 2, 3, 1, true},
        {GOOD "{\"kind\":\"of later versions\",\"notBefore\":1,\"notAfter\":2}\n", 1, 1, 2, false},
    };
    char path[256];
    snprintf(path, sizeof(path), "%s/cluster.jsonl", (char *)*state);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text file = {0};
        struct timeline timeline = {0};
        text_add(&file, rows[i].content);
        assert_int_equal(text_write_file(&file, path), 0);
        assert_int_equal(timeline_read(path, &timeline), 0);
        assert_int_equal(timeline.count, rows[i].count);
        assert_int_equal(timeline.damaged, rows[i].damaged);
        assert_int_equal(timeline.first_damaged, rows[i].first);
        assert_int_equal(timeline.why[0] != '\0', rows[i].damaged > 0);
        assert_int_equal(timeline.cut, rows[i].cut);
        timeline_free(&timeline);
        text_free(&file);
    }
}

static void a_file_that_is_not_there(void **state)
{
    char path[256];
    struct timeline timeline = {0};
    snprintf(path, sizeof(path), "%s/cluster.jsonl", (char *)*state);
    assert_int_equal(timeline_read(path, &timeline), -ENOENT);
}

static void grows(void **state)
{
    (void)state;
    struct timeline timeline = {0};
    for (unsigned i = 0; i < 1000; i++)
        assert_true(timeline_add(&timeline, &(struct timeline_event){.not_after_ns = i}));
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(timeline.events[i].not_after_ns, i);
    timeline_free(&timeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(names_that_are_too_long_are_cut),
        cmocka_unit_test(a_name_stays_in_its_line),
        cmocka_unit_test_setup_teardown(what_is_no_event_is_left_out_and_told, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there, scratch_setup, scratch_teardown),
        cmocka_unit_test(grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
