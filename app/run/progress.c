#include "run/progress.h"
#include "run/until.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A rewritten line may move five times a second; a log gets one line a second. */
#define TERMINAL_NS UINT64_C(200000000)
#define LOG_NS UINT64_C(1000000000)

struct pods {
    unsigned old_ready, old, new_ready, new;
    bool known;
};

/* Pods of the newest template are new: their first container has its image. */
static void count_pod(struct pods *pods, const struct kube_object *workload,
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

static struct pods count_pods(const struct session *session)
{
    struct pods pods = {0};
    const struct kube_object *workload = workload_of(session);
    if (workload == NULL)
        return pods;
    const struct kube_cache *cache = kube_objects(session->cluster.kube, KUBE_POD);
    pods.known = true;
    for (unsigned i = 0; i < cache->count; i++)
        count_pod(&pods, workload, cache->objects[i]);
    return pods;
}

const char *progress_text(const struct session *session, const struct steps *steps, char out[256])
{
    char step[96];
    struct fleet_counts sum = {0};
    for (unsigned i = 0; session->launched && i < session->experiment->stream_count; i++) {
        struct fleet_counts counts = fleet_counts(&session->fleet, i);
        sum.up += counts.up;
        sum.broken += counts.broken;
        sum.connecting += counts.connecting;
        sum.sent += counts.sent;
        sum.received += counts.received;
        sum.lost += counts.lost;
    }
    int size =
        snprintf(out, 256,
                 "%7.1f s  %-24s connections %" PRIu64 " up %" PRIu64 " broken %" PRIu64
                 " connecting  packets %" PRIu64 " sent %" PRIu64 " received %" PRIu64 " lost",
                 (double)clock_now_ns(&session->clock) / 1e9, steps_text(steps, step), sum.up,
                 sum.broken, sum.connecting, sum.sent, sum.received, sum.lost);
    struct pods pods = count_pods(session);
    if (pods.known && size > 0 && size < 256)
        snprintf(out + size, 256 - (size_t)size, "  pods ready old %u/%u new %u/%u", pods.old_ready,
                 pods.old, pods.new_ready, pods.new);
    return out;
}

void progress_start(struct progress *progress, bool quiet)
{
    *progress = (struct progress){.quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1};
}

void progress_tick(struct progress *progress, const struct session *session,
                   const struct steps *steps)
{
    char line[256];
    uint64_t now_ns = clock_now_ns(&session->clock);
    uint64_t every_ns = progress->terminal ? TERMINAL_NS : LOG_NS;
    if (progress->quiet || (progress->shown_ns != 0 && now_ns < progress->shown_ns + every_ns))
        return;
    progress->shown_ns = now_ns;
    progress_text(session, steps, line);
    if (progress->terminal)
        fprintf(stderr, "\r%-*s", (int)progress->width, line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
    progress->width = (unsigned)strlen(line);
}

void progress_end(struct progress *progress)
{
    if (progress->terminal && progress->width > 0)
        fputc('\n', stderr);
    progress->width = 0;
}
