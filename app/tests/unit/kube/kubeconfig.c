/* What kubeconfigs give, and how the bad ones are refused. */
#include "kube/kubeconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/stop.h"
#include "kube/exec_credential.h"
#include "tests/unit/kube/fixture.h"

#define PEM "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define PEM64 "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

static const char two_contexts[] =
    "apiVersion: v1\nkind: Config\ncurrent-context: b\n"
    "clusters:\n"
    "- name: ca\n  cluster:\n    server: https://10.0.0.1:6443/\n"
    "    certificate-authority-data: " PEM64 "\n"
    "- name: cb\n  cluster:\n    server: https://b.example:443/x\n    insecure-skip-tls-verify: "
    "true\n"
    "    tls-server-name: kubernetes\n"
    "contexts:\n"
    "- name: a\n  context: {cluster: ca, user: ua, namespace: shop}\n"
    "- name: b\n  context: {cluster: cb, user: ub}\n"
    "- name: lost\n  context: {cluster: nowhere, user: ub}\n"
    "- name: nobody\n  context: {cluster: cb, user: ghost}\n"
    "- {name: exec, context: {cluster: cb, user: exec}}\n"
    "- {name: provider, context: {cluster: cb, user: provider}}\n"
    "- {name: half, context: {cluster: cb, user: half}}\n"
    "users:\n"
    "- name: ua\n  user:\n    client-certificate-data: " PEM64 "\n    client-key-data: " PEM64 "\n"
    "- name: ub\n  user: {token: abc.def}\n"
    "- name: exec\n  user: {exec: {command: aws, args: [eks]}}\n"
    "- name: provider\n  user: {auth-provider: {name: gcp}}\n"
    "- name: half\n  user: {client-certificate-data: " PEM64 "}\n";

static int parse(const char *yaml, const char *context, struct kubeconfig *out, struct error *err)
{
    *err = (struct error){0};
    return kubeconfig_parse(yaml, strlen(yaml), "dir/kc", context, out, err);
}

static void test_named_context(void **state)
{
    struct kubeconfig config;
    struct error err;
    (void)state;
    assert_int_equal(parse(two_contexts, "a", &config, &err), 0);
    assert_string_equal(config.server, "https://10.0.0.1:6443");
    assert_string_equal(config.namespace, "shop");
    assert_string_equal(config.ca_pem, PEM);
    assert_string_equal(config.client_cert_pem, PEM);
    assert_string_equal(config.client_key_pem, PEM);
    assert_null(config.token);
    assert_false(config.insecure);
    kubeconfig_free(&config);
    assert_int_equal(parse(two_contexts, "b", &config, &err), 0);
    assert_string_equal(config.server, "https://b.example:443/x");
    assert_string_equal(config.namespace, "default");
    assert_string_equal(config.token, "abc.def");
    assert_string_equal(config.tls_server_name, "kubernetes");
    assert_true(config.insecure);
    assert_null(config.ca_pem);
    kubeconfig_free(&config);
}

/* {context, what the text must have}. */
static void test_refusals(void **state)
{
    static const struct {
        const char *context, *text, *also;
    } rows[] = {
        {NULL, "no context is named", "a, b"}, /* Never current-context. */
        {"c", "no context \"c\"", "a, b"},
        {"lost", "no cluster \"nowhere\"", "ca, cb"},
        {"nobody", "no user \"ghost\"", "ua, ub"},
        {"exec", "exec: aws", "apiVersion"},
        {"provider", "auth-provider gcp", "kubectl create token"},
        {"half", "client-key", "user \"half\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kubeconfig config = {.path = (char *)1};
        struct error err;
        assert_true(parse(two_contexts, rows[i].context, &config, &err) < 0);
        assert_non_null(strstr(err.text, rows[i].text));
        assert_non_null(strstr(err.text, rows[i].also));
        assert_non_null(strstr(err.text, "dir/kc"));
        assert_ptr_equal(config.path, (char *)1); /* Untouched. */
    }
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *yaml, *text;
    } rows[] = {
        {"", "no kubeconfig"},
        {"a: [1\n", "line "},
        {"- x\n", "no kubeconfig"},
        {"contexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: "
         "http://x}}]\n",
         "https://"},
        {"contexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: "
         "https://x, certificate-authority-data: '%%'}}]\n",
         "base64"},
        {"contexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: "
         "https://x, certificate-authority-data: QUJD}}]\n",
         "PEM"},
        {"contexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: "
         "https://x, certificate-authority: gone.pem}}]\n",
         "dir/gone.pem"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kubeconfig config;
        struct error err;
        assert_true(parse(rows[i].yaml, "a", &config, &err) < 0);
        if (strstr(err.text, rows[i].text) == NULL)
            fail_msg("row %zu: %s", i, err.text);
    }
}

/* Relative paths start at the file's own folder, not at the working directory. */
static void test_files(void **state)
{
    char folder[] = "/tmp/kubeconfig-test-XXXXXX", path[4096];
    struct text text = {0};
    struct kubeconfig config;
    struct error err = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/ca.pem", folder);
    text_add(&text, PEM);
    assert_int_equal(text_write_file(&text, path), 0);
    text_clear(&text);
    text_add(&text, "contexts: [{name: a, context: {cluster: c, user: u}}]\n"
                    "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority: "
                    "ca.pem}}]\nusers: [{name: u, user: {tokenFile: tok}}]\n");
    snprintf(path, sizeof(path), "%s/kc", folder);
    assert_int_equal(text_write_file(&text, path), 0);
    assert_int_equal(kubeconfig_load(path, "a", &config, &err), 0);
    assert_string_equal(config.ca_pem, PEM);
    assert_string_equal(strrchr(config.token_path, '/'), "/tok");
    assert_memory_equal(config.token_path, folder, strlen(folder));
    kubeconfig_free(&config);
    text_free(&text);
    unlink(path);
    assert_int_equal(kubeconfig_load(path, "a", &config, &err), -ENOENT);
    assert_non_null(strstr(err.text, path));
    snprintf(path, sizeof(path), "%s/ca.pem", folder);
    unlink(path);
    rmdir(folder);
}

#define CREDENTIAL(version, status)                                                                \
    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/" version          \
    "\",\"status\":{" status "}}"

/* A folder with an executable `give` and a kubeconfig that names it. */
static void write_program(const char *folder, const char *script, const char *more)
{
    char path[128];
    struct text text = {0};
    snprintf(path, sizeof(path), "%s/give", folder);
    text_addf(&text, "#!/bin/sh\n%s\n", script);
    assert_int_equal(text_write_file(&text, path), 0);
    assert_int_equal(chmod(path, 0700), 0);
    text_clear(&text);
    text_addf(
        &text,
        "contexts: [{name: a, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: https://x}}]\n"
        "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: "
        "./give, args: [one, two words], env: [{name: GIVEN, value: by us}]%s}}}]\n",
        more);
    snprintf(path, sizeof(path), "%s/kc", folder);
    assert_int_equal(text_write_file(&text, path), 0);
    text_free(&text);
}

static int load(const char *folder, struct kubeconfig *out, struct error *err)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/kc", folder);
    *err = (struct error){0};
    return kubeconfig_load(path, "a", out, err);
}

/* A program gives the credentials, and gives them anew. */
static void test_exec(void **state)
{
    char folder[] = "/tmp/seamline-exec-XXXXXX";
    struct kubeconfig config;
    struct error err;
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_program(folder,
                  "case $KUBERNETES_EXEC_INFO in *'\"interactive\":false'*) ;; *) exit 9;; esac\n"
                  "read x && exit 8\n"
                  "echo '" CREDENTIAL("v1",
                                      "\"token\":\"'\"$1,$2,$GIVEN\"'\",\"expirationTimestamp\":"
                                      "\"2030-01-01T00:00:00Z\"") "'",
                  "");
    if (load(folder, &config, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(config.token, "one,two words,by us");
    assert_int_equal(config.expires_utc_ns, INT64_C(1893456000000000000));
    write_program(folder, "echo '" CREDENTIAL("v1", "\"token\":\"next\"") "'", "");
    assert_int_equal(kube_exec_run(&config, &err), 0);
    assert_string_equal(config.token, "next");
    assert_int_equal(config.expires_utc_ns, INT64_MAX);
    write_program(folder, "exit 3", "");
    assert_int_equal(kube_exec_run(&config, &err), -EACCES); /* What it gave before is kept. */
    assert_string_equal(config.token, "next");
    kubeconfig_free(&config);
    write_program(folder,
                  "echo '" CREDENTIAL("v1", "\"clientCertificateData\":\"-----BEGIN "
                                            "C\",\"clientKeyData\":\"-----BEGIN K\"") "'",
                  "");
    assert_int_equal(load(folder, &config, &err), 0);
    assert_string_equal(config.client_cert_pem, "-----BEGIN C");
    assert_string_equal(config.client_key_pem, "-----BEGIN K");
    assert_null(config.token);
    write_program(folder,
                  "echo '" CREDENTIAL("v1", "\"clientCertificateData\":\"-----BEGIN "
                                            "D\",\"clientKeyData\":\"-----BEGIN L\"") "'",
                  "");
    assert_int_equal(kube_exec_run(&config, &err), 0); /* A certificate is renewed, too. */
    assert_string_equal(config.client_cert_pem, "-----BEGIN D");
    assert_string_equal(config.client_key_pem, "-----BEGIN L");
    write_program(folder, "sleep 60 2>/dev/null & echo '" CREDENTIAL("v1", "\"token\":\"t\"") "'",
                  "");
    assert_int_equal(kube_exec_run(&config, &err), 0); /* What it leaves behind is not awaited. */
    assert_string_equal(config.token, "t");
    kubeconfig_free(&config);
}

/* What it finds: the cluster, where that is said, and nothing of ours. */
static void test_exec_surroundings(void **state)
{
    static const char *const authorities[] = {"-----BEGIN a", "-----BEGIN ab", "-----BEGIN abc"};
    char folder[] = "/tmp/seamline-exec-XXXXXX";
    struct kubeconfig config;
    struct error err;
    sigset_t blocked;
    (void)state;
    assert_non_null(mkdtemp(folder));
    int fd = open("/dev/null", O_RDONLY); /* As a device's, which nobody closes on exec. */
    assert_int_equal(dup2(fd, 57), 57);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
    write_program(
        folder,
        "[ -e /proc/$$/fd/57 ] && exit 5\n"
        "sh -c 'kill -PIPE $$' && exit 6; sh -c 'kill -USR1 $$' && exit 6\n"
        "case $KUBERNETES_EXEC_INFO in *'\"server\":\"https://x\"'*) ;; *) exit 7;; esac\n"
        "d=${KUBERNETES_EXEC_INFO#*authority-data\\\":\\\"}; d=${d%%\\\"*}\n"
        "case $d in *{*) d=none;; esac\n"
        "echo '" CREDENTIAL("v1", "\"token\":\"'\"$d\"'\"") "'",
        ", provideClusterInfo: true");
    if (load(folder, &config, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof(authorities) / sizeof(authorities[0]); i++) {
        free(config.ca_pem);
        config.ca_pem = strdup(authorities[i]);
        if (kube_exec_run(&config, &err) < 0)
            fail_msg("%s", err.text);
        char *decoded = base64_decode(config.token, NULL);
        assert_string_equal(decoded, authorities[i]);
        free(decoded);
    }
    write_program(folder, "sleep 60", "");
    stop_on_signals();
    raise(SIGTERM);
    assert_int_equal(kube_exec_run(&config, &err), -EINTR);
    stop_on_signals(); /* It is forgotten again. */
    kubeconfig_free(&config);
    close(fd);
    close(57);
}

static void test_exec_refusals(void **state)
{
    static const struct {
        const char *script, *more, *text;
    } rows[] = {
        {"exit 7", "", "it ended with status 7"},
        {"kill -9 $$", "", "ended by signal 9"},
        {"echo hello", "", "no ExecCredential of client.authentication.k8s.io/v1"},
        {"echo '" CREDENTIAL("v1beta1", "\"token\":\"t\"") "'", "", "no ExecCredential"},
        {"echo '" CREDENTIAL("v1", "") "'", "", "neither token nor certificate"},
        {"echo '" CREDENTIAL("v1", "\"clientKeyData\":\"-----BEGIN K\"") "'", "", "no PEM of both"},
        {"echo '" CREDENTIAL("v1", "\"token\":\"a\\\\nb\"") "'", "", "line break"},
        {"cat /dev/zero", "", "more than 1048576 bytes"},
        {"true", ", interactiveMode: Always", "wants a terminal"},
    };
    char folder[] = "/tmp/seamline-exec-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kubeconfig config;
        struct error err;
        write_program(folder, rows[i].script, rows[i].more);
        if (load(folder, &config, &err) >= 0)
            fail_msg("row %zu was taken", i);
        if (strstr(err.text, rows[i].text) == NULL || strstr(err.text, "/kc") == NULL)
            fail_msg("row %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_exec_refusals),
        cmocka_unit_test(test_exec_surroundings),
        cmocka_unit_test(test_named_context),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
