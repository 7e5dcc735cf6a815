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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_robin_kept),
        cmocka_unit_test(test_round_robin_exact),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_terminating),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_limiter),
    };

    return cmocka_run_group_tests(tests, NULL, no_leak);
}
