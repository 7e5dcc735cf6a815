/* What changed in an object becomes an event of the timeline, with both stamps. */
#include "run/translate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static struct kube_object *object(enum kube_kind kind, const char *json)
{
    struct error err = {0};
    cJSON *tree = json_parse(json, strlen(json), &err);
    assert_non_null(tree);
    struct kube_object *read = kube_object_read(kind, tree, &err);
    assert_non_null(read);
    cJSON_Delete(tree);
    return read;
}

/* Translate a change of an object of KIND from BEFORE (may be NULL) to AFTER. */
static struct timeline change(enum kube_event_type type, enum kube_kind kind, const char *before,
                              const char *after)
{
    struct timeline out = {0};
    struct kube_event event = {.type = type,
                               .kind = kind,
                               .not_before_ns = 100,
                               .not_after_ns = 250,
                               .object = object(kind, after),
                               .previous = before ? object(kind, before) : NULL};
    translate_event(&event, &out);
    kube_object_drop(event.object);
    kube_object_drop(event.previous);
    return out;
}

/* WANTED: "kind object|kind object|..." */
static void expect(struct timeline timeline, const char *wanted)
{
    char got[1000] = "";
    for (size_t i = 0; i < timeline.count; i++) {
        const struct timeline_event *event = &timeline.events[i];
        size_t size = strlen(got);
        snprintf(got + size, sizeof(got) - size, "%s%s %s", i ? "|" : "",
                 timeline_kind_text(event->kind), event->object);
        assert_int_equal(event->not_after_ns, 250);
    }
    assert_string_equal(got, wanted);
    timeline_free(&timeline);
}

#define POD(more) "{\"metadata\":{\"name\":\"p\",\"uid\":\"1\"" more "}"
#define READY(status)                                                                              \
    ",\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"" status "\"}]}"
#define CREATED POD("") "}"
#define SCHEDULED POD("") ",\"spec\":{\"nodeName\":\"n1\"}}"
#define IS_READY POD("") ",\"spec\":{\"nodeName\":\"n1\"}" READY("True") "}"
#define NOT_READY POD("") ",\"spec\":{\"nodeName\":\"n1\"}" READY("False") "}"
#define TERMINATING                                                                                \
    POD(",\"deletionTimestamp\":\"2026-11-21T09:53:17Z\",\"deletionGracePeriodSeconds\":30")       \
    ",\"spec\":{\"nodeName\":\"n1\"}" READY("True") "}"

#define SPEC(more) ",\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"" more "}]}"
#define PROBE ",\"readinessProbe\":{\"tcpSocket\":{\"port\":80}}"
#define HOOK ",\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":5}}}"
#define ENDS ",\"deletionTimestamp\":\"2026-11-21T09:53:17Z\",\"deletionGracePeriodSeconds\":30"

/* What a cause is judged by: whether somebody listened when it became ready, and whether SIGTERM
 * comes as soon as it is marked deleted. */
static void probes_and_hooks_are_told(void **state)
{
    static const struct {
        const char *before, *after, *text;
    } rows[] = {
        {POD("") "}", POD("") SPEC("") READY("True") "}", ""},
        {POD("") "}", POD("") SPEC(PROBE) READY("True") "}", "readiness probe"},
        {POD("") "}", POD(ENDS) SPEC("") "}", "grace 30 s"},
        {POD("") "}", POD(ENDS) SPEC(HOOK) "}", "grace 30 s, preStop hook"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct timeline told = change(KUBE_MODIFIED, KUBE_POD, rows[i].before, rows[i].after);
        assert_int_equal(told.count, 1);
        assert_string_equal(told.events[0].text, rows[i].text);
        timeline_free(&told);
    }
}

static void life_of_a_pod(void **state)
{
    (void)state;
    expect(change(KUBE_ADDED, KUBE_POD, NULL, CREATED), "pod-created p");
    expect(change(KUBE_MODIFIED, KUBE_POD, CREATED, SCHEDULED), "pod-scheduled p");
    expect(change(KUBE_MODIFIED, KUBE_POD, SCHEDULED, IS_READY), "pod-ready p");
    expect(change(KUBE_MODIFIED, KUBE_POD, IS_READY, IS_READY), "");
    expect(change(KUBE_MODIFIED, KUBE_POD, IS_READY, NOT_READY), "pod-not-ready p");
    expect(change(KUBE_MODIFIED, KUBE_POD, IS_READY, TERMINATING), "pod-terminating p");
    expect(change(KUBE_MODIFIED, KUBE_POD, TERMINATING, TERMINATING), "");
    expect(change(KUBE_DELETED, KUBE_POD, TERMINATING, TERMINATING), "pod-gone p");
}

static void what_was_there_before_has_no_lower_stamp(void **state)
{
    (void)state;
    struct timeline timeline = change(KUBE_PRESENT, KUBE_POD, NULL, IS_READY);
    assert_int_equal(timeline.events[0].not_before_ns, 0);
    assert_string_equal(timeline.events[0].node, "n1");
    expect(timeline, "pod-created p|pod-scheduled p|pod-ready p");
    timeline = change(KUBE_MODIFIED, KUBE_POD, SCHEDULED, IS_READY);
    assert_int_equal(timeline.events[0].not_before_ns, 100);
    timeline_free(&timeline);
}

#define SLICE(endpoints)                                                                           \
    "{\"metadata\":{\"name\":\"s\",\"uid\":\"9\",\"labels\":{\"kubernetes.io/service-name\":"      \
    "\"web\"}},\"addressType\":\"IPv4\",\"endpoints\":[" endpoints "],\"ports\":[]}"
#define ENDPOINT(pod, ready, terminating)                                                          \
    "{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":" ready                               \
    ",\"terminating\":" terminating "},\"targetRef\":{\"kind\":\"Pod\",\"name\":\"" pod            \
    "\",\"uid\":\"" pod "\"}}"

static void endpoints_come_terminate_and_go(void **state)
{
    (void)state;
    expect(
        change(KUBE_MODIFIED, KUBE_ENDPOINTSLICE, SLICE(""), SLICE(ENDPOINT("a", "true", "false"))),
        "endpoint-ready a");
    expect(change(KUBE_MODIFIED, KUBE_ENDPOINTSLICE, SLICE(ENDPOINT("a", "true", "false")),
                  SLICE(ENDPOINT("b", "true", "false") "," ENDPOINT("a", "false", "true"))),
           "endpoint-ready b|endpoint-terminating a");
    expect(change(KUBE_MODIFIED, KUBE_ENDPOINTSLICE,
                  SLICE(ENDPOINT("b", "true", "false") "," ENDPOINT("a", "false", "true")),
                  SLICE(ENDPOINT("b", "true", "false"))),
           "endpoint-removed a");
    expect(change(KUBE_DELETED, KUBE_ENDPOINTSLICE, NULL, SLICE(ENDPOINT("b", "true", "false"))),
           "endpoint-removed b");
}

static void a_gap_is_unseen(void **state)
{
    (void)state;
    struct timeline timeline = {0};
    struct kube_event event = {.type = KUBE_UNSEEN,
                               .kind = KUBE_POD,
                               .not_before_ns = 100,
                               .not_after_ns = 250,
                               .text = (char *)"410"};
    assert_int_equal(translate_event(&event, &timeline), 1);
    assert_true(timeline.events[0].unseen);
    expect(timeline, "watch-gap pods");
}

/* It is no gap: what happens meanwhile comes later. */
static void a_break_is_told(void **state)
{
    (void)state;
    struct timeline timeline = {0};
    struct kube_event event = {
        .type = KUBE_BROKEN, .kind = KUBE_POD, .not_after_ns = 250, .text = (char *)"cut"};
    assert_int_equal(translate_event(&event, &timeline), 1);
    assert_false(timeline.events[0].unseen);
    expect(timeline, "watch-broken pods");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_of_a_pod),
        cmocka_unit_test(probes_and_hooks_are_told),
        cmocka_unit_test(what_was_there_before_has_no_lower_stamp),
        cmocka_unit_test(endpoints_come_terminate_and_go),
        cmocka_unit_test(a_gap_is_unseen),
        cmocka_unit_test(a_break_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
