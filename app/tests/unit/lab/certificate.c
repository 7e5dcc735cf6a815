#include "lab/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "lab/kubeconfig_writer.h"

#define NOW_NS INT64_C(1795254751000000000)

static X509 *certificate_of(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(certificate);
    return certificate;
}

/* Whether PEM is good for PURPOSE at UTC_S under AUTHORITY. */
static bool is_good(const char *authority, const char *pem, int purpose, int64_t utc_s)
{
    X509 *root = certificate_of(authority);
    X509 *leaf = certificate_of(pem);
    X509_STORE *trusted = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_STORE_add_cert(trusted, root);
    X509_STORE_CTX_init(context, trusted, leaf, NULL);
    X509_STORE_CTX_set_purpose(context, purpose);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), utc_s);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_X509_STRICT);
    bool good = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    X509_STORE_free(trusted);
    X509_free(root);
    X509_free(leaf);
    return good;
}

static void test_chain(void **state)
{
    (void)state;
    struct certificate_set one;
    struct certificate_set two;
    struct error err = {0};
    int64_t now_s = NOW_NS / 1000000000;
    assert_int_equal(certificate_make(&one, NOW_NS, &err), 0);
    assert_int_equal(certificate_make(&two, NOW_NS, &err), 0);
    assert_true(is_good(one.authority, one.server, X509_PURPOSE_SSL_SERVER, now_s));
    assert_true(is_good(one.authority, one.pods, X509_PURPOSE_SSL_SERVER, now_s));
    assert_true(is_good(one.authority, one.client, X509_PURPOSE_SSL_CLIENT, now_s));
    assert_true(is_good(one.authority, one.client, X509_PURPOSE_SSL_CLIENT, now_s + 29 * 86400));
    assert_false(is_good(one.authority, one.client, X509_PURPOSE_SSL_CLIENT, now_s + 31 * 86400));
    assert_false(is_good(one.authority, one.client, X509_PURPOSE_SSL_CLIENT, now_s - 7200));
    assert_false(is_good(one.authority, one.client, X509_PURPOSE_SSL_SERVER, now_s));
    assert_false(is_good(one.authority, one.server, X509_PURPOSE_SSL_CLIENT, now_s));
    assert_false(is_good(one.authority, two.client, X509_PURPOSE_SSL_CLIENT, now_s));
    certificate_free(&one);
    certificate_free(&two);
    assert_null(one.client_key);
}

static void test_names(void **state)
{
    (void)state;
    char text[256];
    struct certificate_set set;
    assert_int_equal(certificate_make(&set, NOW_NS, NULL), 0);
    X509 *server = certificate_of(set.server);
    assert_int_equal(X509_check_host(server, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(server, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(server, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(server, "127.0.0.2", 0), 0);
    assert_int_equal(X509_check_host(server, "example.com", 0, 0, NULL), 0);
    X509_free(server);
    X509 *pods = certificate_of(set.pods);
    assert_int_equal(X509_check_host(pods, "web.seamline.lab", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(pods, "a.b.seamline.lab", 0, 0, NULL), 0);
    X509_free(pods);
    X509 *client = certificate_of(set.client);
    X509_NAME_oneline(X509_get_subject_name(client), text, sizeof(text));
    assert_string_equal(text, "/O=system:masters/CN=" CERTIFICATE_CLIENT_NAME);
    X509_free(client);
    certificate_free(&set);
}

static void test_kubeconfig(void **state)
{
    (void)state;
    char directory[] = "/tmp/seamline-kubeconfig-XXXXXX";
    char path[128];
    struct stat info;
    struct certificate_set set;
    struct error err = {0};
    struct text text = {0};
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/config", directory);
    assert_int_equal(certificate_make(&set, NOW_NS, NULL), 0);
    mode_t old = umask(0);
    for (unsigned i = 0; i < 2; i++) /* The second replaces the first. */
        assert_int_equal(kubeconfig_write(path, "https://127.0.0.1:6443", &set, &err), 0);
    umask(old);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(text_read_file(&text, path, 1 << 20), 0);
    assert_non_null(strstr(text_str(&text), "current-context: seamline-lab\n"));
    assert_non_null(strstr(text_str(&text), "    server: https://127.0.0.1:6443\n"));
    /* "-----BEGIN CERTIFICATE" in base64. */
    assert_non_null(
        strstr(text_str(&text), "client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS"));
    text_free(&text);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0); /* Nothing else was left there. */
    assert_true(kubeconfig_write(path, "https://127.0.0.1:6443", &set, &err) < 0);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(err.status, EXIT_ENVIRONMENT);
    certificate_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_kubeconfig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
