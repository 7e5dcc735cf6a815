/* openmetrics.h - what all that is written as OpenMetrics 1.0 has in common.
 *
 * Threads: pure. Source: the OpenMetrics specification, version 1.0.0, text format.
 */
#ifndef REPORT_OPENMETRICS_H
#define REPORT_OPENMETRICS_H

#include "base/text.h"

#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* The lines before a family's samples. UNIT NULL: none; else NAME ends with it. A counter's samples
 * are called NAME_total. */
void openmetrics_family(struct text *out, const char *name, const char *type, const char *unit,
                        const char *help);
/* The last line. */
void openmetrics_end(struct text *out);

#endif
