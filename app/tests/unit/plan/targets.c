/* Files of targets, and what is wrong with them, by line and column. */
#include "plan/targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void targets_and_their_lines(void **state)
{
    static const char text[] = "# Two that need no blank line between, and a third.\n"
                               "GET http://10.0.0.1/a\r\n"
                               "POST http://10.0.0.1/b?c=d\n"
                               "X-Account: 7\n"
                               "# In between.\n"
                               "Content-Type:application/json\n"
                               "@body.json\n"
                               "\n"
                               " \t\n"
                               "DELETE http://10.0.0.2/";
    struct targets targets;
    struct error err = {0};
    (void)state;
    if (targets_parse("t", text, sizeof(text) - 1, &targets, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(targets.count, 3);
    assert_string_equal(targets.items[0].method, "GET");
    assert_string_equal(targets.items[0].url, "http://10.0.0.1/a");
    assert_int_equal(targets.items[0].header_count, 0);
    assert_null(targets.items[0].body);
    assert_int_equal(targets.items[0].line, 2);
    assert_string_equal(targets.items[1].method, "POST");
    assert_string_equal(targets.items[1].url, "http://10.0.0.1/b?c=d");
    assert_int_equal(targets.items[1].header_count, 2);
    assert_string_equal(targets.items[1].headers[0], "X-Account: 7");
    assert_string_equal(targets.items[1].headers[1], "Content-Type:application/json");
    assert_string_equal(targets.items[1].body, "@body.json");
    assert_string_equal(targets.items[2].method, "DELETE");
    assert_int_equal(targets.items[2].line, 10);
    targets_free(&targets);
}

struct bad_row {
    const char *text, *message;
};

static void mistakes_have_a_place(void **state)
{
    static const struct bad_row rows[] = {
        {"", "t: no target; want lines such as GET http://10.0.0.1/"},
        {"# nothing\n\n", "t: no target; want lines such as GET http://10.0.0.1/"},
        {"http://10.0.0.1/", "t:1:1: want METHOD URL, such as GET http://10.0.0.1/"},
        {"\nget http://10.0.0.1/", "t:2:1: want METHOD URL, such as GET http://10.0.0.1/"},
        {"GET ", "t:1:5: want a URL after one space"},
        {"CONNECT http://x/", "t:1:1: CONNECT is for proxies; want another method"},
        {"GET  http://x/", "t:1:5: want a URL after one space"},
        {"GET http://x/ HTTP/1.1", "t:1:14: want nothing after the URL"},
        {"GET http://x/\nx Y: z", "t:2:2: want \"Name: value\", @FILE, or METHOD URL"},
        {"GET http://x/\nX-Y", "t:2:4: want \"Name: value\", @FILE, or METHOD URL"},
        {"GET http://x/\n: z", "t:2:1: want \"Name: value\", @FILE, or METHOD URL"},
        {"GET http://x/\nX: ", "t:2:3: want a value"},
        {"GET http://x/\n@", "t:2:2: want a file after @"},
        {"GET http://x/\n@a\n@b", "t:3:1: a second body"},
        {"GET http://x/\n@a\nX: y", "t:3:1: a header after the body's @FILE"},
        {"GET http://x/\n\nX: y", "t:3:1: want METHOD URL, such as GET http://10.0.0.1/"},
        {"GET http://x/\x01", "t:1:14: a control character"},
        {"GET http://x/\nX: a\rb", "t:2:5: a control character"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct targets targets;
        struct error err = {0};
        assert_true(targets_parse("t", rows[i].text, strlen(rows[i].text), &targets, &err) < 0);
        assert_string_equal(err.text, rows[i].message);
        assert_int_equal(targets.count, 0);
        assert_null(targets.text);
    }
}

static void no_room_and_no_text(void **state)
{
    static char text[15 * (TARGETS_MAX + 1)];
    struct targets targets;
    struct error err = {0};
    size_t size = 0;
    (void)state;
    for (unsigned i = 0; i < TARGETS_MAX; i++)
        size += (size_t)sprintf(text + size, "GET http://x/\n");
    assert_int_equal(targets_parse("t", text, size, &targets, &err), 0);
    assert_int_equal(targets.count, TARGETS_MAX);
    assert_string_equal(targets.items[TARGETS_MAX - 1].url, "http://x/");
    targets_free(&targets);
    size += (size_t)sprintf(text + size, "GET http://x/\n");
    assert_true(targets_parse("t", text, size, &targets, &err) < 0);
    assert_string_equal(err.text, "t:10001:1: more than 10000 targets");
    strcpy(text, "GET http://x/\n");
    for (unsigned i = 0; i <= TARGETS_HEADERS_MAX; i++)
        strcat(text, "A: b\n");
    err.text[0] = '\0';
    assert_true(targets_parse("t", text, strlen(text), &targets, &err) < 0);
    assert_string_equal(err.text, "t:18:1: more than 16 headers");
    err.text[0] = '\0';
    assert_true(targets_parse("t", "GET http://x/\nA: \0b", 19, &targets, &err) < 0);
    assert_string_equal(err.text, "t:2:4: a NUL character");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_and_their_lines),
        cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(no_room_and_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
