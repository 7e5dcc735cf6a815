/* The arithmetic; calibration is in clock_setup.c. */
#include "base/clock.h"

#include <assert.h>

enum {
    NS_PER_S = 1000000000
};

void clock_set_rate(struct clock *clock, uint64_t tsc_start, uint64_t ticks, uint64_t elapsed_ns,
                    uint64_t uncertain_ns)
{
    wide_uint scaled = (wide_uint)elapsed_ns << CLOCK_SHIFT;

    assert(ticks > 0);
    assert(elapsed_ns > 0);
    clock->tsc_start = tsc_start;
    clock->mult = (uint64_t)((scaled + ticks / 2) / ticks);
    clock->hz = (uint64_t)(((wide_uint)ticks * NS_PER_S + elapsed_ns / 2) / elapsed_ns);
    /* The rounding of mult is at most half a unit of it. */
    wide_uint uncertain = (wide_uint)uncertain_ns * NS_PER_S;
    clock->rate_error_ppb =
        (uint64_t)((uncertain + elapsed_ns - 1) / elapsed_ns) + NS_PER_S / (2 * clock->mult) + 1;
}
