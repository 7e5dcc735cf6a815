/* report_text.c - the account for people, from its first line to its last. */
#include <inttypes.h>
#include <string.h>

#include "report/escape.h"
#include "report/print.h"
#include "report/report_priv.h"
#include "report/sentence.h"

enum {
    COLUMNS = 100 /* Of the sentence's lines. */
};

static const char *const verdicts[] = {
    [VERDICT_MET] = "met", [VERDICT_NOT_MET] = "NOT MET", [VERDICT_UNDECIDED] = "undecided"};

/* What the run showed, in lines that end between words. */
static void add_sentence(const struct result *result, struct text *out)
{
    struct text sentence = {0}, harmless = {0};
    sentence_add(result, &sentence);
    escape_plain(&harmless, text_str(&sentence));
    const char *line = text_str(&harmless);
    while (strlen(line) > COLUMNS) {
        size_t length = COLUMNS;
        while (length > 0 && line[length] != ' ')
            length--;
        if (length == 0) /* A word that is longer than that. */
            length = strcspn(line, " ");
        text_addf(out, "%.*s\n", (int)length, line);
        line += length + strspn(line + length, " ");
    }
    text_addf(out, "%s\n\n", line);
    out->failed = out->failed || sentence.failed || harmless.failed;
    text_free(&sentence);
    text_free(&harmless);
}

static void add_server_clock(const struct meta_server_clock *clock, struct text *out)
{
    const int64_t middle_ns = clock->least_ns + (clock->most_ns - clock->least_ns) / 2;
    text_add(out, "             Its API server's clock is ");
    print_span(out, (uint64_t)(middle_ns < 0 ? -middle_ns : middle_ns));
    text_addf(out, " %s ours, to within ", middle_ns < 0 ? "behind" : "ahead of");
    print_span(out, (uint64_t)(clock->most_ns - clock->least_ns + 1) / 2);
    if (clock->steps > 0)
        text_addf(out, "; one of them was set, %u times", clock->steps);
    text_add(out, "\n");
}

static void add_environment(const struct meta *meta, struct text *out)
{
    text_addf(out, "Environment: %s\n", meta->environment[0] ? meta->environment : "no cluster");
    if (meta->lab)
        text_add(out, "             An imitation: one kernel, one clock, no switch, no CNI.\n");
    else if (meta->server_clock.answers > 0)
        add_server_clock(&meta->server_clock, out);
}

static void add_head(const struct result *result, struct text *out)
{
    const struct meta *meta = &result->meta;
    text_addf(out, "Experiment:  %s\n", meta->experiment);
    text_addf(out, "Run:         started %s, ", meta->started);
    if (meta->ended_ns != 0) {
        text_add(out, "lasted ");
        print_span(out, meta->ended_ns);
    } else {
        text_add(out, "its end is not recorded");
    }
    text_addf(out, ", seamline %s\n", meta->version);
    if (meta->interrupted)
        text_add(out, "             It was INTERRUPTED: what follows is partial.\n");
    if (meta->failure[0])
        text_addf(out, "             It FAILED: %s\n", meta->failure);
    if (!meta->final)
        text_add(out, "             It was KILLED: what follows is partial.\n");
    if (result->experiment->expect_count == 0)
        text_add(out, "Verdict:     nothing was expected\n");
    else
        text_addf(out, "Verdict:     %s\n", verdicts[result->verdict]);
}

/* ---- expectations ---- */

static void add_figure(struct text *out, enum experiment_unit unit, double value)
{
    if (unit == EXPERIMENT_UNIT_NS)
        print_span(out, value > 0 ? (uint64_t)value : 0);
    else if (unit == EXPERIMENT_UNIT_COUNT)
        text_addf(out, "%.10g", value);
    else
        text_addf(out, "%.6g", value);
}

static void add_expectation(const struct result *result,
                            const struct result_expectation *expectation, struct text *out)
{
    const struct experiment_expect *expect = expectation->expect;
    enum experiment_unit unit = experiment_figure_unit(expect->figure);
    text_addf(out, "  %-9s  %s: %s ", verdicts[expectation->verdict],
              result->experiment->streams[expect->stream].name,
              experiment_figure_word(expect->figure));
    add_figure(out, unit, expectation->value);
    text_addf(out, ", expected %s %s", experiment_compare_word(expect->compare),
              expect->value_text);
    if (expect->bound != EXPERIMENT_BOUND_VALUE && result->meta.prediction.given) {
        text_add(out, " = ");
        add_figure(out, unit, expectation->bound);
    }
    if (expect->from_step >= 0)
        text_addf(out, ", from step %s on", result->experiment->steps[expect->from_step].id);
    if (expectation->text[0])
        text_addf(out, " (%s)", expectation->text);
    text_add(out, "\n");
}

static void add_expectations(const struct result *result, struct text *out)
{
    if (result->experiment->expect_count == 0)
        return;
    text_add(out, "\nExpectations\n");
    for (uint32_t i = 0; i < result->experiment->expect_count; i++)
        add_expectation(result, &result->expectations[i], out);
}

/* ---- phases ---- */

static bool is_phase(const struct timeline_event *event)
{
    switch (event->kind) {
    case TIMELINE_RUN_START:
    case TIMELINE_RUN_END:
    case TIMELINE_STEP_START:
    case TIMELINE_STEP_END:
    case TIMELINE_STREAM_START:
    case TIMELINE_STREAM_STEADY:
    case TIMELINE_STREAM_STOP:
    case TIMELINE_CHANGE:
    case TIMELINE_ROLLOUT_COMPLETE:
    case TIMELINE_ROLLOUT_FAILED: return true;
    default: return false;
    }
}

static void add_phases(const struct result *result, struct text *out)
{
    bool any = false;
    for (size_t i = 0; i < result->timeline.count; i++) {
        const struct timeline_event *event = &result->timeline.events[i];
        if (!is_phase(event))
            continue;
        text_add(out,
                 any ? "" : "\nPhases (seconds of run time; the cluster's events: known by)\n");
        any = true;
        struct text time = {0};
        print_time(&time, event->not_after_ns);
        text_addf(out, "%14s  %-17s %s%s", text_str(&time), timeline_kind_text(event->kind),
                  event->object, event->object[0] && event->text[0] ? ": " : "");
        escape_plain(out, event->text);
        text_add(out, "\n");
        text_free(&time);
    }
}

/* RFC 6412's figures need a trigger. */
static void add_convergence(const struct result *result, struct text *out)
{
    if (result->meta.change_ns == 0) {
        text_add(out, "\nNothing was changed by this run.\n");
        return;
    }
    text_add(out, "\nFrom the change at ");
    print_time(out, result->meta.change_ns);
    text_add(out, " s (RFC 6412)\n");
    if (result->first_loss_ns == UINT64_MAX) {
        text_add(out, "  no loss after it\n");
        return;
    }
    text_add(out, "  first loss after ");
    print_span(out, result->first_loss_ns);
    text_add(out, ", full recovery ");
    if (result->full_recovery_ns == UINT64_MAX) {
        text_add(out, "was not seen\n");
        return;
    }
    text_add(out, "after ");
    print_span(out, result->full_recovery_ns);
    text_add(out, "\n");
}

/* ---- what is a bound ---- */

void report_limits(const struct result *result, struct text *out)
{
    const struct meta *meta = &result->meta;
    const struct logs *logs = &result->logs;
    const char *line = text_str(&result->unread);
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        text_addf(out, "  %.*s\n", (int)(end - line), line);
    if (!meta->final)
        text_add(out,
                 "  the run's end is missing: requests and connections under way then are in no "
                 "log\n");
    if (meta->records_refused > 0)
        text_addf(out, "  full logs refused %" PRIu64 " records\n", meta->records_refused);
    if (logs->damaged_bytes > 0)
        text_addf(out, "  %" PRIu64 " bytes at the end of logs are damaged or cut\n",
                  logs->damaged_bytes);
    if (result->timeline.cut)
        text_add(out, "  the timeline's last line is cut\n");
    if (result->timeline.refused > 0)
        text_addf(out, "  the timeline is full: %zu events are missing\n",
                  result->timeline.refused);
    for (uint32_t i = 0; i < meta->stream_count; i++)
        if (!result->streams[i].complete)
            text_addf(out,
                      "  stream %s: counts of connections, outages and windows are at least "
                      "what is printed\n",
                      meta->streams[i].name);
}

static void add_limits(const struct result *result, struct text *out)
{
    struct text why = {0};
    report_limits(result, &why);
    if (why.size > 0)
        text_addf(out, "\nWhat is missing, and figures that are a bound only\n%s", text_str(&why));
    out->failed = out->failed || why.failed;
    text_free(&why);
}

static void add_account(const struct result *result, struct text *out)
{
    add_sentence(result, out);
    add_environment(&result->meta, out);
    add_head(result, out);
    add_limits(result, out);
    add_expectations(result, out);
    add_phases(result, out);
    add_convergence(result, out);
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        report_text_stream(result, i, out);
    report_text_windows(result, out);
    report_text_tester(result, out);
}

/* It goes to a terminal: what others wrote is not to steer it. */
int report_text(const struct result *result, struct text *out, struct error *err)
{
    struct text account = {0};
    (void)err;
    add_account(result, &account);
    escape_lines(out, text_str(&account));
    out->failed = out->failed || account.failed;
    text_free(&account);
    return 0;
}
