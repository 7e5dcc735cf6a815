#include "run/law_of.h"

#include <math.h>

/* Rates are counts in this time: 1000 hours. */
#define PERIOD_NS UINT64_C(3600000000000000)

static uint64_t count_of(double rate_per_s)
{
    return (uint64_t)llround(rate_per_s * 3600 * 1000);
}

static struct law steps_of(const struct pace *pace)
{
    struct law law = {.period_ns = PERIOD_NS, .repeats = pace->repeat};
    for (uint32_t i = 0; i < pace->step_count; i++) {
        uint64_t count = count_of(pace->steps[i].rate_per_s);
        bool last = i == pace->step_count - 1 && !pace->repeat;
        law_add(&law, last ? LAW_FOR_EVER : (uint64_t)pace->steps[i].for_ns, count, count);
    }
    law_reduce(&law);
    return law;
}

/* Of what its rates count. */
static struct law shape_of(const struct pace *pace)
{
    switch (pace->law) {
    case PACE_RAMP:
        return law_ramp(count_of(pace->from_per_s), count_of(pace->to_per_s), PERIOD_NS,
                        (uint64_t)pace->over_ns);
    case PACE_STEPS: return steps_of(pace);
    case PACE_SINE:
        return law_sine(count_of(pace->mean_per_s), count_of(pace->amplitude_per_s), PERIOD_NS,
                        (uint64_t)pace->period_ns);
    case PACE_BURST: return law_burst(pace->count, (uint64_t)pace->every_ns);
    case PACE_MAXIMUM: return law_maximum();
    default: return law_constant(count_of(pace->rate_per_s), PERIOD_NS);
    }
}

/* The same with rates of requests. */
static struct pace in_requests(const struct pace *pace)
{
    struct pace made = *pace;
    made.rate_per_s = pace_requests(pace, pace->rate_per_s);
    made.from_per_s = pace_requests(pace, pace->from_per_s);
    made.to_per_s = pace_requests(pace, pace->to_per_s);
    made.mean_per_s = pace_requests(pace, pace->mean_per_s);
    made.amplitude_per_s = pace_requests(pace, pace->amplitude_per_s);
    for (uint32_t i = 0; i < pace->step_count; i++)
        made.steps[i].rate_per_s = pace_requests(pace, pace->steps[i].rate_per_s);
    return made;
}

struct law law_of(const struct pace *pace)
{
    struct law law = shape_of(pace);
    if (pace_is_bits(pace) && !law_scale(&law, pace->request_count, pace->request_bits)) {
        struct pace rounded = in_requests(pace);
        law = shape_of(&rounded);
    }
    if (pace->arrivals == PACE_POISSON)
        law.arrivals = LAW_POISSON;
    return law;
}
