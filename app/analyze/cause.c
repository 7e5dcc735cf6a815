#include "analyze/cause.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/answers.h"
#include "analyze/evidence_index.h"
#include "analyze/result_priv.h"
#include "analyze/suspect.h"
#include "base/text.h"

#define SECOND_NS UINT64_C(1000000000)
/* Rules are applied at most once a second: who is still sent to a node without pods after this was
 * sent there by a balancer before it. */
#define RULES_NS (3 * SECOND_NS)
/* A proxy whose connection is refused says so at once. */
#define AT_ONCE_NS (SECOND_NS / 20)
/* What a pod had in hand ends with it, all within this. */
#define BURST_NS (SECOND_NS / 50)
/* What is left to a process at least after its preStop hook. */
#define AFTER_HOOK_NS (2 * SECOND_NS)
/* The kernel's TIME_WAIT, and connection tracking's. */
#define TUPLE_NS (120 * SECOND_NS)

/* Two causes that fit the same request. With BOTH, the first one has it if others speak for it,
 * whether any speak for the second or not. */
#define PAIRS(X)                                                                                   \
    X(RACE, READY_EARLY, false)                                                                    \
    X(DRAINED_NODE, RACE, true)                                                                    \
    X(RACE, CONNTRACK, false)                                                                      \
    X(CONNTRACK, READY_EARLY, false)                                                               \
    X(STALE_UPSTREAM, READY_EARLY, false)                                                          \
    X(NOT_GRACEFUL, STALE_UPSTREAM, false)                                                         \
    X(GRACE_SHORT, STALE_UPSTREAM, false)                                                          \
    X(SIGTERM_IGNORED, STALE_UPSTREAM, false)                                                      \
    X(GRACE_SHORT, SIGTERM_IGNORED, false)

enum pair {
#define X(one, other, both) one##_OR_##other,
    PAIRS(X)
#undef X
    PAIR_COUNT
};

static const struct {
    enum cause one, other;
    bool both;
} pairs[PAIR_COUNT] = {
#define X(one, other, both) {CAUSE_##one, CAUSE_##other, both},
    PAIRS(X)
#undef X
};

/* Requests that both causes of a pair fit. */
struct doubt {
    uint32_t count;
    uint32_t leaning; /* Of these, nearer to the first one: it has them when nothing decides. */
};

/* Ready endpoints of a stream's Service, for a while. */
struct ready {
    uint64_t from_ns, until_ns; /* [from, until); both 0: not looked yet. */
    int count;
};

/* What speaks for what in one window. */
struct evidence {
    const struct result *result;
    const struct evidence_index *index;
    const struct window *window;
    uint64_t end_ns;
    uint16_t met;  /* Of the request that is looked at: who had answered its flow last. */
    uint32_t lost; /* Requests that are looked at. */
    uint32_t for_cause[CAUSE_COUNT];
    uint32_t alone[CAUSE_COUNT]; /* Of these, no other cause fits. */
    struct doubt doubts[PAIR_COUNT];
    uint64_t ended_ns;      /* A pod ended with what a proxy had sent to it; 0: none so far. */
    uint64_t refused_ns;    /* A proxy refused at once as a pod ended, first; 0: not so far. */
    uint32_t on_live;       /* Of a pod that was to go on serving. */
    uint32_t reset_on_live; /* Of these, ended by a reset. */
    uint32_t silent;        /* Without any answer, of all. */
    uint32_t slow;          /* Answered, but late, and nothing was sent again. */
    uint32_t reused;        /* Attempts on a tuple that was used before, which nothing else fits. */
    struct ready ready[RECORD_STREAMS];
    const struct timeline_event *event[CAUSE_COUNT]; /* The first one that speaks for it. */
};

static const struct {
    const char *word, *sentence;
} causes[CAUSE_COUNT] = {
#define X(id, word, sentence) [CAUSE_##id] = {word, sentence},
    CAUSES(X)
#undef X
};

const char *cause_word(enum cause cause)
{
    return causes[cause].word;
}

const char *cause_sentence(enum cause cause)
{
    return causes[cause].sentence;
}

const char *cause_confidence_word(enum cause_confidence confidence)
{
    static const char *const words[] = {"none", "medium", "high"};
    return words[confidence];
}

/* ---- what there was at a time ---- */

static const char *service_of(const struct result *result, unsigned stream)
{
    return result->experiment->streams[stream].target.service;
}

/* Requests come in order, and events are rare. */
static int ready_now(struct evidence *evidence, unsigned stream, uint64_t at_ns)
{
    struct ready *ready = &evidence->ready[stream];
    if (at_ns < ready->from_ns || at_ns >= ready->until_ns) {
        ready->from_ns = at_ns;
        ready->count = suspect_ready_endpoints(
            evidence->result, service_of(evidence->result, stream), at_ns, &ready->until_ns);
    }
    return ready->count;
}

/* ---- one lost request ---- */

static void speak(struct evidence *evidence, enum cause cause, const struct timeline_event *event)
{
    evidence->for_cause[cause]++;
    if (evidence->event[cause] == NULL)
        evidence->event[cause] = event;
}

/* Both causes of PAIR fit; LEANS: the first one is nearer. */
static void doubt(struct evidence *evidence, enum pair pair, bool leans,
                  const struct timeline_event *event)
{
    evidence->doubts[pair].count++;
    evidence->doubts[pair].leaning += leans;
    if (leans && evidence->event[pairs[pair].one] == NULL)
        evidence->event[pairs[pair].one] = event;
}

static bool others_answer(const struct result *result, uint64_t at_ns)
{
    for (size_t i = 0; i < result->pod_count; i++)
        if (result->pods[i].last_answer_ns > at_ns && !suspect_told(&result->pods[i], at_ns))
            return true;
    return false;
}

/* The connection before on the same tuple, as long ago as the way remembers one; NULL: none. */
static const struct record_connection *before(const struct evidence *evidence,
                                              const struct record_connection *connection)
{
    return connection != NULL ? evidence_index_before(evidence->index, connection, TUPLE_NS) : NULL;
}

/* Where the way may still take CONNECTION to, by those before on its tuple: a pod that was told to
 * end by AT_NS, and had answered one, or was what one that failed had met; NULL: none. */
static const struct result_pod *remembered(const struct evidence *evidence,
                                           const struct record_connection *connection,
                                           uint64_t at_ns)
{
    const struct result *result = evidence->result;
    while ((connection = before(evidence, connection)) != NULL) {
        uint16_t host = connection->host;
        bool known = host != 0 && host <= result->logs.host_count; /* The first pods are hosts. */
        const struct result_pod *pod = known ? &result->pods[host - 1] : NULL;
        if (connection->connected_ns != 0)
            return pod != NULL && suspect_told(pod, at_ns) ? pod : NULL;
        pod = suspect_first(result, connection->opened_ns, suspect_stale);
        if (pod != NULL)
            return pod;
    }
    return NULL;
}

/* The way may remember POD, which is ending, of the addresses and ports of REQUEST. Rules may still
 * name that pod, too, for as long as they take. */
static void look_at_tuple(struct evidence *evidence, const struct record_request *request,
                          const struct result_pod *pod)
{
    uint64_t told_ns = timeline_since_ns(pod->terminating, SUSPECT_TOLD_NS);
    if (suspect_first(evidence->result, request->sent_ns, suspect_early) != NULL)
        doubt(evidence, CONNTRACK_OR_READY_EARLY, false, NULL);
    else if (told_ns + RULES_NS > request->sent_ns || suspect_stale(pod, request->sent_ns))
        doubt(evidence, RACE_OR_CONNTRACK, true, pod->terminating);
    else
        speak(evidence, CAUSE_CONNTRACK, pod->terminating);
}

/* Nobody took the connection. */
static void look_at_attempt(struct evidence *evidence, const struct record_request *request,
                            bool silent)
{
    const struct result *result = evidence->result;
    uint64_t at_ns = request->sent_ns;
    const struct result_pod *stale = suspect_first(result, at_ns, suspect_stale);
    const struct result_pod *early = suspect_first(result, at_ns, suspect_early);
    const struct result_pod *stopped = suspect_first(result, at_ns, suspect_just_stopped);
    const struct timeline_event *cordon = silent ? suspect_cordon(result, at_ns) : NULL;
    bool of_node = stale == NULL || (cordon != NULL && strcmp(stale->node, cordon->object) == 0);
    const struct record_connection *own =
        evidence_index_connection(evidence->index, request->connection);
    const struct result_pod *kept = remembered(evidence, own, at_ns);
    if (ready_now(evidence, request->stream, at_ns) == 0)
        speak(evidence, CAUSE_NO_ENDPOINT, stale != NULL ? stale->terminating : NULL);
    else if (kept != NULL && cordon == NULL && others_answer(result, at_ns))
        look_at_tuple(evidence, request, kept);
    else if (cordon != NULL && of_node && early == NULL &&
             (stale == NULL ||
              timeline_since_ns(stale->terminating, SUSPECT_TOLD_NS) + RULES_NS <= at_ns))
        speak(evidence, CAUSE_DRAINED_NODE, cordon);
    else if (cordon != NULL && of_node && early == NULL)
        doubt(evidence, DRAINED_NODE_OR_RACE, false, NULL);
    else if (stale != NULL && early != NULL)
        doubt(evidence, RACE_OR_READY_EARLY, stopped != NULL,
              stopped != NULL ? stopped->terminating : NULL);
    else if (stale != NULL)
        speak(evidence, CAUSE_RACE, stale->terminating);
    else if (early != NULL)
        speak(evidence, CAUSE_READY_EARLY, early->ready);
    else
        evidence->reused += before(evidence, own) != NULL;
}

/* Whether POD was killed, its grace over, with REQUEST in hand. */
static bool was_killed(const struct record_request *request, const struct result_pod *pod)
{
    uint64_t grace_ns = suspect_grace_ns(pod);
    return grace_ns > 0 &&
           request->done_ns + SECOND_NS / 2 >= pod->terminating->not_after_ns + grace_ns;
}

/* Whether it had the request when it was told to end. */
static bool had_before(const struct record_request *request, const struct result_pod *pod)
{
    return request->sent_ns <= pod->terminating->not_after_ns + SECOND_NS / 4;
}

/* A pod ended with the request in hand. Killed, when its grace was over; had it the request before
 * it was told to end, that was too short for it. What came during a preStop hook did so before
 * SIGTERM, but how long the hook took is not known. */
static void look_at_ending_pod(struct evidence *evidence, const struct record_request *request,
                               const struct result_pod *pod)
{
    const struct timeline_event *told = pod->terminating;
    if (!was_killed(request, pod))
        speak(evidence, CAUSE_NOT_GRACEFUL, told);
    else if (had_before(request, pod))
        speak(evidence, CAUSE_GRACE_SHORT, told);
    else if (suspect_has_hook(pod) && request->sent_ns + AFTER_HOOK_NS <= request->done_ns)
        doubt(evidence, GRACE_SHORT_OR_SIGTERM_IGNORED, true, told);
    else
        speak(evidence, CAUSE_SIGTERM_IGNORED, told);
}

/* Somebody took its connection and then said nothing, as one that is gone cannot. */
static void look_at_silent(struct evidence *evidence, const struct record_request *request)
{
    const struct result *result = evidence->result;
    const struct result_pod *early = suspect_first(result, request->sent_ns, suspect_early);
    if (early != NULL && suspect_first(result, request->sent_ns, suspect_stale) == NULL)
        speak(evidence, CAUSE_READY_EARLY, early->ready);
}

/* The pod that had REQUEST in hand: by an answer on the same connection, or the only one that was
 * told to end since and stopped as the connection ended; NULL: unknown. */
static const struct result_pod *pod_of(const struct result *result,
                                       const struct record_request *request)
{
    bool ended = request->outcome == OUTCOME_RESET || request->outcome == OUTCOME_CLOSED;
    const struct result_pod *found = NULL;
    for (size_t i = 0; i < result->pod_count; i++) {
        const struct result_pod *pod = &result->pods[i];
        if (request->host != 0 && pod->host == request->host)
            return pod;
        if (!ended || request->host != 0 || pod->terminating == NULL ||
            request->sent_ns > pod->terminating->not_after_ns ||
            !suspect_stopped_about(pod, request->done_ns))
            continue;
        if (found != NULL)
            return NULL;
        found = pod;
    }
    return found;
}

/* Its connection was there. */
static void look_at_broken(struct evidence *evidence, const struct record_request *request)
{
    const struct result_pod *pod = pod_of(evidence->result, request);
    if (pod == NULL && request->outcome == OUTCOME_STALLED)
        look_at_silent(evidence, request);
    else if (pod == NULL)
        look_at_attempt(evidence, request, false); /* It never was answered by anybody. */
    else if (suspect_told(pod, request->done_ns))
        look_at_ending_pod(evidence, request, pod);
    else if (suspect_early(pod, request->sent_ns))
        speak(evidence, CAUSE_READY_EARLY, pod->ready);
    else {
        evidence->on_live++;
        evidence->reset_on_live += request->outcome == OUTCOME_RESET;
    }
}

/* The pod that ended as a proxy said so had the request (LEANS: nearer), or one was gone before. */
static void doubt_ending_pod(struct evidence *evidence, const struct record_request *request,
                             const struct result_pod *pod, bool leans)
{
    enum pair pair = NOT_GRACEFUL_OR_STALE_UPSTREAM;
    if (was_killed(request, pod))
        pair = had_before(request, pod) || suspect_has_hook(pod)
                   ? GRACE_SHORT_OR_STALE_UPSTREAM
                   : SIGTERM_IGNORED_OR_STALE_UPSTREAM;
    doubt(evidence, pair, leans, pod->terminating);
}

/* Short work that was in hand when its pod ended is told at once, too: all of it within a moment,
 * and none that was sent later. */
static bool may_end_with(struct evidence *evidence, const struct record_request *request)
{
    if (evidence->refused_ns == 0)
        evidence->refused_ns = request->done_ns;
    return evidence->ended_ns == 0 && request->sent_ns <= evidence->refused_ns &&
           request->done_ns <= evidence->refused_ns + BURST_NS;
}

/* So many were answered soon after that not all would have been, were the pod still among them. */
static bool others_went_on(const struct evidence *evidence, const struct record_request *request)
{
    const struct result *result = evidence->result;
    uint64_t from_ns = request->done_ns + BURST_NS;
    size_t pods = 1;
    for (size_t i = 0; i < result->pod_count; i++)
        pods += result->pods[i].ready != NULL && !suspect_told(&result->pods[i], from_ns);
    return answers_due(&result->logs, request->stream, from_ns, from_ns + SECOND_NS / 2) >=
           5 * pods;
}

/* A proxy said so at once: nobody took its connection. */
static void look_at_refused_upstream(struct evidence *evidence,
                                     const struct record_request *request)
{
    const struct result *result = evidence->result;
    const struct result_pod *stale = suspect_first(result, request->done_ns, suspect_upstream);
    const struct result_pod *early = suspect_first(result, request->sent_ns, suspect_early);
    if (stale != NULL && early != NULL)
        doubt(evidence, STALE_UPSTREAM_OR_READY_EARLY, suspect_is_probed(early),
              stale->terminating);
    else if (stale != NULL)
        speak(evidence, CAUSE_STALE_UPSTREAM, stale->terminating);
    else if (early != NULL)
        speak(evidence, CAUSE_READY_EARLY, early->ready);
}

/* A proxy's connection failed, or the pod that had the request ended. The former is told at once,
 * or, when tries before it met silence, after a while; the latter as the pod ends, of all that it
 * had in hand. */
static void look_at_bad_gateway(struct evidence *evidence, const struct record_request *request)
{
    const struct result *result = evidence->result;
    bool at_once = request->done_ns - request->sent_ns <= AT_ONCE_NS;
    const struct result_pod *ended = suspect_first(result, request->done_ns, suspect_ended_about);
    const struct result_pod *gone = suspect_first(result, request->sent_ns, suspect_stopped);
    const struct result_pod *early = suspect_first(result, request->sent_ns, suspect_early);
    bool with_it = evidence->ended_ns != 0 && request->done_ns + BURST_NS >= evidence->ended_ns &&
                   request->done_ns <= evidence->ended_ns + BURST_NS;
    if (!at_once && ended != NULL)
        evidence->ended_ns = request->done_ns;
    if (ended != NULL && !at_once && gone == NULL)
        look_at_ending_pod(evidence, request, ended);
    else if (ended != NULL && (!at_once || with_it))
        doubt_ending_pod(evidence, request, ended, true);
    else if (ended != NULL && early == NULL && may_end_with(evidence, request))
        doubt_ending_pod(evidence, request, ended, others_went_on(evidence, request));
    else if (at_once)
        look_at_refused_upstream(evidence, request);
    else if (gone != NULL)
        speak(evidence, CAUSE_STALE_UPSTREAM, gone->terminating);
}

/* A proxy's connection met silence, if there was anything to be silent when it was asked. */
static void look_at_gateway_timeout(struct evidence *evidence, const struct record_request *request)
{
    const struct result *result = evidence->result;
    const struct result_pod *stale = suspect_first(result, request->sent_ns, suspect_upstream);
    if (stale != NULL && suspect_upstream(stale, request->done_ns))
        speak(evidence, CAUSE_STALE_UPSTREAM, stale->terminating);
}

static void look_at_status(struct evidence *evidence, const struct record_request *request)
{
    const struct result *result = evidence->result;
    const struct result_pod *early = suspect_first(result, request->sent_ns, suspect_early);
    if (request->status == 503 && ready_now(evidence, request->stream, request->sent_ns) == 0)
        speak(evidence, CAUSE_NO_ENDPOINT, NULL);
    else if (request->status == 502)
        look_at_bad_gateway(evidence, request);
    else if (request->status == 504)
        look_at_gateway_timeout(evidence, request);
    else if (request->host != 0)
        look_at_broken(evidence, request);
    else if (early != NULL && suspect_first(result, request->done_ns, suspect_upstream) == NULL)
        speak(evidence, CAUSE_READY_EARLY, early->ready);
}

/* Nobody answered a datagram, of a flow that POD had answered, which is ending: rules still name
 * it, or they do not, and the way keeps the flow to it. */
static void look_at_flow(struct evidence *evidence, const struct record_request *request,
                         const struct result_pod *pod)
{
    uint64_t told_ns = timeline_since_ns(pod->terminating, SUSPECT_TOLD_NS);
    if (told_ns + RULES_NS > request->sent_ns)
        doubt(evidence, RACE_OR_CONNTRACK, true, pod->terminating);
    else
        speak(evidence, CAUSE_CONNTRACK, pod->terminating);
}

static void look_at_datagram(struct evidence *evidence, const struct record_request *request,
                             bool silent)
{
    const struct result *result = evidence->result;
    const struct result_pod *pod = evidence->met != 0 ? &result->pods[evidence->met - 1] : NULL;
    bool ending = pod != NULL && suspect_told(pod, request->sent_ns) &&
                  ready_now(evidence, request->stream, request->sent_ns) != 0;
    if (ending && suspect_cordon(result, request->sent_ns) == NULL &&
        others_answer(result, request->sent_ns))
        look_at_flow(evidence, request, pod);
    else
        look_at_attempt(evidence, request, silent);
}

static bool is_datagram(const struct evidence *evidence, const struct record_request *request)
{
    return strcmp(evidence->result->meta.streams[request->stream].protocol, "udp") == 0;
}

/* By what was sent again: the first sending had no better luck than one that is lost. */
static void look_at_late(struct evidence *evidence, const struct record_request *request)
{
    if (request->retransmits > 0)
        look_at_attempt(evidence, request, true);
    else
        evidence->slow++;
}

static void look_at(struct evidence *evidence, const struct record_request *request)
{
    bool silent = request->outcome == OUTCOME_CONNECT_TIMEOUT ||
                  request->outcome == OUTCOME_STALLED || request->outcome == OUTCOME_UNREACHABLE;
    evidence->lost++;
    evidence->silent += silent;
    if (is_datagram(evidence, request) && request->outcome != OUTCOME_BAD_ANSWER &&
        request->outcome != OUTCOME_LATE) {
        look_at_datagram(evidence, request, silent);
        return;
    }
    switch (request->outcome) {
    case OUTCOME_BAD_STATUS:
    case OUTCOME_BAD_ANSWER: look_at_status(evidence, request); break;
    case OUTCOME_RESET:
    case OUTCOME_CLOSED:
    case OUTCOME_STALLED: look_at_broken(evidence, request); break;
    case OUTCOME_LATE: look_at_late(evidence, request); break;
    default: look_at_attempt(evidence, request, silent); break;
    }
}

static void look_at_requests(struct evidence *evidence)
{
    const struct evidence_index *index = evidence->index;
    uint64_t onset_ns = evidence->window->onset.from_ns;
    for (size_t i = evidence_index_lost_since(index, onset_ns);
         i < index->lost_count && index->lost[i]->due_ns <= evidence->end_ns; i++)
        if (index->lost[i]->done_ns >= onset_ns) {
            evidence->met = index->met[i];
            look_at(evidence, index->lost[i]);
        }
}

/* ---- the window ---- */

static bool is_of_cluster(const struct timeline_event *event)
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
    case TIMELINE_SERVICE_CHANGED: return true;
    default: return false;
    }
}

/* What came up before traffic was steady has shown since that it works. */
static bool is_settled(const struct result *result, const struct timeline_event *event)
{
    bool comes = event->kind == TIMELINE_POD_READY || event->kind == TIMELINE_ENDPOINT_READY ||
                 event->kind == TIMELINE_SERVICE_CHANGED;
    for (unsigned s = 0; s < result->meta.stream_count && comes; s++)
        if (result->meta.streams[s].steady_ns == 0 ||
            event->not_after_ns > result->meta.streams[s].started_ns)
            return false;
    return comes;
}

/* The newest event that could have begun it, or fell into it. */
static const struct timeline_event *nearest(const struct evidence *evidence)
{
    const struct timeline *timeline = &evidence->result->timeline;
    const struct timeline_event *best = NULL;
    for (size_t i = 0; i < timeline->count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        uint64_t earliest_ns = timeline_since_ns(event, SUSPECT_TOLD_NS);
        if (is_of_cluster(event) && !is_settled(evidence->result, event) &&
            earliest_ns <= evidence->window->onset.to_ns &&
            event->not_after_ns + SUSPECT_REACH_NS >= evidence->window->onset.from_ns &&
            (best == NULL || earliest_ns > timeline_since_ns(best, SUSPECT_TOLD_NS)))
            best = event;
    }
    return best;
}

static bool any(const struct evidence *evidence, enum timeline_kind kind, uint64_t before_ns)
{
    const struct timeline *timeline = &evidence->result->timeline;
    for (size_t i = 0; i < timeline->count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        if (event->kind == kind && event->not_before_ns <= evidence->end_ns &&
            event->not_after_ns + before_ns >= evidence->window->onset.from_ns)
            return true;
    }
    return false;
}

/* A rollout was under way for a while before, and none was completed since. */
static const struct timeline_event *stuck_rollout(const struct evidence *evidence)
{
    const struct timeline *timeline = &evidence->result->timeline;
    const struct timeline_event *failed = NULL;
    for (size_t i = 0; i < timeline->count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        if (timeline_since_ns(event, SUSPECT_TOLD_NS) > evidence->end_ns)
            continue;
        if (event->kind == TIMELINE_ROLLOUT_FAILED)
            failed = event;
        else if (event->kind == TIMELINE_ROLLOUT_COMPLETE)
            failed = NULL;
    }
    return failed;
}

/* ---- nothing of the cluster explains it: does the traffic itself? ---- */

/* Lost by pods that go on serving, at most half of those that there were before the change. */
static bool too_few(const struct evidence *evidence)
{
    const struct result *result = evidence->result;
    if (evidence->on_live * 10 < evidence->lost * 6)
        return false;
    for (unsigned s = 0; s < result->meta.stream_count; s++) {
        const char *service = service_of(result, s);
        uint64_t change_ns = result->meta.change_ns;
        if (evidence->window->lost_by_stream[s] == 0 || service == NULL || change_ns == 0)
            continue;
        uint64_t until_ns;
        int before = suspect_ready_endpoints(result, service, change_ns, &until_ns);
        int now =
            suspect_ready_endpoints(result, service, evidence->window->onset.to_ns, &until_ns);
        if (before > 1 && now > 0 && now * 2 <= before)
            return true;
    }
    return false;
}

/* Nearly all are on used tuples, and most of those that were taken meanwhile are not. */
static bool reuse_tells(const struct evidence *evidence)
{
    const struct logs *logs = &evidence->result->logs;
    size_t taken = 0, of_used = 0;
    if (evidence->reused * 10 < evidence->lost * 9)
        return false;
    for (size_t i = 0; i < logs->connection_count; i++) {
        const struct record_connection *connection = &logs->connections[i];
        if (connection->connected_ns == 0 ||
            connection->opened_ns < evidence->window->onset.from_ns ||
            connection->opened_ns > evidence->end_ns)
            continue;
        taken++;
        of_used += before(evidence, connection) != NULL;
    }
    return of_used * 2 <= taken;
}

static enum cause without_events(const struct evidence *evidence, const struct answers *answers)
{
    uint32_t hosts = evidence->window->host_count;
    bool took_longer = answers->mean_before_ns > 0 && answers->mean_in_ns > 50e6 &&
                       answers->mean_in_ns > 5 * answers->mean_before_ns;
    if (too_few(evidence))
        return CAUSE_TOO_FEW;
    if (evidence->lost == 0 || nearest(evidence) != NULL ||
        any(evidence, TIMELINE_WATCH_GAP, SUSPECT_REACH_NS))
        return CAUSE_UNEXPLAINED;
    if (evidence->reset_on_live * 10 >= evidence->lost * 9 && hosts > 1)
        return CAUSE_CONNTRACK;
    if ((evidence->silent + evidence->slow) * 10 < evidence->lost * 9)
        return CAUSE_UNEXPLAINED;
    if (took_longer && answers->resent == 0)
        return CAUSE_OVERLOAD;
    if (answers->silent == 0 && reuse_tells(evidence))
        return CAUSE_CONNTRACK;
    /* One pod alone may have died without a word. */
    bool several = hosts > 1 || answers->silent > 1 || answers->resent > 1;
    return several && evidence->silent > 0 ? CAUSE_NETWORK : CAUSE_UNEXPLAINED;
}

/* Those that two causes fit go with the one that others speak for, if they speak for one. */
static void settle(struct evidence *evidence)
{
    uint32_t *for_cause = evidence->for_cause;
    memcpy(evidence->alone, for_cause, sizeof(evidence->alone));
    for (unsigned i = 0; i < PAIR_COUNT; i++) {
        const struct doubt *doubt = &evidence->doubts[i];
        bool one = evidence->alone[pairs[i].one] > 0, other = evidence->alone[pairs[i].other] > 0;
        if (one && (!other || pairs[i].both))
            for_cause[pairs[i].one] += doubt->count;
        else if (other && !one)
            for_cause[pairs[i].other] += doubt->count;
        else
            for_cause[pairs[i].one] += doubt->leaning;
    }
}

static enum cause most_spoken_for(const struct evidence *evidence)
{
    enum cause best = CAUSE_UNEXPLAINED;
    for (unsigned i = 1; i < CAUSE_COUNT; i++)
        if (evidence->for_cause[i] > evidence->for_cause[best])
            best = (enum cause)i;
    return best;
}

/* Whether the window's own faults of the tester can look like silence. Answers wait in the ring
 * while it stands still: short stalls, however many, lose none, but block the slots after them. */
static bool is_the_tester_s(const struct evidence *evidence)
{
    const struct logs *logs = &evidence->result->logs;
    if (!evidence->window->tester || evidence->silent * 2 < evidence->lost)
        return false;
    for (size_t i = 0; i < logs->fault_count; i++) {
        const struct record_fault *fault = &logs->faults[i];
        bool within =
            fault->end_ns >= evidence->window->onset.from_ns && fault->start_ns <= evidence->end_ns;
        bool is_long = evidence->lost == 0 || fault->end_ns - fault->start_ns >= ANSWERS_HICCUP_NS;
        if (within && fault->kind != FAULT_SENT_LATE && fault->kind != FAULT_NIC_CLOCK &&
            (fault->kind != FAULT_STALL || is_long))
            return true;
    }
    return false;
}

/* Single pods, or a node, cannot be why others fall silent. */
static bool is_too_wide(enum cause cause, const struct answers *answers)
{
    return answers->silent > 1 &&
           (cause == CAUSE_RACE || cause == CAUSE_READY_EARLY || cause == CAUSE_STALE_UPSTREAM ||
            cause == CAUSE_DRAINED_NODE || cause == CAUSE_CONNTRACK);
}

static enum cause_confidence confidence_of(const struct evidence *evidence, enum cause cause,
                                           const struct answers *answers)
{
    uint32_t spoken = evidence->for_cause[cause];
    bool hidden = any(evidence, TIMELINE_WATCH_GAP, SUSPECT_REACH_NS) ||
                  (evidence->window->tester && evidence->silent * 2 > evidence->lost);
    if (spoken * 10 < evidence->lost * 6 || is_too_wide(cause, answers))
        return CAUSE_NONE;
    bool sure = evidence->alone[cause] * 10 >= evidence->lost * 9;
    return sure && !hidden ? CAUSE_HIGH : CAUSE_MEDIUM;
}

static void add_distance(const struct window *window, const struct timeline_event *event,
                         struct text *text)
{
    text_addf(text, "%s %s", timeline_kind_text(event->kind), event->object);
    if (event->not_after_ns <= window->onset.from_ns) {
        text_add(text, ", ");
        text_add_duration(text, (int64_t)(window->onset.from_ns - event->not_after_ns));
        text_add(text, " or more before it began");
    } else {
        text_add(text, ", about when it began");
    }
}

/* Several causes, none of which had enough: the two that most requests speak for. */
static void add_several(const struct evidence *evidence, enum cause first, struct text *text)
{
    enum cause second = CAUSE_UNEXPLAINED;
    for (unsigned i = 1; i < CAUSE_COUNT; i++)
        if (i != first && evidence->for_cause[i] > evidence->for_cause[second])
            second = (enum cause)i;
    text_addf(text, "; %" PRIu32 " of %" PRIu32 " lost requests speak for %s",
              evidence->for_cause[first], evidence->lost, cause_word(first));
    if (second != CAUSE_UNEXPLAINED)
        text_addf(text, ", %" PRIu32 " for %s", evidence->for_cause[second], cause_word(second));
}

/* The two causes that most requests fit both of; of those with CAUSE, if that is known. */
static void add_doubt(const struct evidence *evidence, enum cause cause, struct text *text)
{
    unsigned most = 0;
    uint32_t count = 0;
    for (unsigned i = 0; i < PAIR_COUNT; i++)
        if (evidence->doubts[i].count > count &&
            (cause == CAUSE_UNEXPLAINED || pairs[i].one == cause || pairs[i].other == cause)) {
            most = i;
            count = evidence->doubts[i].count;
        }
    if (count > 0)
        text_addf(text, "; %" PRIu32 " are %s or %s", count, cause_word(pairs[most].one),
                  cause_word(pairs[most].other));
}

static void say(const struct evidence *evidence, struct result_cause *cause)
{
    struct text text = {0};
    text_add(&text, cause_word(cause->cause));
    if (cause->cause != CAUSE_UNEXPLAINED)
        text_addf(&text, ", confidence %s", cause_confidence_word(cause->confidence));
    if (evidence->for_cause[cause->cause] > 0)
        text_addf(&text, ": %" PRIu32 " of %" PRIu32 " lost requests",
                  evidence->for_cause[cause->cause], evidence->lost);
    if (cause->event != NULL) {
        text_add(&text, cause->cause == CAUSE_UNEXPLAINED ? "; nearest event: " : "; ");
        add_distance(evidence->window, cause->event, &text);
    }
    if (cause->cause == CAUSE_UNEXPLAINED && most_spoken_for(evidence) != CAUSE_UNEXPLAINED)
        add_several(evidence, most_spoken_for(evidence), &text);
    add_doubt(evidence, cause->cause, &text);
    snprintf(cause->text, sizeof(cause->text), "%s", text_str(&text));
    text_free(&text);
}

static struct result_cause find(const struct result *result, const struct evidence_index *index,
                                const struct window *window, struct answers_past *past)
{
    struct answers answers;
    struct evidence evidence = {.result = result, .index = index, .window = window};
    evidence.end_ns = window->open ? result->meta.ended_ns : window->recovery.to_ns;
    answers_hear(&(struct answers_scope){result, index, window, evidence.end_ns}, past, &answers);
    look_at_requests(&evidence);
    settle(&evidence);
    enum cause cause = most_spoken_for(&evidence);
    enum cause_confidence confidence = confidence_of(&evidence, cause, &answers);
    const struct timeline_event *event = evidence.event[cause];
    if (cause == CAUSE_UNEXPLAINED || confidence == CAUSE_NONE) {
        cause = is_the_tester_s(&evidence) ? CAUSE_TESTER : without_events(&evidence, &answers);
        confidence = cause == CAUSE_UNEXPLAINED ? CAUSE_NONE : CAUSE_MEDIUM;
        event = cause == CAUSE_UNEXPLAINED ? nearest(&evidence) : NULL;
    }
    if ((cause == CAUSE_NO_ENDPOINT || cause == CAUSE_TOO_FEW) &&
        stuck_rollout(&evidence) != NULL) {
        event = stuck_rollout(&evidence);
        evidence.for_cause[CAUSE_ROLLOUT_STUCK] = evidence.for_cause[cause];
        cause = CAUSE_ROLLOUT_STUCK;
    }
    struct result_cause found = {.cause = cause, .confidence = confidence, .event = event};
    say(&evidence, &found);
    return found;
}

int account_causes(struct result *result)
{
    struct evidence_index index;
    struct answers_past past = {0};
    result->causes = calloc(result->windows.count + 1, sizeof(*result->causes));
    if (result->causes == NULL || evidence_index_make(&index, &result->logs, result->opens) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < result->windows.count; i++)
        result->causes[i] = find(result, &index, &result->windows.items[i], &past);
    evidence_index_free(&index);
    return 0;
}
