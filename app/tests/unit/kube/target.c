/* From Services and Nodes to addresses. */
#include "kube/target.h"

#include <errno.h>

#include "tests/unit/kube/fixture.h"

static struct kube_object *read_text(enum kube_kind kind, const char *text)
{
    cJSON *json = json_parse(text, strlen(text), NULL);
    struct kube_object *object = kube_object_read(kind, json, NULL);
    cJSON_Delete(json);
    assert_non_null(object);
    return object;
}

static struct kube_object *recorded(const char *file)
{
    cJSON *json = fixture_json(KUBE_FIXTURES, file);
    struct kube_object *object = kube_object_read(KUBE_SERVICE, json, NULL);
    cJSON_Delete(json);
    return object;
}

static void put(struct kube_cache *cache, struct kube_object *object)
{
    struct kube_object *previous;
    assert_int_equal(kube_cache_put(cache, object, &previous), 0);
}

static void add_node(struct kube_cache *nodes, const char *name, const char *ready,
                     const char *addresses)
{
    char json[1024];
    snprintf(json, sizeof(json),
             "{\"metadata\":{\"name\":\"%s\"},\"status\":{\"conditions\":[{\"type\":\"Ready\","
             "\"status\":\"%s\"}],\"addresses\":[%s]}}",
             name, ready, addresses);
    put(nodes, read_text(KUBE_NODE, json));
}

#define INTERNAL(ip) "{\"type\":\"InternalIP\",\"address\":\"" ip "\"}"

static void check_address(const struct address *address, const char *text)
{
    char got[ADDRESS_TEXT_BYTES];
    assert_string_equal(address_text(address, got), text);
}

static void test_load_balancer(void **state)
{
    struct kube_target target = {.count = 99};
    struct error err = {0};
    (void)state;
    struct kube_object *service = recorded("service-lb-pending.json");
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_LOAD_BALANCER, KUBE_FAMILY_ANY,
                                         "http", &target, &err),
                     -EAGAIN);
    assert_non_null(strstr(err.text, "service default/web-lb: its load balancer has no address"));
    assert_int_equal(target.count, 99); /* Untouched. */
    kube_object_drop(service);

    service = recorded("service-lb-ready.json");
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_LOAD_BALANCER, KUBE_FAMILY_ANY,
                                         "80", &target, &err),
                     0);
    assert_int_equal(target.count, 1);
    assert_int_equal(target.port, 80);
    err = (struct error){0};
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_LOAD_BALANCER, KUBE_FAMILY_IPV6,
                                         NULL, &target, &err),
                     -ENOENT);
    assert_non_null(strstr(err.text, "no IPv6 address; it has "));
    err = (struct error){0};
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_LOAD_BALANCER, KUBE_FAMILY_ANY,
                                         "ctraffic", &target, &err),
                     -ENOENT);
    assert_non_null(strstr(err.text, "no port ctraffic; there are: http 80"));
    kube_object_drop(service);
}

/* .test never resolves (RFC 6761 6.2); localhost always does (6.3). */
static void test_host_name(void **state)
{
    struct kube_target target;
    struct error err = {0};
    (void)state;
    struct kube_object *service = recorded("service-lb-hostname.json");
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_LOAD_BALANCER, KUBE_FAMILY_ANY,
                                         NULL, &target, &err),
                     -EADDRNOTAVAIL);
    assert_non_null(strstr(err.text, "lb.example.test"));
    kube_object_drop(service);
    service =
        read_text(KUBE_SERVICE,
                  "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"type\":\"LoadBalancer\",\"ports\":"
                  "[{\"port\":80}]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"hostname\":"
                  "\"localhost\"}]}}}");
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_LOAD_BALANCER, KUBE_FAMILY_IPV4,
                                         NULL, &target, &err),
                     0);
    check_address(&target.addresses[0], "127.0.0.1");
    assert_string_equal(target.host, "localhost");
    kube_object_drop(service);
}

/* A status with addresses of both families, one twice, and a name that is not needed. */
static void test_several_addresses(void **state)
{
    struct kube_target target;
    struct error err = {0};
    (void)state;
    struct kube_object *service = read_text(
        KUBE_SERVICE,
        "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":"
        "\"fd00::1\",\"clusterIPs\":[\"fd00::1\"],\"ports\":[{\"port\":80}]},\"status\":{"
        "\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.0.0.2\"},{\"ip\":\"fd00::2\"},{\"ip\":"
        "\"10.0.0.1\"},{\"ip\":\"10.0.0.2\"},{\"hostname\":\"lb.example.test\"}]}}}");
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_LOAD_BALANCER, KUBE_FAMILY_IPV4,
                                         NULL, &target, &err),
                     0);
    assert_int_equal(target.count, 2);
    check_address(&target.addresses[0], "10.0.0.2"); /* As the status has them. */
    check_address(&target.addresses[1], "10.0.0.1");
    assert_string_equal(target.host, "");
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_LOAD_BALANCER, KUBE_FAMILY_IPV6,
                                         NULL, &target, &err),
                     0);
    assert_int_equal(target.count, 1);
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_CLUSTER_IP, KUBE_FAMILY_IPV4, NULL,
                                         &target, &err),
                     -ENOENT);
    assert_non_null(strstr(err.text, "has no IPv4 cluster IP; it has fd00::1"));
    kube_object_drop(service);
}

static void test_cluster_ip_and_node_port(void **state)
{
    struct kube_cache nodes = {0};
    struct kube_target target;
    struct error err = {0};
    (void)state;
    add_node(&nodes, "n2", "True", INTERNAL("10.0.0.2") "," INTERNAL("fd00::2"));
    add_node(&nodes, "n1", "True", INTERNAL("10.0.0.1"));
    add_node(&nodes, "n0", "False", INTERNAL("10.0.0.9"));
    struct kube_object *service = recorded("service.json");
    assert_int_equal(kube_target_resolve(service, &nodes, KUBE_VIA_NODE_PORT, KUBE_FAMILY_IPV4,
                                         NULL, &target, &err),
                     0);
    assert_int_equal(target.count, 2);
    check_address(&target.addresses[0], "10.0.0.1"); /* By name, Ready ones only. */
    check_address(&target.addresses[1], "10.0.0.2");
    assert_int_equal(target.port, service->service.ports[0].node_port);
    assert_true(target.port >= 30000);
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_CLUSTER_IP, KUBE_FAMILY_ANY, NULL,
                                         &target, &err),
                     0);
    assert_true(address_equal(&target.addresses[0], &service->service.cluster_ips.each[0]));
    assert_int_equal(kube_target_resolve(service, NULL, KUBE_VIA_LOAD_BALANCER, KUBE_FAMILY_ANY,
                                         NULL, &target, &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "is of type NodePort, not LoadBalancer"));
    kube_object_drop(service);
    kube_cache_free(&nodes);
}

static void test_next_hops(void **state)
{
    struct kube_cache nodes = {0};
    struct address hops[4];
    struct error err = {0};
    (void)state;
    assert_int_equal(kube_target_next_hops(&nodes, KUBE_FAMILY_ANY, 0, hops, 4, &err), -ENOENT);
    add_node(&nodes, "n1", "False", INTERNAL("10.0.0.1"));
    add_node(&nodes, "n2", "True", INTERNAL("10.0.0.2") "," INTERNAL("fd00::2"));
    add_node(&nodes, "n3", "True", INTERNAL("10.0.0.3"));
    assert_int_equal(kube_target_next_hops(&nodes, KUBE_FAMILY_IPV4, 0, hops, 4, &err), 2);
    check_address(&hops[1], "10.0.0.3");
    assert_int_equal(kube_target_next_hops(&nodes, KUBE_FAMILY_IPV4, 1, hops, 4, &err), 1);
    check_address(&hops[0], "10.0.0.2");
    assert_int_equal(kube_target_next_hops(&nodes, KUBE_FAMILY_IPV6, 0, hops, 4, &err), 1);
    check_address(&hops[0], "fd00::2");
    err = (struct error){0};
    assert_int_equal(kube_target_next_hops(&nodes, KUBE_FAMILY_IPV4, 3, hops, 4, &err), -ENOENT);
    assert_non_null(strstr(err.text, "only 2 Ready nodes"));
    kube_cache_free(&nodes);
}

static void test_endpoints(void **state)
{
    struct kube_cache slices = {0}, pods = {0};
    struct error err = {0};
    struct kube_object *service =
        read_text(KUBE_SERVICE, "{\"metadata\":{\"name\":\"s\",\"namespace\":\"n\"},\"spec\":{"
                                "\"selector\":{\"app\":\"web\",\"tier\":\"x\"}}}");
    (void)state;
    assert_int_equal(kube_target_check_endpoints(service, &slices, &pods, KUBE_FAMILY_ANY, &err),
                     -ENOENT);
    assert_non_null(strstr(err.text, "service n/s: has no endpoints: no pod has the labels"));
    assert_non_null(strstr(err.text, "app=web,tier=x"));
    put(&pods, read_text(KUBE_POD, "{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"labels\":{"
                                   "\"app\":\"web\",\"tier\":\"x\"}}}"));
    err = (struct error){0};
    kube_target_check_endpoints(service, &slices, &pods, KUBE_FAMILY_ANY, &err);
    assert_non_null(strstr(err.text, "1 pod matches its selector"));
    put(&slices,
        read_text(
            KUBE_ENDPOINTSLICE,
            "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"labels\":{"
            "\"kubernetes.io/service-name\":\"s\"}},\"addressType\":\"IPv4\",\"endpoints\":[{},{"
            "\"conditions\":{\"ready\":false}}]}"));
    put(&slices,
        read_text(
            KUBE_ENDPOINTSLICE,
            "{\"metadata\":{\"name\":\"b\",\"namespace\":\"n\",\"labels\":{"
            "\"kubernetes.io/service-name\":\"s\"}},\"addressType\":\"IPv6\",\"endpoints\":[{}]}"));
    put(&slices, read_text(KUBE_ENDPOINTSLICE,
                           "{\"metadata\":{\"name\":\"c\",\"namespace\":\"n\",\"labels\":{"
                           "\"kubernetes.io/service-name\":\"other\"}},\"endpoints\":[{},{},{}]}"));
    assert_int_equal(kube_target_ready_endpoints(service, &slices, KUBE_FAMILY_ANY), 1);
    assert_int_equal(kube_target_ready_endpoints(service, &slices, KUBE_FAMILY_IPV6), 1);
    assert_int_equal(kube_target_check_endpoints(service, &slices, &pods, KUBE_FAMILY_IPV4, NULL),
                     0);
    kube_object_drop(service);
    kube_cache_free(&slices);
    kube_cache_free(&pods);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load_balancer),     cmocka_unit_test(test_host_name),
        cmocka_unit_test(test_several_addresses), cmocka_unit_test(test_cluster_ip_and_node_port),
        cmocka_unit_test(test_next_hops),         cmocka_unit_test(test_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
