/* utc.h - run time to UTC, by samples of CLOCK_REALTIME over the whole run.
 *
 * The control thread takes a sample each second or so: the tightest of several brackets
 * [run ns, realtime, run ns]. Between samples UTC is interpolated; outside, extrapolated by the
 * nearest pair's slope (or slope 1 with a single sample). The error bound of a conversion is the
 * half-width of the widest bracket of the two samples used + what neighbours disagree by (the
 * residual of a sample against the line through the samples beside it, maximum over the run): a step
 * of the system's clock thus shows in the bound and is never hidden.
 *
 * Threads: one writer (control); readers after the run, or the same thread. Memory: fixed table of
 * UTC_SAMPLES; when full, every second sample is dropped and the spacing doubles.
 */
#ifndef BASE_UTC_H
#define BASE_UTC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum { UTC_SAMPLES = 4096 };

struct utc_sample {
    uint64_t run_ns;       /* Middle of the bracket, run time. */
    int64_t utc_ns;        /* CLOCK_REALTIME there, ns since 1970. */
    uint64_t half_width_ns; /* Half of the bracket. */
};

struct utc {
    unsigned count;          /* Samples in use, oldest first, run_ns rising. */
    uint64_t spacing_ns;     /* A sample nearer than this to the last one replaces nothing: ignored. */
    struct utc_sample samples[UTC_SAMPLES];
};

/* Take a sample from the system now, unless the last is nearer than the spacing. */
void utc_sample_now(struct utc *utc, const struct clock *clock);
/* Add a known sample (tests, files). False when run_ns does not rise. */
bool utc_add(struct utc *utc, struct utc_sample sample);

/* Both need at least one sample (asserted). */
int64_t utc_from_run(const struct utc *utc, uint64_t run_ns);
int64_t utc_to_run(const struct utc *utc, int64_t utc_ns); /* May be negative: before the run. */
uint64_t utc_error_bound_ns(const struct utc *utc);

#endif
