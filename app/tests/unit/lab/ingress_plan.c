#include "lab/ingress_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct ingress_settings settings = {
    .dir = "/run/lab", .look_ns = 1500000000, .start_ns = 7000000005};

static cJSON *parse(const char *text)
{
    cJSON *object = json_parse(text, strlen(text), NULL);

    assert_non_null(object);
    return object;
}

static struct ingress_plan plan_of(const char *ingress1, const char *ingress2)
{
    static const char service[] =
        "{\"metadata\":{\"name\":\"web\",\"namespace\":\"t\"},\"spec\":{\"ipFamilies\":[\"IPv4\"],"
        "\"ports\":[{\"name\":\"other\",\"port\":81},{\"name\":\"http\",\"port\":80}]}}";
    static const char slice[] =
        "{\"metadata\":{\"namespace\":\"t\",\"labels\":{\"kubernetes.io/service-name\":\"web\"}},"
        "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"http\",\"port\":8080},{\"name\":\"other\","
        "\"port\":9}],\"endpoints\":["
        "{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":true}},"
        "{\"addresses\":[\"10.0.0.2\"],\"conditions\":{\"ready\":false,\"terminating\":true}},"
        "{\"addresses\":[\"10.0.0.4|80 x\"],\"conditions\":{\"ready\":true}},"
        "{\"addresses\":[\"10.0.0.3\"]}]}";
    static const char slice6[] =
        "{\"metadata\":{\"namespace\":\"t\",\"labels\":{\"kubernetes.io/service-name\":\"web\"}},"
        "\"addressType\":\"IPv6\",\"ports\":[{\"name\":\"http\",\"port\":8080}],"
        "\"endpoints\":[{\"addresses\":[\"fd00::1\"]}]}";
    cJSON *made[] = {parse(ingress1), parse(ingress2), parse(service), parse(slice), parse(slice6)};
    const cJSON *objects[] = {made[0], made[1], made[2], made[3], made[4]};
    const struct ingress_objects all = {
        .ingresses = objects,
        .ingress_count = 2,
        .services = objects + 2,
        .service_count = 1,
        .slices = objects + 3,
        .slice_count = 2,
    };
    struct ingress_plan plan = {0};

    ingress_plan_make(&plan, &settings, &all);
    for (size_t i = 0; i < 5; i++)
        cJSON_Delete(made[i]);
    return plan;
}

#define BACKEND(port) "\"backend\":{\"service\":{\"name\":\"web\",\"port\":" port "}}"

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;

    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}

/* Ports by number and by name, endpoints that are ready, the Service's first family alone. */
static void test_backends(void **state)
{
    struct ingress_plan plan = plan_of(
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"t\"},\"spec\":{\"rules\":[{\"host\":\"x."
        "y\","
        "\"http\":{\"paths\":[{\"path\":\"/\",\"pathType\":\"Prefix\"," BACKEND(
            "{\"number\":80}") "},{\"path\":\"/n\",\"pathType\":\"Exact\"," BACKEND("{\"name\":"
                                                                                    "\"other\""
                                                                                    "}") "}]}}]"
                                                                                         "}}",
        "{\"metadata\":{\"name\":\"b\",\"namespace\":\"u\"},\"spec\":{\"defaultBackend\":"
        "{\"service\":{\"name\":\"gone\",\"port\":{\"number\":1}}}}}");

    (void)state;
    assert_string_equal(text_str(&plan.backends), "t-web-80 10.0.0.1|8080 10.0.0.3|8080\n"
                                                  "t-web-other 10.0.0.1|9 10.0.0.3|9\n"
                                                  "u-gone-1\n\n");
    ingress_plan_free(&plan);
}

/* One server a host whoever asks for it, the first of two equal paths, prefixes by segments. */
static void test_servers(void **state)
{
    struct ingress_plan plan = plan_of(
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"t\",\"annotations\":{"
        "\"nginx.ingress.kubernetes.io/proxy-next-upstream\":\"off\","
        "\"nginx.ingress.kubernetes.io/proxy-connect-timeout\":\"2\"}},"
        "\"spec\":{\"tls\":[{\"hosts\":[\"x.y\"]}],\"rules\":[{\"host\":\"x.y\","
        "\"http\":{\"paths\":[{\"path\":\"/p/\",\"pathType\":\"Prefix\"," BACKEND(
            "{\"number\":80}") "}]}}]}}",
        "{\"metadata\":{\"name\":\"b\",\"namespace\":\"t\"},\"spec\":{\"rules\":[{\"host\":\"x.y\","
        "\"http\":{\"paths\":[{\"path\":\"/p\",\"pathType\":\"Prefix\"," BACKEND(
            "{\"number\":81}") "},{\"path\":\"/p\",\"pathType\":\"Exact\"," BACKEND("{\"number\":"
                                                                                    "81}") "}]}}]}"
                                                                                           "}");
    const char *config = text_str(&plan.config);

    (void)state;
    assert_int_equal(count_of(config, "server_name x.y;"), 1);
    assert_int_equal(count_of(config, "server_name _;"), 1);
    assert_int_equal(count_of(config, "location /p/ {"), 1);
    assert_int_equal(count_of(config, "location = /p {"), 1);
    assert_int_equal(count_of(config, "return 404;"), 2);
    assert_int_equal(count_of(config, "return 308 https://"), 1);
    assert_int_equal(count_of(config, "proxy_next_upstream off;"), 1);
    assert_int_equal(count_of(config, "proxy_connect_timeout 2s;"), 1);
    assert_int_equal(count_of(config, "proxy_next_upstream error timeout;"), 1);
    assert_int_equal(count_of(config, "proxy_connect_timeout 5s;"), 1);
    assert_non_null(strstr(config, "ingress.start_s, ingress.start_ns = 7LL, 5LL\n"));
    assert_non_null(strstr(config, "ingress.look_s = 1500 / 1000\n"));
    ingress_plan_free(&plan);
}

/* Nothing of what an Ingress says becomes a directive. */
static void test_hostile(void **state)
{
    struct ingress_plan plan = plan_of(
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"t\",\"annotations\":{"
        "\"nginx.ingress.kubernetes.io/proxy-next-upstream\":\"off; evil on\","
        "\"nginx.ingress.kubernetes.io/proxy-connect-timeout\":\"1; evil\","
        "\"nginx.ingress.kubernetes.io/proxy-read-timeout\":\"999999\"}},"
        "\"spec\":{\"rules\":[{\"host\":\"x.y\","
        "\"http\":{\"paths\":[{\"path\":\"/p\"," BACKEND(
            "{\"number\":80}") "}]}},"
                               "{\"host\":\"evil; evil\",\"http\":{\"paths\":[{" BACKEND(
                                   "{\"number\":80}") "}]}},"
                                                      "{\"http\":{\"paths\":[{\"path\":\"/ { "
                                                      "evil }\"," BACKEND(
                                                          "{\"number\":80}") "}]}},"
                                                                             "{\"http\":{"
                                                                             "\"paths\":["
                                                                             "{" BACKEND(
                                                                                 "{\"name\":"
                                                                                 "\"evil\\\"\""
                                                                                 "}") "}]}}]}}",
        "{\"metadata\":7,\"spec\":{\"rules\":{\"a\":[1,2,{}]},\"tls\":\"evil\","
        "\"defaultBackend\":[1]}}");
    const char *config = text_str(&plan.config);

    (void)state;
    assert_null(strstr(config, "evil"));
    assert_null(strstr(text_str(&plan.backends), "evil"));
    assert_non_null(strstr(config, "proxy_next_upstream error timeout;"));
    assert_non_null(strstr(config, "proxy_connect_timeout 5s;\nproxy_read_timeout 60s;"));
    ingress_plan_free(&plan);
}

static void test_names(void **state)
{
    static const char *const good_hosts[] = {"a", "web.example.com", "*.example.com", "x-1.y"};
    static const char *const bad_hosts[] = {"", "*.", "*", "A.b", "a b", "a;b", "a.*", "-a", ".a"};
    static const char *const good_paths[] = {"/", "/a/b", "/a%20b/~c_d-e.f"};
    static const char *const bad_paths[] = {"", "a", "/a b", "/a;", "/{", "/\"", "/$x", "/a\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(good_hosts) / sizeof(good_hosts[0]); i++)
        assert_true(ingress_host_is_good(good_hosts[i]));
    for (size_t i = 0; i < sizeof(bad_hosts) / sizeof(bad_hosts[0]); i++)
        assert_false(ingress_host_is_good(bad_hosts[i]));
    for (size_t i = 0; i < sizeof(good_paths) / sizeof(good_paths[0]); i++)
        assert_true(ingress_path_is_good(good_paths[i]));
    for (size_t i = 0; i < sizeof(bad_paths) / sizeof(bad_paths[0]); i++)
        assert_false(ingress_path_is_good(bad_paths[i]));
}

/* One Ingress may not keep nginx from taking the configuration of all others. */
static void words_that_nginx_does_not_know_are_left_out(void **state)
{
    static const char *const rows[][2] = {
        {"error http_503 non_idempotent", "proxy_next_upstream error http_503 non_idempotent;"},
        {"error http_505", "proxy_next_upstream error timeout;"},
        {"error  timeout", "proxy_next_upstream error timeout;"},
        {" ", "proxy_next_upstream error timeout;"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char json[512];
        snprintf(
            json, sizeof(json),
            "{\"metadata\":{\"name\":\"a\",\"namespace\":\"t\",\"annotations\":{"
            "\"nginx.ingress.kubernetes.io/proxy-next-upstream\":\"%s\"}},\"spec\":{\"rules\":[{"
            "\"http\":{\"paths\":[{\"path\":\"/\"," BACKEND("{\"number\":80}") "}]}}]}}",
            rows[i][0]);
        struct ingress_plan plan = plan_of(json, "{}");
        assert_non_null(strstr(text_str(&plan.config), rows[i][1]));
        ingress_plan_free(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backends),
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_names),
        cmocka_unit_test(words_that_nginx_does_not_know_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
