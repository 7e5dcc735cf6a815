/* pages FOLDER CONFIG: the pages that report.mjs opens, each NAME.html with its NAME.json (run.json).
 *
 *     story      the run of the golden files      empty      nothing was sent
 *     lossless   all went well                    killed     its end is missing
 *     hostile    names that would be markup       million    1,000,000 requests, 1,000 lost
 *     ...        one for each situation of CONFIG: its streams and steps, with made-up traffic
 *
 * What happens in them is made up; what is printed of it is what analyze and report make of it. */
#include <unistd.h>

#include "report/report.h"
#include "tests/unit/report/story.h"

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

static struct result *lossless(void)
{
    struct scene scene;
    scene_open(&scene,
               ",\"expect\":[{\"stream\":\"new\",\"figure\":\"lostRequests\",\"equals\":0}]");
    uint16_t host = scene_host(&scene, "pod-a");
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

/* ---- the situations ---- */

static const char *const situations[] = {"k8s-app-upgrade", "ingress-scale", "post-upgrade",
                                         "seamlessness", "node-drain"};

static bool speaks_http(const struct meta_stream *stream)
{
    return strncmp(stream->protocol, "http", 4) == 0;
}

/* Ten seconds at 50/s over two pods; around 6 s what is sent meets the one that goes. */
static void stream_traffic(struct scene *scene, uint8_t index, const uint16_t pods[2])
{
    const struct meta_stream *stream = &scene->meta.streams[index];
    for (unsigned i = 0; i < 500; i++) {
        double due_ms = 1000 + index + 20 * i;
        bool lost = i >= 250 && i < 254;
        enum outcome outcome = !lost                 ? OUTCOME_OK
                               : speaks_http(stream) ? OUTCOME_BAD_STATUS
                                                     : OUTCOME_REFUSED;
        scene_request(scene, index, 0, due_ms, 0.4 + 0.01 * (i % 37), outcome, pods[i > 250]);
        if (speaks_http(stream))
            scene->logs.requests[scene->logs.request_count - 1].status = lost ? 502 : 200;
    }
    struct record_outage outage = {.last_good_sent_ns = MS(5980 + index),
                                   .last_good_done_ns = MS(5980.5 + index),
                                   .signal_ns = MS(6000.5 + index),
                                   .recovered_sent_ns = MS(6080 + index),
                                   .recovered_done_ns = MS(6080.5 + index),
                                   .largest_rtt_ns = 600000,
                                   .attempts = 1,
                                   .lost = 4,
                                   .host = pods[0],
                                   .successor_host = pods[1],
                                   .stream = index,
                                   .signal = CONNECTION_REFUSED};
    SCENE_ADD(scene, outage, outage);
}

static void situation_events(struct scene *scene)
{
    const struct experiment *experiment = scene->experiment;
    scene_event(scene, TIMELINE_RUN_START, "", 0, 0);
    for (uint32_t i = 0; i < experiment->step_count; i++) {
        const struct experiment_step *step = &experiment->steps[i];
        const char *name = step->id != NULL ? step->id : experiment_verb_word(step->verb);
        scene_event(scene, TIMELINE_STEP_START, name, 900 * i, 900 * i);
        scene_event(scene, TIMELINE_STEP_END, name, 900 * (i + 1), 900 * (i + 1));
    }
    scene_event(scene, TIMELINE_POD_CREATED, "pod-b", 4000, 4020);
    scene_event(scene, TIMELINE_POD_READY, "pod-b", 5000, 5060);
    scene_event(scene, TIMELINE_POD_TERMINATING, "pod-a", 5900, 5950);
    scene_event(scene, TIMELINE_POD_GONE, "pod-a", 0, 7300);
    scene->meta.change_ns = MS(4000);
}

static struct result *situation(const char *config, const char *name)
{
    struct scene scene;
    struct error err = {0};
    char path[4096];
    scene_open(&scene, "");
    experiment_free(scene.experiment);
    snprintf(path, sizeof(path), "%s/%s.json", config, name);
    if (experiment_load(path, NULL, &scene.experiment, &err) < 0)
        fail_msg("%s", err.text);
    snprintf(scene.meta.experiment, sizeof(scene.meta.experiment), "%s", name);
    snprintf(scene.meta.environment, sizeof(scene.meta.environment), "made up for a test");
    uint16_t pods[2] = {scene_host(&scene, "pod-a"), scene_host(&scene, "pod-b")};
    scene.meta.stream_count = scene.experiment->stream_count;
    for (uint8_t i = 0; i < scene.meta.stream_count; i++) {
        const struct experiment_stream *stream = &scene.experiment->streams[i];
        scene.meta.streams[i] =
            scene_stream(stream->name, experiment_protocol_word(stream->protocol));
        scene.meta.streams[i].rate_pps = 50;
        stream_traffic(&scene, i, pods);
    }
    situation_events(&scene);
    return scene_analyze(&scene);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 3);
    write_page(argv[1], "story", story());
    write_page(argv[1], "empty", empty());
    write_page(argv[1], "lossless", lossless());
    write_page(argv[1], "killed", killed());
    write_page(argv[1], "hostile", hostile());
    write_page(argv[1], "million", million());
    for (unsigned i = 0; i < sizeof(situations) / sizeof(situations[0]); i++)
        write_page(argv[1], situations[i], situation(argv[2], situations[i]));
    return 0;
}
