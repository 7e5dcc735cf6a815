/* ctraffic's records out of ours: attempts join the connection they led to, errors have Go's words,
 * figures Go's digits. */
#include "report/print.h"
#include "report/report.h"

#include "tests/unit/report/story.h"

static struct record_connection ending(uint32_t id, uint32_t flow, double opened_ms,
                                       double ended_ms, enum connection_end end)
{
    struct record_connection connection =
        story_connection(id, flow, opened_ms, ended_ms, end, end == CONNECTION_REFUSED ? 0 : 1);
    connection.received = 1;
    if (end == CONNECTION_CONNECT_TIMEOUT || end == CONNECTION_UNSENT) {
        connection.connected_ns = 0;
        connection.host = 0;
    }
    return connection;
}

static void made(struct scene *scene, enum report_format format, struct text *out)
{
    struct error err = {0};
    struct result *result = scene_analyze(scene);
    if (report_make(result, format, out, &err) < 0)
        fail_msg("%s", err.text);
    result_free(result);
}

/* One connection of flow 0 that ends like that at 3 s, in the words of Err. */
static void each_end_has_its_words(void **state)
{
    static const struct {
        enum connection_end end;
        bool partly;
        const char *err;
    } rows[] = {
        {CONNECTION_LASTING, false, "\"Ended\":10000000000,\"Err\":\"\""},
        {CONNECTION_FIN, false, "\"Ended\":2000000000,\"Err\":\"EOF\""},
        {CONNECTION_FIN, true, "\"Err\":\"unexpected EOF\""},
        {CONNECTION_SILENCE, false,
         "\"Err\":\"read tcp 10.1.0.1:40007-\\u003e10.0.0.9:5003: i/o timeout\""},
        {CONNECTION_RST, false,
         "\"Err\":\"read tcp 10.1.0.1:40007-\\u003e10.0.0.9:5003: read: connection reset by "
         "peer\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        struct text out = {0};
        scene_open(&scene, "");
        scene_host(&scene, "pod-a");
        SCENE_ADD(&scene, connection, ending(7, 0, 1000, 3000, rows[i].end));
        scene_request(&scene, 0, 0, 2990, 10, OUTCOME_CLOSED, 1);
        scene.logs.requests[0].connection = 7;
        scene.logs.requests[0].first_byte_ns = rows[i].partly ? MS(2995) : 0;
        made(&scene, REPORT_CTRAFFIC, &out);
        if (strstr(text_str(&out), rows[i].err) == NULL)
            fail_msg("no %s in %s", rows[i].err, text_str(&out));
        text_free(&out);
    }
}

/* Flow 0 breaks at 3 s, is refused at 3.1 s, times out, and is up from 5 s to 6 s, when it breaks
 * again and never comes back. What the tester could not open does not count. */
static void attempts_belong_to_their_connection(void **state)
{
    struct scene scene;
    struct text out = {0};
    (void)state;
    scene_open(&scene, "");
    scene_host(&scene, "pod-a");
    SCENE_ADD(&scene, connection, ending(1, 0, 1000, 3000, CONNECTION_FIN));
    SCENE_ADD(&scene, connection, ending(2, 0, 3100, 3100.3, CONNECTION_REFUSED));
    SCENE_ADD(&scene, connection, ending(3, 0, 3200, 4700, CONNECTION_CONNECT_TIMEOUT));
    SCENE_ADD(&scene, connection, ending(4, 0, 5000, 6000, CONNECTION_FIN));
    SCENE_ADD(&scene, connection, ending(5, 0, 6000, 6000, CONNECTION_UNSENT));
    SCENE_ADD(&scene, connection, ending(6, 0, 6100, 6100.3, CONNECTION_REFUSED));
    made(&scene, REPORT_CTRAFFIC, &out);
    static const char *const parts[] = {
        "\"FailedConnections\":2,",
        "\"FailedConnects\":3,",
        "{\"Started\":0,\"Connect\":250000,\"Ended\":2000000000,\"Err\":\"EOF\"",
        "{\"Started\":2100000000,\"Connect\":4000250000,\"Ended\":5000000000,\"Err\":\"EOF\"",
        "{\"Started\":5100000000,\"Connect\":0,\"Ended\":10000000000,\"Err\":\"\",\"Sent\":0,"
        "\"Received\":0,\"Dropped\":0,\"Retransmits\":0,\"Local\":\"\",\"Remote\":\"\"}]",
    };
    const char *at = text_str(&out);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        at = strstr(at, parts[i]);
        if (at == NULL)
            fail_msg("no %s in order in %s", parts[i], text_str(&out));
    }
    text_free(&out);
}

static void addresses_of_ipv6_stand_in_brackets(void **state)
{
    struct scene scene;
    struct text out = {0};
    struct record_connection connection = ending(7, 0, 1000, 3000, CONNECTION_SILENCE);
    (void)state;
    assert_int_equal(address_parse("fd00::1", &connection.tuple.local, NULL), 0);
    assert_int_equal(address_parse("fd00::9", &connection.tuple.remote, NULL), 0);
    scene_open(&scene, "");
    scene_host(&scene, "pod-a");
    SCENE_ADD(&scene, connection, connection);
    made(&scene, REPORT_CTRAFFIC, &out);
    assert_non_null(strstr(text_str(&out), "read tcp [fd00::1]:40007-\\u003e[fd00::9]:5003: i/o"));
    assert_non_null(strstr(text_str(&out), "\"Local\":\"[fd00::1]:40007\""));
    text_free(&out);
}

static void floats_as_go_prints_them(void **state)
{
    static const struct {
        double value;
        const char *alone, *json;
    } rows[] = {
        {400, "400", "400"},
        {0.5, "0.5", "0.5"},
        {1.5, "1.5", "1.5"},
        {0, "0", "0"},
        {98.6328125, "98.6328125", "98.6328125"},
        {1.0 / 3, "0.3333333333333333", "0.3333333333333333"},
        {0.1, "0.1", "0.1"},
        {1000000, "1e+06", "1000000"},
        {1234567, "1.234567e+06", "1234567"},
        {100000, "100000", "100000"},
        {0.00001, "1e-05", "0.00001"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text out = {0};
        print_go_float(&out, rows[i].value);
        assert_string_equal(text_str(&out), rows[i].alone);
        text_clear(&out);
        print_go_json_float(&out, rows[i].value);
        assert_string_equal(text_str(&out), rows[i].json);
        text_free(&out);
    }
}

static void spans_and_shares(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {{0, "0 ns"},
                {999, "999 ns"},
                {1000, "1 us"},
                {12345, "12.35 us"},
                {999949, "999.9 us"},
                {999951, "1 ms"},
                {12345678, "12.35 ms"},
                {999960000, "1 s"},
                {61234567890, "61.23 s"},
                {UINT64_C(3600000000000), "3600 s"}};
    struct text out = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text_clear(&out);
        print_span(&out, rows[i].ns);
        assert_string_equal(text_str(&out), rows[i].text);
    }
    text_clear(&out);
    print_time(&out, 61234567890);
    assert_string_equal(text_str(&out), "61.234568");
    text_clear(&out);
    print_share(&out, 1, 3);
    print_share(&out, 1, 0);
    assert_string_equal(text_str(&out), "33.3 %-");
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_has_its_words),
        cmocka_unit_test(attempts_belong_to_their_connection),
        cmocka_unit_test(addresses_of_ipv6_stand_in_brackets),
        cmocka_unit_test(floats_as_go_prints_them),
        cmocka_unit_test(spans_and_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
