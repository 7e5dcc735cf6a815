/* The controllers in situations that the recording does not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/collector.h"
#include "lab/controller_deployment.h"
#include "lab/controller_endpointslice.h"
#include "lab/controller_node.h"
#include "lab/controller_replicaset.h"
#include "lab/controller_service.h"
#include "lab/object.h"

static const int64_t now_ns = INT64_C(1795254797000000000);

static cJSON *parse(const char *format, ...) __attribute__((format(printf, 1, 2)));

static cJSON *parse(const char *format, ...)
{
    char text[4096];
    struct error err = {0};
    cJSON *object;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    object = json_parse(text, strlen(text), &err);
    if (object == NULL)
        print_message("%s\n", err.text);
    assert_non_null(object);
    return object;
}

static cJSON *deployment(const char *strategy, int replicas, const char *image)
{
    return parse(
        "{\"metadata\":{\"name\":\"web\",\"namespace\":\"d\",\"uid\":\"dep\",\"generation\":1},"
        "\"spec\":{\"replicas\":%d,\"selector\":{\"matchLabels\":{\"app\":\"web\"}},"
        "\"strategy\":%s,\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},"
        "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"%s\"}]}}}}",
        replicas, strategy, image);
}

/* A set of IMAGE with SPEC replicas of which AVAILABLE are up, made for DESIRED. */
static cJSON *set(const char *image, int spec, int available, int desired, int created)
{
    return parse(
        "{\"metadata\":{\"name\":\"web-%s\",\"namespace\":\"d\",\"uid\":\"%s\","
        "\"creationTimestamp\":\"2026-11-21T09:00:%02dZ\",\"annotations\":{"
        "\"deployment.kubernetes.io/desired-replicas\":\"%d\","
        "\"deployment.kubernetes.io/max-replicas\":\"%d\","
        "\"deployment.kubernetes.io/revision\":\"%d\"}},"
        "\"spec\":{\"replicas\":%d,\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\","
        "\"pod-template-hash\":\"%s\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
        "\"image\":\"%s\"}]}}},\"status\":{\"replicas\":%d,\"readyReplicas\":%d,"
        "\"availableReplicas\":%d}}",
        image, image, created, desired, desired + 1, created, spec, image, image, spec, available,
        available);
}

/* The size that CHANGES give to the set of IMAGE; -1: untouched. */
static int size_of(const struct changes *changes, const char *image)
{
    int size = -1;

    for (size_t i = 0; i < changes->count; i++) {
        const cJSON *object = changes->items[i].object;
        const cJSON *containers = json_at(object, "spec.template.spec.containers");
        if (changes->items[i].kind == STORE_REPLICASET && object != NULL &&
            strcmp(json_string(containers->child, "image", ""), image) == 0)
            size = (int)json_integer(object, "spec.replicas", -1);
    }
    return size;
}

static void test_rolling_arithmetic(void **state)
{
    static const struct {
        const char *surge, *unavailable;
        int replicas;
        int old_spec, old_available, new_spec, new_available; /* new_spec -1: none yet. */
        int want_old, want_new;                               /* -1: untouched. */
    } rows[] = {
        {"1", "0", 8, 8, 8, -1, 0, -1, 1}, /* First step: one more. */
        {"1", "0", 8, 8, 8, 1, 0, -1, -1}, /* It is not ready: wait. */
        {"1", "0", 8, 8, 8, 1, 1, 7, -1},  /* It is: one old goes. */
        {"1", "0", 8, 7, 7, 1, 1, -1, 2},  /* The next, without waiting for the old one's end. */
        {"0", "1", 8, 8, 8, -1, 0, 7, 0},  /* No surge: an old one goes first. */
        {"\"25%\"", "\"25%\"", 10, 10, 10, -1, 0, 8, 3}, /* Surge up to 3, unavailable down to 2. */
        {"0", "0", 4, 4, 4, -1, 0, 3, 0},                /* Both 0 count as unavailable 1. */
        {"1", "1", 8, 8, 5, 1, 0, 7, -1},                /* An unhealthy old one costs nothing. */
        {"1", "0", 1, 1, 1, -1, 0, -1, 1},               /* A single replica. */
        {"8", "0", 8, 8, 8, 8, 3, 5, -1},                /* A whole second set, three of it up. */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char strategy[200];
        struct changes changes = {0};
        const cJSON *sets[2];
        size_t count = 0;
        cJSON *object;

        snprintf(strategy, sizeof(strategy),
                 "{\"rollingUpdate\":{\"maxSurge\":%s,\"maxUnavailable\":%s}}", rows[i].surge,
                 rows[i].unavailable);
        object = deployment(strategy, rows[i].replicas, "v2");
        sets[count++] = set("v1", rows[i].old_spec, rows[i].old_available, rows[i].replicas, 1);
        if (rows[i].new_spec >= 0)
            sets[count++] = set("v2", rows[i].new_spec, rows[i].new_available, rows[i].replicas, 2);
        controller_deployment(object, sets, count, false, now_ns, &changes);
        assert_int_equal(size_of(&changes, "v1"), rows[i].want_old);
        assert_int_equal(size_of(&changes, "v2"), rows[i].want_new);
        changes_free(&changes);
        cJSON_Delete(object);
        for (size_t n = 0; n < count; n++)
            cJSON_Delete((cJSON *)(uintptr_t)sets[n]);
    }
}

/* Recreate: all old ones go, and nothing comes while a pod of them is left. */
static void test_recreate(void **state)
{
    cJSON *object = deployment("{\"type\":\"Recreate\"}", 3, "v2");
    cJSON *old = set("v1", 3, 3, 3, 1), *empty = set("v1", 0, 0, 3, 1);
    const cJSON *sets[] = {old};
    struct changes changes = {0};

    (void)state;
    controller_deployment(object, sets, 1, true, now_ns, &changes);
    assert_int_equal(size_of(&changes, "v1"), 0);
    assert_int_equal(size_of(&changes, "v2"), -1);
    changes_free(&changes);
    sets[0] = empty;
    controller_deployment(object, sets, 1, true, now_ns, &changes);
    assert_int_equal(size_of(&changes, "v2"), -1);
    changes_free(&changes);
    controller_deployment(object, sets, 1, false, now_ns, &changes);
    assert_int_equal(size_of(&changes, "v2"), 3);
    changes_free(&changes);
    cJSON_Delete(object);
    cJSON_Delete(old);
    cJSON_Delete(empty);
}

/* A change of replicas goes to the one active set; in the middle of a rollout, in proportion. */
static void test_scaling(void **state)
{
    cJSON *object =
        deployment("{\"rollingUpdate\":{\"maxSurge\":1,\"maxUnavailable\":0}}", 16, "v2");
    cJSON *only = set("v2", 8, 8, 8, 2), *old = set("v1", 6, 6, 8, 1), *new = set("v2", 3, 2, 8, 2);
    const cJSON *one[] = {only}, *two[] = {old, new};
    struct changes changes = {0};

    (void)state;
    controller_deployment(object, one, 1, false, now_ns, &changes);
    assert_int_equal(size_of(&changes, "v2"), 16);
    changes_free(&changes);
    controller_deployment(object, two, 2, false, now_ns, &changes);
    assert_int_equal(size_of(&changes, "v1") + size_of(&changes, "v2"), 17);
    assert_int_equal(size_of(&changes, "v1"), 11);
    changes_free(&changes);
    cJSON_Delete(object);
    cJSON_Delete(only);
    cJSON_Delete(old);
    cJSON_Delete(new);
}

/* An image that never gets ready ends in ProgressDeadlineExceeded, after ten minutes by default. */
static void test_deadline(void **state)
{
    cJSON *object = deployment("{}", 2, "v2");
    cJSON *old = set("v1", 2, 2, 2, 1), *new = set("v2", 1, 0, 2, 2);
    const cJSON *sets[] = {old, new};
    struct changes changes = {0};
    cJSON *later;

    (void)state;
    controller_deployment(object, sets, 2, false, now_ns, &changes);
    later = cJSON_Duplicate(changes.items[changes.count - 1].object, true);
    changes_free(&changes);
    controller_deployment(later, sets, 2, false, now_ns + INT64_C(599000000000), &changes);
    assert_true(object_condition_is_true(changes.items[changes.count - 1].object, "Progressing"));
    changes_free(&changes);
    controller_deployment(later, sets, 2, false, now_ns + INT64_C(602000000000), &changes);
    assert_string_equal(
        json_string(object_condition(changes.items[changes.count - 1].object, "Progressing"),
                    "reason", ""),
        "ProgressDeadlineExceeded");
    changes_free(&changes);
    cJSON_Delete(object);
    cJSON_Delete(later);
    cJSON_Delete(old);
    cJSON_Delete(new);
}

static cJSON *pod(const char *name, const char *node, bool ready, bool deleting)
{
    return parse("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\",\"uid\":\"u-%s\","
                 "\"labels\":{\"app\":\"web\"},\"creationTimestamp\":\"2026-11-21T09:00:00Z\","
                 "\"ownerReferences\":[{\"uid\":\"rs\",\"controller\":true}]%s},"
                 "\"spec\":{\"nodeName\":\"%s\",\"containers\":[{\"ports\":[{\"name\":\"http\","
                 "\"containerPort\":8080}]}]},\"status\":{\"phase\":\"Running\",\"podIPs\":["
                 "{\"ip\":\"10.0.0.1\"},{\"ip\":\"fd00::1\"}],\"conditions\":[{\"type\":\"Ready\","
                 "\"status\":\"%s\",\"lastTransitionTime\":\"2026-11-21T09:00:10Z\"}]}}",
                 name, name, deleting ? ",\"deletionTimestamp\":\"2026-11-21T09:10:00Z\"" : "",
                 node, ready ? "True" : "False");
}

static unsigned count_verb(const struct changes *changes, enum change_verb verb,
                           enum store_kind kind)
{
    unsigned count = 0;

    for (size_t i = 0; i < changes->count; i++)
        count += changes->items[i].verb == verb && changes->items[i].kind == kind;
    return count;
}

/* Pods that are being deleted do not count: one is made for each at once. */
static void test_replicaset_counts(void **state)
{
    cJSON *replicaset = parse("{\"metadata\":{\"name\":\"rs\",\"namespace\":\"d\",\"uid\":\"rs\"},"
                              "\"spec\":{\"replicas\":2,\"template\":{\"metadata\":{\"labels\":"
                              "{\"app\":\"web\"}},\"spec\":{}}}}");
    cJSON *a = pod("a", "n1", true, false), *b = pod("b", "n1", true, true);
    cJSON *c = pod("c", "n2", false, false), *d = pod("d", "n1", true, false);
    const cJSON *pods[] = {a, b, c, d};
    struct changes changes = {0};

    (void)state;
    controller_replicaset(replicaset, pods, 2, pods, 2, now_ns, &changes);
    assert_int_equal(count_verb(&changes, CHANGE_CREATE, STORE_POD), 1);
    changes_free(&changes);
    controller_replicaset(replicaset, pods, 4, pods, 4, now_ns, &changes);
    assert_int_equal(count_verb(&changes, CHANGE_DELETE, STORE_POD), 1);
    assert_string_equal(changes.items[0].name, "c"); /* Not ready goes before ready. */
    changes_free(&changes);
    for (int i = 0; i < 4; i++)
        cJSON_Delete((cJSON *)(uintptr_t)pods[i]);
    cJSON_Delete(replicaset);
}

static void test_endpoint_conditions(void **state)
{
    cJSON *service =
        parse("{\"metadata\":{\"name\":\"s\",\"namespace\":\"d\",\"uid\":\"s\"},\"spec\":{"
              "\"selector\":{\"app\":\"web\"},\"ipFamilies\":[\"IPv4\",\"IPv6\"],"
              "\"ports\":[{\"name\":\"h\",\"port\":80,\"targetPort\":\"http\"}]}}");
    cJSON *a = pod("a", "n1", true, false), *b = pod("b", "n1", true, true);
    cJSON *c = pod("c", "n2", false, false);
    const cJSON *pods[] = {a, b, c};
    struct changes changes = {0};
    const cJSON *slice, *second, *endpoint;

    (void)state;
    controller_endpointslice(service, pods, 3, NULL, 0, NULL, &changes);
    assert_int_equal(count_verb(&changes, CHANGE_CREATE, STORE_ENDPOINTSLICE), 2);
    assert_int_equal(count_verb(&changes, CHANGE_CREATE, STORE_ENDPOINTS), 1);
    slice = changes.items[0].object;
    second = changes.items[1].object;
    assert_string_equal(json_string(slice, "addressType", ""), "IPv4");
    assert_string_equal(json_string(second, "addressType", ""), "IPv6");
    assert_int_equal(json_integer(json_at(slice, "ports")->child, "port", 0), 8080);
    endpoint = json_at(slice, "endpoints")->child;
    assert_true(json_bool(endpoint, "conditions.ready", false));
    endpoint = endpoint->next; /* b: serving, terminating. */
    assert_false(json_bool(endpoint, "conditions.ready", true));
    assert_true(json_bool(endpoint, "conditions.serving", false));
    assert_true(json_bool(endpoint, "conditions.terminating", false));
    endpoint = endpoint->next; /* c: not ready. */
    assert_false(json_bool(endpoint, "conditions.serving", true));
    assert_null(endpoint->next);
    changes_free(&changes);
    for (int i = 0; i < 3; i++)
        cJSON_Delete((cJSON *)(uintptr_t)pods[i]);
    cJSON_Delete(service);
}

static void test_service_addresses(void **state)
{
    cJSON *first = parse("{\"metadata\":{\"name\":\"a\"},\"spec\":{\"type\":\"LoadBalancer\","
                         "\"ipFamilyPolicy\":\"RequireDualStack\"}}");
    cJSON *second = parse("{\"metadata\":{\"name\":\"b\"},\"spec\":{\"type\":\"LoadBalancer\"}}");
    struct service_pools pools;
    struct changes changes = {0}, more = {0}, none = {0};
    const cJSON *services[2] = {first, second}, *ingress;

    (void)state;
    assert_int_equal(prefix_parse("10.96.0.0/16", &pools.cluster_v4, NULL), 0);
    assert_int_equal(prefix_parse("fd00:96::/112", &pools.cluster_v6, NULL), 0);
    assert_int_equal(prefix_parse("10.202.0.0/24", &pools.vip_v4, NULL), 0);
    assert_int_equal(prefix_parse("fd00:202::/112", &pools.vip_v6, NULL), 0);
    controller_service(first, services, 2, &pools, now_ns, &changes);
    ingress = json_at(changes.items[0].object, "status.loadBalancer.ingress");
    assert_int_equal(cJSON_GetArraySize(ingress), 2);
    assert_string_equal(json_string(ingress->child, "ip", ""), "10.202.0.1");
    assert_string_equal(json_string(ingress->child->next, "ip", ""), "fd00:202::1");
    assert_string_equal(json_string(changes.items[0].object, "spec.clusterIP", ""), "10.96.0.1");

    services[0] = changes.items[0].object;
    controller_service(second, services, 2, &pools, now_ns, &more);
    ingress = json_at(more.items[0].object, "status.loadBalancer.ingress");
    assert_int_equal(cJSON_GetArraySize(ingress), 1); /* Single stack. */
    assert_string_equal(json_string(ingress->child, "ip", ""), "10.202.0.2");
    controller_service(services[0], services, 2, &pools, now_ns, &none);
    assert_int_equal(none.count, 0);
    changes_free(&changes);
    changes_free(&more);
    cJSON_Delete(first);
    cJSON_Delete(second);
}

/* Kubernetes 1.36, recorded: a cordoned node gets its taint, and loses it. */
static void test_node_cordon(void **state)
{
    cJSON *node = parse("{\"metadata\":{\"name\":\"n2\"},\"spec\":{\"unschedulable\":true}}");
    cJSON *back;
    struct changes changes = {0};
    char *printed;

    (void)state;
    controller_node(node, now_ns, &changes);
    assert_int_equal(changes.count, 2);
    printed = json_print(json_at(changes.items[0].object, "spec"), false);
    assert_string_equal(printed, "{\"unschedulable\":true,\"taints\":[{\"key\":"
                                 "\"node.kubernetes.io/unschedulable\",\"effect\":\"NoSchedule\","
                                 "\"timeAdded\":\"2026-11-21T09:53:17Z\"}]}");
    cJSON_free(printed);
    assert_string_equal(json_string(changes.items[1].object, "reason", ""), "NodeNotSchedulable");
    assert_string_equal(json_string(changes.items[1].object, "involvedObject.uid", ""), "n2");
    back = cJSON_Duplicate(changes.items[0].object, true);
    changes_free(&changes);
    controller_node(back, now_ns, &changes);
    assert_int_equal(changes.count, 0);
    cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(back, "spec"),
                                            "unschedulable");
    controller_node(back, now_ns, &changes);
    assert_null(json_at(changes.items[0].object, "spec.taints"));
    assert_string_equal(json_string(changes.items[1].object, "reason", ""), "NodeSchedulable");
    changes_free(&changes);
    cJSON_Delete(node);
    cJSON_Delete(back);
}

/* A Deployment goes, then its sets, then their pods: one generation a scan. */
static void test_collector(void **state)
{
    struct store *store = store_new(1);
    cJSON *object = object_new("apps/v1", "Deployment", "d", "web");
    const cJSON *owner;
    struct changes changes = {0};

    (void)state;
    assert_int_equal(store_create(store, STORE_DEPLOYMENT, object, now_ns, &owner), STORE_OK);
    object = object_new("apps/v1", "ReplicaSet", "d", "web-1");
    object_set_controller(object, owner, "apps/v1", "Deployment");
    assert_int_equal(store_create(store, STORE_REPLICASET, object, now_ns, &owner), STORE_OK);
    object = object_new("v1", "Pod", "d", "web-1-x");
    object_set_controller(object, owner, "apps/v1", "ReplicaSet");
    assert_int_equal(store_create(store, STORE_POD, object, now_ns, NULL), STORE_OK);

    collector_scan(store, &changes);
    assert_int_equal(changes.count, 0);
    store_delete(store, STORE_DEPLOYMENT, "d", "web", now_ns);
    collector_scan(store, &changes);
    assert_int_equal(changes.count, 1);
    assert_string_equal(changes.items[0].name, "web-1");
    changes_free(&changes);
    store_delete(store, STORE_REPLICASET, "d", "web-1", now_ns);
    collector_scan(store, &changes);
    assert_int_equal(changes.count, 1);
    assert_string_equal(changes.items[0].name, "web-1-x");
    changes_free(&changes);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rolling_arithmetic),
        cmocka_unit_test(test_recreate),
        cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_replicaset_counts),
        cmocka_unit_test(test_endpoint_conditions),
        cmocka_unit_test(test_service_addresses),
        cmocka_unit_test(test_node_cordon),
        cmocka_unit_test(test_collector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
