/* report_priv.h - the formats behind report_make(), and the parts of the longest one.
 *
 * Each appends to OUT; what fails for want of memory shows in out->failed. 0; -ENODATA with ERR
 * when the run has nothing that the format could hold; -ENOMEM. Threads: pure.
 */
#ifndef REPORT_REPORT_PRIV_H
#define REPORT_REPORT_PRIV_H

#include "report/report.h"

#define X(id, function, name, file, sentence)                                                      \
    int report_##function(const struct result *result, struct text *out, struct error *err);
REPORT_FORMATS(X)
#undef X

/* 0 when every request of STREAM has a record of its own, as a format needs that exports each; else
 * -ENODATA with ERR saying why. */
int report_recorded(const struct result *result, unsigned stream, struct error *err);

/* The clocks of the run; UTC is zeroed. */
void report_utc(struct utc *utc, const struct meta *meta);

/* Parts of the text. */
void report_text_stream(const struct result *result, unsigned stream, struct text *out);
void report_text_windows(const struct result *result, struct text *out);
void report_text_tester(const struct result *result, struct text *out);

#endif
