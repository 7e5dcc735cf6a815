#include "run/live.h"

#include <string.h>

#include "run/session.h"
#include "run/step.h"
#include "run/until.h"

static void count_pod(struct live_pods *pods, const struct kube_object *workload,
                      const struct kube_object *pod)
{
    const struct kube_containers *wanted = &workload->workload.containers;
    if (kube_object_terminating(pod) ||
        !kube_labels_match(&workload->workload.selector, &pod->meta.labels))
        return;
    bool is_new = wanted->count > 0 && pod->pod.containers.count > 0 &&
                  strcmp(wanted->each[0].image, pod->pod.containers.each[0].image) == 0;
    *(is_new ? &pods->new : &pods->old) += 1;
    *(is_new ? &pods->new_ready : &pods->old_ready) += pod->pod.ready;
}

/* What the first step that is about one is about. */
static const struct kube_object *workload_of(const struct session *session)
{
    for (uint32_t i = 0; i < session->experiment->step_count; i++)
        if (experiment_is_workload(&session->experiment->steps[i].object))
            return until_workload(session, &session->experiment->steps[i].object);
    return NULL;
}

static struct live_pods count_pods(const struct session *session)
{
    struct live_pods pods = {0};
    const struct kube_object *workload = workload_of(session);
    if (workload == NULL)
        return pods;
    const struct kube_cache *cache = kube_objects(session->cluster.kube, KUBE_POD);
    pods.known = true;
    for (unsigned i = 0; i < cache->count; i++)
        count_pod(&pods, workload, cache->objects[i]);
    return pods;
}

static enum live_phase phase_of(const struct session *session, const struct steps *steps)
{
    if (steps != NULL && steps->go_on)
        return LIVE_AFTER;
    if (session->meta.change_ns != 0)
        return LIVE_CHANGE;
    for (unsigned i = 0; i < session->experiment->stream_count; i++)
        if (session->meta.streams[i].steady_ns != 0)
            return LIVE_BASELINE;
    return LIVE_SETUP;
}

void live_sample_take(struct live_sample *sample, const struct session *session,
                      const struct steps *steps)
{
    const struct fleet *fleet = &session->fleet;
    *sample = (struct live_sample){.now_ns = clock_now_ns(&session->clock),
                                   .phase = phase_of(session, steps),
                                   .pods = count_pods(session)};
    if (steps != NULL)
        steps_text(steps, sample->step);
    if (!session->launched)
        return;
    for (unsigned i = 0; i < session->experiment->stream_count; i++) {
        sample->streams[i] = fleet_counts(fleet, i);
        sample->runs[i] = fleet->streams[i].wanted > 0 && fleet->streams[i].stopped_ns == 0;
    }
    for (unsigned i = 0; i < fleet->count; i++) {
        if (fleet->members[i].worker == NULL)
            continue;
        const struct worker_counters *counters = worker_counters(fleet->members[i].worker);
        sample->workers[i] =
            (struct live_worker_counts){.busy_cycles = record_count_read(&counters->busy_cycles),
                                        .idle_cycles = record_count_read(&counters->idle_cycles),
                                        .stalls = record_count_read(&counters->stalls),
                                        .longest_ns = record_count_read(&counters->longest_gap_ns)};
    }
}
