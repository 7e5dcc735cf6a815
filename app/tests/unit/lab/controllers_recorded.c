/* The controllers against what a real cluster's controllers did: a recording of Kubernetes 1.36
 * (set image, scale down, scale up of a Deployment of 8 replicas, maxSurge 2, maxUnavailable 1) is
 * replayed in order of resourceVersion, and each controller must come to the same decision from the
 * objects as they stood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "lab/controller_deployment.h"
#include "lab/controller_endpointslice.h"
#include "lab/controller_replicaset.h"
#include "lab/object.h"

enum {
    LINES_MAX = 2000,
    OBJECTS_MAX = 200
};

struct line {
    const char *type;    /* LISTED, ADDED, MODIFIED or DELETED. */
    const cJSON *object; /* The object after it. */
    int64_t utc_ns;      /* When the client got it. */
};

struct world {
    const cJSON *objects[OBJECTS_MAX]; /* As of now. */
    size_t count;
};

static cJSON *document;
static struct line lines[LINES_MAX];
static size_t line_count;
static cJSON *service;

static int load(void **state)
{
    struct error err = {0};
    struct text text = {0};
    char *rest, *line;

    (void)state;
    if (text_read_file(&text, LAB_RECORDED "/changes.jsonl", 1 << 24) < 0)
        return -1;
    document = cJSON_CreateArray();
    rest = text.data;
    while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0') {
        cJSON *item = json_parse(line, strlen(line), &err);
        assert_non_null(item);
        cJSON_AddItemToArray(document, item);
        assert_true(line_count < LINES_MAX);
        lines[line_count].type = json_string(item, "type", "");
        lines[line_count].object = json_at(item, "object");
        lines[line_count].utc_ns = strtoll(json_string(item, "utc_ns", "0"), NULL, 10);
        line_count++;
    }
    text_free(&text);
    service = json_parse_file(LAB_RECORDED "/service.json", &err);
    return service == NULL ? -1 : 0;
}

static int unload(void **state)
{
    (void)state;
    cJSON_Delete(document);
    cJSON_Delete(service);
    return 0;
}

static void world_apply(struct world *world, const struct line *line)
{
    const char *uid = object_uid(line->object);
    size_t i = 0;

    while (i < world->count && strcmp(object_uid(world->objects[i]), uid) != 0)
        i++;
    if (strcmp(line->type, "DELETED") == 0) {
        assert_true(i < world->count);
        world->objects[i] = world->objects[--world->count];
        return;
    }
    if (i == world->count) {
        assert_true(world->count < OBJECTS_MAX);
        world->count++;
    }
    world->objects[i] = line->object;
}

static bool is_kind(const cJSON *object, const char *kind)
{
    return strcmp(json_string(object, "kind", ""), kind) == 0;
}

static size_t world_select(const struct world *world, const char *kind, const char *owner,
                           const cJSON **out)
{
    size_t count = 0;

    for (size_t i = 0; i < world->count; i++) {
        if (is_kind(world->objects[i], kind) &&
            (owner == NULL || strcmp(object_controller_uid(world->objects[i]), owner) == 0))
            out[count++] = world->objects[i];
    }
    return count;
}

static const cJSON *world_find(const struct world *world, const char *uid)
{
    for (size_t i = 0; i < world->count; i++) {
        if (strcmp(object_uid(world->objects[i]), uid) == 0)
            return world->objects[i];
    }
    return NULL;
}

/* What the controller wants of the set that has the recorded one's image; -1: nothing. */
static int64_t wanted_size(const struct changes *changes, const cJSON *recorded)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        const cJSON *object = change->object;
        if (change->kind != STORE_REPLICASET)
            continue;
        if (change->verb == CHANGE_CREATE || strcmp(object_uid(object), object_uid(recorded)) == 0)
            return json_integer(object, "spec.replicas", -2);
    }
    return -1;
}

static int64_t decide(const struct world *world, const cJSON *recorded, int64_t utc_ns)
{
    const cJSON *sets[OBJECTS_MAX], *deployments[4];
    struct changes changes = {0};
    int64_t size;

    assert_int_equal(world_select(world, "Deployment", NULL, deployments), 1);
    controller_deployment(deployments[0], sets,
                          world_select(world, "ReplicaSet", object_uid(deployments[0]), sets),
                          false, utc_ns, &changes);
    size = wanted_size(&changes, recorded);
    changes_free(&changes);
    return size;
}

/* Every change of a ReplicaSet's size in the recording is what the arithmetic gives from the
 * objects that the real controller can have seen: the present ones or those of a few changes
 * ago. */
static void test_deployment_sizes(void **state)
{
    struct world world = {0};
    unsigned steps = 0, created = 0;

    (void)state;
    for (size_t i = 0; i < line_count; i++) {
        const cJSON *object = lines[i].object, *before;
        int64_t size = json_integer(object, "spec.replicas", -1);

        before = is_kind(object, "ReplicaSet") ? world_find(&world, object_uid(object)) : NULL;
        if (is_kind(object, "ReplicaSet") && strcmp(lines[i].type, "LISTED") != 0 &&
            (before == NULL || json_integer(before, "spec.replicas", -1) != size)) {
            int64_t wanted = decide(&world, object, lines[i].utc_ns);
            if (wanted != size)
                print_message("line %zu: recorded %lld, controller %lld\n", i, (long long)size,
                              (long long)wanted);
            assert_int_equal(wanted, size);
            created += before == NULL;
            steps++;
        }
        world_apply(&world, &lines[i]);
    }
    assert_int_equal(created, 1);
    assert_true(steps >= 15);
}

static bool counts_equal(const cJSON *a, const cJSON *b)
{
    static const char *const names[] = {"replicas",
                                        "updatedReplicas",
                                        "readyReplicas",
                                        "availableReplicas",
                                        "unavailableReplicas",
                                        "terminatingReplicas",
                                        "fullyLabeledReplicas"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_integer(a, names[i], 0) != json_integer(b, names[i], 0))
            return false;
    }
    return true;
}

static cJSON *status_now(const struct world *world, const char *kind, const cJSON *self,
                         int64_t utc_ns)
{
    const cJSON *owned[OBJECTS_MAX];
    struct changes changes = {0};
    cJSON *status = NULL;

    if (strcmp(kind, "Deployment") == 0)
        controller_deployment(self, owned,
                              world_select(world, "ReplicaSet", object_uid(self), owned), false,
                              utc_ns, &changes);
    else
        controller_replicaset(self, owned, world_select(world, "Pod", object_uid(self), owned),
                              NULL, 0, utc_ns, &changes);
    for (size_t i = 0; i < changes.count; i++) {
        if (changes.items[i].verb == CHANGE_UPDATE &&
            strcmp(object_uid(changes.items[i].object), object_uid(self)) == 0)
            status = cJSON_Duplicate(json_at(changes.items[i].object, "status"), true);
    }
    changes_free(&changes);
    return status;
}

/* Each recorded status is one that the objects gave at some moment since the last one (the real
 * controller's view lags, by less than LAG changes). */
static void check_statuses(const char *kind, unsigned least)
{
    enum {
        LAG = 24
    };
    struct world world = {0};
    struct {
        cJSON *status;
        const char *uid;
    } seen[LAG] = {{0}};
    unsigned checked = 0, next = 0;

    for (size_t i = 0; i < line_count; i++) {
        const cJSON *object = lines[i].object;
        bool found = false;

        if (is_kind(object, kind) && strcmp(lines[i].type, "MODIFIED") == 0) {
            const cJSON *before = world_find(&world, object_uid(object));
            if (!counts_equal(json_at(before, "status"), json_at(object, "status"))) {
                for (int n = 0; n < LAG; n++) {
                    if (seen[n].status != NULL && strcmp(seen[n].uid, object_uid(object)) == 0 &&
                        counts_equal(seen[n].status, json_at(object, "status")))
                        found = true;
                }
                if (!found)
                    print_message("line %zu\n", i);
                assert_true(found);
                checked++;
            }
        }
        world_apply(&world, &lines[i]);
        for (size_t n = 0; n < world.count; n++) {
            if (!is_kind(world.objects[n], kind))
                continue;
            cJSON_Delete(seen[next % LAG].status);
            seen[next % LAG].status = status_now(&world, kind, world.objects[n], lines[i].utc_ns);
            seen[next++ % LAG].uid = object_uid(world.objects[n]);
        }
    }
    for (int n = 0; n < LAG; n++)
        cJSON_Delete(seen[n].status);
    assert_true(checked >= least);
}

static void test_deployment_statuses(void **state)
{
    (void)state;
    check_statuses("Deployment", 30);
}

static void test_replicaset_statuses(void **state)
{
    (void)state;
    check_statuses("ReplicaSet", 30);
}

static bool endpoints_equal(const cJSON *a, const cJSON *b)
{
    const cJSON *x, *y;

    if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
        return false;
    cJSON_ArrayForEach(x, a)
    {
        bool found = false;
        cJSON_ArrayForEach(y, b) found = found || cJSON_Compare(x, y, true);
        if (!found)
            return false;
    }
    return true;
}

static cJSON *slice_now(const struct world *world)
{
    const cJSON *pods[OBJECTS_MAX];
    struct changes changes = {0};
    cJSON *endpoints = NULL;

    controller_endpointslice(service, pods, world_select(world, "Pod", NULL, pods), NULL, 0, NULL,
                             &changes);
    for (size_t i = 0; i < changes.count; i++) {
        if (changes.items[i].kind == STORE_ENDPOINTSLICE)
            endpoints = cJSON_Duplicate(json_at(changes.items[i].object, "endpoints"), true);
    }
    changes_free(&changes);
    return endpoints;
}

static void test_endpointslices(void **state)
{
    enum {
        LAG = 40
    };
    struct world world = {0};
    cJSON *seen[LAG] = {0};
    unsigned checked = 0, next = 0;

    (void)state;
    for (size_t i = 0; i < line_count; i++) {
        const cJSON *object = lines[i].object;
        bool found = false;

        world_apply(&world, &lines[i]);
        if (is_kind(object, "Pod")) {
            cJSON_Delete(seen[next % LAG]);
            seen[next++ % LAG] = slice_now(&world);
        } else if (is_kind(object, "EndpointSlice") && strcmp(lines[i].type, "MODIFIED") == 0) {
            for (int n = 0; n < LAG && !found; n++)
                found = seen[n] != NULL && endpoints_equal(seen[n], json_at(object, "endpoints"));
            if (!found)
                print_message("line %zu\n", i);
            assert_true(found);
            checked++;
        }
    }
    for (int n = 0; n < LAG; n++)
        cJSON_Delete(seen[n]);
    assert_true(checked >= 30);
}

static bool recorded_deleted(const char *name)
{
    for (size_t i = 0; i < line_count; i++) {
        if (strcmp(lines[i].type, "DELETED") == 0 &&
            strcmp(object_name(lines[i].object), name) == 0)
            return true;
    }
    return false;
}

static const char *ready_since(const cJSON *pod)
{
    return json_string(object_condition(pod, "Ready"), "lastTransitionTime", "");
}

/* The real order says nothing about two pods that were made and became ready in the same second. */
static bool tied_with_deleted(const cJSON *const *pods, size_t count, const char *name)
{
    const cJSON *self = NULL;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(object_name(pods[i]), name) == 0)
            self = pods[i];
    }
    for (size_t i = 0; i < count && self != NULL; i++) {
        if (pods[i] != self && recorded_deleted(object_name(pods[i])) &&
            object_created_ns(pods[i]) == object_created_ns(self) &&
            strcmp(ready_since(pods[i]), ready_since(self)) == 0)
            return true;
    }
    return false;
}

/* Scale 8 -> 3: the five victims are the recorded ones. */
static void test_replicaset_victims(void **state)
{
    struct world world = {0};
    const cJSON *pods[OBJECTS_MAX];
    struct changes changes = {0};
    unsigned victims = 0, exact = 0;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < line_count && count == 0; i++) {
        const cJSON *object = lines[i].object;

        world_apply(&world, &lines[i]);
        if (!is_kind(object, "ReplicaSet") || json_integer(object, "spec.replicas", 0) != 3 ||
            json_integer(object, "status.replicas", 0) != 8)
            continue;
        count = world_select(&world, "Pod", object_uid(object), pods);
        controller_replicaset(object, pods, count, pods, count, lines[i].utc_ns, &changes);
    }
    for (size_t n = 0; n < changes.count; n++) {
        const struct change *change = &changes.items[n];
        if (change->verb != CHANGE_DELETE)
            continue;
        victims++;
        exact += recorded_deleted(change->name);
        assert_true(recorded_deleted(change->name) || tied_with_deleted(pods, count, change->name));
    }
    assert_int_equal(victims, 5);
    assert_true(exact >= 4);
    changes_free(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deployment_sizes),    cmocka_unit_test(test_deployment_statuses),
        cmocka_unit_test(test_replicaset_statuses), cmocka_unit_test(test_endpointslices),
        cmocka_unit_test(test_replicaset_victims),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
