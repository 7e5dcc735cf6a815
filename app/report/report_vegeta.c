/* report_vegeta.c - a line for each request, as vegeta encodes results as CSV: twelve columns, no
 * header: time stamp (ns, UTC), code, latency (ns), bytes out, bytes in, error, body (base64),
 * attack, sequence, method, URL, headers (base64). vegeta counts codes from 200 to 399 as success:
 *
 *     a good answer           its HTTP status; 200 where the protocol has none
 *     any other               its status when that is none of these, else 0; the error is
 *                             its outcome
 *
 * Source: the README of vegeta, "encode command". */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/escape.h"
#include "report/report_priv.h"

static unsigned code_of(const struct record_request *request)
{
    unsigned status = request->status;
    if (outcome_is_good(request->outcome))
        return status != 0 ? status : 200;
    return status >= 400 ? status : 0;
}

/* What all lines of a stream share. */
struct shared {
    struct text target; /* Method, URL. */
    uint32_t out_bytes; /* Of a request's payload; 0: none, or not known. */
    bool echoed;        /* Answers are as long. */
};

/* Which of several requests it was is not in its record. */
static void describe(struct shared *shared, const struct result *result, unsigned stream)
{
    const struct experiment_stream *plan = &result->experiment->streams[stream];
    struct text *out = &shared->target;
    shared->out_bytes = result->meta.streams[stream].size_bytes;
    shared->echoed = shared->out_bytes > 0;
    struct text url = {0};
    const char *target = result->meta.streams[stream].target;
    text_add_bytes(&url, target, strcspn(target, " ")); /* Then: by which router. */
    if (experiment_is_http(plan) && plan->http.request_count <= 1) {
        struct experiment_request request = experiment_http_request(&plan->http, 0);
        text_add(out, request.method);
        text_add(&url, request.path);
        shared->out_bytes =
            request.body != NULL ? (uint32_t)strlen(request.body) : request.body_bytes;
    }
    text_add(out, ",");
    escape_csv(out, text_str(&url));
    out->failed = out->failed || url.failed;
    text_free(&url);
}

static void add_line(struct text *out, const struct record_request *request, const struct utc *utc,
                     const char *attack, uint64_t sequence, const struct shared *shared)
{
    uint64_t from_ns = request->sent_ns != 0 ? request->sent_ns : request->due_ns;
    bool good = outcome_is_good(request->outcome);
    uint32_t in_bytes = shared->echoed && good ? shared->out_bytes : request->answer_bytes;
    text_addf(out, "%" PRId64 ",%u,%" PRIu64 ",%u,%u,%s,,", utc_from_run(utc, from_ns),
              code_of(request), request->done_ns > from_ns ? request->done_ns - from_ns : 0,
              request->sent_ns != 0 ? shared->out_bytes : 0, in_bytes,
              good ? "" : outcome_text(request->outcome));
    escape_csv(out, attack);
    text_addf(out, ",%" PRIu64 ",%s,\n", sequence, text_str(&shared->target));
}

int report_vegeta(const struct result *result, struct text *out, struct error *err)
{
    struct shared shared[RECORD_STREAMS] = {0};
    uint64_t sequence[RECORD_STREAMS] = {0};
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        if (report_recorded(result, i, err) < 0)
            return -ENODATA;
    struct utc *utc = calloc(1, sizeof(*utc));
    if (utc == NULL)
        return -ENOMEM;
    report_utc(utc, &result->meta);
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        describe(&shared[i], result, i);
    for (size_t i = 0; i < result->logs.request_count; i++) {
        const struct record_request *request = &result->logs.requests[i];
        if (request->stream >= result->meta.stream_count)
            continue;
        add_line(out, request, utc, result->meta.streams[request->stream].name,
                 sequence[request->stream]++, &shared[request->stream]);
    }
    for (unsigned i = 0; i < result->meta.stream_count; i++) {
        out->failed = out->failed || shared[i].target.failed;
        text_free(&shared[i].target);
    }
    free(utc);
    return 0;
}
