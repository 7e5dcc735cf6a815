/* report.h - a result as text, JSON, or what another tool would have printed. Pure.
 *
 *     text                  the account for people; what report.txt holds
 *     json                  run.json: the whole result (docs/file-formats.md)
 *     html                  report.html: the same as one page for a browser, with the timeline
 *     ctraffic              ctraffic's statistics, one JSON line with all statistics
 *     ctraffic-hosts, ctraffic-throughput, ctraffic-connections
 *                           what ctraffic's three analyses print of them
 *     check                 a downtime checker's check.csv, of a closed loop
 *     update                update.csv beside it: when the first change began, and its rollout was
 *                           complete
 *     hdr                   latencies as an HdrHistogram interval log; what latency.hlog holds
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>

#include "analyze/result.h"
#include "base/error.h"
#include "base/text.h"

enum report_format {
    REPORT_TEXT,
    REPORT_JSON,
    REPORT_HTML,
    REPORT_CTRAFFIC,
    REPORT_CTRAFFIC_HOSTS,
    REPORT_CTRAFFIC_THROUGHPUT,
    REPORT_CTRAFFIC_CONNECTIONS,
    REPORT_CHECK,
    REPORT_UPDATE,
    REPORT_HDR,
    REPORT_FORMAT_COUNT
};

/* By the names above; false when there is none. */
bool report_format_find(const char *name, enum report_format *format);
const char *report_format_name(enum report_format format);

/* Append RESULT in FORMAT. 0; -ENODATA with ERR when the run has nothing of that kind (no ctraffic
 * stream, no closed loop); -ENOMEM. */
int report_make(const struct result *result, enum report_format format, struct text *out,
                struct error *err);

#endif
