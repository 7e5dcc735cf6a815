#include "lab/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define NOW_NS INT64_C(1795254751000000000) /* 2026-11-21T09:52:31Z */

static cJSON *parse(const char *text)
{
    cJSON *object = cJSON_Parse(text);
    assert_non_null(object);
    return object;
}

static const cJSON *create(struct store *store, enum store_kind kind, const char *text)
{
    const cJSON *out = NULL;
    assert_int_equal(store_create(store, kind, parse(text), NOW_NS, &out), STORE_OK);
    return out;
}

static const char *name_of(const cJSON *object)
{
    return object != NULL ? json_string(object, "metadata.name", "?") : "-";
}

static void test_create_sets_metadata(void **state)
{
    (void)state;
    struct store *store = store_new(1);
    assert_int_equal(store_version(store), 1);
    const cJSON *pod =
        create(store, STORE_POD,
               "{\"kind\":\"Pod\",\"metadata\":{\"labels\":{\"a\":\"b\"},\"namespace\":"
               "\"default\",\"name\":\"p\",\"uid\":\"mine\",\"generation\":9},"
               "\"spec\":{}}");
    assert_string_equal(json_string(pod, "metadata.resourceVersion", ""), "2");
    assert_string_equal(json_string(pod, "metadata.creationTimestamp", ""), "2026-11-21T09:52:31Z");
    assert_int_equal(json_integer(pod, "metadata.generation", 0), 1);
    const char *uid = json_string(pod, "metadata.uid", "");
    assert_int_equal(strlen(uid), 36);
    assert_int_equal(uid[14], '4');
    assert_string_equal(json_at(pod, "metadata")->child->string, "name");
    assert_int_equal(store_version(store), 2);
    assert_ptr_equal(store_get(store, STORE_POD, "default", "p"), pod);
    assert_null(store_get(store, STORE_POD, "other", "p"));
    assert_null(store_get(store, STORE_SERVICE, "default", "p"));
    store_free(store);
}

static void test_create_refuses(void **state)
{
    (void)state;
    static const struct {
        enum store_kind kind;
        const char *text;
        enum store_result expected;
    } rows[] = {
        {STORE_POD, "{\"metadata\":{\"namespace\":\"default\",\"name\":\"p\"}}", STORE_OK},
        {STORE_POD, "{\"metadata\":{\"namespace\":\"default\",\"name\":\"p\"}}", STORE_EXISTS},
        {STORE_POD, "{\"metadata\":{\"namespace\":\"other\",\"name\":\"p\"}}", STORE_OK},
        {STORE_POD, "{\"metadata\":{\"name\":\"p\"}}", STORE_INVALID},
        {STORE_POD, "{\"metadata\":{\"namespace\":\"default\"}}", STORE_INVALID},
        {STORE_POD, "{\"metadata\":7}", STORE_INVALID},
        {STORE_POD, "{}", STORE_INVALID},
        {STORE_POD, "[]", STORE_INVALID},
        {STORE_POD, "\"pod\"", STORE_INVALID},
        {STORE_NODE, "{\"metadata\":{\"name\":\"n1\"}}", STORE_OK},
        {STORE_NODE, "{\"metadata\":{\"name\":\"n1\",\"namespace\":\"x\"}}", STORE_EXISTS},
    };
    struct store *store = store_new(1);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(store_create(store, rows[i].kind, parse(rows[i].text), NOW_NS, NULL),
                         rows[i].expected);
    assert_int_equal(store_create(store, STORE_POD, NULL, NOW_NS, NULL), STORE_INVALID);
    assert_int_equal(store_version(store), 4);
    store_free(store);
}

static void test_generated_names_differ_and_repeat(void **state)
{
    (void)state;
    static const char text[] = "{\"metadata\":{\"generateName\":\"web-\",\"namespace\":\"d\"}}";
    struct store *one = store_new(7);
    struct store *two = store_new(7);
    const cJSON *a = create(one, STORE_POD, text);
    const cJSON *b = create(one, STORE_POD, text);
    const cJSON *c = create(two, STORE_POD, text);
    assert_int_equal(strlen(name_of(a)), 9);
    assert_memory_equal(name_of(a), "web-", 4);
    assert_string_not_equal(name_of(a), name_of(b));
    assert_string_equal(name_of(a), name_of(c));
    assert_string_equal(json_string(a, "metadata.uid", ""), json_string(c, "metadata.uid", "?"));
    assert_string_not_equal(json_string(a, "metadata.uid", ""), json_string(b, "metadata.uid", ""));
    store_free(one);
    store_free(two);
}

/* The name of a Deployment may be long; that of its pods is a label. */
static void test_generated_names_are_labels(void **state)
{
    (void)state;
    char text[200];
    struct store *store = store_new(7);
    snprintf(text, sizeof(text),
             "{\"metadata\":{\"generateName\":\"%0100d-\",\"namespace\":\"d\"}}", 0);
    const char *name = name_of(create(store, STORE_POD, text));
    assert_int_equal(strlen(name), 63);
    assert_int_equal(strspn(name, "0"), 58);
    store_free(store);
}

static void test_walk_is_in_order(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"b", "x"}, {"a", "y"},  {"b", "a"},
                                           {"a", "a"}, {"ab", "m"}, {"a", "z"}};
    struct store *store = store_new(1);
    for (unsigned i = 0; i < 6; i++) {
        char text[128];
        snprintf(text, sizeof(text), "{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\"}}",
                 names[i][0], names[i][1]);
        create(store, STORE_POD, text);
    }
    char seen[64] = "";
    const cJSON *pod = NULL;
    while ((pod = store_next(store, STORE_POD, NULL, pod)) != NULL) {
        strcat(seen, json_string(pod, "metadata.namespace", ""));
        strcat(seen, name_of(pod));
        strcat(seen, " ");
    }
    assert_string_equal(seen, "aa ay az abm ba bx ");
    seen[0] = '\0';
    while ((pod = store_next(store, STORE_POD, "a", pod)) != NULL)
        strcat(seen, name_of(pod));
    assert_string_equal(seen, "ayz");
    assert_null(store_next(store, STORE_POD, "none", NULL));

    /* An object that is gone by now is still a place to go on from. */
    const cJSON *y = store_get(store, STORE_POD, "a", "y");
    assert_int_equal(store_delete(store, STORE_POD, "a", "y", NOW_NS), STORE_OK);
    assert_string_equal(name_of(store_next(store, STORE_POD, "a", y)), "z");
    store_free(store);
}

static void test_update(void **state)
{
    (void)state;
    struct store *store = store_new(1);
    const cJSON *web = create(store, STORE_DEPLOYMENT,
                              "{\"metadata\":{\"name\":\"web\",\"namespace\":\"d\"},\"spec\":{"
                              "\"replicas\":1},\"status\":{}}");
    const cJSON *out = NULL;

    /* Nothing changes: no event, no version; the order of members is no difference. */
    assert_int_equal(store_update(store, STORE_DEPLOYMENT,
                                  parse("{\"spec\":{\"replicas\":1},\"status\":{},\"metadata\":{"
                                        "\"namespace\":\"d\",\"name\":\"web\"}}"),
                                  NOW_NS, &out),
                     STORE_OK);
    assert_ptr_equal(out, web);
    assert_int_equal(store_version(store), 2);

    /* Status: a version, no generation. */
    cJSON *next = cJSON_Duplicate(web, true);
    cJSON_AddNumberToObject(cJSON_GetObjectItem(next, "status"), "replicas", 1);
    assert_int_equal(store_update(store, STORE_DEPLOYMENT, next, NOW_NS + 1, &out), STORE_OK);
    assert_string_equal(json_string(out, "metadata.resourceVersion", ""), "3");
    assert_int_equal(json_integer(out, "metadata.generation", 0), 1);
    assert_string_equal(json_string(out, "metadata.uid", ""),
                        json_string(web, "metadata.uid", "?"));
    assert_null(json_at(web, "status.replicas"));

    /* Spec: a generation too. What the client says of uid's time and generation is not taken. */
    assert_int_equal(store_update(store, STORE_DEPLOYMENT,
                                  parse("{\"metadata\":{\"namespace\":\"d\",\"name\":\"web\","
                                        "\"generation\":77,\"creationTimestamp\":\"x\"},"
                                        "\"spec\":{\"replicas\":2}}"),
                                  NOW_NS, &out),
                     STORE_OK);
    assert_int_equal(json_integer(out, "metadata.generation", 0), 2);
    assert_string_equal(json_string(out, "metadata.creationTimestamp", ""), "2026-11-21T09:52:31Z");
    store_free(store);
}

static void test_update_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum store_result expected;
    } rows[] = {
        {"{\"metadata\":{\"namespace\":\"d\",\"name\":\"nope\"}}", STORE_NOT_FOUND},
        {"{\"metadata\":{\"namespace\":\"d\",\"name\":\"s\",\"resourceVersion\":\"1\"}}",
         STORE_CONFLICT},
        {"{\"metadata\":{\"namespace\":\"d\",\"name\":\"s\",\"uid\":\"x\"}}", STORE_CONFLICT},
        {"{\"metadata\":{\"namespace\":\"d\"}}", STORE_INVALID},
        {"3", STORE_INVALID},
        {"{\"metadata\":{\"namespace\":\"d\",\"name\":\"s\",\"resourceVersion\":\"2\"}}", STORE_OK},
    };
    struct store *store = store_new(1);
    create(store, STORE_SERVICE, "{\"metadata\":{\"namespace\":\"d\",\"name\":\"s\"},\"spec\":{}}");
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const cJSON *out = NULL;
        assert_int_equal(store_update(store, STORE_SERVICE, parse(rows[i].text), NOW_NS, &out),
                         rows[i].expected);
        assert_true((out != NULL) == (rows[i].expected == STORE_OK));
    }
    assert_int_equal(store_delete(store, STORE_SERVICE, "d", "nope", NOW_NS), STORE_NOT_FOUND);
    assert_int_equal(store_version(store), 3);
    store_free(store);
}

static void test_log_tells_the_story(void **state)
{
    (void)state;
    struct store *store = store_new(1);
    bool expired = true;
    assert_null(store_event_after(store, 0, &expired));
    assert_false(expired);
    create(store, STORE_NODE, "{\"metadata\":{\"name\":\"n1\"}}");
    create(store, STORE_NODE, "{\"metadata\":{\"name\":\"n2\"}}");
    store_update(store, STORE_NODE, parse("{\"metadata\":{\"name\":\"n1\"},\"spec\":{}}"), NOW_NS,
                 NULL);
    store_delete(store, STORE_NODE, NULL, "n1", NOW_NS);

    static const struct {
        enum store_event_type type;
        const char *name;
        const char *version;
        bool previous;
    } expected[] = {
        {STORE_ADDED, "n1", "2", false},
        {STORE_ADDED, "n2", "3", false},
        {STORE_MODIFIED, "n1", "4", true},
        {STORE_DELETED, "n1", "5", true},
    };
    uint64_t cursor = 0;
    for (unsigned i = 0; i < 4; i++) {
        const struct store_event *event = store_event_after(store, cursor, &expired);
        assert_non_null(event);
        assert_false(expired);
        assert_int_equal(event->type, expected[i].type);
        assert_int_equal(event->kind, STORE_NODE);
        assert_string_equal(name_of(event->object), expected[i].name);
        assert_string_equal(json_string(event->object, "metadata.resourceVersion", ""),
                            expected[i].version);
        assert_true((event->previous != NULL) == expected[i].previous);
        assert_int_equal(event->version, i + 2);
        cursor = event->version;
    }
    assert_null(store_event_after(store, cursor, &expired));
    assert_null(store_event_after(store, cursor + 100, &expired));
    assert_false(expired);
    assert_null(store_get(store, STORE_NODE, NULL, "n1"));
    assert_non_null(store_get(store, STORE_NODE, "", "n2"));
    store_free(store);
}

static void test_full_log_forgets_the_oldest_and_says_so(void **state)
{
    (void)state;
    struct store *store = store_new(1);
    create(store, STORE_NODE, "{\"metadata\":{\"name\":\"n1\"}}"); /* Version 2. */
    for (unsigned i = 0; i < STORE_LOG_EVENTS; i++) {
        char text[96];
        snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"n1\"},\"status\":{\"n\":%u}}", i);
        assert_int_equal(store_update(store, STORE_NODE, parse(text), NOW_NS, NULL), STORE_OK);
    }
    bool expired = false;
    const struct store_event *event = store_event_after(store, 1, &expired);
    assert_true(expired);
    assert_int_equal(event->version, 3);
    event = store_event_after(store, 2, &expired);
    assert_false(expired);
    assert_int_equal(event->version, 3);
    assert_non_null(event->previous);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_sets_metadata),
        cmocka_unit_test(test_create_refuses),
        cmocka_unit_test(test_generated_names_differ_and_repeat),
        cmocka_unit_test(test_generated_names_are_labels),
        cmocka_unit_test(test_walk_is_in_order),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_update_refuses),
        cmocka_unit_test(test_log_tells_the_story),
        cmocka_unit_test(test_full_log_forgets_the_oldest_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
