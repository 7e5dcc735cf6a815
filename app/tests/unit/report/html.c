/* What the page is given: columns, the escape that keeps names from being markup, the sentence, and
 * that counts are the same as in run.json. What a browser makes of it: app/tests/browser. */
#include "report/html_page.h"

#include <cjson/cJSON.h>

#include "base/json.h"
#include "report/column.h"
#include "report/report.h"
#include "report/sentence.h"
#include "tests/unit/report/story.h"

static void columns_hold_any_number(void **state)
{
    (void)state;
    static const struct {
        uint64_t values[3];
        const char *plain, *steps;
    } rows[] = {
        {{0, 1, 127}, "\"x\":\"AAF/\"", "\"x\":\"AAL8AQ==\""},
        {{128, 300, 300}, "\"x\":\"gAGsAqwC\"", "\"x\":\"gALYAgA=\""},
        {{5, 3, 1ull << 52}, "\"x\":\"BQOAgICAgICACA==\"", "\"x\":\"CgP6////////Dw==\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct column plain = {0}, steps = {0};
        struct text a = {0}, b = {0};
        for (unsigned k = 0; k < 3; k++) {
            column_add(&plain, rows[i].values[k]);
            column_step(&steps, rows[i].values[k]);
        }
        column_print(&plain, "x", &a);
        column_print(&steps, "x", &b);
        assert_string_equal(text_str(&a), rows[i].plain);
        assert_string_equal(text_str(&b), rows[i].steps);
        text_free(&a);
        text_free(&b);
    }
}

static void nothing_ends_the_data(void **state)
{
    static const struct html_page page = {"<i>", 3, "</i>", 4};
    struct text json = {0}, out = {0};
    (void)state;
    text_add(&json, "\"</script><!--<\"");
    html_page_make(&page, &json, &out);
    assert_string_equal(text_str(&out), "<i>\"\\u003c/script>\\u003c!--\\u003c\"\n</i>");
    text_free(&json);
    text_free(&out);
}

static void the_sentence(void **state)
{
    struct scene scene;
    struct text out = {0};
    (void)state;
    story_open(&scene);
    struct result *result = scene_analyze(&scene);
    sentence_add(result, &out);
    assert_string_equal(
        text_str(&out),
        "Upgrade of mserver: 1 of 3 connections of stream held broke (predicted 1, from 1 to 2); "
        "each was replaced within 100.5 ms and answered again within 650.5 ms (resolution 400 ms); "
        "2 lasted. Stream held lost 3 of 100 requests in 2 windows. Stream new lost 3 of 1000 "
        "requests in 1 window. What happened in the cluster during 250 ms was not seen. Lab, "
        "profile "
        "kubeadm, rr emulated.");
    text_free(&out);
    result->meta.stream_count = 4; /* The last two sent nothing. */
    sentence_add(result, &out);
    assert_non_null(strstr(text_str(&out), "; 2 lasted. Its 4 streams lost 6 of 1100 requests. "));
    text_free(&out);
    result->meta.stream_count = 1;
    result->streams[0].outcomes[OUTCOME_UNSENT] = 7;
    result->streams[0].broken = 0;
    result->streams[0].done = 3; /* None was to last. */
    sentence_add(result, &out);
    assert_ptr_equal(
        strstr(text_str(&out),
               "Upgrade of mserver: Stream held lost 3 of 100 requests in 2 windows (7 "
               "of them unsent by the tester). "),
        text_str(&out));
    text_free(&out);
    result_free(result);
}

/* Patches and programs set the scene, and what comes before the traffic does. */
static void what_the_run_is_about(void **state)
{
    static const struct {
        enum experiment_verb verbs[6];
        const char *subject;
    } rows[] = {
        {{EXPERIMENT_PATCH, EXPERIMENT_START, EXPERIMENT_PATCH, EXPERIMENT_DRAIN,
          EXPERIMENT_UNCORDON, EXPERIMENT_STOP},
         "Drain of node n3: "},
        {{EXPERIMENT_SCALE, EXPERIMENT_PATCH, EXPERIMENT_START, EXPERIMENT_OBSERVE, EXPERIMENT_WAIT,
          EXPERIMENT_STOP},
         "Observed: "},
        {{EXPERIMENT_START, EXPERIMENT_EXEC, EXPERIMENT_OBSERVE, EXPERIMENT_PATCH, EXPERIMENT_WAIT,
          EXPERIMENT_STOP},
         "After helm: "},
        {{EXPERIMENT_APPLY, EXPERIMENT_START, EXPERIMENT_SCALE, EXPERIMENT_SCALE,
          EXPERIMENT_SET_IMAGE, EXPERIMENT_STOP},
         "Scaling of web to 3: "},
        {{EXPERIMENT_RESTART, EXPERIMENT_MOVE, EXPERIMENT_APPLY, EXPERIMENT_WAIT, EXPERIMENT_WAIT,
          EXPERIMENT_WAIT},
         "Restart of web: "},
        {{EXPERIMENT_APPLY, EXPERIMENT_START, EXPERIMENT_WAIT, EXPERIMENT_STOP,
          EXPERIMENT_DELETE_APPLIED, EXPERIMENT_WAIT},
         "Traffic without a change: "},
    };
    struct scene scene;
    (void)state;
    scene_open(&scene, "");
    struct result *result = scene_analyze(&scene);
    result->experiment->step_count = 6;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text out = {0};
        for (unsigned k = 0; k < 6; k++)
            result->experiment->steps[k] = (struct experiment_step){
                .verb = rows[i].verbs[k],
                .node = "n3",
                .object = {.kind = "deployment", .name = "web"},
                .replicas = k + 1,
                .command = {"helm"},
            };
        sentence_add(result, &out);
        assert_int_equal(strncmp(text_str(&out), rows[i].subject, strlen(rows[i].subject)), 0);
        text_free(&out);
    }
    result_free(result);
}

static void a_run_without_anything(void **state)
{
    struct scene scene;
    struct text out = {0}, page = {0};
    (void)state;
    scene_open(&scene, "");
    struct result *result = scene_analyze(&scene);
    sentence_add(result, &out);
    assert_string_equal(text_str(&out), "Upgrade of mserver: Stream held sent nothing. Stream new "
                                        "sent nothing. No cluster.");
    assert_int_equal(report_make(result, REPORT_HTML, &page, NULL), 0);
    assert_non_null(strstr(text_str(&page), "Skip the timeline"));
    text_free(&out);
    text_free(&page);
    result_free(result);
}

/* The data of a page as a tree. */
static cJSON *data_of(const struct result *result)
{
    struct text page = {0};
    struct error err = {0};
    assert_int_equal(report_make(result, REPORT_HTML, &page, NULL), 0);
    const char *from = strstr(text_str(&page), "{\"page\":1");
    assert_non_null(from);
    const char *to = strstr(from, "</script>");
    assert_non_null(to);
    cJSON *data = json_parse(from, (size_t)(to - from), &err);
    if (data == NULL)
        fail_msg("%s", err.text);
    text_free(&page);
    return data;
}

/* Sum of the numbers in a column. */
static uint64_t sum(const char *base64)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t total = 0, value = 0, bits = 0;
    unsigned held = 0, shift = 0;
    for (; *base64 != '\0' && *base64 != '='; base64++) {
        bits = bits << 6 | (uint64_t)(strchr(digits, *base64) - digits);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        uint8_t octet = (uint8_t)(bits >> held);
        value |= (uint64_t)(octet & 127) << shift;
        shift += 7;
        if (octet < 128) {
            total += value;
            value = shift = 0;
        }
    }
    return total;
}

static void counts_are_those_of_run_json(void **state)
{
    struct scene scene;
    (void)state;
    story_open(&scene);
    struct result *result = scene_analyze(&scene);
    cJSON *data = data_of(result), *series = cJSON_GetObjectItem(data, "series");
    for (unsigned i = 0; i < 2; i++) {
        const struct result_stream *stream = &result->streams[i];
        const cJSON *one = cJSON_GetArrayItem(series, (int)i);
        assert_int_equal(sum(json_string(one, "bins.due", "")), stream->due);
        assert_int_equal(sum(json_string(one, "bins.good", "")), stream->outcomes[OUTCOME_OK]);
        assert_int_equal(sum(json_string(one, "bins.lost", "")), stream->lost);
        assert_int_equal(json_integer(one, "dots.count", -1), stream->outcomes[OUTCOME_OK]);
        assert_int_equal(sum(json_string(one, "folds.members", "")), stream->lost);
    }
    assert_int_equal(json_integer(data, "connections.count", -1), 1004);
    assert_int_equal(json_integer(data, "totals.events", -1), 12);
    cJSON_Delete(data);
    result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_hold_any_number),
        cmocka_unit_test(nothing_ends_the_data),
        cmocka_unit_test(the_sentence),
        cmocka_unit_test(what_the_run_is_about),
        cmocka_unit_test(a_run_without_anything),
        cmocka_unit_test(counts_are_those_of_run_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
