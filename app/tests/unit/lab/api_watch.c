#include "lab/api_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define NOW_NS INT64_C(1795254751000000000)
#define SECOND_NS INT64_C(1000000000)

/* A store and a watch of its pods. */
struct world {
    struct store *store;     /* The objects. */
    struct api_watch *watch; /* Under test. */
    struct text out;         /* What the watch said last. */
    uint64_t expired_before; /* The fault. */
    uint64_t visible;        /* The other one. */
};

static void watch_pods(struct world *world, const char *query, bool as_table)
{
    char why[128];
    char target[512];
    struct api_path path;
    struct api_selector selector;
    snprintf(target, sizeof(target), "/api/v1/namespaces/d/pods?watch=1&%s", query);
    assert_int_equal(api_path_parse(target, &path, why, sizeof(why)), 0);
    assert_int_equal(api_selector_parse(STORE_POD, path.label_selector, path.field_selector,
                                        &selector, why, sizeof(why)),
                     0);
    const struct api_watch_options options = {
        .store = world->store,
        .resource = &api_resources[STORE_POD],
        .path = &path,
        .selector = &selector,
        .expired_before = &world->expired_before,
        .visible = &world->visible,
        .as_table = as_table,
        .utc_ns = NOW_NS,
    };
    api_watch_free(world->watch);
    world->watch = api_watch_new(&options);
}

/* Change a pod of NAMESPACE, or make it; LABEL is its label `app`. */
static void put(struct world *world, const char *namespace, const char *name, const char *label)
{
    char text[256];
    snprintf(text, sizeof(text),
             "{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}}}",
             namespace, name, label);
    if (store_get(world->store, STORE_POD, namespace, name) == NULL)
        store_create(world->store, STORE_POD, cJSON_Parse(text), NOW_NS, NULL);
    else
        store_update(world->store, STORE_POD, cJSON_Parse(text), NOW_NS, NULL);
}

/* The lines that are due at AT_NS, as "TYPE name@version,label " each. Ends with "." when over. */
static void expect(struct world *world, int64_t at_ns, const char *expected)
{
    char seen[1024] = "";
    text_clear(&world->out);
    bool due = api_watch_is_due(world->watch, at_ns);
    bool goes_on = !due || api_watch_fill(world->watch, &world->out, at_ns);
    const char *line = text_str(&world->out);
    while (*line != '\0') {
        size_t size = strcspn(line, "\n");
        assert_int_equal(line[size], '\n');
        cJSON *event = cJSON_ParseWithLength(line, size);
        assert_non_null(event);
        size_t used = strlen(seen);
        snprintf(seen + used, sizeof(seen) - used, "%s %s@%s,%s ", json_string(event, "type", "?"),
                 json_string(event, "object.metadata.name", ""),
                 json_string(event, "object.metadata.resourceVersion", ""),
                 json_string(event, "object.metadata.labels.app", ""));
        cJSON_Delete(event);
        line += size + 1;
    }
    if (!goes_on)
        strcat(seen, ".");
    assert_string_equal(seen, expected);
    assert_false(goes_on && api_watch_is_due(world->watch, at_ns));
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    world->store = store_new(1);
    world->visible = UINT64_MAX;
    put(world, "d", "a", "x"); /* Version 2. */
    put(world, "d", "b", "y"); /* Version 3. */
    put(world, "e", "c", "x"); /* Version 4. */
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    api_watch_free(world->watch);
    text_free(&world->out);
    store_free(world->store);
    free(world);
    return 0;
}

static void test_state_then_changes(void **state)
{
    struct world *world = *state;
    watch_pods(world, "", false);
    expect(world, NOW_NS, "ADDED a@2,x ADDED b@3,y ");
    expect(world, NOW_NS, "");
    put(world, "d", "a", "z");
    put(world, "e", "c", "z");
    store_delete(world->store, STORE_POD, "d", "b", NOW_NS);
    expect(world, NOW_NS, "MODIFIED a@5,z DELETED b@7,y ");
    assert_non_null(strstr(text_str(&world->out), "{\"type\":\"MODIFIED\",\"object\":{\"kind\":"
                                                  "\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{"));
}

static void test_changes_since_a_version(void **state)
{
    struct world *world = *state;
    watch_pods(world, "resourceVersion=2", false);
    expect(world, NOW_NS, "ADDED b@3,y ");
    watch_pods(world, "resourceVersion=4", false);
    assert_false(api_watch_is_due(world->watch, NOW_NS));
    watch_pods(world, "resourceVersion=0", false);
    expect(world, NOW_NS, "ADDED a@2,x ADDED b@3,y ");
}

/* What comes into the selection is added, what leaves it is deleted, as it last was in it. */
static void test_selection(void **state)
{
    struct world *world = *state;
    watch_pods(world, "labelSelector=app%3Dx", false);
    expect(world, NOW_NS, "ADDED a@2,x ");
    put(world, "d", "a", "out");
    expect(world, NOW_NS, "DELETED a@5,x ");
    put(world, "d", "b", "x");
    expect(world, NOW_NS, "ADDED b@6,x ");
    store_delete(world->store, STORE_POD, "d", "a", NOW_NS);
    expect(world, NOW_NS, "");
    store_delete(world->store, STORE_POD, "d", "b", NOW_NS);
    expect(world, NOW_NS, "DELETED b@8,x ");
}

static void test_bookmarks_and_the_end(void **state)
{
    struct world *world = *state;
    watch_pods(world, "resourceVersion=3&allowWatchBookmarks=true&timeoutSeconds=15", false);
    expect(world, NOW_NS, "");
    expect(world, NOW_NS + 9 * SECOND_NS, "");
    /* The other namespace's change moves the version on, which only a bookmark tells. */
    expect(world, NOW_NS + 10 * SECOND_NS, "BOOKMARK @4, ");
    put(world, "e", "c", "w");
    expect(world, NOW_NS + 14 * SECOND_NS, "");
    expect(world, NOW_NS + 15 * SECOND_NS, "BOOKMARK @5, .");
}

static void test_initial_events(void **state)
{
    struct world *world = *state;
    watch_pods(world,
               "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch="
               "NotOlderThan",
               false);
    expect(world, NOW_NS, "ADDED a@2,x ADDED b@3,y BOOKMARK @4, ");
    assert_non_null(strstr(text_str(&world->out), "\"k8s.io/initial-events-end\":\"true\""));
    watch_pods(world, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan", false);
    expect(world, NOW_NS, "ADDED a@2,x ADDED b@3,y ");
    watch_pods(world, "sendInitialEvents=false&resourceVersionMatch=NotOlderThan", false);
    expect(world, NOW_NS, "");
    put(world, "d", "a", "z");
    expect(world, NOW_NS, "MODIFIED a@5,z ");
}

/* What happened after the visible version waits for it. */
static void test_kept_back(void **state)
{
    struct world *world = *state;
    watch_pods(world, "resourceVersion=2", false);
    world->visible = 2;
    put(world, "d", "a", "z");
    expect(world, NOW_NS, "");
    world->visible = 3;
    expect(world, NOW_NS, "ADDED b@3,y ");
    expect(world, NOW_NS, "");
    world->visible = UINT64_MAX;
    expect(world, NOW_NS, "MODIFIED a@5,z ");
}

static void test_expired(void **state)
{
    struct world *world = *state;
    watch_pods(world, "resourceVersion=3", false);
    expect(world, NOW_NS, "");
    world->expired_before = 5;
    expect(world, NOW_NS, "ERROR @, .");
    assert_string_equal(text_str(&world->out),
                        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\","
                        "\"metadata\":{},\"status\":\"Failure\",\"message\":\"too old resource "
                        "version: 4 (5)\",\"reason\":\"Expired\",\"code\":410}}\n");
    world->expired_before = 0;
    watch_pods(world, "resourceVersion=3", false);
    for (unsigned i = 0; i <= STORE_LOG_EVENTS; i++)
        put(world, "e", "c", i % 2 == 0 ? "s" : "t");
    expect(world, NOW_NS, "ERROR @, .");
}

static void test_tables(void **state)
{
    struct world *world = *state;
    watch_pods(world, "resourceVersion=2", true);
    expect(world, NOW_NS, "ADDED @3, ");
    cJSON *event = cJSON_Parse(text_str(&world->out));
    assert_string_equal(json_string(event, "object.kind", ""), "Table");
    const cJSON *rows = json_at(event, "object.rows");
    assert_int_equal(cJSON_GetArraySize(rows), 1);
    assert_string_equal(json_member(rows->child, "cells")->child->valuestring, "b");
    cJSON_Delete(event);
}

int main(void)
{
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_state_then_changes),
        WORLD_TEST(test_changes_since_a_version),
        WORLD_TEST(test_selection),
        WORLD_TEST(test_bookmarks_and_the_end),
        WORLD_TEST(test_initial_events),
        WORLD_TEST(test_kept_back),
        WORLD_TEST(test_expired),
        WORLD_TEST(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
