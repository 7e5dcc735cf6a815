/* pods.c - what became of each pod's connections, and which pod a failure belongs to. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/result_priv.h"

const struct timeline_event *timeline_find(const struct timeline *timeline, enum timeline_kind kind,
                                           const char *object, uint64_t from_ns)
{
    for (size_t i = 0; i < timeline->count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        if (event->kind == kind && event->not_after_ns >= from_ns &&
            strcmp(event->object, object) == 0)
            return event;
    }
    return NULL;
}

#define SECOND_NS UINT64_C(1000000000)

uint64_t timeline_since_ns(const struct timeline_event *event, uint64_t lag_ns)
{
    uint64_t soon_ns = event->not_after_ns > lag_ns ? event->not_after_ns - lag_ns : 0;
    return event->not_before_ns > soon_ns ? event->not_before_ns : soon_ns;
}

/* Kubelets cut host names after 63 bytes: the first pod that begins so completes one. */
static struct result_pod *find_pod(struct result *result, const char *name)
{
    for (size_t i = 0; i < result->pod_count; i++)
        if (strcmp(result->pods[i].name, name) == 0)
            return &result->pods[i];
    for (size_t i = 0; i < result->pod_count; i++) {
        struct result_pod *pod = &result->pods[i];
        if (strlen(pod->name) != RECORD_HOST_BYTES - 1 || pod->host == 0 ||
            strncmp(pod->name, name, RECORD_HOST_BYTES - 1) != 0)
            continue;
        snprintf(pod->name, sizeof(pod->name), "%s", name);
        return pod;
    }
    return NULL;
}

static bool is_about_pod(const struct timeline_event *event)
{
    switch (event->kind) {
    case TIMELINE_POD_CREATED:
    case TIMELINE_POD_SCHEDULED:
    case TIMELINE_POD_READY:
    case TIMELINE_POD_NOT_READY:
    case TIMELINE_POD_TERMINATING:
    case TIMELINE_POD_GONE: return true;
    default: return false;
    }
}

static struct result_pod *add_pod(struct result *result, const char *name)
{
    struct result_pod *pod = &result->pods[result->pod_count++];
    snprintf(pod->name, sizeof(pod->name), "%s", name);
    return pod;
}

/* Every host that answered, and every pod that the timeline tells of. */
static int collect_pods(struct result *result)
{
    const struct timeline *timeline = &result->timeline;
    size_t most = result->logs.host_count + timeline->count + 1;
    result->pods = calloc(most, sizeof(*result->pods));
    if (result->pods == NULL)
        return -ENOMEM;
    for (size_t id = 1; id < logs_host_ids(&result->logs); id++)
        add_pod(result, result->logs.hosts[id - 1].name)->host = (uint16_t)id;
    for (size_t i = 0; i < timeline->count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        if (!is_about_pod(event))
            continue;
        struct result_pod *pod = find_pod(result, event->object);
        if (pod == NULL)
            pod = add_pod(result, event->object);
        if (event->node[0])
            snprintf(pod->node, sizeof(pod->node), "%s", event->node);
    }
    for (size_t i = 0; i < result->pod_count; i++) {
        struct result_pod *pod = &result->pods[i];
        pod->created = timeline_find(timeline, TIMELINE_POD_CREATED, pod->name, 0);
        pod->ready = timeline_find(timeline, TIMELINE_POD_READY, pod->name, 0);
        pod->terminating = timeline_find(timeline, TIMELINE_POD_TERMINATING, pod->name, 0);
        pod->gone = timeline_find(timeline, TIMELINE_POD_GONE, pod->name, 0);
        if (pod->terminating != NULL)
            pod->stopped = timeline_find(timeline, TIMELINE_POD_NOT_READY, pod->name,
                                         pod->terminating->not_after_ns);
        if (pod->stopped == NULL)
            pod->stopped = pod->gone;
    }
    return 0;
}

static struct result_pod *pod_of_host(struct result *result, uint16_t host)
{
    /* Hosts are the first pods, in the order of their ids. */
    return host > 0 && host <= result->logs.host_count ? &result->pods[host - 1] : NULL;
}

static void add_connections(struct result *result)
{
    for (size_t i = 0; i < result->logs.connection_count; i++) {
        const struct record_connection *connection = &result->logs.connections[i];
        struct result_pod *pod = pod_of_host(result, connection->host);
        if (pod == NULL || connection->connected_ns == 0)
            continue;
        pod->by_end[connection->end]++;
        pod->broken += connection_end_is_broken(connection->end);
        pod->lasting += connection->end == CONNECTION_LASTING;
        if (connection->connected_ns > pod->last_new_connection_ns)
            pod->last_new_connection_ns = connection->connected_ns;
    }
}

static int by_id(const void *a, const void *b)
{
    const struct record_connection *x = *(const struct record_connection *const *)a;
    const struct record_connection *y = *(const struct record_connection *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

/* A pod is known by any answer on the connection, also by one that came after the request. */
static uint16_t host_of(const struct record_connection *const *ids, size_t count, uint32_t id)
{
    struct record_connection wanted = {.id = id};
    const struct record_connection *key = &wanted;
    const struct record_connection *const *found =
        id == 0 ? NULL : bsearch(&key, ids, count, sizeof(*ids), by_id);
    return found != NULL ? (*found)->host : 0;
}

static int name_requests(struct logs *logs)
{
    size_t count = logs->connection_count;
    const struct record_connection **ids = malloc((count + 1) * sizeof(*ids));
    if (ids == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        ids[i] = &logs->connections[i];
    qsort(ids, count, sizeof(*ids), by_id);
    for (size_t i = 0; i < logs->request_count; i++)
        if (logs->requests[i].host == 0)
            logs->requests[i].host = host_of(ids, count, logs->requests[i].connection);
    for (size_t i = 0; i < logs->fold_count; i++)
        if (logs->folds[i].host == 0)
            logs->folds[i].host = host_of(ids, count, logs->folds[i].connection);
    free(ids);
    return 0;
}

static void add_answers(struct result_tally *tally, uint64_t first_ns, uint64_t last_ns)
{
    if (tally->first_answer_ns == 0 || first_ns < tally->first_answer_ns)
        tally->first_answer_ns = first_ns;
    if (last_ns > tally->last_answer_ns)
        tally->last_answer_ns = last_ns;
}

static void tally_requests(const struct result *result, unsigned stream,
                           struct result_tally tallies[])
{
    for (size_t i = 0; i < result->logs.request_count; i++) {
        const struct record_request *request = &result->logs.requests[i];
        if (request->stream != stream)
            continue;
        tallies[request->host].requests++;
        tallies[request->host].lost += result->opens >> request->outcome & 1;
        if (outcome_is_good(request->outcome))
            add_answers(&tallies[request->host], request->done_ns, request->done_ns);
    }
}

/* Where not every request has a record: of what the workers counted by host. */
static void tally_counts(const struct result *result, unsigned stream,
                         struct result_tally tallies[])
{
    const struct logs *logs = &result->logs;
    uint64_t named = 0;
    for (size_t i = 0; i < logs->answers_count; i++) {
        const struct log_answers *answers = &logs->answers[i];
        if (answers->stream != stream)
            continue;
        tallies[answers->host].requests += answers->count;
        named += answers->count;
        add_answers(&tallies[answers->host], answers->first_ns, answers->last_ns);
    }
    for (size_t i = 0; i < logs->fold_count; i++) {
        const struct record_fold *fold = &logs->folds[i];
        if (fold->stream != stream)
            continue;
        uint32_t lost = result->opens >> fold->outcome & 1 ? fold->count : 0;
        uint32_t count = outcome_is_good(fold->outcome) && fold->host != 0 ? 0 : fold->count;
        tallies[fold->host].lost += lost;
        tallies[fold->host].requests += count;
        named += count;
    }
    if (logs->bins[stream].due > named)
        tallies[0].requests += logs->bins[stream].due - named;
}

void result_tally(const struct result *result, unsigned stream, struct result_tally tallies[])
{
    if (logs_whole(&result->logs, stream))
        tally_requests(result, stream, tallies);
    else
        tally_counts(result, stream, tallies);
}

static int add_requests(struct result *result)
{
    struct result_tally *tallies = calloc(logs_host_ids(&result->logs), sizeof(*tallies));
    if (tallies == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        result_tally(result, i, tallies);
    for (size_t host = 1; host < logs_host_ids(&result->logs); host++) {
        struct result_pod *pod = pod_of_host(result, (uint16_t)host);
        pod->requests = tallies[host].requests;
        pod->lost = tallies[host].lost;
        pod->first_answer_ns = tallies[host].first_answer_ns;
        pod->last_answer_ns = tallies[host].last_answer_ns;
    }
    free(tallies);
    return 0;
}

static void add_outages(struct result *result)
{
    for (size_t i = 0; i < result->logs.outage_count; i++) {
        const struct outage *outage = &result->outages[i];
        struct result_pod *pod = pod_of_host(result, outage->record->host);
        if (pod == NULL)
            continue;
        if (pod->onset.to_ns == 0 || outage->onset.from_ns < pod->onset.from_ns)
            pod->onset = outage->onset;
        if (!outage->open && outage->recovery.to_ns > pod->last_recovery_ns)
            pod->last_recovery_ns = outage->recovery.to_ns;
    }
}

/* Marked deleted, or gone a little, while the rules may have named it still. */
static bool may_be_stale(const struct result_pod *pod, uint64_t at_ns)
{
    return pod->terminating != NULL && timeline_since_ns(pod->terminating, SECOND_NS) <= at_ns &&
           pod->last_new_connection_ns <= at_ns &&
           (pod->gone == NULL || at_ns <= pod->gone->not_after_ns + 2 * SECOND_NS);
}

/* Ready since just now, or in a moment, and nobody was answered yet. */
static bool may_be_early(const struct result_pod *pod, uint64_t at_ns)
{
    return pod->ready != NULL && timeline_since_ns(pod->ready, SECOND_NS) <= at_ns + SECOND_NS &&
           at_ns <= pod->ready->not_after_ns + 2 * SECOND_NS &&
           (pod->first_answer_ns == 0 || pod->first_answer_ns > at_ns);
}

/* Could POD have been the one that did not answer at AT_NS? */
static bool is_suspect(const struct result_pod *pod, uint64_t at_ns)
{
    return may_be_stale(pod, at_ns) || may_be_early(pod, at_ns);
}

/* A watch was broken around AT_NS: what it told afterwards may have been long before. */
static bool is_unseen(const struct timeline *timeline, uint64_t at_ns)
{
    for (size_t i = 0; i < timeline->count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        if (event->kind == TIMELINE_WATCH_GAP && event->not_before_ns <= at_ns + SECOND_NS &&
            at_ns <= event->not_after_ns + SECOND_NS)
            return true;
    }
    return false;
}

static void infer_attempt(struct result *result, struct result_attempt *attempt)
{
    size_t suspects = 0;
    bool unseen =
        result->unseen_ns > 0 && is_unseen(&result->timeline, attempt->connection->opened_ns);
    for (size_t i = 0; i < result->pod_count && !unseen; i++) {
        if (is_suspect(&result->pods[i], attempt->connection->opened_ns)) {
            suspects++;
            attempt->pod = i;
        }
    }
    attempt->knowledge = suspects == 1 ? POD_INFERRED : POD_UNKNOWN;
    if (suspects == 1)
        result->pods[attempt->pod].inferred_failed_connects++;
}

static int add_attempts(struct result *result)
{
    const struct logs *logs = &result->logs;
    result->attempts = calloc(logs->connection_count + 1, sizeof(*result->attempts));
    if (result->attempts == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < logs->connection_count; i++) {
        const struct record_connection *connection = &logs->connections[i];
        if (connection->connected_ns != 0) {
            if (connection_end_is_broken(connection->end))
                *(connection->host ? &result->known : &result->unknown) += 1;
            continue;
        }
        if (connection->end == CONNECTION_UNFINISHED || connection->end == CONNECTION_UNSENT)
            continue;
        struct result_attempt *attempt = &result->attempts[result->attempt_count++];
        attempt->connection = connection;
        infer_attempt(result, attempt);
        *(attempt->knowledge == POD_INFERRED ? &result->inferred : &result->unknown) += 1;
    }
    return 0;
}

static int make_windows(struct result *result)
{
    struct windows **of_host = calloc(result->pod_count + 1, sizeof(struct windows *));
    int code = of_host == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < result->pod_count && code == 0; i++) {
        struct result_pod *pod = &result->pods[i];
        if (pod->host == 0)
            continue;
        code = windows_make(&pod->windows, &result->logs, result->outages,
                            (struct window_scope){.stream = WINDOW_ALL_STREAMS, .host = pod->host},
                            (uint64_t)result->experiment->windows.hold_off_ns);
        of_host[pod->host] = &pod->windows; /* Hosts are the first pods. */
    }
    if (code == 0)
        code = windows_count_hosts(of_host, result->pod_count + 1, &result->logs);
    free(of_host);
    return code;
}

int account_pods(struct result *result)
{
    int code = collect_pods(result);
    if (code < 0)
        return code;
    add_connections(result);
    code = name_requests(&result->logs);
    if (code < 0)
        return code;
    code = add_requests(result);
    if (code < 0)
        return code;
    add_outages(result);
    code = add_attempts(result);
    return code < 0 ? code : make_windows(result);
}
