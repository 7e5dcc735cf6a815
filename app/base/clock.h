/* clock.h - the run's clock: TSC to nanoseconds since the start of the run.
 *
 * A worker reads the TSC once a turn and turns it into ns by one multiplication:
 *
 *     ns = ((tsc - tsc_start) * mult) >> shift
 *
 * The rate is measured against CLOCK_MONOTONIC_RAW at start (rte_get_tsc_hz() rounds to 10 MHz, up
 * to 0.1 % wrong), each sample being the tightest of several [tsc, clock, tsc] brackets. What is
 * left of rate error is found at the end by comparing with CLOCK_REALTIME samples: see utc.h.
 *
 * Threads: immutable after clock_start(), read by all. Source: CLOCK_MONOTONIC_RAW is not slewed.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <x86intrin.h>

#include "base/wide.h"

struct clock {
    uint64_t tsc_start;      /* TSC at run time 0. */
    uint64_t mult;           /* ns = (ticks * mult) >> CLOCK_SHIFT, in 128 bits. */
    uint64_t hz;             /* Measured ticks a second. */
    uint64_t rate_error_ppb; /* Bound of the rate's error, from the brackets' widths. */
};

enum {
    CLOCK_SHIFT = 32
};

static inline uint64_t clock_tsc(void)
{
    return __rdtsc();
}

/* Run time of a TSC reading; 0 for readings before the start. */
static inline uint64_t clock_ns(const struct clock *clock, uint64_t tsc)
{
    if (tsc < clock->tsc_start)
        return 0;
    return (uint64_t)(((wide_uint)(tsc - clock->tsc_start) * clock->mult) >> CLOCK_SHIFT);
}

static inline uint64_t clock_now_ns(const struct clock *clock)
{
    return clock_ns(clock, clock_tsc());
}

/* Calibrate for CALIBRATE_NS (200 ms is good to a few ppm) and start the run's time at its end.
 * Slow path; sleeps. 0 or -ENOTSUP when the TSC is not invariant by /proc/cpuinfo (constant_tsc and
 * nonstop_tsc); the clock works then too, and the caller reports it. */
int clock_start(struct clock *clock, uint64_t calibrate_ns);
/* Is it, by the file CPUINFO? */
bool clock_tsc_is_invariant(const char *cpuinfo);

/* Pure: the clock whose rate is TICKS in ELAPSED_NS, both known to UNCERTAIN_NS. For tests too. */
void clock_set_rate(struct clock *clock, uint64_t tsc_start, uint64_t ticks, uint64_t elapsed_ns,
                    uint64_t uncertain_ns);

#endif
