/* report_text_stream.c - a stream's account: requests, connections, pods, outages. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/print.h"
#include "report/report_priv.h"

static void add_heading(const struct meta_stream *meta, struct text *out)
{
    text_addf(out, "\nStream %s: %s to %s, ", meta->name, meta->protocol, meta->target);
    print_count(out, meta->flows, "flow", "flows");
    if (meta->rate_pps > 0)
        text_addf(out, ", %g %s/s", meta->rate_pps, meta->one_way ? "frames" : "requests");
    else if (meta->one_way)
        text_add(out, ", as fast as the device takes them");
    else
        text_add(out, " in closed loops");
    if (meta->size_bytes > 0)
        text_addf(out, " of %u bytes", meta->size_bytes);
    text_add(out, "\n");
    if (meta->started_ns == 0) {
        text_add(out, "  it was never started\n");
        return;
    }
    text_add(out, "  started ");
    print_time(out, meta->started_ns);
    text_add(out, ", steady ");
    if (meta->steady_ns != 0)
        print_time(out, meta->steady_ns);
    else
        text_add(out, "never");
    text_add(out, ", stopped ");
    if (meta->stopped_ns != 0)
        print_time(out, meta->stopped_ns);
    else
        text_add(out, "not recorded");
    text_add(out, "\n");
}

/* ---- requests ---- */

static void add_unsent(const struct result *result, unsigned index, struct text *out)
{
    uint64_t reasons[UNSENT_COUNT] = {0};
    if (result->streams[index].outcomes[OUTCOME_UNSENT] == 0)
        return;
    for (size_t i = 0; i < result->logs.fold_count; i++) {
        const struct record_fold *fold = &result->logs.folds[i];
        if (fold->stream == index && fold->outcome == OUTCOME_UNSENT)
            reasons[fold->reason < UNSENT_COUNT ? fold->reason : UNSENT_NONE] += fold->count;
    }
    text_add(out, "    unsent is the tester's own, never a loss:");
    for (unsigned i = 0; i < UNSENT_COUNT; i++)
        if (reasons[i] > 0)
            text_addf(out, " %s %" PRIu64 ";", unsent_reason_text(i), reasons[i]);
    text_add(out, "\n");
}

static void add_line(struct text *out, const char *name, const struct result_quantiles *quantiles)
{
    text_addf(out, "    %-18s ", name);
    print_quantiles(out, quantiles);
    text_add(out, "\n");
}

/* What is not made of all requests is said to be. */
static void add_record(const struct result *result, unsigned index, struct text *out)
{
    const struct meta_stream *meta = &result->meta.streams[index];
    const struct result_stream *stream = &result->streams[index];
    if (stream->exact)
        return;
    text_addf(out, "    recorded: %s", meta->record);
    if (meta->one_in > 0)
        text_addf(out, ", one good request in %u", meta->one_in);
    text_addf(out,
              "; %" PRIu64 " of %" PRIu64
              " requests have a record of their own.\n      Latencies are "
              "of histograms of all of them, at most 0.8 %% above; counts and windows are whole\n",
              stream->logged, stream->due);
}

static void add_baseline(const struct result *result, unsigned index, struct text *out)
{
    const struct result_stream *stream = &result->streams[index];
    text_add(out, "    noise floor        ");
    if (stream->baseline_due == 0) {
        text_add(out, "none: there was no steady time before the change\n");
        return;
    }
    text_addf(out, "%" PRIu64 " due while steady before the change, %" PRIu64 " lost, p99 ",
              stream->baseline_due, stream->baseline_lost);
    print_span(out, stream->baseline_p99_ns);
    text_add(out, "\n");
}

/* Of HTTP streams: how often which status came, and what was wrong with bad answers. */
static void add_answers(const struct result_stream *stream, struct text *out)
{
    const char *sign = stream->exact ? "    answers: " : "    answers, of the requests recorded: ";
    for (unsigned i = 1; i < RESULT_STATUSES; i++) {
        if (stream->statuses[i] == 0)
            continue;
        text_addf(out, "%sstatus %u %u", sign, i, stream->statuses[i]);
        sign = ", ";
    }
    if (sign[0] == ',')
        text_add(out, "\n");
    for (unsigned i = 1; i < HTTP_REASON_COUNT; i++)
        if (stream->bad_answers[i] > 0)
            text_addf(out, "    bad answers: %u because %s\n", stream->bad_answers[i],
                      http_reason_text(i));
}

static void add_outcomes(const struct result_stream *stream, struct text *out)
{
    const char *sign = " = ";
    text_addf(out, "    due %" PRIu64, stream->due);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        if (stream->outcomes[i] == 0)
            continue;
        text_addf(out, "%s%s %" PRIu64, sign, outcome_text(i), stream->outcomes[i]);
        sign = " + ";
    }
    text_addf(out, "%s\n", stream->sums_hold ? "" : "  (THE SUM DOES NOT HOLD)");
}

static void add_requests(const struct result *result, unsigned index, struct text *out)
{
    const struct result_stream *stream = &result->streams[index];
    text_add(out, "  Requests\n");
    add_outcomes(stream, out);
    text_addf(out, "    lost %" PRIu64 " (", stream->lost);
    print_share(out, stream->lost, stream->due);
    text_addf(out, " of due); sent %" PRIu64 ", answered %" PRIu64 ", segments sent again %u\n",
              stream->sent, stream->received, stream->retransmits);
    add_answers(stream, out);
    add_unsent(result, index, out);
    add_record(result, index, out);
    add_line(out, "latency from due", &stream->latency_from_due);
    add_line(out, "latency from sent", &stream->latency_from_sent);
    add_line(out, "sent after due", &stream->send_lag);
    add_baseline(result, index, out);
    if (stream->pattern.periods > 0)
        text_addf(out,
                  "    loss pattern       loss periods %zu, longest %zu, noticeable rate "
                  "%.3g %% (RFC 3357, in requests, delta %d)\n",
                  stream->pattern.periods, stream->pattern.longest_period,
                  100 * stream->pattern.noticeable_rate, RESULT_NOTICEABLE_DELTA);
}

/* ---- frames that nobody answers ---- */

static void add_frames(const struct result *result, unsigned index, struct text *out)
{
    const struct result_stream *stream = &result->streams[index];
    text_add(out, "  Frames\n");
    add_outcomes(stream, out);
    if (stream->outcomes[OUTCOME_UNSENT] > 0)
        text_add(out, "    unsent is the tester's own, never a loss: late, or out of buffers\n");
    text_addf(out, "    sent %" PRIu64 ", received %" PRIu64 ", lost %" PRIu64 " (", stream->sent,
              stream->received, stream->lost);
    print_share(out, stream->lost, stream->due);
    text_add(out, " of due)\n");
}

/* ---- datagrams ---- */

static void add_datagrams(const struct result *result, unsigned index, struct text *out)
{
    const struct meta_stream *meta = &result->meta.streams[index];
    const struct record_log_totals *totals = &meta->totals;
    uint64_t sum = 0;
    if (!meta->datagrams)
        return;
    if (!meta->one_way)
        text_add(out, "  Datagrams\n");
    for (unsigned i = 0; i < DATAGRAM_COUNT; i++) {
        sum += totals->datagrams[i];
        if (totals->datagrams[i] == 0)
            continue;
        text_addf(out, "    %s %" PRIu64, datagram_count_key(i), totals->datagrams[i]);
        if (i == DATAGRAM_REORDERED) {
            text_add(out, " (");
            print_share(out, totals->datagrams[i], result->streams[index].received);
            text_addf(out, " of %s), largest extent %" PRIu64,
                      meta->one_way ? "received" : "answered", totals->reorder_extent);
        }
        text_addf(out, "%s%s\n", meta->one_way ? "" : ": ",
                  meta->one_way ? "" : datagram_count_sentence(i));
    }
    if (sum == 0 && meta->one_way)
        text_add(out, "    each frame that came came once, and in order\n");
    else if (sum == 0)
        text_add(out, "    each answer came once, in order, in time\n");
}

/* ---- connections ---- */

static void add_ends(struct text *out, const uint32_t ends[CONNECTION_END_COUNT])
{
    const char *sign = ": ";
    for (unsigned i = 0; i < CONNECTION_END_COUNT; i++) {
        if (ends[i] == 0)
            continue;
        text_addf(out, "%s%s %u", sign, connection_end_text(i), ends[i]);
        sign = ", ";
    }
    text_add(out, "\n");
}

static const char *place(const struct meta_prediction *prediction, uint32_t broken)
{
    if (broken < prediction->min)
        return "below all that was predicted";
    if (broken > prediction->max)
        return "above all that was predicted";
    if (broken < prediction->p1)
        return "within, but below its 1st percentile";
    if (broken > prediction->p99)
        return "within, but above its 99th percentile";
    return "within its 1st and 99th percentiles";
}

/* The prediction is about held connections. */
static void add_prediction(const struct result *result, unsigned index, struct text *out)
{
    const struct meta_prediction *prediction = &result->meta.prediction;
    if (!prediction->given || strcmp(result->meta.streams[index].protocol, "ctraffic") != 0)
        return;
    text_addf(out, "    predicted broken: mean %.1f, min %u, p1 %u, p50 %u, p99 %u, max %u\n",
              prediction->mean, prediction->min, prediction->p1, prediction->p50, prediction->p99,
              prediction->max);
    if (prediction->basis[0])
        text_addf(out, "      of %s\n", prediction->basis);
    text_addf(out, "      measured %u: %s\n", result->streams[index].broken,
              place(prediction, result->streams[index].broken));
}

static void add_connections(const struct result *result, unsigned index, struct text *out)
{
    const struct result_stream *stream = &result->streams[index];
    text_addf(out, "  Connections\n    established %u = lasting %u + broken %u",
              stream->connections, stream->lasting, stream->broken);
    if (stream->done > 0)
        text_addf(out, " + done %u", stream->done);
    if (stream->unfinished > 0)
        text_addf(out, " + ended by the tester %u", stream->unfinished);
    text_add(out, "\n");
    if (stream->broken > 0) {
        text_add(out, "    broken by");
        add_ends(out, stream->broken_by_end);
    }
    text_addf(out, "    failed connects %u (apart: never established)", stream->failed_connects);
    if (stream->failed_connects > 0)
        add_ends(out, stream->failed_by_end);
    else
        text_add(out, "\n");
    add_line(out, "time to connect", &stream->connect_time);
    if (stream->secure_time.count > 0)
        add_line(out, "TLS handshake", &stream->secure_time);
    add_prediction(result, index, out);
}

/* ---- pods ---- */

/* What a stream had of one pod. */
struct tally {
    uint64_t broken, lasting, others, requests, lost;
    uint64_t broken_from_ns, broken_to_ns; /* Arrivals of the first and last end; 0: none. */
};

static void tally_connections(const struct result *result, unsigned index, struct tally *tallies)
{
    for (size_t i = 0; i < result->logs.connection_count; i++) {
        const struct record_connection *connection = &result->logs.connections[i];
        if (connection->stream != index || connection->connected_ns == 0)
            continue;
        struct tally *tally = &tallies[connection->host];
        if (!connection_end_is_broken(connection->end)) {
            tally->lasting += connection->end == CONNECTION_LASTING;
            tally->others += connection->end != CONNECTION_LASTING;
            continue;
        }
        tally->broken++;
        if (tally->broken_from_ns == 0 || connection->ended_ns < tally->broken_from_ns)
            tally->broken_from_ns = connection->ended_ns;
        if (connection->ended_ns > tally->broken_to_ns)
            tally->broken_to_ns = connection->ended_ns;
    }
}

static bool tally_requests(const struct result *result, unsigned index, struct tally *tallies)
{
    size_t ids = logs_host_ids(&result->logs);
    struct result_tally *found = calloc(ids, sizeof(*found));
    if (found == NULL)
        return false;
    result_tally(result, index, found);
    for (size_t i = 0; i < ids; i++) {
        tallies[i].requests = found[i].requests;
        tallies[i].lost = found[i].lost;
    }
    free(found);
    return true;
}

static void add_tally(struct text *out, int width, const char *name, const struct tally *tally)
{
    text_addf(out, "    %-*s %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %9" PRIu64 " %7" PRIu64, width,
              name, tally->broken, tally->lasting, tally->others, tally->requests, tally->lost);
    if (tally->broken > 0) {
        text_add(out, "  ");
        print_time(out, tally->broken_from_ns);
        text_add(out, " .. ");
        print_time(out, tally->broken_to_ns);
    }
    text_add(out, "\n");
}

static void sum_up(struct tally *total, const struct tally *tally)
{
    total->broken += tally->broken;
    total->lasting += tally->lasting;
    total->others += tally->others;
    total->requests += tally->requests;
    total->lost += tally->lost;
    if (tally->broken > 0 &&
        (total->broken_from_ns == 0 || tally->broken_from_ns < total->broken_from_ns))
        total->broken_from_ns = tally->broken_from_ns;
    if (tally->broken_to_ns > total->broken_to_ns)
        total->broken_to_ns = tally->broken_to_ns;
}

/* Of a stream whose answers named nobody, there is nothing to tell apart. */
static void add_pods(const struct result *result, unsigned index, struct text *out)
{
    size_t ids = logs_host_ids(&result->logs);
    struct tally *tallies = calloc(ids, sizeof(*tallies)), total = {0};
    if (tallies == NULL || !tally_requests(result, index, tallies)) {
        out->failed = true;
        free(tallies);
        return;
    }
    tally_connections(result, index, tallies);
    int width = (int)strlen("(no pod answered)");
    bool named = false;
    for (size_t i = 1; i < ids; i++) {
        int length = (int)strlen(logs_host(&result->logs, (uint16_t)i));
        width = length > width ? length : width;
        named = named || tallies[i].requests > 0;
    }
    if (named)
        text_addf(out,
                  "  Pods\n    %-*s  broken lasting   other  requests    lost  connections broke "
                  "at (s)\n",
                  width, "");
    for (size_t i = 0; named && i < ids; i++) {
        /* Nobody comes last. */
        uint16_t host = (uint16_t)((i + 1) % ids);
        const struct tally *tally = &tallies[host];
        if (tally->requests + tally->broken + tally->lasting + tally->others == 0)
            continue;
        add_tally(out, width, host ? logs_host(&result->logs, host) : "(no pod answered)", tally);
        sum_up(&total, tally);
    }
    if (named)
        add_tally(out, width, "total", &total);
    free(tallies);
}

/* ---- outages ---- */

/* Which of the two ends of an onset bracket its stamps gave. */
struct widths {
    uint64_t signalled, waited;       /* Outages. */
    uint64_t signalled_ns, waited_ns; /* Widest bracket. */
    uint64_t uncertainty_ns;          /* Largest of their arrivals. */
    uint64_t rtt_ns;                  /* Largest. */
};

static struct widths look_at_widths(const struct result *result, unsigned index)
{
    struct widths widths = {.rtt_ns = result->streams[index].latency_from_sent.max_ns};
    for (size_t i = 0; i < result->logs.outage_count; i++) {
        const struct outage *outage = &result->outages[i];
        const struct record_outage *record = outage->record;
        if (record->stream != index)
            continue;
        bool signalled = outage->onset.to_ns == record->signal_ns;
        uint64_t width_ns = outage->onset.to_ns - outage->onset.from_ns;
        uint64_t *widest_ns = signalled ? &widths.signalled_ns : &widths.waited_ns;
        *(signalled ? &widths.signalled : &widths.waited) += 1;
        *widest_ns = width_ns > *widest_ns ? width_ns : *widest_ns;
        if (record->arrival_uncertainty_ns > widths.uncertainty_ns)
            widths.uncertainty_ns = record->arrival_uncertainty_ns;
    }
    return widths;
}

static void add_widths(const struct result *result, unsigned index, struct text *out)
{
    const struct meta_stream *meta = &result->meta.streams[index];
    struct widths widths = look_at_widths(result, index);
    add_line(out, "onset brackets", &result->streams[index].onset_width);
    text_add(out, "      what widens them: a flow proves life only once in ");
    print_span(out, meta->rate_pps > 0 ? (uint64_t)(1e9 * meta->flows / meta->rate_pps) : 0);
    text_addf(out, ";\n      %" PRIu64 " end with the arrival of a signal", widths.signalled);
    if (widths.signalled > 0) {
        text_add(out, " (widest ");
        print_span(out, widths.signalled_ns);
        text_add(out, ", arrivals known to ");
        print_span(out, widths.uncertainty_ns);
        text_add(out, ")");
    }
    text_addf(out, ",\n      %" PRIu64 " with an unanswered request and the longest answer",
              widths.waited);
    if (widths.waited > 0) {
        text_add(out, " (widest ");
        print_span(out, widths.waited_ns);
        text_add(out, ", answers took up to ");
        print_span(out, widths.rtt_ns);
        text_add(out, ")");
    }
    text_add(out, "\n");
}

static void add_lengths(struct text *out, const struct result_outages *outages)
{
    text_add(out, "shortest ");
    print_span(out, outages->shortest_ns);
    text_add(out, ", mean ");
    print_span(out, (uint64_t)outages->mean_ns);
    text_add(out, ", longest ");
    print_span(out, outages->longest_ns);
    text_add(out, ", last ");
    print_span(out, outages->last_ns);
    text_add(out, ", total ");
    print_span(out, outages->total_ns);
}

static void add_outages(const struct result *result, unsigned index, struct text *out)
{
    const struct result_stream *stream = &result->streams[index];
    const struct result_outages *outages = &stream->outages;
    text_addf(out, "  Outages of flows: %zu", outages->count);
    if (outages->open > 0)
        text_addf(out, ", of which %zu were not over at the end", outages->open);
    text_add(out, "\n");
    if (outages->count == 0)
        return;
    if (outages->count > outages->open) {
        text_add(out, "    upper bounds of the length: ");
        add_lengths(out, outages);
        text_add(out, "\n");
    }
    if (stream->interruption.count > 0) {
        text_addf(out,
                  "    from the last good request on a broken connection to the first good "
                  "answer on the next (%zu):\n",
                  stream->interruption.count);
        add_line(out, "interruption", &stream->interruption);
    }
    add_widths(result, index, out);
}

void report_text_stream(const struct result *result, unsigned stream, struct text *out)
{
    add_heading(&result->meta.streams[stream], out);
    if (result->meta.streams[stream].one_way) {
        add_frames(result, stream, out);
        add_datagrams(result, stream, out);
        return;
    }
    add_requests(result, stream, out);
    add_datagrams(result, stream, out);
    if (!result->meta.streams[stream].datagrams)
        add_connections(result, stream, out);
    add_pods(result, stream, out);
    add_outages(result, stream, out);
}
