#include "report/sentence.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "report/print.h"

enum {
    NAMED = 3 /* So many streams have a sentence each. */
};

/* How much a step says of what the run is about: patches and programs also set the scene. */
static unsigned weigh_step(enum experiment_verb verb)
{
    switch (verb) {
    case EXPERIMENT_SET_IMAGE:
    case EXPERIMENT_SET_ENV:
    case EXPERIMENT_RESTART:
    case EXPERIMENT_ROLLOUT_UNDO:
    case EXPERIMENT_MOVE:
    case EXPERIMENT_SCALE:
    case EXPERIMENT_DRAIN:
    case EXPERIMENT_EVICT:
    case EXPERIMENT_DELETE_POD: return 3;
    case EXPERIMENT_PATCH:
    case EXPERIMENT_EXEC: return 2;
    case EXPERIMENT_OBSERVE: return 1;
    default: return 0;
    }
}

/* What the run did: of its steps from the first start of traffic on, or else of all, the first of
 * those that say most. NULL: it changed nothing. */
static const struct experiment_step *find_change(const struct experiment *experiment)
{
    const struct experiment_step *found = NULL;
    unsigned most = 0, traffic = 0;
    for (uint32_t i = 0; i < experiment->step_count; i++) {
        const struct experiment_step *step = &experiment->steps[i];
        unsigned weight = weigh_step(step->verb);
        traffic = step->verb == EXPERIMENT_START ? 4 : traffic;
        if (weight > 0 && weight + traffic > most) {
            most = weight + traffic;
            found = step;
        }
    }
    return found;
}

static void add_step(const struct experiment_step *step, struct text *out)
{
    switch (step->verb) {
    case EXPERIMENT_SET_IMAGE: text_addf(out, "Upgrade of %s", step->object.name); break;
    case EXPERIMENT_SET_ENV: text_addf(out, "New environment for %s", step->object.name); break;
    case EXPERIMENT_RESTART: text_addf(out, "Restart of %s", step->object.name); break;
    case EXPERIMENT_ROLLOUT_UNDO:
        text_addf(out, "Undo of a rollout of %s", step->object.name);
        break;
    case EXPERIMENT_MOVE: text_addf(out, "Move of %s", step->object.name); break;
    case EXPERIMENT_SCALE:
        text_addf(out, "Scaling of %s to %u", step->object.name, step->replicas);
        break;
    case EXPERIMENT_PATCH:
        text_addf(out, "Patch of %s/%s", step->object.kind, step->object.name);
        break;
    case EXPERIMENT_DRAIN: text_addf(out, "Drain of node %s", step->node); break;
    case EXPERIMENT_EVICT: text_addf(out, "Eviction of pod %s", step->pod); break;
    case EXPERIMENT_DELETE_POD: text_addf(out, "Deletion of pod %s", step->pod); break;
    case EXPERIMENT_EXEC: text_addf(out, "After %s", step->command[0]); break;
    default: text_add(out, "Observed"); break;
    }
}

static void add_subject(const struct result *result, struct text *out)
{
    const struct experiment_step *change = find_change(result->experiment);
    if (result->meta.interrupted)
        text_add(out, "Interrupted, so partial. ");
    else if (result->meta.failure[0])
        text_add(out, "Ended early, so partial. ");
    else if (!result->meta.final)
        text_add(out, "Killed, so partial. ");
    else if (result->unread.size > 0)
        text_add(out, "Damaged, so partial. ");
    if (change == NULL) {
        text_add(out, "Traffic without a change: ");
        return;
    }
    add_step(change, out);
    text_add(out, ": ");
}

/* The longest from the signal that ended a connection to its successor's SYN-ACK. False: none. */
static bool find_reconnect(const struct result *result, unsigned stream, uint64_t *longest_ns)
{
    bool any = false;
    for (size_t i = 0; i < result->logs.outage_count; i++) {
        const struct record_outage *outage = &result->logs.outages[i];
        if (outage->stream != stream || outage->connection == 0 ||
            outage->connected_ns < outage->signal_ns || outage->signal_ns == 0)
            continue;
        uint64_t took_ns = outage->connected_ns - outage->signal_ns;
        *longest_ns = any && *longest_ns > took_ns ? *longest_ns : took_ns;
        any = true;
    }
    return any;
}

static void add_return(const struct result *result, unsigned index, struct text *out)
{
    const struct result_stream *stream = &result->streams[index];
    uint64_t reconnect_ns = 0;
    if (stream->interruption.count == 0 || !find_reconnect(result, index, &reconnect_ns))
        return;
    text_addf(out, "; %s within ",
              stream->interruption.count == stream->broken ? "each was replaced"
                                                           : "those that came back were replaced");
    print_span(out, reconnect_ns);
    text_add(out, " and answered again within ");
    print_span(out, stream->interruption.max_ns);
    text_add(out, " (resolution ");
    print_span(out, stream->onset_width.max_ns);
    text_add(out, ")");
}

/* Connections that are to last: of a stream without them, nothing. */
static void add_held(const struct result *result, unsigned index, struct text *out)
{
    const struct result_stream *stream = &result->streams[index];
    const struct meta_prediction *prediction = &result->meta.prediction;
    if (stream->broken + stream->lasting == 0)
        return;
    if (stream->broken == 0 && stream->done > 0) /* They end with their requests. */
        return;
    text_addf(out, "%u of %u connections of stream %s broke", stream->broken,
              stream->broken + stream->lasting, result->meta.streams[index].name);
    if (prediction->given && strcmp(result->meta.streams[index].protocol, "ctraffic") == 0)
        text_addf(out, " (predicted %.0f, from %u to %u)", prediction->mean, prediction->min,
                  prediction->max);
    add_return(result, index, out);
    text_addf(out, "; %u lasted. ", stream->lasting);
}

static void add_unsent(uint64_t unsent, struct text *out)
{
    if (unsent > 0)
        text_addf(out, " (%" PRIu64 " of them unsent by the tester)", unsent);
}

static void add_lost(const struct result *result, unsigned index, struct text *out)
{
    const struct result_stream *stream = &result->streams[index];
    text_addf(out, "Stream %s ", result->meta.streams[index].name);
    if (stream->due == 0) {
        text_add(out, "sent nothing. ");
        return;
    }
    if (stream->lost == 0)
        text_addf(out, "lost nothing of %" PRIu64 " requests", stream->due);
    else
        text_addf(out, "lost %" PRIu64 " of %" PRIu64 " requests", stream->lost, stream->due);
    if (stream->lost > 0 && stream->windows.count > 0) {
        text_add(out, " in ");
        print_count(out, stream->windows.count, "window", "windows");
    }
    add_unsent(stream->outcomes[OUTCOME_UNSENT], out);
    text_add(out, ". ");
}

/* Of many streams one by one would be a list. */
static void add_all_lost(const struct result *result, struct text *out)
{
    uint64_t due = 0, lost = 0, unsent = 0;
    for (unsigned i = 0; i < result->meta.stream_count; i++) {
        due += result->streams[i].due;
        lost += result->streams[i].lost;
        unsent += result->streams[i].outcomes[OUTCOME_UNSENT];
    }
    text_addf(out, "Its %u streams lost ", result->meta.stream_count);
    if (lost == 0)
        text_addf(out, "nothing of %" PRIu64 " requests", due);
    else
        text_addf(out, "%" PRIu64 " of %" PRIu64 " requests", lost, due);
    add_unsent(unsent, out);
    text_add(out, ". ");
}

void sentence_add(const struct result *result, struct text *out)
{
    add_subject(result, out);
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        add_held(result, i, out);
    for (unsigned i = 0; i < result->meta.stream_count && result->meta.stream_count <= NAMED; i++)
        add_lost(result, i, out);
    if (result->meta.stream_count > NAMED)
        add_all_lost(result, out);
    if (result->meta.stream_count == 0)
        text_add(out, "no traffic. ");
    if (result->unseen_ns > 0) {
        text_add(out, "What happened in the cluster during ");
        print_span(out, result->unseen_ns);
        text_add(out, " was not seen. ");
    }
    const char *where = result->meta.environment;
    if (where[0] == '\0')
        text_add(out, "No cluster.");
    else
        text_addf(out, "%s%c%s.", result->meta.lab ? "" : "Cluster: ",
                  result->meta.lab ? toupper((unsigned char)where[0]) : where[0], where + 1);
}
