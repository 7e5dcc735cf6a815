/* As a pod: server, authority, token and namespace of a made-up service account. */
#include "kube/in_cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kube/kube.h"
#include "tests/unit/kube/fixture.h"
#include "tests/unit/kube/server.h"

static struct server *server;
static char folder[128];

static void put(const char *name, const char *content)
{
    char path[256];
    struct text text = {0};
    text_add(&text, content);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(text_write_file(&text, path), 0);
    text_free(&text);
}

/* The server's CA is the account's ca.crt. */
static int set_up(void **state)
{
    char port[16];
    (void)state;
    server = server_start("127.0.0.1");
    snprintf(folder, sizeof(folder), "%s/account", server_folder(server));
    mkdir(folder, 0700);
    struct text ca = fixture_read(server_folder(server), "ca.pem");
    put("ca.crt", text_str(&ca));
    text_free(&ca);
    put("token", "first\n");
    put("namespace", "shop\n");
    snprintf(port, sizeof(port), "%u", server_port(server));
    setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", port, 1);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"ca.crt", "token", "namespace"};
    char path[256];
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
    server_stop(server);
    return 0;
}

static void get_pod(struct kube *kube, const char *name)
{
    struct kube_order order = {.verb = KUBE_GET, .kind = KUBE_POD, .name = name};
    struct kube_result result = {0};
    struct error err = {0};
    server_start_thread(server);
    int code = kube_run(kube, &order, 20000, &result, &err);
    server_join_thread(server);
    if (code < 0)
        fail_msg("%s", err.text);
    kube_object_drop(result.object);
}

/* Over TLS, with the token as it is at each request. */
static void test_requests(void **state)
{
    struct clock clock;
    struct kube *kube;
    struct error err = {0};
    char path[256];
    (void)state;
    clock_start(&clock, 1000000);
    snprintf(path, sizeof(path), KUBE_IN_CLUSTER ":%s", folder);
    struct kube_options options = {.kubeconfig = path, .clock = &clock};
    if (kube_open(&options, &kube, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(kube_namespace(kube), "shop");
    assert_string_equal(kube_config(kube)->context, "in-cluster");
    server_rule(server, "GET /api/v1/namespaces/shop/pods/", 200, SERVER_WHOLE,
                "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"}}");
    get_pod(kube, "one");
    assert_string_equal(server_authorization(server), "Bearer first");
    put("token", "second\n");
    get_pod(kube, "two");
    assert_string_equal(server_authorization(server), "Bearer second");
    kube_close(kube);
}

static int load(struct kubeconfig *out, struct error *err)
{
    char path[256];
    snprintf(path, sizeof(path), KUBE_IN_CLUSTER ":%s", folder);
    *err = (struct error){0};
    return kubeconfig_load(path, NULL, out, err);
}

static void test_what_is_not_there(void **state)
{
    struct kubeconfig config;
    struct error err;
    char path[256];
    (void)state;
    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    put("namespace", "");
    assert_int_equal(load(&config, &err), 0);
    assert_non_null(strstr(config.server, "https://[fd00::1]:"));
    assert_string_equal(config.namespace, "default");
    kubeconfig_free(&config);
    put("ca.crt", "no certificate");
    assert_int_equal(load(&config, &err), -EINVAL);
    assert_non_null(strstr(err.text, "is no PEM"));
    snprintf(path, sizeof(path), "%s/token", folder);
    unlink(path);
    assert_int_equal(load(&config, &err), -ENOENT);
    assert_non_null(strstr(err.text, "automountServiceAccountToken"));
    unsetenv("KUBERNETES_SERVICE_HOST");
    assert_int_equal(load(&config, &err), -ENOENT);
    assert_non_null(strstr(err.text, "is this a pod?"));
    assert_int_equal(err.status, EXIT_USAGE);
    assert_false(kube_in_cluster("in-clusters"));
    assert_false(kube_in_cluster("./in-cluster"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_there, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
