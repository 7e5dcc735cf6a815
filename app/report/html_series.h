/* html_series.h - what the page draws beside the figures of run.json: requests, connections and
 * counts over time, as columns (report/column.h).
 *
 * Every stream has its counts in bins over the run, exact whatever was recorded: due, good, lost.
 * What was not good is there run by run (record/fold.h), so that no loss hides in a bin. Good
 * requests are dots, up to HTML_DOTS in all streams together: beyond, every n-th (told as oneIn).
 * Dots of many requests are to the microsecond and without flow and host, those of few to the
 * nanosecond (told as unit).
 *
 * Each appends one JSON value to OUT. Threads: pure.
 */
#ifndef REPORT_HTML_SERIES_H
#define REPORT_HTML_SERIES_H

#include "analyze/result.h"
#include "base/text.h"

enum {
    HTML_BINS = 4096,         /* At most. */
    HTML_DOTS = 1200000,      /* In all streams together. */
    HTML_FINE_DOTS = 200000,  /* Up to so many have all details. */
    HTML_FOLDS = 150000,      /* Runs of requests that were not good, of all streams. */
    HTML_CONNECTIONS = 60000, /* Of all streams. */
    HTML_EVENTS = 20000,      /* Of the timeline; and of the tester's faults. */
    HTML_LISTED = 2000        /* Connections and outages that a table can show. */
};

/* {"bins":{...},"dots":{...},"folds":{...}} */
void html_series_stream(const struct result *result, unsigned stream, struct text *out);
/* {"total":N,...} */
void html_series_connections(const struct result *result, struct text *out);

#endif
