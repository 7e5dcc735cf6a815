/* The reader by a table of its own, and that the defaults of the real tables are good values. */
#include "plan/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "plan/experiment.h"
#include "plan/machine.h"

struct inner {
    bool given;
    uint32_t count;
};

struct outer {
    bool yes;
    uint32_t count;
    int64_t wait_ns;
    double rate_per_s;
    uint32_t size_bytes;
    const char *text;
    const char *name;
    unsigned colour;
    uint32_t colours;
    struct inner inner;
    uint32_t list_count;
    struct inner list[2];
};

#define AT(member) offsetof(struct outer, member)

static const struct reader_word colours[] = {{"red", 1}, {"green", 2}, {"blue", 5}, {NULL, 0}};
static const struct reader_field inner_fields[] = {
    {.key = "count",
     .type = READER_COUNT,
     .offset = offsetof(struct inner, count),
     .required = true,
     .min = 1,
     .max = 5},
    {.key = NULL},
};
static const struct reader_object inner_object = {"an inner", inner_fields, NULL, NULL};
static const struct reader_field inner_item = {
    .key = "", .type = READER_OBJECT, .object = &inner_object};
static const struct reader_field outer_fields[] = {
    {.key = "yes", .type = READER_BOOL, .offset = AT(yes), .otherwise = "true"},
    {.key = "count", .type = READER_COUNT, .offset = AT(count), .max = 10, .otherwise = "7"},
    {.key = "wait", .type = READER_DURATION, .offset = AT(wait_ns), .min = 1e6, .max = 60e9},
    {.key = "rate", .type = READER_RATE, .offset = AT(rate_per_s), .min = 1, .max = 1e6},
    {.key = "size", .type = READER_SIZE, .offset = AT(size_bytes), .min = 64, .max = 65536},
    {.key = "text", .type = READER_TEXT, .offset = AT(text), .max = 8},
    {.key = "name", .type = READER_NAME, .offset = AT(name)},
    {.key = "colour", .type = READER_WORD, .offset = AT(colour), .words = colours},
    {.key = "colours", .type = READER_WORDS, .offset = AT(colours), .words = colours},
    {.key = "inner",
     .type = READER_OBJECT,
     .offset = AT(inner),
     .object = &inner_object,
     .given_offset = AT(inner.given)},
    {.key = "list",
     .type = READER_LIST,
     .offset = AT(list),
     .max = 2,
     .item = &inner_item,
     .item_bytes = sizeof(struct inner),
     .count_offset = AT(list_count)},
    {.key = NULL},
};
static const struct reader_object outer_object = {"an outer", outer_fields, NULL, NULL};

static int read_into(const char *json, struct outer *outer, struct error *err, cJSON **tree)
{
    struct reader reader = {.file = "f.json", .err = err};

    memset(outer, 0, sizeof(*outer));
    *tree = json_parse(json, strlen(json), err);
    assert_non_null(*tree);
    return reader_read(&reader, &outer_object, *tree, outer);
}

static void everything_is_read(void **state)
{
    struct outer outer;
    struct error err = {0};
    cJSON *tree, *again;
    char *printed;

    (void)state;
    assert_int_equal(
        read_into("{\"yes\":false,\"count\":10,\"wait\":\"1.5s\",\"rate\":\"10k/s\",\"size\":"
                  "\"64KiB\",\"text\":\"a b\",\"name\":\"x-1\",\"colour\":\"blue\",\"colours\":"
                  "[\"green\",\"red\"],\"inner\":{\"count\":1},\"list\":[{\"count\":2},{\"count\":"
                  "3}]}",
                  &outer, &err, &tree),
        0);
    assert_false(outer.yes);
    assert_int_equal(outer.count, 10);
    assert_int_equal(outer.wait_ns, 1500000000);
    assert_true(outer.rate_per_s == 10000);
    assert_int_equal(outer.size_bytes, 65536);
    assert_string_equal(outer.text, "a b");
    assert_int_equal(outer.colour, 5);
    assert_int_equal(outer.colours, 1 << 1 | 1 << 2);
    assert_true(outer.inner.given);
    assert_int_equal(outer.list_count, 2);
    assert_int_equal(outer.list[1].count, 3);
    again = reader_print(&outer_object, &outer, NULL);
    printed = json_print(again, false);
    assert_string_equal(
        printed,
        "{\"yes\":false,\"count\":10,\"wait\":\"1.5s\",\"rate\":\"10k/s\",\"size\":65536,\"text\":"
        "\"a b\",\"name\":\"x-1\",\"colour\":\"blue\",\"colours\":[\"red\",\"green\"],\"inner\":{"
        "\"count\":1},\"list\":[{\"count\":2},{\"count\":3}]}");
    cJSON_free(printed);
    cJSON_Delete(again);
    cJSON_Delete(tree);
}

static void what_is_absent_has_its_default(void **state)
{
    struct outer outer;
    struct error err = {0};
    cJSON *tree;

    (void)state;
    assert_int_equal(read_into("{}", &outer, &err, &tree), 0);
    assert_true(outer.yes);
    assert_int_equal(outer.count, 7);
    assert_null(outer.text);
    assert_false(outer.inner.given);
    cJSON_Delete(tree);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *json;
        const char *message;
    } rows[] = {
        {"[]", "f.json: got a list of 0 items, want an object: an outer"},
        {"{\"conut\":1}", "f.json: unknown key \"conut\"; did you mean \"count\"?"},
        {"{\"x\":1}",
         "f.json: unknown key \"x\"; the keys of an outer are: yes, count, wait, rate, "
         "size, text, name, colour, colours, inner, list"},
        {"{\"count\":1,\"count\":2}", "f.json: \"count\" is there twice"},
        {"{\"yes\":1}", "f.json: yes: got 1, want true or false"},
        {"{\"count\":11}", "f.json: count: got 11, want an integer from 0 to 10"},
        {"{\"count\":-1}", "f.json: count: got -1, want an integer from 0 to 10"},
        {"{\"count\":1.5}", "f.json: count: got 1.5, want an integer from 0 to 10"},
        {"{\"count\":\"1\"}", "f.json: count: got \"1\", want an integer from 0 to 10"},
        {"{\"count\":null}", "f.json: count: got null, want an integer from 0 to 10"},
        {"{\"count\":1e300}", "f.json: count: got 1e+300, want an integer from 0 to 10"},
        {"{\"wait\":5}", "f.json: wait: got 5, want a duration such as \"1.5s\" or \"500ms\", from "
                         "1ms to 1m"},
        {"{\"wait\":\"61s\"}", "f.json: wait: got \"61s\", want a duration such as \"1.5s\" or "
                               "\"500ms\", from 1ms to 1m"},
        {"{\"rate\":\"400\"}", "f.json: rate: got \"400\", want a rate such as \"400/s\" or "
                               "\"10k/s\", from 1/s to 1M/s"},
        {"{\"rate\":\"0/s\"}", "f.json: rate: got \"0/s\", want a rate such as \"400/s\" or "
                               "\"10k/s\", from 1/s to 1M/s"},
        {"{\"size\":63}", "f.json: size: got 63, want a number of bytes such as 1024 or \"64KiB\", "
                          "from 64B to 64KiB"},
        {"{\"text\":\"\"}",
         "f.json: text: got \"\", want a string of 1 to 8 bytes without control characters"},
        {"{\"text\":\"a\\nb\"}",
         "f.json: text: got \"a\\nb\", want a string of 1 to 8 bytes without control characters"},
        {"{\"text\":\"123456789\"}", "f.json: text: got \"123456789\", want a string of 1 to 8 "
                                     "bytes without control characters"},
        {"{\"name\":\"a/b\"}",
         "f.json: name: got \"a/b\", want a name of up to 63 letters, digits, "
         "'.', '_' or '-'"},
        {"{\"name\":\"-b\"}", "f.json: name: got \"-b\", want a name of up to 63 letters, digits, "
                              "'.', '_' or '-'"},
        {"{\"colour\":\"gren\"}", "f.json: colour: got \"gren\", want \"red\", \"green\" or "
                                  "\"blue\"; did you mean \"green\"?"},
        {"{\"colours\":[\"red\",\"red\"]}", "f.json: colours[1]: \"red\" is there twice"},
        {"{\"colours\":[3]}", "f.json: colours[0]: got 3, want \"red\", \"green\" or \"blue\""},
        {"{\"inner\":{}}", "f.json: inner: \"count\" is missing from an inner"},
        {"{\"inner\":{\"count\":6}}", "f.json: inner.count: got 6, want an integer from 1 to 5"},
        {"{\"list\":{}}", "f.json: list: got an object, want a list of 0 to 2 items"},
        {"{\"list\":[{\"count\":1},{\"count\":2},{\"count\":3}]}",
         "f.json: list: got a list of 3 items, want a list of 0 to 2 items"},
        {"{\"list\":[{\"count\":1},{\"count\":9}]}",
         "f.json: list[1].count: got 9, want an integer from 1 to 5"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct outer outer;
        struct error err = {0};
        cJSON *tree;
        if (read_into(rows[i].json, &outer, &err, &tree) == 0)
            fail_msg("%s was taken", rows[i].json);
        assert_string_equal(err.text, rows[i].message);
        cJSON_Delete(tree);
    }
}

/* A default outside its own bounds, or one that is no word, would only show up in a user's run. */
static void check_defaults(const struct reader_object *object)
{
    for (const struct reader_field *field = object->fields; field->key != NULL; field++) {
        struct error err = {0};
        struct reader reader = {.file = object->what, .err = &err};
        struct reader_field alone = *field;
        uint64_t place = 0;
        cJSON *item;
        if (field->object != NULL)
            check_defaults(field->object);
        if (field->item != NULL && field->item->object != NULL)
            check_defaults(field->item->object);
        if (field->otherwise == NULL || field->type == READER_WORDS)
            continue;
        alone.offset = 0;
        item = field->type == READER_COUNT || field->type == READER_BOOL
                   ? json_parse(field->otherwise, strlen(field->otherwise), &err)
                   : cJSON_CreateString(field->otherwise);
        if (item == NULL || reader_read_field(&reader, &alone, item, &place) < 0)
            fail_msg("default of %s: %s", field->key, err.text);
        cJSON_Delete(item);
    }
}

static void defaults_are_within_their_bounds(void **state)
{
    (void)state;
    check_defaults(experiment_shape());
    check_defaults(machine_shape());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(what_is_absent_has_its_default),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(defaults_are_within_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
