/* print.h - figures as the reports print them. Each appends to OUT. Threads: pure. */
#ifndef REPORT_PRINT_H
#define REPORT_PRINT_H

#include <stdint.h>

#include "analyze/result.h"
#include "base/text.h"

/* A time of the run: seconds to the microsecond, "12.345678". */
void print_time(struct text *out, uint64_t run_ns);
/* A length of time, to four digits: "12.35 ms", "800 ns", "61.2 s". */
void print_span(struct text *out, uint64_t span_ns);
/* "0.42 %"; "-" when WHOLE is 0. */
void print_share(struct text *out, uint64_t part, uint64_t whole);
/* "p50 1.2 ms, p90 ..., p99 ..., max ..."; "none" when it has no values. */
void print_quantiles(struct text *out, const struct result_quantiles *quantiles);
/* "1 pod", "2 pods". */
void print_count(struct text *out, uint64_t count, const char *one, const char *many);
/* As Go prints a float64 by itself, and within JSON. */
void print_go_float(struct text *out, double value);
void print_go_json_float(struct text *out, double value);
/* A JSON string with Go's escapes: also <, > and &. */
void print_go_json_string(struct text *out, const char *string);

#endif
