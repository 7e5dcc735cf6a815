/* report_markdown.c - the account in short, as GitHub's Markdown: to comment a pull request. */
#include <inttypes.h>
#include <string.h>

#include "report/escape.h"
#include "report/print.h"
#include "report/report_priv.h"

enum {
    ROWS_MAX = 20 /* Of windows and pods: a comment is read, not searched. */
};

static void add_head(const struct result *result, struct text *out)
{
    static const char *const verdicts[] = {[VERDICT_MET] = "met",
                                           [VERDICT_NOT_MET] = "**NOT MET**",
                                           [VERDICT_UNDECIDED] = "**undecided**"};
    const struct meta *meta = &result->meta;
    text_add(out, "## seamline: ");
    escape_markdown(out, meta->experiment);
    text_addf(out, "\n\nExpectations: %s",
              result->experiment->expect_count > 0 ? verdicts[result->verdict] : "none");
    if (meta->environment[0]) {
        text_add(out, ". Environment: ");
        escape_markdown(out, meta->environment);
    }
    text_add(out, ". Started ");
    escape_markdown(out, meta->started);
    if (meta->ended_ns != 0) {
        text_add(out, ", lasted ");
        print_span(out, meta->ended_ns);
    }
    text_add(out, ".\n");
    if (meta->interrupted)
        text_add(out, "\n**Interrupted:** what follows is partial.\n");
    if (!meta->final)
        text_add(out, "\n**Killed:** what follows is partial.\n");
    if (meta->failure[0]) {
        text_add(out, "\n**Failed:** ");
        escape_markdown(out, meta->failure);
        text_add(out, "\n");
    }
}

static void add_limits(const struct result *result, struct text *out)
{
    struct text limits = {0};
    report_limits(result, &limits);
    if (limits.size > 0)
        text_add(out, "\nWhat is missing, and figures that are a bound only:\n\n");
    for (char *line = limits.data, *end; line != NULL && *line != '\0'; line = end + 1) {
        end = strchrnul(line, '\n');
        bool last = *end == '\0';
        *end = '\0';
        text_add(out, "- ");
        escape_markdown(out, line + strspn(line, " "));
        text_add(out, "\n");
        if (last)
            break;
    }
    out->failed = out->failed || limits.failed;
    text_free(&limits);
}

static void add_value(struct text *out, enum experiment_unit unit, double value)
{
    if (unit == EXPERIMENT_UNIT_NS)
        print_span(out, value > 0 ? (uint64_t)value : 0);
    else
        text_addf(out, "%.10g", value);
}

static void add_expectations(const struct result *result, struct text *out)
{
    static const char *const verdicts[] = {[VERDICT_MET] = "met",
                                           [VERDICT_NOT_MET] = "**not met**",
                                           [VERDICT_UNDECIDED] = "undecided"};
    if (result->experiment->expect_count == 0)
        return;
    text_add(out, "\n| expected | measured | |\n|---|---|---|\n");
    for (uint32_t i = 0; i < result->experiment->expect_count; i++) {
        const struct result_expectation *expectation = &result->expectations[i];
        const struct experiment_expect *expect = expectation->expect;
        text_add(out, "| ");
        escape_markdown(out, result->experiment->streams[expect->stream].name);
        text_addf(out, " %s %s ", experiment_figure_word(expect->figure),
                  experiment_compare_word(expect->compare));
        escape_markdown(out, expect->value_text);
        if (expect->bound != EXPERIMENT_BOUND_VALUE && result->meta.prediction.given) {
            text_add(out, " = ");
            add_value(out, experiment_figure_unit(expect->figure), expectation->bound);
        }
        if (expect->from_step >= 0) {
            text_add(out, " from step ");
            escape_markdown(out, result->experiment->steps[expect->from_step].id);
        }
        text_add(out, " | ");
        add_value(out, experiment_figure_unit(expect->figure), expectation->value);
        text_addf(out, " | %s", verdicts[expectation->verdict]);
        if (expectation->text[0]) {
            text_add(out, ": ");
            escape_markdown(out, expectation->text);
        }
        text_add(out, " |\n");
    }
}

static void add_streams(const struct result *result, struct text *out)
{
    text_add(out, "\n| stream | due | good | lost | unsent | unfinished | broken connections | "
                  "lasting | windows | p50 | p99 | max |\n"
                  "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (uint32_t i = 0; i < result->meta.stream_count; i++) {
        const struct result_stream *stream = &result->streams[i];
        const struct result_quantiles *latency = &stream->latency_from_due;
        const uint64_t spans[] = {latency->p50_ns, latency->p99_ns, latency->max_ns};
        text_add(out, "| ");
        escape_markdown(out, result->meta.streams[i].name);
        text_addf(out,
                  " | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | %" PRIu64
                  " | %u | %u | %zu",
                  stream->due, stream->received, stream->lost, stream->outcomes[OUTCOME_UNSENT],
                  stream->outcomes[OUTCOME_UNFINISHED], stream->broken, stream->lasting,
                  stream->windows.count);
        for (unsigned q = 0; q < 3; q++) {
            text_add(out, " | ");
            if (latency->count > 0)
                print_span(out, spans[q]);
        }
        text_add(out, " |\n");
    }
}

/* What is said of a cause behind its own word, which has a column. */
static const char *evidence_of(const struct result_cause *cause)
{
    const char *text = cause->text;
    size_t length = strlen(cause_word(cause->cause));
    if (strncmp(text, cause_word(cause->cause), length) == 0)
        text += length;
    return text + strspn(text, ",;: ");
}

static void add_windows(const struct result *result, struct text *out)
{
    const struct windows *windows = &result->windows;
    if (windows->count == 0) {
        text_add(out, "\nNo loss window.\n");
        return;
    }
    text_add(out, "\n| loss window | onset (s) | longest possible | lost | cause | evidence |\n"
                  "|--:|--:|--:|--:|---|---|\n");
    for (size_t i = 0; i < windows->count && i < ROWS_MAX; i++) {
        const struct window *window = &windows->items[i];
        text_addf(out, "| %zu | ", i + 1);
        print_time(out, window->onset.from_ns);
        text_add(out, " | ");
        if (window->open)
            text_add(out, "open");
        else
            print_span(out, window_duration(window).to_ns);
        text_addf(out, " | %" PRIu64 " | %s | ", window->lost, cause_word(result->causes[i].cause));
        escape_markdown(out, evidence_of(&result->causes[i]));
        text_add(out, " |\n");
    }
    if (windows->count > ROWS_MAX)
        text_addf(out, "\nAnd %zu more windows.\n", windows->count - ROWS_MAX);
}

static void add_pods(const struct result *result, struct text *out)
{
    size_t shown = 0;
    for (size_t i = 0; i < result->pod_count; i++) {
        const struct result_pod *pod = &result->pods[i];
        if (pod->lost == 0 && pod->broken == 0)
            continue;
        if (shown++ == 0)
            text_add(out, "\n| pod that lost something | broken connections | lasting | lost |\n"
                          "|---|--:|--:|--:|\n");
        if (shown > ROWS_MAX)
            continue;
        text_add(out, "| ");
        escape_markdown(out, pod->name);
        text_addf(out, " | %u | %u | %" PRIu64 " |\n", pod->broken, pod->lasting, pod->lost);
    }
    if (shown > ROWS_MAX)
        text_addf(out, "\nAnd %zu more pods.\n", shown - ROWS_MAX);
}

int report_markdown(const struct result *result, struct text *out, struct error *err)
{
    (void)err;
    add_head(result, out);
    add_limits(result, out);
    add_expectations(result, out);
    add_streams(result, out);
    add_windows(result, out);
    add_pods(result, out);
    text_add(out, "\nseamline ");
    escape_markdown(out, result->meta.version);
    text_add(out, "\n");
    return 0;
}
