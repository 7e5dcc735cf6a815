/* cause.c - what the timeline offers as the cause of each window.
 *
 * The pods that were lost in it decide first: their own termination. A window without a known pod
 * is explained by the nearest event of the cluster before its onset, if there is one within
 * CAUSE_REACH_NS; else by nothing, and that is said. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/result_priv.h"
#include "base/text.h"

#define CAUSE_REACH_NS UINT64_C(30000000000)

static bool can_cause(const struct timeline_event *event)
{
    switch (event->kind) {
    case TIMELINE_POD_TERMINATING:
    case TIMELINE_POD_GONE:
    case TIMELINE_POD_NOT_READY:
    case TIMELINE_POD_READY:
    case TIMELINE_ENDPOINT_READY:
    case TIMELINE_ENDPOINT_TERMINATING:
    case TIMELINE_ENDPOINT_REMOVED:
    case TIMELINE_NODE_CHANGED:
    case TIMELINE_SERVICE_CHANGED:
    case TIMELINE_TESTER: return true;
    default: return false;
    }
}

/* Newest event that can have caused a loss which began within ONSET. */
static const struct timeline_event *nearest(const struct timeline *timeline, struct bracket onset)
{
    const struct timeline_event *best = NULL;
    for (size_t i = 0; i < timeline->count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        uint64_t earliest_ns = timeline_earliest_ns(event);
        if (can_cause(event) && earliest_ns <= onset.to_ns &&
            event->not_after_ns + CAUSE_REACH_NS >= onset.from_ns &&
            (best == NULL || earliest_ns > timeline_earliest_ns(best)))
            best = event;
    }
    return best;
}

static const struct timeline_event *termination_of(const struct result *result,
                                                   const struct window *window)
{
    for (uint32_t i = 0; i < window->host_count; i++) {
        const struct result_pod *pod = &result->pods[window->hosts[i] - 1];
        if (pod->terminating != NULL &&
            timeline_earliest_ns(pod->terminating) <= window->onset.to_ns)
            return pod->terminating;
    }
    return NULL;
}

/* OWN: the event is about a pod that was lost; otherwise it is the nearest one of all. */
static void say(const struct window *window, bool own, struct result_cause *cause)
{
    const struct timeline_event *event = cause->event;
    struct text text = {0};
    if (window->tester) {
        text_add(&text, "the tester's own faults could explain it");
    } else if (event == NULL) {
        text_add(&text, "no event of the cluster explains it");
    } else {
        text_addf(&text, "%s%s %s",
                  own ? "" : "none known; nearest event: ", timeline_kind_text(event->kind),
                  event->object);
        if (event->not_after_ns <= window->onset.from_ns) {
            text_add(&text, ", ");
            text_add_duration(&text, (int64_t)(window->onset.from_ns - event->not_after_ns));
            text_add(&text, " or more before it began");
        } else {
            text_add(&text, ", about when it began");
        }
        if (window->host_count > 1)
            text_addf(&text, " (first of %" PRIu32 " pods)", window->host_count);
    }
    snprintf(cause->text, sizeof(cause->text), "%s", text_str(&text));
    text_free(&text);
}

int account_causes(struct result *result)
{
    result->causes = calloc(result->windows.count + 1, sizeof(*result->causes));
    if (result->causes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < result->windows.count; i++) {
        const struct window *window = &result->windows.items[i];
        struct result_cause *cause = &result->causes[i];
        cause->event = termination_of(result, window);
        bool own = cause->event != NULL;
        if (!own)
            cause->event = nearest(&result->timeline, window->onset);
        say(window, own, cause);
    }
    return 0;
}
