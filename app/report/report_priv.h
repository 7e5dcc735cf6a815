/* report_priv.h - the formats behind report_make(), and the parts of the longest one.
 *
 * Each appends to OUT; what fails for want of memory shows in out->failed. Threads: pure.
 */
#ifndef REPORT_REPORT_PRIV_H
#define REPORT_REPORT_PRIV_H

#include "analyze/result.h"
#include "base/text.h"

void report_text(const struct result *result, struct text *out);
void report_json(const struct result *result, struct text *out);
void report_html(const struct result *result, struct text *out);
/* 0; -ENODATA without a ctraffic stream; -ENOMEM. */
int report_ctraffic(const struct result *result, struct text *out);
int report_ctraffic_hosts(const struct result *result, struct text *out);
int report_ctraffic_throughput(const struct result *result, struct text *out);
int report_ctraffic_connections(const struct result *result, struct text *out);
/* 0; -ENODATA without a closed loop that is recorded in full; -ENOMEM. */
int report_check(const struct result *result, struct text *out);
int report_update(const struct result *result, struct text *out);
int report_hdr(const struct result *result, struct text *out);

/* Parts of the text. */
void report_text_stream(const struct result *result, unsigned stream, struct text *out);
void report_text_windows(const struct result *result, struct text *out);
void report_text_tester(const struct result *result, struct text *out);

#endif
