/* Which node a value of the hash leads to, when a node goes out, and the rules. */
#include "lab/balancer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lab/health_server.h"

#define S INT64_C(1000000000)

static struct balancer balancer;

static cJSON *parse(const char *text)
{
    cJSON *json = json_parse(text, strlen(text), NULL);

    assert_non_null(json);
    return json;
}

/* A balancer of NODES nodes, all in, with one Service. */
static struct balancer_service *all_in(size_t nodes)
{
    balancer = (struct balancer){.node_count = nodes, .service_count = 1};
    for (size_t i = 0; i < nodes; i++) {
        balancer.pool[i] = true;
        balancer.services[0].health[i].well = true;
    }
    return &balancer.services[0];
}

/* Equal shares with all in and with one out; no value moves but those of the one that goes. */
static void test_shares(void **state)
{
    (void)state;
    for (size_t nodes = 2; nodes <= 8; nodes++) {
        struct balancer_service *service = all_in(nodes);
        unsigned values = balancer_values(&balancer);
        unsigned before[8] = {0}, after[8] = {0};

        for (unsigned value = 0; value < values; value++) {
            int home = balancer_node_of(&balancer, service, value), then;
            before[home]++;
            service->health[1].well = false;
            then = balancer_node_of(&balancer, service, value);
            service->health[1].well = true;
            after[then]++;
            if (home != 1)
                assert_int_equal(then, home);
        }
        for (size_t i = 0; i < nodes; i++) {
            assert_int_equal(before[i] * nodes, values);
            assert_int_equal(after[i] * (nodes - 1), i == 1 ? 0 : values);
        }
    }
}

static void test_none(void **state)
{
    struct balancer_service *service = all_in(3);

    (void)state;
    service->health[0].well = false;
    service->health[2].well = false;
    for (unsigned value = 0; value < 6; value++)
        assert_int_equal(balancer_node_of(&balancer, service, value), 1);
    balancer.pool[1] = false; /* Excluded, however well. */
    assert_int_equal(balancer_node_of(&balancer, service, 0), -1);
    service = all_in(1);
    assert_int_equal(balancer_values(&balancer), 1);
    assert_int_equal(balancer_node_of(&balancer, service, 0), 0);
}

/* Probes as {began, ended, good, well then}: by number, and by a fixed lag. */
static void test_probed(void **state)
{
    static const struct {
        int64_t lag_ns, began_ns, ended_ns;
        bool good, well;
    } rows[] = {
        {0, 0, 0, false, false}, /* Out until it was found well. */
        {0, 1 * S, 1 * S, true, true},
        {0, 6 * S, 6 * S, false, true},
        {0, 11 * S, 11 * S, true, true}, /* Not in a row. */
        {0, 16 * S, 16 * S, false, true},
        {0, 21 * S, 22 * S, false, false},
        {0, 26 * S, 26 * S, true, true},
        {10 * S, 30 * S, 31 * S, false, true}, /* From the beginning of the first that fails. */
        {7 * S, 35 * S, 36 * S, false, true},  /* The lag stays as it was drawn. */
        {7 * S, 39 * S, 39 * S + 1, false, true},
        {7 * S, 39 * S, 40 * S, false, false},
        {10 * S, 41 * S, 41 * S, true, true},
        {10 * S, 42 * S, 42 * S, false, true},
        {10 * S, 51 * S, 51 * S, true, true},
        {10 * S, 52 * S, 52 * S, false, true},
    };
    struct balancer_health health = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool was = health.well;
        bool changed = balancer_probed(&health, rows[i].good, rows[i].began_ns, rows[i].ended_ns,
                                       rows[i].lag_ns);
        if (health.well != rows[i].well || changed != (was != health.well))
            fail_msg("row %zu: well %d, changed %d", i, health.well, changed);
    }
}

static const char service_text[] =
    "{\"metadata\":{\"name\":\"web\",\"namespace\":\"d\"},\"spec\":{\"type\":\"%s\",%s\"ports\":["
    "{\"port\":80},{\"port\":53,\"protocol\":\"UDP\"},{\"port\":9,\"protocol\":\"SCTP\"}]},"
    "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.202.0.1\"},{\"ip\":\"x }\"},"
    "{\"ip\":\"fd00:202::1\"}]}}}";

static bool service_of(const char *type, const char *more, struct balancer_service *out)
{
    char text[1024];
    cJSON *service;
    bool balanced;

    snprintf(text, sizeof(text), service_text, type, more);
    service = parse(text);
    balanced = balancer_service_of(service, out);
    cJSON_Delete(service);
    return balanced;
}

static void test_service(void **state)
{
    struct balancer_service service;

    (void)state;
    assert_false(service_of("NodePort", "", &service));
    assert_true(service_of("LoadBalancer", "", &service));
    assert_string_equal(service.key, "d/web");
    assert_int_equal(service.probe_port, HEALTH_SERVER_NODE_PORT);
    assert_int_equal(service.vip_count, 4); /* Two families, TCP and UDP. */
    assert_true(service_of("LoadBalancer", "\"healthCheckNodePort\":30123,", &service));
    assert_int_equal(service.probe_port, 30123);
}

/* Health outlives a change of the Service, but for another place to probe. */
static void test_replace(void **state)
{
    struct balancer_service services[2];

    (void)state;
    all_in(2);
    assert_true(service_of("LoadBalancer", "\"healthCheckNodePort\":30123,", &services[0]));
    balancer_replace(&balancer, services, 1);
    assert_false(balancer_in(&balancer, &balancer.services[0], 0)); /* Not the Service of before. */
    balancer.services[0].health[0].well = true;
    services[1] = services[0];
    snprintf(services[0].key, sizeof(services[0].key), "a/first");
    balancer_replace(&balancer, services, 2);
    assert_true(balancer_in(&balancer, &balancer.services[1], 0));
    services[1].probe_port = 30124;
    balancer_replace(&balancer, services, 2);
    assert_false(balancer_in(&balancer, &balancer.services[1], 0));
}

static void test_rules(void **state)
{
    struct balancer_service *service = all_in(3);
    struct text rules = {0};

    (void)state;
    assert_true(service_of("LoadBalancer", "", service));
    for (size_t i = 0; i < 3; i++)
        service->health[i].well = i != 1;
    balancer_rules(&balancer, &rules);
    assert_non_null(strstr(text_str(&rules),
                           "add rule inet balancer s0ip meta mark set jhash ip saddr . ip daddr . "
                           "th sport . th dport mod 6 seed 0x1 map { 0 : 1, 1 : 3, 2 : 3, 3 : 1, "
                           "4 : 1, 5 : 3 }\n"));
    assert_non_null(strstr(text_str(&rules), "vips4 { 10.202.0.1 . udp . 53 : goto s0ip }\n"));
    assert_non_null(strstr(text_str(&rules), "vips6 { fd00:202::1 . tcp . 80 : goto s0ip6 }\n"));
    text_clear(&rules);
    service->health[0].well = service->health[2].well = false;
    balancer_rules(&balancer, &rules);
    assert_non_null(strstr(text_str(&rules), "add rule inet balancer s0ip drop\n"));
    text_free(&rules);
}

static void test_nodes(void **state)
{
    cJSON *plain = parse("{\"spec\":{\"unschedulable\":true}}");
    cJSON *labelled = parse("{\"metadata\":{\"labels\":{\"" BALANCER_EXCLUDE "\":\"\"}}}");

    (void)state;
    assert_true(balancer_node_usable(plain)); /* Cordon does not matter. */
    assert_false(balancer_node_usable(labelled));
    assert_false(balancer_node_usable(NULL));
    cJSON_Delete(plain);
    cJSON_Delete(labelled);
}

/* What kube-proxy answers. */
static void test_health(void **state)
{
    struct health_facts facts = {.namespace = "d", .name = "web", .local_endpoints = 2};
    struct text body = {0};

    (void)state;
    assert_int_equal(health_answer(&facts, "/", 0, &body), 200);
    assert_string_equal(
        text_str(&body),
        "{\n\t\"service\": {\n\t\t\"namespace\": \"d\",\n\t\t\"name\": \"web\"\n\t},"
        "\n\t\"localEndpoints\": 2,\n\t\"serviceProxyHealthy\": true\n}");
    facts.local_endpoints = 0;
    assert_int_equal(health_answer(&facts, "/healthz", 0, &body), 503);
    text_clear(&body);
    facts = (struct health_facts){.updated_ns = S};
    assert_int_equal(health_answer(&facts, "/healthz", 2 * S, &body), 200);
    assert_string_equal(text_str(&body),
                        "{\"lastUpdated\": \"1970-01-01T00:00:01.000000000Z\",\"currentTime\": "
                        "\"1970-01-01T00:00:02.000000000Z\", \"nodeEligible\": true}");
    assert_int_equal(health_answer(&facts, "/", 0, &body), 404);
    text_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),  cmocka_unit_test(test_none),
        cmocka_unit_test(test_probed),  cmocka_unit_test(test_service),
        cmocka_unit_test(test_replace), cmocka_unit_test(test_rules),
        cmocka_unit_test(test_nodes),   cmocka_unit_test(test_health),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
