/* Rules as texts, and round robin over reloads as nft would do it. */
#include "lab/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static const char service_text[] =
    "{\"metadata\":{\"name\":\"s\",\"namespace\":\"d\"},\"spec\":{\"ports\":[{\"name\":\"c\","
    "\"port\":5003}]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.202.0.1\"}]}}}";

static struct proxy_plan *plan_of(const char *endpoints, bool terminating_endpoints)
{
    static struct proxy_plan plan;
    struct proxy_view view = {.node = "n1", .terminating_endpoints = terminating_endpoints};
    char text[4096];
    cJSON *service, *slice;
    const cJSON *slices[1];

    proxy_plan_free(&plan);
    service = json_parse(service_text, strlen(service_text), NULL);
    assert_non_null(service);
    snprintf(text, sizeof(text),
             "{\"metadata\":{\"name\":\"x\",\"namespace\":\"d\",\"labels\":{"
             "\"kubernetes.io/service-name\":\"s\"}},\"addressType\":\"IPv4\",\"ports\":[{\"name\":"
             "\"c\",\"port\":5003}],\"endpoints\":[%s]}",
             endpoints);
    slice = json_parse(text, strlen(text), NULL);
    assert_non_null(slice);
    slices[0] = slice;
    proxy_plan_add(&plan, &view, service, slices, 1);
    assert_int_equal(plan.count, 1); /* No IPv6 address, no IPv6 port. */
    cJSON_Delete(service);
    cJSON_Delete(slice);
    return &plan;
}

/* Endpoints 10.0.0.N for each digit N of NUMBERS. */
static struct proxy_plan *plan_numbers(const char *numbers)
{
    char text[2048] = "";

    for (const char *n = numbers; *n != '\0'; n++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "%s{\"addresses\":[\"10.0.0.%c\"],\"conditions\":{\"ready\":true}}",
                 n == numbers ? "" : ",", *n);
    return plan_of(text, true);
}

static void count(struct proxy *proxy, unsigned packets)
{
    char text[128];
    cJSON *counters;

    snprintf(text, sizeof(text),
             "{\"nftables\":[{\"metainfo\":{}},{\"counter\":{\"name\":\"c0\",\"packets\":%u}}]}",
             packets);
    counters = json_parse(text, strlen(text), NULL);
    assert_non_null(counters);
    proxy_count(proxy, counters);
    cJSON_Delete(counters);
}

/* The digits of the endpoints in the order in which the map of RULES gives them. */
static void order_of(const char *rules, char out[32])
{
    const char *at = strstr(rules, "map {");

    *out = '\0';
    while (at != NULL && (at = strstr(at, "10.0.0.")) != NULL) {
        at += 7;
        strncat(out, at, 1);
    }
}

static void sync_expect(struct proxy *proxy, const char *numbers, const char *order)
{
    struct text rules = {0};
    char got[32];

    proxy_sync(proxy, plan_numbers(numbers), &rules);
    order_of(text_str(&rules), got);
    assert_string_equal(got, order);
    text_free(&rules);
}

/* The next connection goes on where the last one was, whatever comes and goes. */
static void test_round_robin_kept(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_init(&proxy, PROXY_RR);
    sync_expect(&proxy, "1234", "1234");
    count(&proxy, 6);                      /* 1 2 3 4 1 2; next is 3. */
    sync_expect(&proxy, "12345", "34512"); /* One comes: at the end of the ring 1 2 3 4 5. */
    count(&proxy, 6 + 3);                  /* 3 4 5; next is 1. */
    sync_expect(&proxy, "2345", "2345");   /* 1 goes: its turn falls to 2. */
    count(&proxy, 9 + 2);                  /* 2 3; next is 4. */
    sync_expect(&proxy, "2356", "5623");   /* 4 goes, 6 comes: 5 is next. */
    count(&proxy, 11);                     /* Nothing since. */
    sync_expect(&proxy, "235", "523");
    proxy_free(&proxy);
}

/* Simulated: 80 connections over 8 endpoints with reloads of nothing new in between stay exact. */
static void test_round_robin_exact(void **state)
{
    struct proxy proxy;
    struct text rules = {0};

    (void)state;
    proxy_init(&proxy, PROXY_RR);
    sync_expect(&proxy, "12345678", "12345678");
    assert_false(proxy_differs(&proxy, plan_numbers("87654321"))); /* Order alone is no change. */
    proxy_sync(&proxy, plan_numbers("87654321"), &rules);
    assert_int_equal(rules.size, 0); /* Not loaded again: numgen goes on. */
    text_free(&rules);
    proxy_free(&proxy);
}

static void test_text(void **state)
{
    struct proxy proxy;
    struct text rules = {0};
    const char *text;

    (void)state;
    proxy_init(&proxy, PROXY_RANDOM);
    proxy_sync(&proxy, plan_numbers("12"), &rules);
    text = text_str(&rules);
    assert_non_null(strstr(text, "add table inet proxy\n"));
    assert_non_null(strstr(text,
                           "add rule inet proxy s0 meta l4proto tcp counter name c0 dnat ip to "
                           "numgen random mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 } : 5003\n"));
    assert_non_null(
        strstr(text, "add element inet proxy vips4 { 10.202.0.1 . tcp . 5003 : goto s0 }"));
    text_clear(&rules);
    proxy_sync(&proxy, plan_numbers("2"), &rules);
    assert_string_equal(
        text_str(&rules),
        "flush chain inet proxy s0\nadd rule inet proxy s0 meta l4proto tcp counter "
        "name c0 dnat ip to 10.0.0.2:5003\n");
    text_clear(&rules);
    proxy_sync(&proxy, plan_numbers(""), &rules); /* None left: not translated, so refused. */
    assert_string_equal(text_str(&rules), "flush chain inet proxy s0\n");
    text_clear(&rules);
    proxy_sync(&proxy, &(struct proxy_plan){0}, &rules);
    assert_non_null(strstr(text_str(&rules), "delete element inet proxy vips4 "));
    assert_non_null(strstr(text_str(&rules), "delete chain inet proxy s0\n"));
    text_free(&rules);
    proxy_free(&proxy);
}

/* KEP-1669: with none ready, the serving, terminating ones; not before 1.26. */
static void test_terminating(void **state)
{
    static const char endpoints[] =
        "{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":false,\"serving\":true,"
        "\"terminating\":true}},"
        "{\"addresses\":[\"10.0.0.2\"],\"conditions\":{\"ready\":false,\"serving\":false,"
        "\"terminating\":true}}";
    static const char with_ready[] =
        "{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":false,\"serving\":true,"
        "\"terminating\":true}},{\"addresses\":[\"10.0.0.3\"],\"conditions\":{\"ready\":true}}";

    (void)state;
    assert_int_equal(plan_of(endpoints, true)->ports[0].endpoint_count, 1);
    assert_int_equal(plan_of(endpoints, false)->ports[0].endpoint_count, 0);
    assert_int_equal(plan_of(with_ready, true)->ports[0].endpoint_count, 1);
    assert_int_equal(plan_of(with_ready, true)->ports[0].endpoints[0].address.bytes[15], 3);
}

static const char policies_text[] =
    "{\"metadata\":{\"name\":\"s\",\"namespace\":\"d\"},\"spec\":{\"ports\":[{\"name\":\"c\","
    "\"port\":80,\"nodePort\":30001}],\"clusterIPs\":[\"10.96.0.1\"],"
    "\"externalTrafficPolicy\":\"%s\",\"internalTrafficPolicy\":\"%s\"},"
    "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.202.0.1\"},"
    "{\"ip\":\"10.202.0.2\",\"ipMode\":\"Proxy\"}]}}}";

/* A Service of node n1 with an endpoint on ENDPOINT_NODE. */
static void plan_policies(const char *external, const char *internal, const char *endpoint_node,
                          struct proxy_plan *plan)
{
    struct proxy_view view = {.node = "n1", .masquerade = true};
    char text[1024];
    cJSON *service, *slice;
    const cJSON *slices[1];

    address_parse("10.200.0.11", &view.node_v4, NULL);
    address_parse("fd00:200::11", &view.node_v6, NULL);
    snprintf(text, sizeof(text), policies_text, external, internal);
    service = json_parse(text, strlen(text), NULL);
    snprintf(text, sizeof(text),
             "{\"metadata\":{\"name\":\"x\",\"namespace\":\"d\",\"labels\":{"
             "\"kubernetes.io/service-name\":\"s\"}},\"addressType\":\"IPv4\",\"ports\":[{\"name\":"
             "\"c\",\"port\":8080}],\"endpoints\":[{\"addresses\":[\"10.0.0.1\"],\"nodeName\":"
             "\"%s\"}]}",
             endpoint_node);
    slice = json_parse(text, strlen(text), NULL);
    assert_non_null(service);
    assert_non_null(slice);
    slices[0] = slice;
    proxy_plan_add(plan, &view, service, slices, 1);
    cJSON_Delete(service);
    cJSON_Delete(slice);
}

static void has(const struct proxy_plan *plan, const char *line, bool wanted)
{
    struct text rules = {0};
    struct proxy proxy;

    proxy_init(&proxy, PROXY_RANDOM);
    proxy_sync(&proxy, plan, &rules);
    if ((strstr(text_str(&rules), line) != NULL) != wanted)
        fail_msg("%s: %s\n%s", wanted ? "missing" : "not wanted", line, text_str(&rules));
    text_free(&rules);
    proxy_free(&proxy);
}

/* Which ring an address leads to, who may use it, and whose source address is translated. */
static void test_policies(void **state)
{
    struct proxy_plan plan = {0};

    (void)state;
    plan_policies("Cluster", "Cluster", "n2", &plan);
    assert_int_equal(plan.count, 2); /* Of IPv6 there is the node port alone. */
    assert_string_equal(plan.ports[0].key, "d/s/c/TCP/IPv4");
    has(&plan, "vips4 { 10.202.0.1 . tcp . 80 : goto s0 }", true);
    has(&plan, "vips4 { 10.200.0.11 . tcp . 30001 : goto s0 }", true);
    has(&plan, "vips4 { 10.96.0.1 . tcp . 80 : goto s0 }", true);
    has(&plan, "masq4 { 10.202.0.1 . tcp . 80 }", true);
    has(&plan, "10.202.0.2", false); /* ipMode Proxy (KEP-1860). */
    has(&plan, "element inet proxy inside4", false);
    proxy_plan_free(&plan);

    plan_policies("Local", "Cluster", "n1", &plan);
    assert_int_equal(plan.count, 4);
    assert_string_equal(plan.ports[1].key, "d/s/c/TCP/IPv4/local");
    has(&plan, "inside4 { 10.202.0.1 . tcp . 80 : goto s0 }", true);
    has(&plan, "vips4 { 10.202.0.1 . tcp . 80 : goto s1 }", true);
    has(&plan, "vips4 { 10.96.0.1 . tcp . 80 : goto s0 }", true);
    has(&plan, "masq4 { 10.202.0.1 . tcp . 80 }", false);
    has(&plan, "masq4 { 10.96.0.1 . tcp . 80 }", true);
    has(&plan, "none4 { 10.202.0.1 . tcp . 80 : goto refuse }", true);
    proxy_plan_free(&plan);

    plan_policies("Local", "Local", "n2", &plan); /* The only endpoint is elsewhere. */
    has(&plan, "none4 { 10.202.0.1 . tcp . 80 : drop }", true);
    has(&plan, "none4 { 10.96.0.1 . tcp . 80 : drop }", true);
    has(&plan, "inside4 { 10.200.0.11 . tcp . 30001 : goto s0 }", true);
    proxy_plan_free(&plan);
}

/* The elements of a ring's addresses are written anew when it comes to drop or to refuse. */
static void test_drop_or_refuse(void **state)
{
    struct proxy_plan plan = {0};
    struct text rules = {0};
    struct proxy proxy;

    (void)state;
    proxy_init(&proxy, PROXY_RANDOM);
    plan_policies("Local", "Cluster", "n1", &plan);
    proxy_sync(&proxy, &plan, &rules);
    proxy_plan_free(&plan);
    plan_policies("Local", "Cluster", "n2", &plan);
    assert_true(proxy_differs(&proxy, &plan));
    text_clear(&rules);
    proxy_sync(&proxy, &plan, &rules);
    assert_non_null(strstr(
        text_str(&rules), "delete element inet proxy none4 { 10.202.0.1 . tcp . 80 : goto refuse"));
    assert_non_null(
        strstr(text_str(&rules), "add element inet proxy none4 { 10.202.0.1 . tcp . 80 : drop }"));
    text_free(&rules);
    proxy_plan_free(&plan);
    proxy_free(&proxy);
}

static void test_source_hash(void **state)
{
    struct proxy proxy;
    struct text rules = {0};

    (void)state;
    proxy_init(&proxy, PROXY_SH);
    proxy_sync(&proxy, plan_numbers("12"), &rules);
    assert_non_null(strstr(text_str(&rules), "dnat ip to jhash ip saddr mod 2 seed 0x1 map { 0 : "
                                             "10.0.0.1, 1 : 10.0.0.2 } : 5003\n"));
    text_free(&rules);
    proxy_free(&proxy);
}

/* Text from the API never gets into rules: what is no address is left out. */
static void test_hostile(void **state)
{
    (void)state;
    assert_int_equal(plan_of("{\"addresses\":[\"10.0.0.1 }; flush ruleset\"]},{\"addresses\":[7]},"
                             "{\"addresses\":{}},{},3,null",
                             true)
                         ->ports[0]
                         .endpoint_count,
                     0);
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;

    while ((text = strstr(text, what)) != NULL) {
        text++;
        count++;
    }
    return count;
}

/* What two Services name, or one twice, is in the rules once: nft would refuse all of them. */
static void test_named_twice(void **state)
{
    static const char *const elements[] = {
        "add element inet proxy vips4 { 10.202.0.1 . tcp . 80 : goto s0 }",
        "add element inet proxy vips4 { 10.9.9.9 . tcp . 80 : goto s0 }",
        "add element inet proxy none4 { 10.202.0.1 . tcp . 80 "};
    static const char services[2][400] = {
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"d\"},\"spec\":{\"externalIPs\":[\"10.9.9."
        "9\","
        "\"10.9.9.9\"],\"ports\":[{\"port\":80}]},\"status\":{\"loadBalancer\":{\"ingress\":[{"
        "\"ip\":"
        "\"10.202.0.1\"},{\"ip\":\"10.9.9.9\"}]}}}",
        "{\"metadata\":{\"name\":\"b\",\"namespace\":\"d\"},\"spec\":{\"externalIPs\":[\"10.9.9."
        "9\","
        "\"10.202.0.1\"],\"clusterIPs\":[\"10.96.0.9\"],\"ports\":[{\"port\":80}]}}"};
    const struct proxy_view view = {.node = "n1"};
    struct proxy_plan plan = {0};
    struct text rules = {0};
    struct proxy proxy;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        cJSON *service = json_parse(services[i], strlen(services[i]), NULL);
        assert_non_null(service);
        proxy_plan_add(&plan, &view, service, NULL, 0);
        cJSON_Delete(service);
    }
    proxy_init(&proxy, PROXY_RANDOM);
    proxy_sync(&proxy, &plan, &rules);
    for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
        assert_int_equal(occurrences(text_str(&rules), elements[i]), 1);
    assert_int_equal(occurrences(text_str(&rules), "vips4 { 10."), 3); /* And b's own. */
    assert_non_null(strstr(text_str(&rules), "vips4 { 10.96.0.9 . tcp . 80 : goto s1 }"));
    text_free(&rules);
    proxy_free(&proxy);
    proxy_plan_free(&plan);
    assert_int_equal(plan_of("{\"addresses\":[\"10.0.0.1\"]},{\"addresses\":[\"10.0.0.2\"]},"
                             "{\"addresses\":[\"10.0.0.1\"]}",
                             true)
                         ->ports[0]
                         .endpoint_count,
                     2);
}

/* Datagrams leave an endpoint that has gone, and find the first that comes; TCP is let alone. */
static void test_stale_flows(void **state)
{
    static const struct {
        const char *protocol, *endpoints, *flows;
    } rows[] = {
        {"UDP", "{\"addresses\":[\"10.0.0.1\"]},{\"addresses\":[\"10.0.0.2\"]}",
         "-D -p udp --orig-dst 10.202.0.1 --orig-port-dst 53\n"},
        {"UDP", "{\"addresses\":[\"10.0.0.2\"]},{\"addresses\":[\"10.0.0.3\"]}",
         "-D -p udp --orig-dst 10.202.0.1 --orig-port-dst 53 --dst-nat 10.0.0.1\n"},
        {"UDP", "",
         "-D -p udp --orig-dst 10.202.0.1 --orig-port-dst 53 --dst-nat 10.0.0.2\n"
         "-D -p udp --orig-dst 10.202.0.1 --orig-port-dst 53 --dst-nat 10.0.0.3\n"},
        {"UDP", "{\"addresses\":[\"10.0.0.2\"]}",
         "-D -p udp --orig-dst 10.202.0.1 --orig-port-dst 53\n"},
        {"TCP", "{\"addresses\":[\"10.0.0.4\"]}",
         "-D -p udp --orig-dst 10.202.0.1 --orig-port-dst 53 --dst-nat 10.0.0.2\n"},
        {"TCP", "", ""},
    };
    const struct proxy_view view = {.node = "n1"};
    struct proxy proxy;

    (void)state;
    proxy_init(&proxy, PROXY_RANDOM);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct proxy_plan plan = {0};
        struct text flows = {0}, rules = {0};
        char text[1024];
        cJSON *service, *slice;
        const cJSON *slices[1];

        snprintf(text, sizeof(text),
                 "{\"metadata\":{\"name\":\"s\",\"namespace\":\"d\"},\"spec\":{\"ports\":[{"
                 "\"port\":53,\"protocol\":\"%s\"}]},\"status\":{\"loadBalancer\":{\"ingress\":[{"
                 "\"ip\":\"10.202.0.1\"}]}}}",
                 rows[i].protocol);
        service = json_parse(text, strlen(text), NULL);
        snprintf(text, sizeof(text),
                 "{\"metadata\":{\"namespace\":\"d\",\"labels\":{\"kubernetes.io/service-name\":"
                 "\"s\"}},\"addressType\":\"IPv4\",\"ports\":[{\"port\":53,\"protocol\":\"%s\"}],"
                 "\"endpoints\":[%s]}",
                 rows[i].protocol, rows[i].endpoints);
        slice = json_parse(text, strlen(text), NULL);
        assert_non_null(service);
        assert_non_null(slice);
        slices[0] = slice;
        proxy_plan_add(&plan, &view, service, slices, 1);
        proxy_stale_flows(&proxy, &plan, &flows);
        assert_string_equal(text_str(&flows), rows[i].flows);
        proxy_sync(&proxy, &plan, &rules);
        text_free(&flows);
        text_free(&rules);
        proxy_plan_free(&plan);
        cJSON_Delete(service);
        cJSON_Delete(slice);
    }
    proxy_free(&proxy);
}

/* A burst of two, then one a second; at once without a period. */
static void test_limiter(void **state)
{
    struct proxy_limiter limiter;

    (void)state;
    proxy_limiter_init(&limiter, S, 2, 0);
    assert_true(proxy_limiter_due(&limiter) == INT64_MAX);
    proxy_limiter_want(&limiter, S / 10);
    assert_true(proxy_limiter_due(&limiter) == S / 10);
    proxy_limiter_take(&limiter, S / 10);
    proxy_limiter_want(&limiter, S / 5);
    assert_true(proxy_limiter_due(&limiter) == S / 5);
    proxy_limiter_take(&limiter, S / 5);
    proxy_limiter_want(&limiter, S / 4);
    assert_in_range(proxy_limiter_due(&limiter), S, S + S / 5);
    proxy_limiter_want(&limiter, S * 5); /* A later wish changes nothing. */
    assert_in_range(proxy_limiter_due(&limiter), S, S + S / 5);
    proxy_limiter_take(&limiter, proxy_limiter_due(&limiter));
    proxy_limiter_want(&limiter, 100 * S);
    assert_true(proxy_limiter_due(&limiter) == 100 * S);

    proxy_limiter_init(&limiter, 0, 2, 0);
    for (int i = 1; i < 10; i++) {
        proxy_limiter_want(&limiter, i);
        assert_true(proxy_limiter_due(&limiter) == i);
        proxy_limiter_take(&limiter, i);
    }
}

static int no_leak(void **state)
{
    (void)state;
    proxy_plan_free(plan_numbers("1"));
    return 0;
}

static void ipvs(struct proxy *proxy, const struct proxy_plan *plan, const char *addresses,
                 const char *servers)
{
    struct text got_addresses = {0}, got_servers = {0}, rules = {0};

    proxy_sync_ipvs(proxy, plan, &got_addresses, &got_servers);
    assert_string_equal(text_str(&got_addresses), addresses);
    assert_string_equal(text_str(&got_servers), servers);
    proxy_sync(proxy, plan, &rules);
    assert_null(strstr(text_str(&rules), "dnat"));
    text_free(&got_addresses);
    text_free(&got_servers);
    text_free(&rules);
}

/* One that goes keeps its connections by weight 0, and is known when it comes back. */
static void test_ipvs(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_init(&proxy, PROXY_IPVS_LC);
    ipvs(&proxy, plan_numbers("12"), "addr add 10.202.0.1/32 dev kube-ipvs0\n",
         "-A -t 10.202.0.1:5003 -s lc\n-a -t 10.202.0.1:5003 -r 10.0.0.1:5003 -m -w 1\n"
         "-a -t 10.202.0.1:5003 -r 10.0.0.2:5003 -m -w 1\n");
    ipvs(&proxy, plan_numbers("23"), "",
         "-e -t 10.202.0.1:5003 -r 10.0.0.1:5003 -m -w 0\n"
         "-a -t 10.202.0.1:5003 -r 10.0.0.3:5003 -m -w 1\n");
    ipvs(&proxy, plan_numbers("123"), "", "-e -t 10.202.0.1:5003 -r 10.0.0.1:5003 -m -w 1\n");
    ipvs(&proxy, plan_numbers("123"), "", "");
    ipvs(&proxy, &(struct proxy_plan){0}, "addr del 10.202.0.1/32 dev kube-ipvs0\n",
         "-D -t 10.202.0.1:5003\n");
    ipvs(&proxy, plan_numbers("1"), "addr add 10.202.0.1/32 dev kube-ipvs0\n",
         "-A -t 10.202.0.1:5003 -s lc\n-a -t 10.202.0.1:5003 -r 10.0.0.1:5003 -m -w 1\n");
    proxy_free(&proxy);
}

/* nftables refuses only what IPVS does not take. */
static void test_ipvs_refuses(void **state)
{
    static const char element[] =
        "element inet proxy none4 { 10.202.0.1 . tcp . 5003 : goto refuse";
    struct proxy proxy;
    struct text rules = {0};

    (void)state;
    proxy_init(&proxy, PROXY_IPVS_RR);
    proxy_sync(&proxy, plan_numbers("1"), &rules);
    assert_null(strstr(text_str(&rules), element));
    text_clear(&rules);
    proxy_sync(&proxy, plan_numbers(""), &rules);
    assert_non_null(strstr(text_str(&rules), element));
    text_clear(&rules);
    proxy_sync(&proxy, plan_numbers("2"), &rules);
    assert_non_null(strstr(text_str(&rules), "delete element inet proxy none4 "));
    text_free(&rules);
    proxy_free(&proxy);
}

/* Of all endpoints or of this node's: each outer address once; the node has its own already. */
static void test_ipvs_policies(void **state)
{
    struct proxy_plan plan = {0};
    struct proxy proxy;

    (void)state;
    proxy_init(&proxy, PROXY_IPVS_SH);
    plan_policies("Local", "Cluster", "n1", &plan);
    ipvs(&proxy, &plan,
         "addr add 10.202.0.1/32 dev kube-ipvs0\naddr add 10.96.0.1/32 dev kube-ipvs0\n",
         "-A -t 10.96.0.1:80 -s sh\n-a -t 10.96.0.1:80 -r 10.0.0.1:8080 -m -w 1\n"
         "-A -t 10.202.0.1:80 -s sh\n-a -t 10.202.0.1:80 -r 10.0.0.1:8080 -m -w 1\n"
         "-A -t 10.200.0.11:30001 -s sh\n-a -t 10.200.0.11:30001 -r 10.0.0.1:8080 -m -w 1\n"
         "-A -t [fd00:200::11]:30001 -s sh\n");
    proxy_plan_free(&plan);
    proxy_free(&proxy);
}

/* After a failure the node's rules are made from nothing. */
static void test_forget(void **state)
{
    struct proxy proxy;
    struct text rules = {0};

    (void)state;
    proxy_init(&proxy, PROXY_RR);
    proxy_sync(&proxy, plan_numbers("12"), &rules);
    proxy_forget(&proxy);
    assert_true(proxy_differs(&proxy, plan_numbers("12")));
    text_clear(&rules);
    proxy_sync(&proxy, plan_numbers("12"), &rules);
    assert_non_null(strstr(text_str(&rules), "delete table inet proxy\nadd table inet proxy\n"));
    assert_non_null(strstr(text_str(&rules), "goto s"));
    text_free(&rules);
    proxy_free(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_robin_kept),
        cmocka_unit_test(test_round_robin_exact),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_ipvs),
        cmocka_unit_test(test_ipvs_refuses),
        cmocka_unit_test(test_ipvs_policies),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_terminating),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_drop_or_refuse),
        cmocka_unit_test(test_source_hash),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_named_twice),
        cmocka_unit_test(test_stale_flows),
        cmocka_unit_test(test_limiter),
    };

    return cmocka_run_group_tests(tests, NULL, no_leak);
}
