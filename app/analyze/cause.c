#include "analyze/cause.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/evidence_index.h"
#include "analyze/result_priv.h"
#include "base/text.h"

#define SECOND_NS UINT64_C(1000000000)
/* From an event of the cluster to a loss that is laid to it. */
#define REACH_NS (30 * SECOND_NS)
/* Rules are applied at most once a second: who is still sent to a node without pods after this was
 * sent there by a balancer before it. */
#define RULES_NS (3 * SECOND_NS)
/* An ingress controller that writes at most every 3.3 s, workers that look every second, and a
 * connection that times out after 5 s. */
#define UPSTREAM_NS (15 * SECOND_NS)
/* How late a watch may be. Proxies hear of a ready pod as late as we do, and then take a while. */
#define TOLD_NS (SECOND_NS / 2)
#define READY_NS (SECOND_NS / 10)
#define HICCUP_NS (SECOND_NS / 4)
#define CORDON_NS (120 * SECOND_NS)
/* The kernel's TIME_WAIT, and connection tracking's. */
#define TUPLE_NS (120 * SECOND_NS)

enum {
    READY_UNKNOWN = -1
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
    uint32_t lost; /* Requests that are looked at. */
    uint32_t for_cause[CAUSE_COUNT];
    uint32_t race_or_early, race_or_drained; /* Two causes fit. */
    uint32_t more_a_race;   /* Of race_or_early: the ending pod's containers had just stopped. */
    uint32_t on_live;       /* Of a pod that was to go on serving. */
    uint32_t reset_on_live; /* Of these, ended by a reset. */
    uint32_t silent;        /* Without any answer, of all. */
    uint32_t slow;          /* Answered, but late, and nothing was sent again. */
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

static bool is_told(const struct result_pod *pod, uint64_t at_ns)
{
    return pod->terminating != NULL && timeline_since_ns(pod->terminating, TOLD_NS) <= at_ns;
}

/* Marked deleted, or gone a little, and nobody new was answered since. */
static bool is_stale(const struct result_pod *pod, uint64_t at_ns)
{
    return is_told(pod, at_ns) && pod->last_new_connection_ns <= at_ns &&
           (pod->gone == NULL || at_ns <= pod->gone->not_after_ns + 2 * SECOND_NS);
}

/* Ready, and nobody was answered yet. Rules follow the word of ready, so that who is sent there is
 * sent after it. */
static bool is_early(const struct result_pod *pod, uint64_t at_ns)
{
    return pod->ready != NULL && timeline_since_ns(pod->ready, READY_NS) <= at_ns &&
           at_ns <= pod->ready->not_after_ns + REACH_NS &&
           (pod->first_answer_ns == 0 || pod->first_answer_ns > at_ns) && !is_told(pod, at_ns);
}

/* Its containers stopped at about AT_NS, or shortly before: the API is told of that afterwards. */
static bool stopped_about(const struct result_pod *pod, uint64_t at_ns)
{
    return pod->stopped != NULL && pod->stopped->not_after_ns <= at_ns + SECOND_NS &&
           at_ns <= pod->stopped->not_after_ns + TOLD_NS;
}

static bool has_just_stopped(const struct result_pod *pod, uint64_t at_ns)
{
    return is_stale(pod, at_ns) && stopped_about(pod, at_ns);
}

static const struct result_pod *first_pod(const struct result *result, uint64_t at_ns,
                                          bool (*is)(const struct result_pod *, uint64_t))
{
    for (size_t i = 0; i < result->pod_count; i++)
        if (is(&result->pods[i], at_ns))
            return &result->pods[i];
    return NULL;
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

/* Endpoints of SERVICE that were ready at AT_NS, by the timeline; READY_UNKNOWN when it has none of
 * them at all. *UNTIL_NS: when there may be others, the next event. */
static int ready_endpoints(const struct result *result, const char *service, uint64_t at_ns,
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
    return known ? count : READY_UNKNOWN;
}

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
        ready->count = ready_endpoints(evidence->result, service_of(evidence->result, stream),
                                       at_ns, &ready->until_ns);
    }
    return ready->count;
}

/* A node that was cordoned before AT_NS and has not been made schedulable since. */
static const struct timeline_event *cordon_before(const struct result *result, uint64_t at_ns)
{
    const struct timeline_event *found = NULL;
    for (size_t i = 0; i < result->timeline.count; i++) {
        const struct timeline_event *event = &result->timeline.events[i];
        if (event->kind != TIMELINE_NODE_CHANGED || timeline_since_ns(event, TOLD_NS) > at_ns)
            continue;
        if (strstr(event->text, "cordoned") != NULL)
            found = event->not_after_ns + CORDON_NS >= at_ns ? event : NULL;
        else if (found != NULL && strcmp(found->object, event->object) == 0)
            found = NULL;
    }
    return found;
}

/* ---- one lost request ---- */

static void speak(struct evidence *evidence, enum cause cause, const struct timeline_event *event)
{
    evidence->for_cause[cause]++;
    if (evidence->event[cause] == NULL)
        evidence->event[cause] = event;
}

/* Nobody took the connection. */
static void look_at_attempt(struct evidence *evidence, const struct record_request *request,
                            bool silent)
{
    const struct result *result = evidence->result;
    uint64_t at_ns = request->sent_ns;
    const struct result_pod *stale = first_pod(result, at_ns, is_stale);
    const struct result_pod *early = first_pod(result, at_ns, is_early);
    const struct timeline_event *cordon = silent ? cordon_before(result, at_ns) : NULL;
    bool of_node = stale == NULL || (cordon != NULL && strcmp(stale->node, cordon->object) == 0);
    if (ready_now(evidence, request->stream, at_ns) == 0)
        speak(evidence, CAUSE_NO_ENDPOINT, stale != NULL ? stale->terminating : NULL);
    else if (request->connection != 0 &&
             evidence_index_reused(evidence->index, request->connection, TUPLE_NS))
        speak(evidence, CAUSE_CONNTRACK, NULL);
    else if (cordon != NULL && of_node && early == NULL &&
             (stale == NULL || timeline_since_ns(stale->terminating, TOLD_NS) + RULES_NS <= at_ns))
        speak(evidence, CAUSE_DRAINED_NODE, cordon);
    else if (cordon != NULL && of_node && early == NULL)
        evidence->race_or_drained++;
    else if (stale != NULL && early != NULL) {
        const struct result_pod *stopped = first_pod(result, at_ns, has_just_stopped);
        evidence->race_or_early++;
        evidence->more_a_race += stopped != NULL;
        if (stopped != NULL && evidence->event[CAUSE_RACE] == NULL)
            evidence->event[CAUSE_RACE] = stopped->terminating;
    } else if (stale != NULL)
        speak(evidence, CAUSE_RACE, stale->terminating);
    else if (early != NULL)
        speak(evidence, CAUSE_READY_EARLY, early->ready);
}

/* The grace that the watch told; 0: none. */
static uint64_t grace_ns(const struct timeline_event *terminating)
{
    unsigned seconds = 0;
    return sscanf(terminating->text, "grace %u s", &seconds) == 1 ? seconds * SECOND_NS : 0;
}

/* A pod ended with the request in hand. Killed, when its grace was over; had it the request before
 * it was told to end, that was too short for it. */
static void look_at_ending_pod(struct evidence *evidence, const struct record_request *request,
                               const struct result_pod *pod)
{
    const struct timeline_event *told = pod->terminating;
    uint64_t grace = grace_ns(told);
    bool killed = grace > 0 && request->done_ns + SECOND_NS / 2 >= told->not_after_ns + grace;
    if (!killed)
        speak(evidence, CAUSE_NOT_GRACEFUL, told);
    else if (request->sent_ns <= told->not_after_ns + SECOND_NS / 4)
        speak(evidence, CAUSE_GRACE_SHORT, told);
    else
        speak(evidence, CAUSE_SIGTERM_IGNORED, told);
}

/* Somebody took its connection and then said nothing, as one that is gone cannot. */
static void look_at_silent(struct evidence *evidence, const struct record_request *request)
{
    const struct result *result = evidence->result;
    const struct result_pod *early = first_pod(result, request->sent_ns, is_early);
    if (early != NULL && first_pod(result, request->sent_ns, is_stale) == NULL)
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
            !stopped_about(pod, request->done_ns))
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
    else if (is_told(pod, request->done_ns))
        look_at_ending_pod(evidence, request, pod);
    else if (is_early(pod, request->sent_ns))
        speak(evidence, CAUSE_READY_EARLY, pod->ready);
    else {
        evidence->on_live++;
        evidence->reset_on_live += request->outcome == OUTCOME_RESET;
    }
}

/* A pod that was told to end so shortly before that a proxy may not have heard. */
static const struct result_pod *stale_upstream(const struct result *result, uint64_t at_ns)
{
    for (size_t i = 0; i < result->pod_count; i++) {
        const struct result_pod *pod = &result->pods[i];
        const struct timeline_event *last = pod->gone != NULL ? pod->gone : pod->terminating;
        if (is_told(pod, at_ns) && at_ns <= last->not_after_ns + UPSTREAM_NS)
            return pod;
    }
    return NULL;
}

static void look_at_status(struct evidence *evidence, const struct record_request *request)
{
    const struct result *result = evidence->result;
    bool gateway = request->status == 502 || request->status == 504;
    const struct result_pod *gone = stale_upstream(result, request->done_ns);
    const struct result_pod *early = first_pod(result, request->sent_ns, is_early);
    int ready = ready_now(evidence, request->stream, request->sent_ns);
    if (request->status == 503 && ready == 0)
        speak(evidence, CAUSE_NO_ENDPOINT, NULL);
    else if (gateway && gone != NULL)
        speak(evidence, CAUSE_STALE_UPSTREAM, gone->terminating);
    else if (!gateway && request->host != 0)
        look_at_broken(evidence, request);
    else if (!gateway && early != NULL && gone == NULL)
        speak(evidence, CAUSE_READY_EARLY, early->ready);
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
        if (index->lost[i]->done_ns >= onset_ns)
            look_at(evidence, index->lost[i]);
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
        uint64_t earliest_ns = timeline_since_ns(event, TOLD_NS);
        if (is_of_cluster(event) && !is_settled(evidence->result, event) &&
            earliest_ns <= evidence->window->onset.to_ns &&
            event->not_after_ns + REACH_NS >= evidence->window->onset.from_ns &&
            (best == NULL || earliest_ns > timeline_since_ns(best, TOLD_NS)))
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
        if (timeline_since_ns(event, TOLD_NS) > evidence->end_ns)
            continue;
        if (event->kind == TIMELINE_ROLLOUT_FAILED)
            failed = event;
        else if (event->kind == TIMELINE_ROLLOUT_COMPLETE)
            failed = NULL;
    }
    return failed;
}

/* ---- what the good answers say ---- */

/* Of the pods, around a window. */
struct answers {
    double mean_before_ns, mean_in_ns; /* Of latencies: until 2 s before it, and since. */
    uint32_t silent;                   /* Pods that go on, and said nothing for half of it. */
    uint32_t resent;                   /* Pods that answered in it what had been sent again. */
};

/* One pod's. */
struct voice {
    uint64_t first_ns, last_ns, count; /* Of good requests before the window, by sending. */
    uint64_t pause_ns;                 /* The longest between two, that ended in it or after. */
    bool resent;
};

static void hear(struct voice *voice, const struct record_request *request,
                 const struct window *window, uint64_t end_ns)
{
    uint64_t at_ns = request->sent_ns;
    if (at_ns < window->onset.from_ns) {
        voice->first_ns = voice->count == 0 ? at_ns : voice->first_ns;
        voice->count++;
    } else {
        bool later = voice->last_ns != 0 && at_ns > voice->last_ns; /* Streams are mixed. */
        uint64_t pause_ns = later ? at_ns - voice->last_ns : 0;
        if (voice->last_ns < end_ns && pause_ns > voice->pause_ns)
            voice->pause_ns = pause_ns;
        voice->resent |= at_ns < end_ns && request->retransmits > 0;
    }
    if (at_ns > voice->last_ns)
        voice->last_ns = at_ns;
}

/* Silent: for half of the window, longer than a machine's hiccup, and far longer than between its
 * answers before. */
static bool fell_silent(const struct voice *voice, const struct window *window, uint64_t end_ns)
{
    enum {
        FEW = 3,
        LONGER = 5
    };
    if (voice->count < FEW)
        return false;
    uint64_t usual_ns = (window->onset.from_ns - voice->first_ns) / voice->count;
    uint64_t pause_ns = voice->pause_ns;
    if (voice->last_ns < end_ns && end_ns - voice->last_ns > pause_ns)
        pause_ns = end_ns - voice->last_ns;
    return pause_ns >= (end_ns - window->onset.from_ns) / 2 && pause_ns >= HICCUP_NS &&
           pause_ns > LONGER * usual_ns;
}

/* Its good requests that were surely sent before the window are counted; the others are heard, up
 * to the first one after it. */
static struct voice hear_host(const struct evidence *evidence, size_t host)
{
    const struct evidence_index *index = evidence->index;
    const struct window *window = evidence->window;
    size_t count;
    const struct record_request *const *good = evidence_index_good(index, host, &count);
    size_t at = evidence_index_sent_before(index, good, count, window->onset.from_ns);
    struct voice voice = {.first_ns = at > 0 ? good[0]->sent_ns : 0,
                          .last_ns = evidence_index_last_sent(index, good, at),
                          .count = at};
    for (;
         at < count && (good[at]->due_ns <= evidence->end_ns || voice.last_ns <= evidence->end_ns);
         at++)
        hear(&voice, good[at], window, evidence->end_ns);
    return voice;
}

/* Latencies of good requests, summed up. */
struct latencies {
    double sum_ns;
    size_t count;
};

static void add_latency(struct latencies *latencies, const struct record_request *request)
{
    latencies->sum_ns += (double)(request->done_ns - request->sent_ns);
    latencies->count++;
}

static double mean_of(const struct latencies *latencies)
{
    return latencies->count > 0 ? latencies->sum_ns / (double)latencies->count : 0;
}

/* The requests before the windows that were looked at so far. */
struct past {
    size_t passed; /* All of these were sent before the next window, and 2 s before. */
    struct latencies latencies;
};

/* Until 2 s before the window, and since. Windows are looked at in the order of their onset. */
static void hear_latencies(const struct evidence *evidence, struct past *past, struct answers *out)
{
    const struct logs *logs = &evidence->result->logs;
    uint64_t onset_ns = evidence->window->onset.from_ns;
    uint64_t since_ns = onset_ns > 2 * SECOND_NS ? onset_ns - 2 * SECOND_NS : 0;
    for (; past->passed < logs->request_count &&
           logs->requests[past->passed].due_ns + evidence->index->lag_ns < since_ns;
         past->passed++)
        if (outcome_is_good((enum outcome)logs->requests[past->passed].outcome))
            add_latency(&past->latencies, &logs->requests[past->passed]);
    struct latencies before = past->latencies, in = {0};
    for (size_t i = past->passed;
         i < logs->request_count && logs->requests[i].due_ns <= evidence->end_ns; i++) {
        const struct record_request *request = &logs->requests[i];
        if (outcome_is_good((enum outcome)request->outcome) && request->sent_ns <= evidence->end_ns)
            add_latency(request->sent_ns >= since_ns ? &in : &before, request);
    }
    out->mean_before_ns = mean_of(&before);
    out->mean_in_ns = mean_of(&in);
}

static void hear_answers(const struct evidence *evidence, struct past *past, struct answers *out)
{
    const struct result *result = evidence->result;
    uint64_t end_ns = evidence->end_ns;
    *out = (struct answers){0};
    for (size_t host = 1; host < logs_host_ids(&result->logs); host++) {
        struct voice voice = hear_host(evidence, host);
        out->silent += !is_told(&result->pods[host - 1], end_ns) &&
                       fell_silent(&voice, evidence->window, end_ns);
        out->resent += voice.resent;
    }
    hear_latencies(evidence, past, out);
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
        int before = ready_endpoints(result, service, change_ns, &until_ns);
        int now = ready_endpoints(result, service, evidence->window->onset.to_ns, &until_ns);
        if (before > 1 && now > 0 && now * 2 <= before)
            return true;
    }
    return false;
}

static enum cause without_events(const struct evidence *evidence, const struct answers *answers)
{
    uint32_t hosts = evidence->window->host_count;
    bool took_longer = answers->mean_before_ns > 0 && answers->mean_in_ns > 50e6 &&
                       answers->mean_in_ns > 5 * answers->mean_before_ns;
    if (too_few(evidence))
        return CAUSE_TOO_FEW;
    if (evidence->lost == 0 || nearest(evidence) != NULL ||
        any(evidence, TIMELINE_WATCH_GAP, REACH_NS))
        return CAUSE_UNEXPLAINED;
    if (evidence->reset_on_live * 10 >= evidence->lost * 9 && hosts > 1)
        return CAUSE_CONNTRACK;
    if ((evidence->silent + evidence->slow) * 10 < evidence->lost * 9)
        return CAUSE_UNEXPLAINED;
    if (took_longer && answers->resent == 0)
        return CAUSE_OVERLOAD;
    /* One pod alone may have died without a word. */
    bool several = hosts > 1 || answers->silent > 1 || answers->resent > 1;
    return several && evidence->silent > 0 ? CAUSE_NETWORK : CAUSE_UNEXPLAINED;
}

static enum cause most_spoken_for(struct evidence *evidence)
{
    uint32_t *for_cause = evidence->for_cause;
    enum cause best = CAUSE_UNEXPLAINED;
    /* Those that two causes fit go with the one that others speak for, if they speak for one. */
    if (for_cause[CAUSE_RACE] > 0 && for_cause[CAUSE_READY_EARLY] == 0) {
        for_cause[CAUSE_RACE] += evidence->race_or_early;
    } else if (for_cause[CAUSE_READY_EARLY] > 0 && for_cause[CAUSE_RACE] == 0) {
        for_cause[CAUSE_READY_EARLY] += evidence->race_or_early;
    } else {
        for_cause[CAUSE_RACE] += evidence->more_a_race;
    }
    if (for_cause[CAUSE_DRAINED_NODE] > 0)
        for_cause[CAUSE_DRAINED_NODE] += evidence->race_or_drained;
    else if (for_cause[CAUSE_RACE] > 0)
        for_cause[CAUSE_RACE] += evidence->race_or_drained;
    for (unsigned i = 1; i < CAUSE_COUNT; i++)
        if (for_cause[i] > for_cause[best])
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
        bool is_long = evidence->lost == 0 || fault->end_ns - fault->start_ns >= HICCUP_NS;
        if (within && fault->kind != FAULT_SENT_LATE && fault->kind != FAULT_NIC_CLOCK &&
            (fault->kind != FAULT_STALL || is_long))
            return true;
    }
    return false;
}

/* Single pods, or a node, cannot be why others fall silent. */
static bool is_too_wide(enum cause cause, const struct answers *answers)
{
    return answers->silent > 1 && (cause == CAUSE_RACE || cause == CAUSE_READY_EARLY ||
                                   cause == CAUSE_STALE_UPSTREAM || cause == CAUSE_DRAINED_NODE);
}

static enum cause_confidence confidence_of(const struct evidence *evidence, enum cause cause,
                                           const struct answers *answers)
{
    uint32_t spoken = evidence->for_cause[cause];
    bool plain = evidence->race_or_early + evidence->race_or_drained == 0;
    bool hidden = any(evidence, TIMELINE_WATCH_GAP, REACH_NS) ||
                  (evidence->window->tester && evidence->silent * 2 > evidence->lost);
    if (spoken * 10 < evidence->lost * 6 || is_too_wide(cause, answers))
        return CAUSE_NONE;
    return spoken * 10 >= evidence->lost * 9 && plain && !hidden ? CAUSE_HIGH : CAUSE_MEDIUM;
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
    if (cause->cause == CAUSE_UNEXPLAINED &&
        evidence->race_or_early + evidence->race_or_drained > 0)
        text_addf(&text, "; %s or %s", cause_word(CAUSE_RACE),
                  cause_word(evidence->race_or_early > 0 ? CAUSE_READY_EARLY : CAUSE_DRAINED_NODE));
    snprintf(cause->text, sizeof(cause->text), "%s", text_str(&text));
    text_free(&text);
}

static struct result_cause find(const struct result *result, const struct evidence_index *index,
                                const struct window *window, struct past *past)
{
    struct answers answers;
    struct evidence evidence = {.result = result, .index = index, .window = window};
    evidence.end_ns = window->open ? result->meta.ended_ns : window->recovery.to_ns;
    hear_answers(&evidence, past, &answers);
    look_at_requests(&evidence);
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
    struct past past = {0};
    result->causes = calloc(result->windows.count + 1, sizeof(*result->causes));
    if (result->causes == NULL || evidence_index_make(&index, &result->logs, result->opens) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < result->windows.count; i++)
        result->causes[i] = find(result, &index, &result->windows.items[i], &past);
    evidence_index_free(&index);
    return 0;
}
