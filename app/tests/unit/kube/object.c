/* Typed objects: what is read of each kind, defaults of absent members, and odd input. */
#include "kube/object.h"

#include <netinet/in.h>

#include "kube/cache.h"
#include "tests/unit/kube/fixture.h"

static struct kube_object *read_text(enum kube_kind kind, const char *text)
{
    struct error err = {0};
    cJSON *json = json_parse(text, strlen(text), &err);
    assert_non_null(json);
    struct kube_object *object = kube_object_read(kind, json, &err);
    cJSON_Delete(json);
    return object;
}

static struct kube_object *first_of(const char *file, enum kube_kind kind)
{
    cJSON *json = fixture_json(KUBE_FIXTURES, file);
    struct kube_object *object =
        kube_object_read(kind, cJSON_GetArrayItem(json_member(json, "items"), 0), NULL);
    cJSON_Delete(json);
    assert_non_null(object);
    return object;
}

static const char *text_of(const struct address *address)
{
    static char text[ADDRESS_TEXT_BYTES];
    return address_text(address, text);
}

static void test_recorded_pod(void **state)
{
    struct kube_object *pod = first_of("list-pods.json", KUBE_POD);
    (void)state;
    assert_string_equal(pod->meta.name, "web-7bf56bdd7d-8j4lz");
    assert_string_equal(pod->meta.uid, "239b99a4-d1a7-4291-be4e-9598402d6d88");
    assert_int_equal(pod->meta.version_number, 531);
    assert_string_equal(pod->meta.owner_name, "web-7bf56bdd7d");
    assert_false(kube_object_terminating(pod));
    assert_int_equal(pod->pod.ips.count, 1);
    assert_string_equal(text_of(&pod->pod.ips.each[0]), "10.244.2.5");
    assert_string_equal(pod->pod.node, "n2");
    assert_int_equal(pod->pod.phase, KUBE_POD_RUNNING);
    assert_true(pod->pod.ready);
    assert_string_equal(pod->pod.containers.each[0].image, "local.test/web:v1");
    assert_int_equal(pod->pod.containers.each[0].state, KUBE_CONTAINER_RUNNING);
    kube_object_drop(pod);
}

static void test_recorded_others(void **state)
{
    struct kube_object *object = first_of("list-deployments.json", KUBE_DEPLOYMENT);
    (void)state;
    assert_int_equal(object->meta.generation, 1);
    assert_int_equal(object->workload.replicas, 8);
    assert_int_equal(object->workload.observed_generation, 1);
    assert_string_equal(kube_labels_get(&object->workload.selector, "app"), "web");
    assert_string_equal(kube_condition_find(&object->workload.conditions, "Available")->status,
                        "True");
    kube_object_drop(object);

    object = first_of("list-endpointslices.json", KUBE_ENDPOINTSLICE);
    assert_string_equal(object->endpointslice.service, "web");
    assert_int_equal(object->endpointslice.endpoints_count, 8);
    assert_string_equal(object->endpointslice.endpoints[0].pod, "web-7bf56bdd7d-lthzb");
    assert_string_equal(object->endpointslice.endpoints[0].node, "n2");
    assert_true(object->endpointslice.endpoints[0].ready);
    assert_false(object->endpointslice.endpoints[0].terminating);
    assert_int_equal(object->endpointslice.ports[0].port, 8080);
    kube_object_drop(object);

    object = first_of("list-nodes.json", KUBE_NODE);
    assert_true(object->node.ready);
    assert_false(object->node.unschedulable);
    assert_string_equal(text_of(&object->node.internal.each[0]), "10.200.0.11");
    kube_object_drop(object);
}

static void test_recorded_services(void **state)
{
    static const struct {
        const char *file;
        enum kube_service_type type;
        unsigned ips, hosts;
    } rows[] = {
        {"service-lb-pending.json", KUBE_SERVICE_LOAD_BALANCER, 0, 0},
        {"service-lb-ready.json", KUBE_SERVICE_LOAD_BALANCER, 1, 0},
        {"service-lb-hostname.json", KUBE_SERVICE_LOAD_BALANCER, 0, 1},
        {"service.json", KUBE_SERVICE_NODE_PORT, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cJSON *json = fixture_json(KUBE_FIXTURES, rows[i].file);
        struct kube_object *object = kube_object_read(KUBE_SERVICE, json, NULL);
        assert_int_equal(object->service.type, rows[i].type);
        assert_int_equal(object->service.ingress_ips.count, rows[i].ips);
        assert_int_equal(object->service.ingress_hosts_count, rows[i].hosts);
        assert_int_equal(object->service.ports_count, 1);
        assert_int_equal(object->service.cluster_ips.count, 1);
        cJSON_Delete(json);
        kube_object_drop(object);
    }
}

/* Of a server without slices. */
static void test_endpoints(void **state)
{
    struct kube_object *object;
    (void)state;
    object = read_text(
        KUBE_ENDPOINTSLICE,
        "{\"metadata\":{\"name\":\"web\"},\"subsets\":[{\"addresses\":[{\"ip\":\"fd00::1\","
        "\"nodeName\":\"n1\",\"targetRef\":{\"kind\":\"Pod\",\"name\":\"p1\",\"uid\":\"u1\"}}],"
        "\"notReadyAddresses\":[{\"ip\":\"fd00::2\"}],\"ports\":[{\"name\":\"http\",\"port\":80}]},"
        "{\"addresses\":[{\"ip\":\"fd00::3\"}]}]}");
    const struct kube_endpointslice *slice = &object->endpointslice;
    assert_string_equal(slice->service, "web");
    assert_int_equal(slice->address_type, KUBE_ADDRESS_IPV6);
    assert_int_equal(slice->endpoints_count, 3);
    assert_string_equal(slice->endpoints[0].pod, "p1");
    assert_string_equal(slice->endpoints[0].pod_uid, "u1");
    assert_string_equal(slice->endpoints[0].node, "n1");
    assert_true(slice->endpoints[0].ready && slice->endpoints[2].ready);
    assert_false(slice->endpoints[1].ready);
    assert_int_equal(slice->ports_count, 1);
    assert_int_equal(slice->ports[0].port, 80);
    kube_object_drop(object);
    object = read_text(KUBE_ENDPOINTSLICE, "{\"metadata\":{\"name\":\"none\"}}");
    assert_int_equal(object->endpointslice.endpoints_count, 0);
    kube_object_drop(object);
}

/* v1beta1, and the API's meaning of absent conditions. */
static void test_slice_defaults(void **state)
{
    struct kube_object *slice = read_text(
        KUBE_ENDPOINTSLICE,
        "{\"metadata\":{\"name\":\"s\"},\"addressType\":\"IPv6\",\"endpoints\":["
        "{\"addresses\":[\"fd00::1\"],\"topology\":{\"kubernetes.io/hostname\":\"n1\"}},"
        "{\"addresses\":[\"fd00::2\"],\"conditions\":{\"ready\":false}},"
        "{\"addresses\":[\"no\"],\"conditions\":{\"ready\":false,\"serving\":true,\"terminating\":"
        "true}}],\"ports\":[{\"port\":70000},{\"protocol\":\"UDP\",\"port\":53}]}");
    const struct kube_endpoint *endpoints = slice->endpointslice.endpoints;
    (void)state;
    assert_int_equal(slice->endpointslice.address_type, KUBE_ADDRESS_IPV6);
    assert_true(endpoints[0].ready && !endpoints[0].terminating);
    assert_string_equal(endpoints[0].node, "n1");
    assert_false(endpoints[1].ready);
    assert_true(!endpoints[2].ready && endpoints[2].terminating);
    assert_int_equal(endpoints[2].addresses.count, 0);
    assert_int_equal(slice->endpointslice.ports[0].port, 0);
    assert_int_equal(slice->endpointslice.ports[1].protocol, IPPROTO_UDP);
    kube_object_drop(slice);
}

static void test_why_not_ready(void **state)
{
    static const char *const rows[][2] = {
        {"\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":"
         "\"Unschedulable\",\"message\":\"0/2 nodes\"}]",
         "not scheduled: Unschedulable: 0/2 nodes"},
        {"\"containerStatuses\":[{\"name\":\"c\",\"ready\":false,\"state\":{\"waiting\":{"
         "\"reason\":"
         "\"ImagePullBackOff\",\"message\":\"no such image\"}}}]",
         "container c: ImagePullBackOff: no such image"},
        {"\"containerStatuses\":[{\"name\":\"c\",\"ready\":false,\"state\":{\"waiting\":{"
         "\"reason\":\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":{\"exitCode\":137}}}]",
         "container c: CrashLoopBackOff; it ended with exit code 137 last"},
        {"\"initContainerStatuses\":[{\"name\":\"i\",\"ready\":true,\"state\":{\"terminated\":{"
         "\"reason\":\"Completed\"}}},{\"name\":\"j\",\"ready\":false,\"state\":{\"waiting\":{"
         "\"reason\":\"ErrImagePull\",\"message\":\"no j\"}}}],"
         "\"containerStatuses\":[{\"name\":\"c\",\"ready\":false,\"state\":{\"waiting\":{"
         "\"reason\":\"PodInitializing\"}}}]",
         "init container j: ErrImagePull: no j"},
        {"\"initContainerStatuses\":[{\"name\":\"i\",\"ready\":false,\"state\":{\"running\":{}}},{"
         "\"name\":\"j\",\"state\":{\"waiting\":{\"reason\":\"PodInitializing\"}}}]",
         "init container i is not done yet"},
        {"\"containerStatuses\":[{\"name\":\"c\",\"ready\":false,\"state\":{\"running\":{}}}]",
         "container c runs, but its readiness probe does not pass"},
        {"\"phase\":\"Pending\"", "not ready, phase Pending"},
        {"\"phase\":\"Failed\",\"reason\":\"Evicted\"", "Evicted"},
        {"\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char json[1024], why[256];
        snprintf(json, sizeof(json),
                 "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\"}],"
                 "\"initContainers\":[{\"name\":\"i\"},{\"name\":\"j\"}]},"
                 "\"status\":{%s}}",
                 rows[i][0]);
        struct kube_object *pod = read_text(KUBE_POD, json);
        kube_pod_why_not_ready(&pod->pod, why, sizeof(why));
        assert_string_equal(why, rows[i][1]);
        kube_pod_why_not_ready(&pod->pod, why, 5); /* Cut, never overrun. */
        assert_true(strlen(why) < 5);
        kube_object_drop(pod);
    }
}

static void test_deletion(void **state)
{
    struct kube_object *pod = read_text(
        KUBE_POD, "{\"metadata\":{\"name\":\"p\",\"creationTimestamp\":"
                  "\"2026-11-21T09:00:00Z\",\"deletionTimestamp\":\"2026-11-21T09:53:29Z\","
                  "\"deletionGracePeriodSeconds\":10}}");
    (void)state;
    assert_true(kube_object_terminating(pod));
    assert_int_equal(pod->meta.deleted_utc_ns, json_parse_time("2026-11-21T09:53:29Z"));
    assert_int_equal(pod->meta.grace_s, 10);
    kube_object_drop(pod);
}

/* Anything may come; what has no name is refused, the rest reads as empty. */
static void test_odd_input(void **state)
{
    static const char *const bodies[] = {
        "\"metadata\":{\"name\":\"x\"}",
        "\"metadata\":{\"name\":\"x\",\"labels\":[],\"ownerReferences\":{}},\"spec\":7,\"status\":["
        "]",
        "\"metadata\":{\"name\":\"x\",\"resourceVersion\":12,\"uid\":{}},\"spec\":{\"containers\":"
        "\"c\",\"replicas\":\"many\",\"ports\":[7],\"podCIDRs\":[\"10.0.0.0/"
        "99\"],\"clusterIPs\":[1]},"
        "\"status\":{\"podIPs\":[7,{}],\"conditions\":[[]],\"loadBalancer\":{\"ingress\":[1]}},"
        "\"endpoints\":[[]],\"ports\":[1]",
    };
    (void)state;
    for (int kind = 0; kind < KUBE_KIND_COUNT; kind++) {
        for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
            char json[1024];
            snprintf(json, sizeof(json), "{%s}", bodies[i]);
            struct kube_object *object = read_text((enum kube_kind)kind, json);
            assert_non_null(object);
            assert_string_equal(object->meta.name, "x");
            kube_object_drop(object);
        }
        assert_null(read_text((enum kube_kind)kind, "{\"metadata\":{\"uid\":\"1\"}}"));
        assert_null(read_text((enum kube_kind)kind, "[]"));
    }
}

static void test_cache(void **state)
{
    static const char *const names[] = {"c", "a", "b", "a"};
    struct kube_cache cache = {0};
    struct kube_object *previous;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char json[64];
        snprintf(json, sizeof(json), "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\"}}",
                 names[i]);
        assert_int_equal(kube_cache_put(&cache, read_text(KUBE_POD, json), &previous), 0);
        assert_int_equal(previous != NULL, i == 3);
        kube_object_drop(previous);
    }
    assert_int_equal(cache.count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cache.objects[i]->meta.name[0], 'a' + (int)i);
    assert_null(kube_cache_find(&cache, "m", "a"));
    assert_non_null(kube_cache_find(&cache, "n", "b"));
    kube_object_drop(kube_cache_remove(&cache, "n", "b"));
    assert_null(kube_cache_remove(&cache, "n", "b"));
    assert_int_equal(cache.count, 2);
    kube_cache_free(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_pod),
        cmocka_unit_test(test_recorded_others),
        cmocka_unit_test(test_recorded_services),
        cmocka_unit_test(test_slice_defaults),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_why_not_ready),
        cmocka_unit_test(test_deletion),
        cmocka_unit_test(test_odd_input),
        cmocka_unit_test(test_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
