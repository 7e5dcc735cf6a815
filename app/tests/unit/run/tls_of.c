/* An experiment's https streams: where files are, whom the certificate must name, what is refused. */
#include "run/tls_of.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct experiment *experiment_of(const char *keys)
{
    char text[2000];
    struct experiment *made = NULL;
    struct error err = {0};
    snprintf(text, sizeof(text),
             "{\"version\":1,\"name\":\"x\",\"streams\":[{\"name\":\"s\",\"protocol\":\"https\","
             "\"target\":{\"address\":\"2001:db8::1\",\"port\":443},\"rate\":\"1/s\",%s}],"
             "\"steps\":[{\"do\":\"start\"},{\"do\":\"stop\"}]}",
             keys);
    if (experiment_parse("some/folder/x.json", text, strlen(text), NULL, &made, &err) < 0)
        fail_msg("%s", err.text);
    return made;
}

static void names_and_files(void **state)
{
    static const struct {
        const char *keys, *host, *ca;
    } rows[] = {
        {"\"tls\":{}", "2001:db8::1", NULL},
        {"\"http\":{\"host\":\"a.example\"}", "a.example", NULL},
        {"\"http\":{\"host\":\"a.example:444\"}", "a.example", NULL},
        {"\"http\":{\"host\":\"[2001:db8::2]:444\"}", "2001:db8::2", NULL},
        {"\"http\":{\"host\":\"a\"},\"tls\":{\"serverName\":\"b\"}", "b", NULL},
        {"\"tls\":{\"ca\":\"a.pem\"}", "2001:db8::1", "some/folder/a.pem"},
        {"\"tls\":{\"ca\":\"/a.pem\"}", "2001:db8::1", "/a.pem"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct experiment *x = experiment_of(rows[i].keys);
        struct target target = {.address = x->streams[0].target.address, .port = 443};
        struct error err = {0};
        struct tls_of tls;
        assert_int_equal(tls_of_make(x->path, &x->streams[0], &target, &tls, &err), 0);
        assert_string_equal(tls.host, rows[i].host);
        if (rows[i].ca == NULL)
            assert_null(tls.config.ca_file);
        else
            assert_string_equal(tls.config.ca_file, rows[i].ca);
        assert_true(tls.config.resume && !tls.config.insecure && !tls.config.server);
        assert_int_equal(tls.config.min, TLS_1_2);
        assert_int_equal(tls.config.max, TLS_1_3);
        tls_of_free(&tls);
        experiment_free(x);
    }
}

static void files_are_looked_at(void **state)
{
    struct experiment *x = experiment_of("\"tls\":{\"insecure\":true}");
    struct error err = {0};
    (void)state;
    assert_int_equal(tls_of_check(x->path, &x->streams[0], &err), 0);
    experiment_free(x);
    x = experiment_of("\"tls\":{\"ca\":\"none.pem\"}");
    assert_true(tls_of_check(x->path, &x->streams[0], &err) < 0);
    assert_string_equal(err.text, "certificates of authorities of some/folder/none.pem: No such "
                                  "file or directory");
    assert_int_equal(err.status, EXIT_USAGE);
    experiment_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_files),
        cmocka_unit_test(files_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
