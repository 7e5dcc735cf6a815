/* report.h - a result as text, JSON, or what another tool would have printed. Pure.
 *
 * The formats are one list: the command line, experiments (report.formats) and the run directory
 * take names, file names and sentences from it. docs/file-formats.md has a section for each.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>

#include "analyze/result.h"
#include "base/error.h"
#include "base/text.h"

/* id, function, name, file in the run directory, sentence. The function is report_FUNCTION of
 * report_priv.h. */
#define REPORT_FORMATS(X)                                                                          \
    X(TEXT, text, "text", "report.txt", "the account for people")                                  \
    X(JSON, json, "json", "run.json", "the whole result")                                          \
    X(HTML, html, "html", "report.html", "the same as a page for a browser, with the timeline")    \
    X(CSV, csv, "csv", "timeline.csv", "requests and latencies over time, for gnuplot and sheets") \
    X(MARKDOWN, markdown, "markdown", "report.md", "the account in short, for a pull request")     \
    X(JUNIT, junit, "junit", "junit.xml", "expectations as test cases, for CI")                    \
    X(OPENMETRICS, openmetrics, "openmetrics", "metrics.txt", "the counts, for Prometheus")        \
    X(CTRAFFIC, ctraffic, "ctraffic", "ctraffic.json", "ctraffic's statistics, as -stats all")     \
    X(CTRAFFIC_HOSTS, ctraffic_hosts, "ctraffic-hosts", "ctraffic-hosts.txt",                      \
      "what ctraffic -analyze hosts prints of them")                                               \
    X(CTRAFFIC_THROUGHPUT, ctraffic_throughput, "ctraffic-throughput", "ctraffic-throughput.txt",  \
      "what ctraffic -analyze throughput prints")                                                  \
    X(CTRAFFIC_CONNECTIONS, ctraffic_connections, "ctraffic-connections",                          \
      "ctraffic-connections.txt", "what ctraffic -analyze connections prints")                     \
    X(CHECK, check, "check", "check.csv",                                                          \
      "each request of a closed loop, as downtime checkers do")                                    \
    X(VEGETA, vegeta, "vegeta", "vegeta.csv", "each request, as vegeta encode --to csv does")      \
    X(WRK, wrk, "wrk", "wrk.txt", "of each HTTP stream, what wrk would have printed")              \
    X(SVG, svg, "svg", "timeline.svg", "the timeline as a picture")                                \
    X(UPDATE, update, "update", "update.csv",                                                      \
      "beside check.csv: when the first change began, and its rollout was complete")               \
    X(HDR, hdr, "hdr", "latency.hlog", "latencies, for the tools of HdrHistogram")

enum report_format {
#define X(id, function, name, file, sentence) REPORT_##id,
    REPORT_FORMATS(X)
#undef X
    REPORT_FORMAT_COUNT
};

/* By name; false when there is none. */
bool report_format_find(const char *name, enum report_format *format);
const char *report_format_name(enum report_format format); /* "?" out of range. */
const char *report_format_file(enum report_format format); /* The same. */
/* A line for each format with its sentence, as help for people. */
void report_format_help(struct text *out);

/* What is missing of the run, and why figures are a bound only: a line each, indented by two;
 * nothing when all is whole. */
void report_limits(const struct result *result, struct text *out);

/* Append RESULT in FORMAT. 0; -ENODATA with ERR when the run has nothing of that kind, or not every
 * request of what would have to be exported was recorded; -ENOMEM with ERR. */
int report_make(const struct result *result, enum report_format format, struct text *out,
                struct error *err);

#endif
