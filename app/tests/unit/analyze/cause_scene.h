/* cause_scene.h - a scene whose windows are judged by their causes: pods, events, lost requests.
 */
#ifndef TESTS_UNIT_ANALYZE_CAUSE_SCENE_H
#define TESTS_UNIT_ANALYZE_CAUSE_SCENE_H

#include "analyze/cause.h"

#include "analyze/result.h"

#include "tests/unit/analyze/scene.h"

/* Toward a Service, so that its endpoints count. */
static inline void open_service(struct scene *scene)
{
    static const char text[] =
        "{\"version\":1,\"name\":\"scene\",\"cluster\":{\"kubeconfig\":\"lab\","
        "\"context\":\"c\",\"namespace\":\"n\",\"mayChange\":[\"deployment/m\"]},"
        "\"target\":{\"service\":\"m\"},"
        "\"streams\":[{\"name\":\"held\",\"protocol\":\"ctraffic\",\"connections\":2,"
        "\"rate\":\"10/s\"},{\"name\":\"new\",\"protocol\":\"http\",\"rate\":\"100/s\"}],"
        "\"steps\":[{\"do\":\"start\"},{\"do\":\"wait\",\"for\":\"9s\"},{\"do\":\"stop\"}]}";
    struct error err = {0};
    scene_open(scene, "");
    experiment_free(scene->experiment);
    scene->experiment = NULL;
    if (experiment_parse("scene", text, strlen(text), NULL, &scene->experiment, &err) < 0)
        fail_msg("%s", err.text);
    scene->meta.change_ns = MS(3000);
}

static inline void told(struct scene *scene, enum timeline_kind kind, const char *object,
                        double at_ms, const char *text, const char *node)
{
    scene_event(scene, kind, object, at_ms - 5, at_ms);
    struct timeline_event *event = &scene->timeline.events[scene->timeline.count - 1];
    snprintf(event->text, sizeof(event->text), "%s", text);
    snprintf(event->node, sizeof(event->node), "%s", node);
}

/* A pod that serves from the start on. */
static inline uint16_t pod(struct scene *scene, const char *name, const char *node)
{
    uint16_t host = scene_host(scene, name);
    told(scene, TIMELINE_POD_CREATED, name, 100, "", node);
    told(scene, TIMELINE_POD_READY, name, 200, "", node);
    told(scene, TIMELINE_ENDPOINT_READY, name, 210, "service m, IPv4", node);
    scene_request(scene, 0, 0, 1100, 1, OUTCOME_OK, host);
    scene_request(scene, 0, 0, 2100, 1, OUTCOME_OK, host);
    return host;
}

static inline void ending(struct scene *scene, const char *name, double at_ms, const char *node)
{
    told(scene, TIMELINE_POD_TERMINATING, name, at_ms, "grace 2 s", node);
    told(scene, TIMELINE_ENDPOINT_TERMINATING, name, at_ms + 20, "service m, IPv4", node);
}

/* COUNT requests from FROM_MS on, one in 10 ms, that end so after AFTER_MS. */
static inline void lost(struct scene *scene, double from_ms, unsigned count, enum outcome outcome,
                        double after_ms, uint16_t host, uint16_t status)
{
    for (unsigned i = 0; i < count; i++) {
        scene_request(scene, 1, 7, from_ms + 10 * i, after_ms, outcome, host);
        scene->logs.requests[scene->logs.request_count - 1].status = status;
    }
}

/* The outage that they are, of pod HOST. */
static inline void outage(struct scene *scene, double from_ms, double to_ms, uint32_t count,
                          uint16_t host, uint32_t flow)
{
    SCENE_ADD(scene, outage,
              ((struct record_outage){.last_good_sent_ns = MS(from_ms - 10),
                                      .last_good_done_ns = MS(from_ms - 9),
                                      .first_unanswered_ns = MS(from_ms),
                                      .signal_ns = MS(from_ms + 5),
                                      .recovered_sent_ns = MS(to_ms - 1),
                                      .recovered_done_ns = MS(to_ms),
                                      .lost = count,
                                      .flow = flow,
                                      .stream = 1,
                                      .host = host,
                                      .signal = CONNECTION_RST}));
}

static inline void judge(struct scene *scene, const char *what, enum cause cause,
                         enum cause_confidence confidence)
{
    struct result *result = scene_analyze(scene);
    assert_int_equal(result->windows.count, 1);
    if (result->causes[0].cause != cause || result->causes[0].confidence != confidence)
        fail_msg("%s: %s, want %s %s", what, result->causes[0].text, cause_word(cause),
                 cause_confidence_word(confidence));
    result_free(result);
}

#endif
