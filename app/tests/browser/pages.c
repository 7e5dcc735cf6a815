/* pages FOLDER: pages made of invented runs, each NAME.html with its NAME.json (run.json).
 *
 *     story      the run of the golden files      empty      nothing was sent
 *     lossless   all went well, 230 pods            killed     its end is missing
 *     hostile    names that would be markup       million    1,000,000 requests, 1,000 lost
 *     repeats    a comparison of two sets of eight runs
 *
 * What is printed of them is what analyze and report make of it. */
#include <unistd.h>

#include "report/compare.h"
#include "report/report.h"
#include "tests/unit/report/story.h"

enum {
    CROWD = 230
};
#define HOSTILE "<img src=x onerror=window.hit=1>\"'&"

static void write_page(const char *folder, const char *name, struct result *result)
{
    static const struct {
        enum report_format format;
        const char *ending;
    } files[] = {{REPORT_HTML, "html"}, {REPORT_JSON, "json"}};
    for (unsigned i = 0; i < 2; i++) {
        char path[4096];
        struct text text = {0};
        snprintf(path, sizeof(path), "%s/%s.%s", folder, name, files[i].ending);
        if (report_make(result, files[i].format, &text, NULL) < 0 ||
            text_write_file(&text, path) < 0)
            fail_msg("%s cannot be made", path);
        text_free(&text);
    }
    result_free(result);
}

static struct result *story(void)
{
    struct scene scene;
    story_open(&scene);
    return scene_analyze(&scene);
}

static struct result *empty(void)
{
    struct scene scene;
    scene_open(&scene, "");
    for (unsigned i = 0; i < 2; i++)
        scene.meta.streams[i].started_ns = scene.meta.streams[i].steady_ns =
            scene.meta.streams[i].stopped_ns = 0;
    scene.meta.ended_ns = MS(3);
    return scene_analyze(&scene);
}

/* A Deployment of many pods, all there before the first step. */
static void crowd(struct scene *scene)
{
    for (unsigned i = 0; i < CROWD; i++) {
        char name[32];
        snprintf(name, sizeof(name), "crowd-%u", i);
        scene_event(scene, TIMELINE_POD_CREATED, name, 0, 300);
        scene_event(scene, TIMELINE_POD_READY, name, 0, 300);
    }
    scene_event(scene, TIMELINE_STEP_START, "start", 900, 900);
    scene_event(scene, TIMELINE_POD_TERMINATING, "crowd-7", 5000, 5010);
}

static struct result *lossless(void)
{
    struct scene scene;
    scene_open(&scene,
               ",\"expect\":[{\"stream\":\"new\",\"figure\":\"lostRequests\",\"equals\":0}]");
    uint16_t host = scene_host(&scene, "pod-a");
    crowd(&scene);
    for (unsigned i = 0; i < 1000; i++)
        scene_request(&scene, 1, 0, 1005 + 10 * i, 0.3 + 0.001 * (i % 97), OUTCOME_OK, host);
    return scene_analyze(&scene);
}

static struct result *killed(void)
{
    struct scene scene;
    story_open(&scene);
    scene.meta.final = false;
    scene.meta.ended_ns = 0;
    scene.meta.records_refused = 7;
    scene.logs.damaged_bytes = 99;
    for (unsigned i = 0; i < 2; i++)
        scene.meta.streams[i].stopped_ns = 0;
    return scene_analyze(&scene);
}

static struct result *hostile(void)
{
    struct scene scene;
    story_open(&scene);
    snprintf(scene.logs.hosts[0].name, sizeof(scene.logs.hosts[0].name), HOSTILE);
    snprintf(scene.meta.environment, sizeof(scene.meta.environment),
             "</script><script>window.hit=1</script><!-- " HOSTILE);
    snprintf(scene.meta.failure, sizeof(scene.meta.failure), "\xe2\x80\xae\x1b[31m\xff" HOSTILE);
    snprintf(scene.meta.streams[0].name, sizeof(scene.meta.streams[0].name), "</title>" HOSTILE);
    snprintf(scene.meta.streams[1].target, sizeof(scene.meta.streams[1].target),
             "javascript:" HOSTILE);
    for (size_t i = 0; i < scene.timeline.count; i++) {
        struct timeline_event *event = &scene.timeline.events[i];
        snprintf(event->object, sizeof(event->object), "%zu" HOSTILE, i);
        snprintf(event->text, sizeof(event->text), "</script>" HOSTILE);
    }
    free(scene.meta.notes);
    scene.meta.notes = strdup("<style>*{display:none}</style>" HOSTILE);
    return scene_analyze(&scene);
}

/* 100,000 a second for ten seconds; a tenth of a second of every second hundredth is refused. */
static struct result *million(void)
{
    struct scene scene;
    scene_open(&scene, "");
    uint32_t random = 1;
    scene.meta.streams[1].rate_pps = 100000;
    for (unsigned i = 0; i < 1000000; i++) {
        random = random * 1664525 + 1013904223;
        bool lost = i >= 600000 && i < 601000;
        double tail = (random >> 8) % 1000 < 3 ? 20 : 1;
        scene_request(&scene, 1, 0, 1000 + i * 0.01,
                      lost ? 0.2 : tail * (0.15 + (random >> 16) % 400 / 1000.0),
                      lost ? OUTCOME_REFUSED : OUTCOME_OK, 0);
    }
    struct record_outage outage = {.last_good_sent_ns = MS(6999.99),
                                   .last_good_done_ns = MS(7000.2),
                                   .signal_ns = MS(7000.2),
                                   .first_unanswered_ns = MS(7000),
                                   .recovered_sent_ns = MS(7010),
                                   .recovered_done_ns = MS(7010.3),
                                   .largest_rtt_ns = 900000,
                                   .attempts = 1,
                                   .lost = 1000,
                                   .stream = 1,
                                   .signal = CONNECTION_REFUSED};
    SCENE_ADD(&scene, outage, outage);
    scene.meta.change_ns = MS(6000);
    return scene_analyze(&scene);
}

/* ---- a comparison ---- */

enum {
    REPEATS = 8
};

/* Of the second side more is lost, and answers come sooner; what varies is its number alone. */
static void fill_run(struct compare_run *run, struct compare_stream streams[2], bool next,
                     unsigned number)
{
    static const char *const names[2] = {"held", HOSTILE};
    snprintf(run->directory, sizeof(run->directory), "%s/%u", next ? "new" : "base", number);
    run->streams = streams;
    run->stream_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        double lost = (next ? 40 : 10) + number;
        double ms = (next && i == 0 ? 1.5 : 3) + 0.01 * number;
        snprintf(streams[i].name, sizeof(streams[i].name), "%s", names[i]);
        for (unsigned k = 0; k < COMPARE_FIGURE_COUNT; k++)
            streams[i].values[k].given = true;
        streams[i].values[COMPARE_LOST_REQUESTS] = (struct compare_value){
            .given = true, .value = lost / 1e4, .share = {(uint64_t)lost, 10000}, .design = 1};
        streams[i].values[COMPARE_LATENCY_P50].value = 1e6 * ms / 3;
        streams[i].values[COMPARE_LATENCY_P99].value = 1e6 * ms;
    }
}

static void write_comparison(const char *folder)
{
    struct compare_run runs[2][REPEATS] = {0};
    struct compare_stream streams[2][REPEATS][2] = {0};
    struct compare_side sides[2] = {{runs[0], REPEATS}, {runs[1], REPEATS}};
    struct compare_options options = compare_options_default();
    struct remarks remarks = {0};
    struct comparison comparison;
    for (unsigned i = 0; i < 2 * REPEATS; i++)
        fill_run(&runs[i / REPEATS][i % REPEATS], streams[i / REPEATS][i % REPEATS], i >= REPEATS,
                 i % REPEATS);
    remarks_add(&remarks, false, "%s is of another machine", HOSTILE);
    assert_int_equal(compare_sides(&sides[0], &sides[1], &options, &comparison), 0);
    const struct compare_account account = {&sides[0], &sides[1], &options, &remarks, &comparison};
    for (unsigned i = 0; i < 2; i++) {
        char path[4096];
        struct text text = {0};
        snprintf(path, sizeof(path), "%s/repeats.%s", folder, i == 0 ? "html" : "json");
        compare_print(&account, i == 0 ? COMPARE_FORMAT_HTML : COMPARE_FORMAT_JSON, &text);
        assert_int_equal(text_write_file(&text, path), 0);
        text_free(&text);
    }
    comparison_free(&comparison);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 2);
    write_page(argv[1], "story", story());
    write_page(argv[1], "empty", empty());
    write_page(argv[1], "lossless", lossless());
    write_page(argv[1], "killed", killed());
    write_page(argv[1], "hostile", hostile());
    write_page(argv[1], "million", million());
    write_comparison(argv[1]);
    return 0;
}
