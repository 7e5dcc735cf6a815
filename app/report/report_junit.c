/* report_junit.c - a test case for each expectation and one for the run itself, as JUnit's XML.
 * config/junit.xsd is its grammar. An expectation that is not met is a failure; one that could not
 * be decided, and a run that did not end in order, are errors. */
#include <inttypes.h>

#include "base/json.h"
#include "report/escape.h"
#include "report/print.h"
#include "report/report_priv.h"

static void add_attribute(struct text *out, const char *name, const char *value)
{
    text_addf(out, " %s=\"", name);
    escape_xml(out, value);
    text_add(out, "\"");
}

static bool ended_in_order(const struct meta *meta)
{
    return meta->final && !meta->interrupted && meta->failure[0] == '\0';
}

/* Runs of test cases are counted before they are printed. */
static void add_counts(const struct result *result, struct text *out)
{
    uint32_t tests = result->experiment->expect_count + 1, failures = 0;
    uint32_t errors = !ended_in_order(&result->meta);
    for (uint32_t i = 0; i < result->experiment->expect_count; i++) {
        failures += result->expectations[i].verdict == VERDICT_NOT_MET;
        errors += result->expectations[i].verdict == VERDICT_UNDECIDED;
    }
    text_addf(out, " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"0\" time=\"%.9f\"", tests,
              failures, errors, (double)result->meta.ended_ns / 1e9);
}

static void add_property(struct text *out, const char *name, const char *value)
{
    text_add(out, "      <property");
    add_attribute(out, "name", name);
    add_attribute(out, "value", value);
    text_add(out, "/>\n");
}

static void add_stream_counts(const struct result *result, unsigned index, struct text *out)
{
    const struct result_stream *stream = &result->streams[index];
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"due", stream->due},
                {"lost", stream->lost},
                {"broken", stream->broken},
                {"lasting", stream->lasting},
                {"windows", stream->windows.count}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text name = {0}, value = {0};
        text_addf(&name, "%s.%s", result->meta.streams[index].name, rows[i].name);
        text_addf(&value, "%" PRIu64, rows[i].value);
        add_property(out, text_str(&name), text_str(&value));
        text_free(&name);
        text_free(&value);
    }
}

static void add_properties(const struct result *result, struct text *out)
{
    text_add(out, "    <properties>\n");
    add_property(out, "seamline", result->meta.version);
    add_property(out, "environment", result->meta.environment);
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        add_stream_counts(result, i, out);
    text_add(out, "    </properties>\n");
}

static void begin_case(const struct result *result, const char *stream, const char *name,
                       struct text *out)
{
    struct text class = {0};
    text_addf(&class, "%s%s%s", result->meta.experiment, stream[0] ? "." : "", stream);
    text_add(out, "    <testcase");
    add_attribute(out, "classname", text_str(&class));
    add_attribute(out, "name", name);
    text_addf(out, " time=\"%.9f\"", (double)result->meta.ended_ns / 1e9);
    text_free(&class);
}

static void end_case(struct text *out, const char *what, const char *message, const char *type)
{
    if (what == NULL) {
        text_add(out, "/>\n");
        return;
    }
    text_addf(out, ">\n      <%s", what);
    add_attribute(out, "message", message);
    add_attribute(out, "type", type);
    text_add(out, "/>\n    </testcase>\n");
}

static void add_run(const struct result *result, struct text *out)
{
    const struct meta *meta = &result->meta;
    begin_case(result, "", "the run ended in order", out);
    end_case(out, ended_in_order(meta) ? NULL : "error",
             meta->failure[0]    ? meta->failure
             : meta->interrupted ? "interrupted: the result is partial"
                                 : "killed: the result is partial",
             "run");
}

static void add_value(struct text *out, enum experiment_unit unit, double value)
{
    if (unit == EXPERIMENT_UNIT_NS)
        print_span(out, value > 0 ? (uint64_t)value : 0);
    else
        text_addf(out, "%.10g", value);
}

static void add_expectation(const struct result *result,
                            const struct result_expectation *expectation, struct text *out)
{
    const struct experiment_expect *expect = expectation->expect;
    const char *figure = experiment_figure_word(expect->figure);
    struct text name = {0}, message = {0};
    text_addf(&name, "%s %s %s", figure, experiment_compare_word(expect->compare),
              expect->value_text);
    if (expect->from_step >= 0)
        text_addf(&name, " from %s", result->experiment->steps[expect->from_step].id);
    begin_case(result, result->experiment->streams[expect->stream].name, text_str(&name), out);
    text_add(&message, "measured ");
    add_value(&message, experiment_figure_unit(expect->figure), expectation->value);
    if (expectation->verdict == VERDICT_MET)
        end_case(out, NULL, NULL, NULL);
    else if (expectation->verdict == VERDICT_NOT_MET)
        end_case(out, "failure", text_str(&message), figure);
    else
        end_case(out, "error", expectation->text, figure);
    out->failed = out->failed || name.failed || message.failed;
    text_free(&name);
    text_free(&message);
}

int report_junit(const struct result *result, struct text *out, struct error *err)
{
    const struct meta *meta = &result->meta;
    struct text windows = {0};
    int64_t started_ns = json_parse_time(meta->started);
    char started[36];
    (void)err;
    text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    add_counts(result, out);
    text_add(out, ">\n  <testsuite");
    add_attribute(out, "name", meta->experiment);
    add_counts(result, out);
    if (started_ns != INT64_MIN) {
        json_format_time(started_ns, 0, started);
        add_attribute(out, "timestamp", started);
    }
    text_add(out, ">\n");
    add_properties(result, out);
    add_run(result, out);
    for (uint32_t i = 0; i < result->experiment->expect_count; i++)
        add_expectation(result, &result->expectations[i], out);
    report_text_windows(result, &windows);
    text_add(out, "    <system-out>");
    escape_xml_lines(out, text_str(&windows));
    text_add(out, "    </system-out>\n  </testsuite>\n</testsuites>\n");
    out->failed = out->failed || windows.failed;
    text_free(&windows);
    return 0;
}
