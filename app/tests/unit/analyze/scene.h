/* scene.h - a run written by hand: an experiment, records and events, to be analysed.
 *
 * Two streams toward one static address: "held" (ctraffic, 10 requests/s over 2 flows) and "new"
 * (connect, 100/s), unless the test says otherwise; both run from 1 s to 11 s, steady at 2 s.
 * Times are given in ms of run time.
 */
#ifndef TESTS_UNIT_ANALYZE_SCENE_H
#define TESTS_UNIT_ANALYZE_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/analyze.h"

#define MS(ms) ((uint64_t)((ms)*1e6))

struct scene {
    struct meta meta;
    struct logs logs;
    struct timeline timeline;
    struct experiment *experiment;
    bool totals_given; /* meta's totals are the test's own. */
};

/* EXTRA: members of the experiment, with a comma before each: windows, expect. */
static inline struct experiment *scene_experiment(const char *extra)
{
    char text[4000];
    struct experiment *experiment = NULL;
    struct error err = {0};
    snprintf(text, sizeof(text),
             "{\"version\":1,\"name\":\"scene\","
             "\"cluster\":{\"kubeconfig\":\"lab\",\"context\":\"seamline-lab\","
             "\"namespace\":\"seamline\",\"mayChange\":[\"deployment/mserver\"]},"
             "\"target\":{\"address\":\"10.0.0.9\",\"port\":5003},"
             "\"streams\":[{\"name\":\"held\",\"protocol\":\"ctraffic\",\"connections\":2,"
             "\"rate\":\"10/s\",\"size\":1024},"
             "{\"name\":\"new\",\"protocol\":\"connect\",\"rate\":\"100/s\"}],"
             "\"steps\":[{\"do\":\"start\",\"streams\":[\"held\",\"new\"]},"
             "{\"do\":\"set-image\",\"id\":\"upgrade\",\"deployment\":\"mserver\","
             "\"image\":\"mserver:v2\"},"
             "{\"do\":\"stop\",\"streams\":[\"held\",\"new\"]}]%s}",
             extra);
    if (experiment_parse("scene", text, strlen(text), NULL, &experiment, &err) < 0)
        fail_msg("%s", err.text);
    return experiment;
}

static inline struct meta_stream scene_stream(const char *name, const char *protocol)
{
    struct meta_stream stream = {.flows = 1,
                                 .rate_pps = 100,
                                 .started_ns = MS(1000),
                                 .steady_ns = MS(2000),
                                 .stopped_ns = MS(11000)};
    snprintf(stream.name, sizeof(stream.name), "%s", name);
    snprintf(stream.protocol, sizeof(stream.protocol), "%s", protocol);
    snprintf(stream.target, sizeof(stream.target), "%s://10.0.0.9:5003", protocol);
    return stream;
}

static inline void scene_open(struct scene *scene, const char *extra)
{
    memset(scene, 0, sizeof(*scene));
    scene->experiment = scene_experiment(extra);
    struct meta *meta = &scene->meta;
    snprintf(meta->version, sizeof(meta->version), "0.1.0");
    snprintf(meta->experiment, sizeof(meta->experiment), "scene");
    snprintf(meta->started, sizeof(meta->started), "2026-11-21T10:00:00.500000000Z");
    meta->final = true;
    meta->ended_ns = MS(12000);
    meta->tsc_hz = 2000000000;
    meta->clock_error_ns = 1500;
    meta->worker_count = 1;
    meta->turns = 1000000;
    meta->stream_count = 2;
    meta->streams[0] = scene_stream("held", "ctraffic");
    meta->streams[0].flows = 2;
    meta->streams[0].rate_pps = 10;
    meta->streams[0].size_bytes = 1024;
    meta->streams[1] = scene_stream("new", "connect");
}

static inline void *scene_grow(void *array, size_t count, size_t bytes)
{
    void *grown = realloc(array, (count + 1) * bytes);
    assert_non_null(grown);
    return grown;
}

#define SCENE_ADD(scene, type, record)                                                             \
    do {                                                                                           \
        struct logs *logs_ = &(scene)->logs;                                                       \
        logs_->type##s = scene_grow(logs_->type##s, logs_->type##_count, sizeof(*logs_->type##s)); \
        logs_->type##s[logs_->type##_count++] = (record);                                          \
    } while (0)

static inline uint16_t scene_host(struct scene *scene, const char *name)
{
    struct record_host host = {0};
    snprintf(host.name, sizeof(host.name), "%s", name);
    SCENE_ADD(scene, host, host);
    return (uint16_t)scene->logs.host_count;
}

/* A request of STREAM that was sent when due, and over AFTER_MS later. */
static inline void scene_request(struct scene *scene, uint8_t stream, uint32_t flow, double due_ms,
                                 double after_ms, enum outcome outcome, uint16_t host)
{
    struct record_request request = {.due_ns = MS(due_ms),
                                     .sent_ns = outcome == OUTCOME_BLOCKED ? 0 : MS(due_ms),
                                     .done_ns = MS(due_ms) + MS(after_ms),
                                     .flow = flow,
                                     .host = host,
                                     .stream = stream,
                                     .outcome = (uint8_t)outcome};
    if (outcome_is_good(outcome))
        request.first_byte_ns = request.done_ns;
    SCENE_ADD(scene, request, request);
}

static inline void scene_event(struct scene *scene, enum timeline_kind kind, const char *object,
                               double not_before_ms, double not_after_ms)
{
    struct timeline_event event = {
        .kind = kind, .not_before_ns = MS(not_before_ms), .not_after_ns = MS(not_after_ms)};
    snprintf(event.object, sizeof(event.object), "%s", object);
    assert_true(timeline_add(&scene->timeline, &event));
}

/* What the workers would have counted. */
static inline void scene_count(struct scene *scene)
{
    for (size_t i = 0; i < scene->logs.request_count; i++) {
        const struct record_request *request = &scene->logs.requests[i];
        struct record_log_totals *totals = &scene->meta.streams[request->stream].totals;
        totals->due++;
        totals->outcomes[request->outcome]++;
    }
}

/* Takes the scene's parts. Free by result_free(). */
static inline struct result *scene_analyze(struct scene *scene)
{
    struct result *result = NULL;
    struct error err = {0};
    if (!scene->totals_given)
        scene_count(scene);
    logs_sort(&scene->logs);
    if (analyze_parts(&scene->meta, &scene->logs, &scene->timeline, scene->experiment, &result,
                      &err) < 0)
        fail_msg("%s", err.text);
    return result;
}

#endif
