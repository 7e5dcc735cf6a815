#include "analyze/merge.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/plan_difference.h"
#include "base/json.h"
#include "base/text.h"

/* Sums of rates may be rounded. */
static const double rate_most = 0.001;

/* A share's run time 0 by UTC. */
struct start {
    double utc_ns, error_ns;
};

static int object(const struct merge_share *share, struct error *err, const char *why)
{
    return error_set(err, EXIT_USAGE, -EINVAL, "%s: %s", share->directory, why);
}

/* ---- One plan ---- */

/* What shares of one plan have in common; who makes which steps, and what was expected of a share,
 * is its own. */
static bool is_common(const char *path)
{
    static const char *const common[] = {"streams", "target", "tcp", "windows"};
    size_t size = strlen(path);
    if (plan_path_is(path, "streams") &&
        ((size > 5 && strcmp(path + size - 5, ".rate") == 0) ||
         (size > 12 && strcmp(path + size - 12, ".connections") == 0)))
        return false;
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        if (plan_path_is(path, common[i]))
            return true;
    return false;
}

static int check_plan(const struct merge_share *share, const struct experiment *whole,
                      struct error *err)
{
    struct plan_differences *found = calloc(1, sizeof(*found));
    int code = 0;
    if (found == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    plan_differences_find(whole->resolved, share->experiment->resolved, found);
    for (size_t i = 0; i < found->count && code == 0; i++)
        if (is_common(found->items[i].path))
            code = error_set(err, EXIT_USAGE, -EINVAL,
                             "%s: no share of this experiment: %s is %s in it, %s in the whole",
                             share->directory, found->items[i].path, found->items[i].other,
                             found->items[i].base);
    if (code == 0 && found->left_out > 0)
        code = object(share, err, "no share of this experiment: too much differs");
    if (code == 0 && share->meta.stream_count != whole->stream_count)
        code = object(share, err, "no share of this experiment: it has other streams");
    free(found);
    return code;
}

static int check_sums(const struct merge_share *shares, size_t count,
                      const struct experiment *whole, struct error *err)
{
    for (uint32_t s = 0; s < whole->stream_count; s++) {
        const struct experiment_stream *stream = &whole->streams[s];
        uint64_t connections = 0;
        double rate = 0;
        for (size_t i = 0; i < count; i++) {
            connections += shares[i].experiment->streams[s].connections;
            rate += shares[i].experiment->streams[s].rate_per_s;
        }
        if (stream->mode != EXPERIMENT_MODE_OPEN && connections != stream->connections)
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "stream %s: the shares have %" PRIu64 " connections together, the "
                             "whole %u: a share is missing, or the plan is not that of the whole",
                             stream->name, connections, stream->connections);
        if (fabs(rate - stream->rate_per_s) > rate_most * stream->rate_per_s)
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "stream %s: the shares have %.6g requests/s together, the whole %.6g: "
                             "a share is missing, or the plan is not that of the whole",
                             stream->name, rate, stream->rate_per_s);
    }
    return 0;
}

/* ---- One cluster, one change ---- */

static int check_place(const struct merge_share *shares, size_t count, struct error *err)
{
    const struct merge_share *changed = NULL, *on = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct meta *meta = &shares[i].meta;
        for (size_t k = 0; k < i; k++)
            if (strcmp(meta->started, shares[k].meta.started) == 0)
                return error_set(err, EXIT_USAGE, -EINVAL, "%s and %s are the same run",
                                 shares[k].directory, shares[i].directory);
        if (meta->lab != shares[0].meta.lab)
            return object(&shares[i], err, "one share was on the lab, another was not");
        if (meta->environment[0] != '\0' && on != NULL &&
            strcmp(meta->environment, on->meta.environment) != 0)
            return error_set(err, EXIT_USAGE, -EINVAL, "%s ran on \"%.200s\", %s on \"%.200s\"",
                             on->directory, on->meta.environment, shares[i].directory,
                             meta->environment);
        if (meta->change_ns != 0 && changed != NULL)
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "%s and %s both changed the cluster: only one share may, the others "
                             "observe",
                             changed->directory, shares[i].directory);
        on = meta->environment[0] != '\0' ? &shares[i] : on;
        changed = meta->change_ns != 0 ? &shares[i] : changed;
    }
    return 0;
}

/* ---- One clock ---- */

static struct start start_of(const struct meta *meta)
{
    double low = INFINITY, high = -INFINITY;
    for (uint32_t i = 0; i < meta->utc_count; i++) {
        double offset = (double)(meta->utc[i].utc_ns - (int64_t)meta->utc[i].run_ns);
        low = fmin(low, offset - (double)meta->utc[i].half_width_ns);
        high = fmax(high, offset + (double)meta->utc[i].half_width_ns);
    }
    if (meta->utc_count == 0)
        return (struct start){(double)json_parse_time(meta->started), (double)meta->clock_error_ns};
    return (struct start){(low + high) / 2, (high - low) / 2};
}

/* SHARE's clock onto FIRST's. */
static int set_apart(const struct merge_share *first, const struct merge_share *share,
                     const struct merge_options *options, struct start *start, struct error *err)
{
    const struct meta_server_clock *a = &first->meta.server_clock, *b = &share->meta.server_clock;
    bool known = a->answers > 0 && b->answers > 0 && a->steps == 0 && b->steps == 0;
    double low = (double)b->least_ns - (double)a->most_ns;
    double high = (double)b->most_ns - (double)a->least_ns;
    double most = (double)options->clock_error_ns;
    if (options->clock_given) {
        if (known && (low > most || high < -most))
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "the clocks of %s and %s are at least %.3g ms apart, by the API "
                             "server's: more than --clock-error says",
                             first->directory, share->directory, fmax(low, -high) / 1e6);
        start->error_ns += most;
        return 0;
    }
    if (!known)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "nothing tells how far the clocks of %s and %s are apart: say "
                         "--clock-error TIME, as NTP or PTP of these machines know it",
                         first->directory, share->directory);
    start->utc_ns += (low + high) / 2;
    start->error_ns += (high - low) / 2;
    return 0;
}

static int check_overlap(const struct merge_share *shares, size_t count, struct error *err)
{
    uint64_t last_start_ns = 0, first_end_ns = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        uint64_t shift_ns = shares[i].place.shift_ns, ended_ns = shares[i].meta.ended_ns;
        last_start_ns = shift_ns > last_start_ns ? shift_ns : last_start_ns;
        if (ended_ns != 0 && ended_ns + shift_ns < first_end_ns)
            first_end_ns = ended_ns + shift_ns;
    }
    return last_start_ns < first_end_ns
               ? 0
               : error_set(err, EXIT_USAGE, -EINVAL,
                           "the shares did not run at the same time: one had ended %.6g s before "
                           "another began",
                           (double)(last_start_ns - first_end_ns) / 1e9);
}

static int set_clocks(struct merge_share *shares, size_t count, const struct merge_options *options,
                      struct error *err)
{
    struct start starts[MERGE_SHARES_MAX];
    double first_ns = INFINITY;
    for (size_t i = 0; i < count; i++) {
        starts[i] = start_of(&shares[i].meta);
        int code = i == 0 ? 0 : set_apart(&shares[0], &shares[i], options, &starts[i], err);
        if (code < 0)
            return code;
        /* Relative to the first one: 2^53 ns are 104 days. */
        starts[i].utc_ns -= i == 0 ? 0 : starts[0].utc_ns;
    }
    starts[0].utc_ns = 0;
    for (size_t i = 0; i < count; i++)
        first_ns = fmin(first_ns, starts[i].utc_ns);
    for (size_t i = 0; i < count; i++) {
        shares[i].place.shift_ns = (uint64_t)llround((starts[i].utc_ns - first_ns) / 1000) * 1000;
        shares[i].clock_error_ns = (uint64_t)llround(starts[i].error_ns);
    }
    return check_overlap(shares, count, err);
}

/* ---- Places ---- */

static int set_places(struct merge_share *shares, size_t count, struct error *err)
{
    uint64_t workers = 0;
    uint32_t ports = 0, queues = 0;
    struct log_share next = {0};
    for (size_t i = 0; i < count; i++) {
        workers += shares[i].meta.worker_count;
        next.shift_ns = shares[i].place.shift_ns;
        shares[i].place = next;
        next.first_worker += shares[i].meta.worker_count;
        ports += shares[i].meta.port_count;
        queues += shares[i].meta.queue_count;
        for (uint32_t s = 0; s < shares[i].meta.stream_count; s++)
            next.first_flow[s] += shares[i].experiment->streams[s].connections;
    }
    if (workers > LOG_SHARE_WORKERS_MAX || ports > META_PORTS || queues > META_QUEUES)
        return error_set(err, EXIT_USAGE, -E2BIG,
                         "%" PRIu64 " workers, %u NIC ports and %u queues together: at most %d, %d "
                         "and %d",
                         workers, ports, queues, LOG_SHARE_WORKERS_MAX, META_PORTS, META_QUEUES);
    return 0;
}

int merge_place(struct merge_share *shares, size_t count, const struct experiment *whole,
                const struct merge_options *options, struct error *err)
{
    int code = 0;
    if (count < 2 || count > MERGE_SHARES_MAX)
        return error_set(err, EXIT_USAGE, -EINVAL, "merge: want 2 to %d shares", MERGE_SHARES_MAX);
    for (size_t i = 0; i < count && code == 0; i++)
        code = check_plan(&shares[i], whole, err);
    if (code == 0)
        code = check_sums(shares, count, whole, err);
    if (code == 0)
        code = check_place(shares, count, err);
    if (code == 0)
        code = set_clocks(shares, count, options, err);
    return code < 0 ? code : set_places(shares, count, err);
}

/* ---- meta.json ---- */

static uint64_t moved(const struct merge_share *share, uint64_t stamp_ns)
{
    return stamp_ns == 0 ? 0 : stamp_ns + share->place.shift_ns;
}

/* Of times that all shares must have; 0 as soon as one never came. */
static uint64_t latest(uint64_t so_far_ns, uint64_t stamp_ns, bool first)
{
    if (stamp_ns == 0 || (so_far_ns == 0 && !first))
        return 0;
    return stamp_ns > so_far_ns ? stamp_ns : so_far_ns;
}

static void add_totals(struct record_log_totals *sum, const struct record_log_totals *totals)
{
    sum->due += totals->due;
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        sum->outcomes[i] += totals->outcomes[i];
    sum->done += totals->done;
    sum->received += totals->received;
    sum->read_bytes += totals->read_bytes;
    for (unsigned i = 0; i < DATAGRAM_COUNT; i++)
        sum->datagrams[i] += totals->datagrams[i];
    if (totals->reorder_extent > sum->reorder_extent)
        sum->reorder_extent = totals->reorder_extent;
}

static void add_stream(struct meta_stream *sum, const struct merge_share *share, uint32_t index,
                       bool first)
{
    const struct meta_stream *stream = &share->meta.streams[index];
    uint64_t started_ns = moved(share, stream->started_ns);
    if (first) {
        *sum = *stream;
        sum->flows = 0;
        sum->rate_pps = 0;
        sum->started_ns = sum->steady_ns = sum->stopped_ns = 0;
        sum->totals = (struct record_log_totals){0};
    }
    sum->flows += stream->flows;
    sum->rate_pps += stream->rate_pps;
    sum->one_in = stream->one_in > sum->one_in ? stream->one_in : sum->one_in;
    if (started_ns != 0 && (sum->started_ns == 0 || started_ns < sum->started_ns))
        sum->started_ns = started_ns;
    sum->steady_ns = latest(sum->steady_ns, moved(share, stream->steady_ns), first);
    sum->stopped_ns = latest(sum->stopped_ns, moved(share, stream->stopped_ns), first);
    add_totals(&sum->totals, &stream->totals);
}

static void add_ports(struct meta *sum, const struct meta *meta)
{
    uint32_t first = sum->port_count;
    for (uint32_t i = 0; i < meta->port_count; i++)
        sum->ports[sum->port_count++] = meta->ports[i];
    for (uint32_t i = 0; i < meta->queue_count; i++) {
        sum->queues[sum->queue_count] = meta->queues[i];
        sum->queues[sum->queue_count++].port += first;
    }
}

static void add_share(struct meta *sum, const struct merge_share *share, bool first,
                      struct text *notes)
{
    const struct meta *meta = &share->meta;
    uint64_t ended_ns = moved(share, meta->ended_ns);
    for (uint32_t i = 0; i < meta->stream_count; i++)
        add_stream(&sum->streams[i], share, i, first);
    add_ports(sum, meta);
    sum->final = (first || sum->final) && meta->final;
    sum->interrupted |= meta->interrupted;
    if (meta->failure[0] != '\0' && sum->failure[0] == '\0')
        snprintf(sum->failure, sizeof(sum->failure), "share %.200s: %.800s", share->directory,
                 meta->failure);
    if (sum->environment[0] == '\0')
        snprintf(sum->environment, sizeof(sum->environment), "%s", meta->environment);
    sum->ended_ns = ended_ns > sum->ended_ns ? ended_ns : sum->ended_ns;
    sum->change_ns = meta->change_ns != 0 ? moved(share, meta->change_ns) : sum->change_ns;
    sum->worker_count += meta->worker_count;
    sum->turns += meta->turns;
    sum->records_refused += meta->records_refused;
    text_addf(notes, "share %s: began %.6f s after the first, stamps to within %.3g ms%s%s\n",
              share->directory, (double)share->place.shift_ns / 1e9,
              (double)share->clock_error_ns / 1e6, meta->notes != NULL ? "\n" : "",
              meta->notes != NULL ? meta->notes : "");
}

/* Why the shares' predictions are none of the whole: a line in NOTES. */
static bool predictions_agree(const struct merge_share *shares, size_t count, struct text *notes)
{
    const struct merge_share *with = NULL, *without = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct meta_prediction *prediction = &shares[i].meta.prediction;
        if (!prediction->given)
            without = &shares[i];
        else if (with == NULL)
            with = &shares[i];
        else if (strcmp(prediction->basis, with->meta.prediction.basis) != 0) {
            text_addf(notes,
                      "no prediction of the whole: that of share %s is of \"%s\", that of "
                      "share %s of \"%s\"\n",
                      with->directory, with->meta.prediction.basis, shares[i].directory,
                      prediction->basis);
            return false;
        }
    }
    if (with != NULL && without != NULL)
        text_addf(notes,
                  "no prediction of the whole: share %s has one of its own connections, "
                  "share %s has none\n",
                  with->directory, without->directory);
    return with != NULL && without == NULL;
}

/* What breaks of the whole is the sum over the shares. */
static void merge_prediction(const struct merge_share *shares, size_t count,
                             struct meta_prediction *sum, struct text *notes)
{
    if (!predictions_agree(shares, count, notes))
        return;
    sum->given = true;
    for (size_t i = 0; i < count; i++) {
        const struct meta_prediction *prediction = &shares[i].meta.prediction;
        sum->mean += prediction->mean;
        sum->min += prediction->min;
        sum->p1 += prediction->p1;
        sum->p50 += prediction->p50;
        sum->p99 += prediction->p99;
        sum->max += prediction->max;
    }
    snprintf(sum->basis, sizeof(sum->basis), "%.200s, summed over %zu shares",
             shares[0].meta.prediction.basis, count);
}

int merge_meta(const struct merge_share *shares, size_t count, const struct experiment *whole,
               struct meta *out)
{
    struct text notes = {0};

    *out = (struct meta){.lab = shares[0].meta.lab,
                         .tsc_hz = shares[0].meta.tsc_hz,
                         .stream_count = whole->stream_count};
    snprintf(out->version, sizeof(out->version), "%s", shares[0].meta.version);
    snprintf(out->experiment, sizeof(out->experiment), "%s", whole->name);
    for (size_t i = 0; i < count; i++) {
        const struct meta *meta = &shares[i].meta;
        add_share(out, &shares[i], i == 0, &notes);
        if (shares[i].clock_error_ns > out->clock_error_ns)
            out->clock_error_ns = shares[i].clock_error_ns;
        if (shares[i].place.shift_ns != 0 || out->started[0] != '\0')
            continue;
        /* Its run time is that of the whole. */
        memcpy(out->started, meta->started, sizeof(out->started));
        memcpy(out->utc, meta->utc, sizeof(out->utc));
        out->utc_count = meta->utc_count;
        out->server_clock = meta->server_clock;
    }
    merge_prediction(shares, count, &out->prediction, &notes);
    if (notes.failed) {
        text_free(&notes);
        return -ENOMEM;
    }
    out->notes = notes.data;
    return 0;
}

/* ---- The timeline ---- */

static const struct merge_share *leading(const struct merge_share *shares, size_t count)
{
    const struct merge_share *most = &shares[0];
    for (size_t i = 0; i < count; i++) {
        if (shares[i].meta.change_ns != 0)
            return &shares[i];
        if (shares[i].timeline->count > most->timeline->count)
            most = &shares[i];
    }
    return most;
}

static int by_arrival(const void *a, const void *b)
{
    const struct timeline_event *x = a, *y = b;
    return (x->not_after_ns > y->not_after_ns) - (x->not_after_ns < y->not_after_ns);
}

int merge_timeline(const struct merge_share *shares, size_t count, struct timeline *out)
{
    const struct merge_share *lead = leading(shares, count);

    *out = (struct timeline){0};
    for (size_t i = 0; i < count; i++) {
        const struct timeline *timeline = shares[i].timeline;
        for (size_t k = 0; k < timeline->count; k++) {
            struct timeline_event event = timeline->events[k];
            if (&shares[i] != lead && event.kind != TIMELINE_TESTER)
                continue;
            event.not_before_ns = moved(&shares[i], event.not_before_ns);
            event.not_after_ns += shares[i].place.shift_ns;
            timeline_add(out, &event);
        }
        out->refused += timeline->refused;
    }
    if (out->count > 0)
        qsort(out->events, out->count, sizeof(*out->events), by_arrival);
    return 0;
}
