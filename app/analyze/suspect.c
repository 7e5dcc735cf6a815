#include "analyze/suspect.h"

#include <stdio.h>
#include <string.h>

#include "analyze/result_priv.h"

#define SECOND_NS UINT64_C(1000000000)
/* Proxies hear of a ready pod as late as we do, and then take a while. */
#define READY_NS (SECOND_NS / 10)
/* An ingress controller that writes at most every 3.3 s, workers that look every second, and a
 * connection that times out after 5 s. */
#define UPSTREAM_NS (15 * SECOND_NS)
#define CORDON_NS (120 * SECOND_NS)

bool suspect_told(const struct result_pod *pod, uint64_t at_ns)
{
    return pod->terminating != NULL &&
           timeline_since_ns(pod->terminating, SUSPECT_TOLD_NS) <= at_ns;
}

bool suspect_stale(const struct result_pod *pod, uint64_t at_ns)
{
    return suspect_told(pod, at_ns) && pod->last_new_connection_ns <= at_ns &&
           (pod->gone == NULL || at_ns <= pod->gone->not_after_ns + 2 * SECOND_NS);
}

bool suspect_upstream(const struct result_pod *pod, uint64_t at_ns)
{
    const struct timeline_event *last = pod->gone != NULL ? pod->gone : pod->terminating;
    return suspect_told(pod, at_ns) && at_ns <= last->not_after_ns + UPSTREAM_NS;
}

bool suspect_stopped(const struct result_pod *pod, uint64_t at_ns)
{
    return suspect_upstream(pod, at_ns) && pod->stopped != NULL &&
           timeline_since_ns(pod->stopped, SUSPECT_TOLD_NS) <= at_ns;
}

bool suspect_early(const struct result_pod *pod, uint64_t at_ns)
{
    return pod->ready != NULL && timeline_since_ns(pod->ready, READY_NS) <= at_ns &&
           at_ns <= pod->ready->not_after_ns + SUSPECT_REACH_NS &&
           (pod->first_answer_ns == 0 || pod->first_answer_ns > at_ns) && !suspect_told(pod, at_ns);
}

static bool is_about(uint64_t told_ns, uint64_t at_ns)
{
    return told_ns <= at_ns + SECOND_NS && at_ns <= told_ns + SUSPECT_TOLD_NS;
}

bool suspect_stopped_about(const struct result_pod *pod, uint64_t at_ns)
{
    return pod->stopped != NULL && is_about(pod->stopped->not_after_ns, at_ns);
}

bool suspect_just_stopped(const struct result_pod *pod, uint64_t at_ns)
{
    return suspect_stale(pod, at_ns) && suspect_stopped_about(pod, at_ns);
}

bool suspect_ended_about(const struct result_pod *pod, uint64_t at_ns)
{
    if (!suspect_told(pod, at_ns))
        return false;
    uint64_t grace_ns = suspect_grace_ns(pod);
    return suspect_stopped_about(pod, at_ns) ||
           (pod->gone != NULL && is_about(pod->gone->not_after_ns, at_ns)) ||
           (grace_ns > 0 && is_about(pod->terminating->not_after_ns + grace_ns, at_ns));
}

const struct result_pod *suspect_first(const struct result *result, uint64_t at_ns,
                                       suspect_test *test)
{
    for (size_t i = 0; i < result->pod_count; i++)
        if (test(&result->pods[i], at_ns))
            return &result->pods[i];
    return NULL;
}

bool suspect_is_probed(const struct result_pod *pod)
{
    return strstr(pod->ready->text, "readiness probe") != NULL;
}

bool suspect_has_hook(const struct result_pod *pod)
{
    return strstr(pod->terminating->text, "preStop") != NULL;
}

uint64_t suspect_grace_ns(const struct result_pod *pod)
{
    unsigned seconds = 0;
    return sscanf(pod->terminating->text, "grace %u s", &seconds) == 1 ? seconds * SECOND_NS : 0;
}

static bool is_of_service(const struct timeline_event *event, const char *service)
{
    size_t size = strlen(service);
    return strncmp(event->text, "service ", 8) == 0 &&
           strncmp(event->text + 8, service, size) == 0 && event->text[8 + size] == ',';
}

/* +1: the event makes POD's endpoint one that serves, -1: none any more. */
static int endpoint_turn(const struct timeline_event *event, const char *pod, const char *service)
{
    if (strcmp(event->object, pod) != 0)
        return 0;
    switch (event->kind) {
    case TIMELINE_ENDPOINT_READY: return is_of_service(event, service) ? 1 : 0;
    case TIMELINE_ENDPOINT_TERMINATING:
    case TIMELINE_ENDPOINT_REMOVED: return is_of_service(event, service) ? -1 : 0;
    case TIMELINE_POD_NOT_READY: return -1;
    default: return 0;
    }
}

int suspect_ready_endpoints(const struct result *result, const char *service, uint64_t at_ns,
                            uint64_t *until_ns)
{
    int count = 0;
    bool known = false;
    *until_ns = UINT64_MAX;
    for (size_t p = 0; p < result->pod_count && service != NULL; p++) {
        bool ready = false;
        for (size_t i = 0; i < result->timeline.count; i++) {
            const struct timeline_event *event = &result->timeline.events[i];
            int turn = endpoint_turn(event, result->pods[p].name, service);
            known |= turn != 0 && event->kind != TIMELINE_POD_NOT_READY;
            if (turn != 0 && event->not_after_ns <= at_ns)
                ready = turn > 0;
            else if (turn != 0 && event->not_after_ns < *until_ns)
                *until_ns = event->not_after_ns;
        }
        count += ready;
    }
    return known ? count : SUSPECT_UNKNOWN;
}

const struct timeline_event *suspect_cordon(const struct result *result, uint64_t at_ns)
{
    const struct timeline_event *found = NULL;
    for (size_t i = 0; i < result->timeline.count; i++) {
        const struct timeline_event *event = &result->timeline.events[i];
        if (event->kind != TIMELINE_NODE_CHANGED ||
            timeline_since_ns(event, SUSPECT_TOLD_NS) > at_ns)
            continue;
        if (strstr(event->text, "cordoned") != NULL)
            found = event->not_after_ns + CORDON_NS >= at_ns ? event : NULL;
        else if (found != NULL && strcmp(found->object, event->object) == 0)
            found = NULL;
    }
    return found;
}
