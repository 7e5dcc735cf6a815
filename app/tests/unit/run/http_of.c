/* An experiment's HTTP streams as requests on the wire, and what is expected of their answers. */
#include "run/http_of.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct experiment *experiment_of(const char *http)
{
    char text[4000];
    struct experiment *made = NULL;
    struct error err = {0};
    snprintf(text, sizeof(text),
             "{\"version\":1,\"name\":\"x\",\"streams\":[{\"name\":\"s\",\"protocol\":\"http\","
             "\"target\":{\"address\":\"10.0.0.1\",\"port\":8080},\"rate\":\"1/s\",\"http\":%s}],"
             "\"steps\":[{\"do\":\"start\"},{\"do\":\"stop\"}]}",
             http);
    if (experiment_parse("x", text, strlen(text), NULL, &made, &err) < 0)
        fail_msg("%s", err.text);
    return made;
}

static struct target target_of(const struct experiment *experiment)
{
    const struct experiment_target *target = &experiment->streams[0].target;
    return (struct target){.address = target->address, .port = target->port};
}

static void made(const char *http, struct http_of *out, struct experiment **experiment)
{
    struct error err = {0};
    *experiment = experiment_of(http);
    struct target target = target_of(*experiment);
    if (http_of_make((*experiment)->path, &(*experiment)->streams[0], &target, out, &err) < 0)
        fail_msg("%s", err.text);
}

static void assert_message(const struct http_message *message, const char *text)
{
    char bytes[2000] = "";
    assert_true(message->total_bytes < sizeof(bytes));
    http_message_fill(message, 7, 0, (uint8_t *)bytes, (uint32_t)message->total_bytes);
    assert_string_equal(bytes, text);
}

static void requests_on_the_wire(void **state)
{
    static const struct {
        const char *http, *text;
    } rows[] = {
        {"{}", "GET / HTTP/1.1\r\nHost: 10.0.0.1:8080\r\n\r\n"},
        {"{\"method\":\"HEAD\",\"path\":\"/a?b\",\"host\":\"me\",\"headers\":[\"A:  b\"],"
         "\"sequenceHeader\":\"N\"}",
         "HEAD /a?b HTTP/1.1\r\nHost: me\r\nA: b\r\nN: 00000000000000000007\r\n\r\n"},
        {"{\"method\":\"POST\",\"body\":\"abc\"}",
         "POST / HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nContent-Length: 3\r\n\r\nabc"},
        {"{\"method\":\"PUT\",\"body\":\"abcde\",\"chunkSize\":4}",
         "PUT / HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n"
         "1\r\ne\r\n0\r\n\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct experiment *experiment;
        struct http_of http;
        made(rows[i].http, &http, &experiment);
        assert_message(&http.messages[0], rows[i].text);
        http_of_free(&http);
        experiment_free(experiment);
    }
}

/* What one leaves out is what all have; headers are added. */
static void several_in_turn(void **state)
{
    struct experiment *experiment;
    struct http_of http;
    (void)state;
    made("{\"host\":\"h\",\"headers\":[\"A: b\"],\"body\":\"all\",\"requests\":["
         "{\"path\":\"/1\",\"method\":\"POST\"},"
         "{\"host\":\"i\",\"headers\":[\"C: d\"],\"bodySize\":5}]}",
         &http, &experiment);
    assert_int_equal(http.count, 2);
    assert_message(&http.messages[0], "POST /1 HTTP/1.1\r\nHost: h\r\nA: b\r\n"
                                      "Content-Length: 3\r\n\r\nall");
    assert_int_equal(http.messages[1].body.size_bytes, 5);
    assert_null(http.messages[1].body.bytes);
    assert_memory_equal(http.messages[1].head, "GET / HTTP/1.1\r\nHost: i\r\nA: b\r\nC: d\r\n", 37);
    http_of_free(&http);
    experiment_free(experiment);
}

/* Control characters, NULs and all. */
static void a_file_is_sent_as_it_is(void **state)
{
    static const char bytes[] = "a\nb\0c\r\n";
    char path[] = "/tmp/seamline-body-XXXXXX", text[200];
    int file = mkstemp(path);
    struct experiment *experiment;
    struct http_of http;
    uint8_t got[3];
    (void)state;
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, sizeof(bytes)), sizeof(bytes));
    close(file);
    snprintf(text, sizeof(text), "{\"method\":\"POST\",\"bodyFile\":\"%s\"}", path);
    made(text, &http, &experiment);
    assert_int_equal(http.messages[0].body.size_bytes, sizeof(bytes));
    assert_non_null(strstr((char *)http.messages[0].head, "Content-Length: 8\r\n"));
    http_message_fill(&http.messages[0], 0, http.messages[0].head_bytes + 2, got, sizeof(got));
    assert_memory_equal(got, "b\0c", 3);
    http_of_free(&http);
    unlink(path);
    struct target target = target_of(experiment);
    struct error err = {0};
    assert_true(http_of_make("x", &experiment->streams[0], &target, &http, &err) < 0);
    assert_non_null(strstr(err.text, "No such file"));
    experiment_free(experiment);
}

static void what_is_expected(void **state)
{
    struct experiment *experiment;
    struct http_of http;
    (void)state;
    made("{\"expectStatus\":[\"404\"],\"expectSize\":9,\"limitSize\":10,\"expectSha256\":"
         "\"BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}",
         &http, &experiment);
    assert_true(http_status_expected(&http.expect, 404));
    assert_false(http_status_expected(&http.expect, 200));
    assert_int_equal(http.expect.body_bytes, 9);
    assert_int_equal(http.expect.body_limit_bytes, 10);
    assert_true(http.expect.digested);
    assert_int_equal(http.expect.sha256[0], 0xba);
    assert_int_equal(http.expect.sha256[31], 0xad);
    http_of_free(&http);
    experiment_free(experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_on_the_wire),
        cmocka_unit_test(several_in_turn),
        cmocka_unit_test(a_file_is_sent_as_it_is),
        cmocka_unit_test(what_is_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
