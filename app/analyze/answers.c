#include "analyze/answers.h"

#include <stdbool.h>

#include "analyze/suspect.h"

#define SECOND_NS UINT64_C(1000000000)

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
    return pause_ns >= (end_ns - window->onset.from_ns) / 2 && pause_ns >= ANSWERS_HICCUP_NS &&
           pause_ns > LONGER * usual_ns;
}

/* Its good requests that were surely sent before the window are counted; the others are heard, up
 * to the first one after it. */
static struct voice hear_host(const struct answers_scope *scope, size_t host)
{
    const struct evidence_index *index = scope->index;
    const struct window *window = scope->window;
    size_t count;
    const struct record_request *const *good = evidence_index_good(index, host, &count);
    size_t at = evidence_index_sent_before(index, good, count, window->onset.from_ns);
    struct voice voice = {.first_ns = at > 0 ? good[0]->sent_ns : 0,
                          .last_ns = evidence_index_last_sent(index, good, at),
                          .count = at};
    for (; at < count && (good[at]->due_ns <= scope->end_ns || voice.last_ns <= scope->end_ns);
         at++)
        hear(&voice, good[at], window, scope->end_ns);
    return voice;
}

static void add_latency(struct answers_latencies *latencies, const struct record_request *request)
{
    latencies->sum_ns += (double)(request->done_ns - request->sent_ns);
    latencies->count++;
}

static double mean_of(const struct answers_latencies *latencies)
{
    return latencies->count > 0 ? latencies->sum_ns / (double)latencies->count : 0;
}

/* Until 2 s before the window, and since. Windows are looked at in the order of their onset. */
static void hear_latencies(const struct answers_scope *scope, struct answers_past *past,
                           struct answers *out)
{
    const struct logs *logs = &scope->result->logs;
    uint64_t onset_ns = scope->window->onset.from_ns;
    uint64_t since_ns = onset_ns > 2 * SECOND_NS ? onset_ns - 2 * SECOND_NS : 0;
    for (; past->passed < logs->request_count &&
           logs->requests[past->passed].due_ns + scope->index->lag_ns < since_ns;
         past->passed++)
        if (outcome_is_good((enum outcome)logs->requests[past->passed].outcome))
            add_latency(&past->latencies, &logs->requests[past->passed]);
    struct answers_latencies before = past->latencies, in = {0};
    for (size_t i = past->passed;
         i < logs->request_count && logs->requests[i].due_ns <= scope->end_ns; i++) {
        const struct record_request *request = &logs->requests[i];
        if (outcome_is_good((enum outcome)request->outcome) && request->sent_ns <= scope->end_ns)
            add_latency(request->sent_ns >= since_ns ? &in : &before, request);
    }
    out->mean_before_ns = mean_of(&before);
    out->mean_in_ns = mean_of(&in);
}

void answers_hear(const struct answers_scope *scope, struct answers_past *past, struct answers *out)
{
    const struct result *result = scope->result;
    uint64_t end_ns = scope->end_ns;
    *out = (struct answers){0};
    for (size_t host = 1; host < logs_host_ids(&result->logs); host++) {
        struct voice voice = hear_host(scope, host);
        out->silent += !suspect_told(&result->pods[host - 1], end_ns) &&
                       fell_silent(&voice, scope->window, end_ns);
        out->resent += voice.resent;
    }
    hear_latencies(scope, past, out);
}

size_t answers_due(const struct logs *logs, unsigned stream, uint64_t from_ns, uint64_t until_ns)
{
    size_t low = 0, high = logs->request_count, count = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (logs->requests[middle].due_ns < from_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < logs->request_count && logs->requests[low].due_ns < until_ns; low++)
        count += logs->requests[low].stream == stream &&
                 outcome_is_good((enum outcome)logs->requests[low].outcome);
    return count;
}
