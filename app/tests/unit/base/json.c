#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static cJSON *parsed(const char *text)
{
    struct error err = {0};
    cJSON *item = json_parse(text, strlen(text), &err);

    assert_string_equal(err.text, "");
    assert_non_null(item);
    return item;
}

static void getters_and_their_defaults(void **state)
{
    cJSON *item = parsed("{\"metadata\": {\"name\": \"web\", \"labels\": {\"a.b/c\": \"d\"}},"
                         " \"n\": 12, \"big\": 1e300, \"low\": -1e300,"
                         " \"half\": 2.5, \"yes\": true, \"no\": false,"
                         " \"null\": null, \"Name\": 1}");
    const cJSON *labels = json_at(item, "metadata.labels");

    (void)state;
    assert_string_equal(json_string(item, "metadata.name", "?"), "web");
    assert_string_equal(json_string(item, "metadata.none", "?"), "?");
    assert_string_equal(json_string(item, "metadata.name.deeper", "?"), "?");
    assert_string_equal(json_string(item, "n", "?"), "?");
    assert_null(json_string(NULL, "n", NULL));
    assert_string_equal(json_member(labels, "a.b/c")->valuestring, "d");
    assert_null(json_at(labels, "a.b/c"));
    assert_null(json_at(item, "name")); /* Case matters. */
    assert_null(json_at(item, ""));
    assert_null(json_member(json_at(item, "n"), "x"));
    assert_int_equal(json_integer(item, "n", 7), 12);
    assert_int_equal(json_integer(item, "metadata", 7), 7);
    assert_true(json_integer(item, "big", 7) == INT64_MAX);
    assert_true(json_integer(item, "low", 7) == INT64_MIN);
    assert_true(json_number(item, "half", 0) == 2.5);
    assert_true(json_number(item, "null", 0.5) == 0.5);
    assert_true(json_bool(item, "yes", false));
    assert_false(json_bool(item, "no", true));
    assert_true(json_bool(item, "n", true));
    cJSON_Delete(item);
}

static void errors_name_line_and_column(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", "line 1, column 1: "},
        {"  \n ", "line 2, column 2: "},
        {"{\n  \"a\": tru\n}", "line 2, column 8: "},
        {"{\"a\": 1,\n \"b\" 2}", "line 2, column 6: "},
        {"[1, 2] x", "line 1, column 8: "},
        {"{} {}", "line 1, column 4: "},
        {"[1, 2", "line 1, column 6: "},
        {"nope", "line 1, column 1: "},
        {"[1, x", "line 1, column 5: "},
        {"[1]]", "line 1, column 4: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = {0};

        assert_null(json_parse(rows[i].text, strlen(rows[i].text), &err));
        err.text[strlen(rows[i].expected)] = '\0';
        assert_string_equal(err.text, rows[i].expected);
    }
    assert_null(json_parse("{}\0{}", 5, NULL)); /* All the bytes count. */
    assert_null(json_parse("[1,2]", 4, NULL));
}

/* A thousand levels are cJSON's limit: deeper is an error, not a crash. */
static void deep_nesting_is_refused(void **state)
{
    static char deep[200000];
    struct error err = {0};

    (void)state;
    memset(deep, '[', sizeof(deep));
    assert_null(json_parse(deep, sizeof(deep), &err));
    assert_true(err.text[0] != '\0');
}

static void files_are_named_in_errors(void **state)
{
    char path[] = "/tmp/seamline-json-XXXXXX", expected[80];
    int fd = mkstemp(path);
    struct error err = {0};

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\"a\":\n1\n", 8), 8);
    assert_null(json_parse_file(path, &err));
    (void)snprintf(expected, sizeof(expected), "%s: line 3, column 1: ", path);
    assert_int_equal(strncmp(err.text, expected, strlen(expected)), 0);
    assert_int_equal(write(fd, "}\n", 2), 2);
    cJSON *item = json_parse_file(path, NULL);
    assert_int_equal(json_integer(item, "a", 0), 1);
    cJSON_Delete(item);
    close(fd);
    unlink(path);
    err = (struct error){0};
    assert_null(json_parse_file(path, &err));
    (void)snprintf(expected, sizeof(expected), "%s: No such file", path);
    assert_int_equal(strncmp(err.text, expected, strlen(expected)), 0);
}

/* Below 2^53 a double would do, over it only digits; from 1e15 on, cJSON writes exponents. */
static void integers_print_as_integers(void **state)
{
    static const struct {
        int64_t value;
        const char *printed;
    } rows[] = {
        {0, "0"},
        {-1, "-1"},
        {4294967296, "4294967296"},
        {999999999999999, "999999999999999"},
        {1000000000000000, "1000000000000000"},
        {-1000000000000000, "-1000000000000000"},
        {9007199254740991, "9007199254740991"},
        {9007199254740993, "9007199254740993"},
        {1795255999123456789, "1795255999123456789"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cJSON *object = cJSON_CreateObject();
        char expected[64];

        json_add_integer(object, "t", rows[i].value);
        (void)snprintf(expected, sizeof(expected), "{\"t\":%s}", rows[i].printed);
        char *printed = json_print(object, false);
        assert_string_equal(printed, expected);
        assert_true(json_integer(object, "t", 7) == rows[i].value); /* Also before printing. */
        assert_true(json_number(object, "t", 7) == (double)rows[i].value);
        free(printed);
        cJSON_Delete(object);
    }
}

/* A tree that came from a parser prints the same, and is not changed by it. */
static void parsed_integers_print_as_integers(void **state)
{
    static const char text[] =
        "{\"a\":[1000000000000000,{\"b\":-3000000000000000}],\"c\":9007199254740992,\"d\":0.5}";
    cJSON *item = parsed(text);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        char *printed = json_print(item, false);

        assert_string_equal(printed, text);
        free(printed);
    }
    assert_true(cJSON_IsNumber(json_at(item, "c")));
    cJSON_Delete(item);
    item = parsed("{\"a\":1}");
    char *printed = json_print(item, true);
    assert_string_equal(printed, "{\n\t\"a\":\t1\n}");
    free(printed);
    cJSON_Delete(item);
}

static void make_follows_and_makes(void **state)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *spec = json_make(root, "spec.template.spec");

    (void)state;
    cJSON_AddStringToObject(spec, "name", "x");
    assert_ptr_equal(json_make(root, "spec.template.spec"), spec);
    assert_string_equal(json_string(root, "spec.template.spec.name", ""), "x");
    assert_null(json_make(root, "spec.template.spec.name.more"));
    assert_null(json_make(root, "spec.template.spec.name"));
    cJSON_Delete(root);
}

static void times_parse(void **state)
{
    static const struct {
        const char *text;
        int64_t ns; /* INT64_MIN: refused. */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T09:53:17Z", 1795254797000000000},
        {"2026-11-21T09:53:17.5Z", 1795254797500000000},
        {"2026-11-21T09:53:17.123456789Z", 1795254797123456789},
        {"2026-11-21t09:53:17z", 1795254797000000000},
        {"2026-11-21T10:53:17+01:00", 1795254797000000000},
        {"2026-11-21T04:23:17.25-05:30", 1795254797250000000},
        {"2026-11-21T09:53:17-00:00", 1795254797000000000},
        {"2000-02-29T00:00:00Z", 951782400000000000},
        {"2024-02-29T23:59:59Z", 1709251199000000000},
        {"2023-02-29T00:00:00Z", INT64_MIN},           /* No leap year, */
        {"2100-02-29T00:00:00Z", INT64_MIN},           /* nor this, */
        {"1900-02-29T00:00:00Z", INT64_MIN},           /* nor this. */
        {"2016-12-31T23:59:60Z", 1483228800000000000}, /* A leap second: the next day's first. */
        {"1969-12-31T23:59:59Z", -1000000000},
        {"1969-12-31T23:59:59.75Z", -250000000},
        {"1677-09-21T00:12:44Z", -9223372036000000000},
        {"1677-09-21T00:12:43Z", INT64_MIN}, /* Before 64 bits of ns begin. */
        {"2262-04-11T23:47:16.854775807Z", INT64_MAX},
        {"2262-04-11T23:47:16.854775808Z", INT64_MIN},
        {"9999-12-31T23:59:59Z", INT64_MIN},
        {"0000-01-01T00:00:00Z", INT64_MIN},
        {"", INT64_MIN},
        {"2026-11-21", INT64_MIN},
        {"2026-11-21T09:53:17", INT64_MIN},
        {"2026-11-21 09:53:17Z", INT64_MIN},
        {"2026-11-21T09:53:17.Z", INT64_MIN},
        {"2026-11-21T09:53:17.1234567890Z", INT64_MIN},
        {"2026-11-21T09:53:17Zx", INT64_MIN},
        {"2026-13-21T09:53:17Z", INT64_MIN},
        {"2026-00-21T09:53:17Z", INT64_MIN},
        {"2026-11-00T09:53:17Z", INT64_MIN},
        {"2026-11-31T09:53:17Z", INT64_MIN},
        {"2026-11-21T24:00:00Z", INT64_MIN},
        {"2026-11-21T09:60:17Z", INT64_MIN},
        {"2026-11-21T09:53:61Z", INT64_MIN},
        {"2026-11-21T09:53:17+1:00", INT64_MIN},
        {"2026-11-21T09:53:17+24:00", INT64_MIN},
        {"2026-1-21T09:53:17Z", INT64_MIN},
        {"+026-11-21T09:53:17Z", INT64_MIN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (json_parse_time(rows[i].text) != rows[i].ns)
            fail_msg("%s gives %lld", rows[i].text, (long long)json_parse_time(rows[i].text));
    }
    assert_true(json_parse_time(NULL) == INT64_MIN);
}

static void times_format(void **state)
{
    static const struct {
        int64_t ns;
        unsigned digits;
        const char *expected;
    } rows[] = {
        {0, 0, "1970-01-01T00:00:00Z"},
        {1795254797123456789, 0, "2026-11-21T09:53:17Z"},
        {1795254797123456789, 6, "2026-11-21T09:53:17.123456Z"},
        {1795254797123456789, 9, "2026-11-21T09:53:17.123456789Z"},
        {1795254797999999999, 3, "2026-11-21T09:53:17.999Z"}, /* Cut, not rounded. */
        {-1, 9, "1969-12-31T23:59:59.999999999Z"},
        {1709164800000000000, 0, "2024-02-29T00:00:00Z"},
        {INT64_MAX, 9, "2262-04-11T23:47:16.854775807Z"},
        {INT64_MIN, 9, "1677-09-21T00:12:43.145224192Z"},
    };
    char out[36];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_format_time(rows[i].ns, rows[i].digits, out);
        assert_string_equal(out, rows[i].expected);
    }
    for (int64_t ns = -9100000000000000000; ns < 9100000000000000000; ns += 90123456789012345) {
        json_format_time(ns, 9, out);
        assert_true(json_parse_time(out) == ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(getters_and_their_defaults),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(files_are_named_in_errors),
        cmocka_unit_test(integers_print_as_integers),
        cmocka_unit_test(parsed_integers_print_as_integers),
        cmocka_unit_test(make_follows_and_makes),
        cmocka_unit_test(times_parse),
        cmocka_unit_test(times_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
