/* utc.h - run time to UTC, by samples of CLOCK_REALTIME over the whole run.
 *
 * The control thread takes a sample each second or so: the tightest of several brackets
 * [run ns, realtime, run ns]. Between samples UTC is interpolated; outside, extrapolated by the
 * nearest pair's slope (or slope 1 with a single sample). The error bound of a conversion is
 *
 *     widest half-width of a bracket + largest disagreement of neighbours
 *
 * where the disagreement of three samples a, b, c, d1 and d2 apart, is the step of the clock that
 * would explain why b is off the line from a to c: r * (d1 + d2) / min(d1, d2) for a residual r; of
 * two samples alone, |elapsed UTC - elapsed run time|. A step of the system's clock thus shows in
 * the bound and is never hidden. Of a single sample, the bound holds for its own time only.
 *
 * Threads: one writer (control); readers after the run, or the same thread. Memory: fixed table of
 * UTC_SAMPLES; when full, every second sample is dropped and the spacing doubles.
 */
#ifndef BASE_UTC_H
#define BASE_UTC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum {
    UTC_SAMPLES = 4096
};

struct utc_sample {
    uint64_t run_ns;        /* Middle of the bracket, run time. */
    int64_t utc_ns;         /* CLOCK_REALTIME there, ns since 1970. */
    uint64_t half_width_ns; /* Half of the bracket. */
};

struct utc {
    unsigned count;      /* Samples in use, oldest first, run_ns rising. */
    uint64_t dropped_ns; /* Largest disagreement before samples were dropped. */
    uint64_t spacing_ns; /* A sample nearer than this to the last one replaces nothing: ignored. */
    struct utc_sample samples[UTC_SAMPLES];
};

int64_t utc_now_ns(void); /* CLOCK_REALTIME. */
/* Take a sample from the system now, unless the last is nearer than the spacing. */
void utc_sample_now(struct utc *utc, const struct clock *clock);
/* Add a known sample (tests, files), whatever the spacing. False when run_ns does not rise. */
bool utc_add(struct utc *utc, struct utc_sample sample);

/* Both need at least one sample (asserted). */
int64_t utc_from_run(const struct utc *utc, uint64_t run_ns);
uint64_t utc_error_bound_ns(const struct utc *utc);

#endif
