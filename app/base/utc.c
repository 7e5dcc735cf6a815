#include "base/utc.h"

#include <assert.h>
#include <stddef.h>
#include <time.h>

#include "base/wide.h"

enum {
    BRACKETS = 16,
    NS_PER_S = 1000000000
};

static uint64_t disagreement_ns(const struct utc *utc);
static uint64_t step_explaining_ns(const struct utc_sample *three);
static uint64_t widest_half_ns(const struct utc *utc);
static void thin(struct utc *utc);
static int64_t line_at(int64_t x, int64_t x0, int64_t y0, int64_t x1, int64_t y1);
static uint64_t distance(int64_t a, int64_t b);

int64_t utc_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

void utc_sample_now(struct utc *utc, const struct clock *clock)
{
    struct utc_sample best = {.half_width_ns = UINT64_MAX};
    uint64_t now_ns = clock_now_ns(clock);

    if (utc->count > 0 && now_ns < utc->samples[utc->count - 1].run_ns + utc->spacing_ns)
        return;
    for (unsigned i = 0; i < BRACKETS; i++) {
        uint64_t before_ns = clock_now_ns(clock);
        int64_t real_ns = utc_now_ns();
        uint64_t half_ns = (clock_now_ns(clock) - before_ns + 1) / 2;

        if (half_ns < best.half_width_ns)
            best = (struct utc_sample){
                .run_ns = before_ns + half_ns,
                .utc_ns = real_ns,
                .half_width_ns = half_ns,
            };
    }
    (void)utc_add(utc, best);
}

bool utc_add(struct utc *utc, struct utc_sample sample)
{
    if (utc->count > 0 && sample.run_ns <= utc->samples[utc->count - 1].run_ns)
        return false;
    if (utc->count == UTC_SAMPLES)
        thin(utc);
    utc->samples[utc->count++] = sample;
    return true;
}

int64_t utc_from_run(const struct utc *utc, uint64_t run_ns)
{
    const struct utc_sample *s = utc->samples;
    unsigned low = 0, high = utc->count - 1;

    assert(utc->count > 0);
    if (utc->count == 1)
        return s[0].utc_ns + (int64_t)(run_ns - s[0].run_ns);
    while (high - low > 1) { /* The pair around it, or the pair at the end that it is beyond. */
        unsigned middle = (low + high) / 2;

        if (s[middle].run_ns <= run_ns)
            low = middle;
        else
            high = middle;
    }
    return line_at((int64_t)run_ns, (int64_t)s[low].run_ns, s[low].utc_ns, (int64_t)s[high].run_ns,
                   s[high].utc_ns);
}

uint64_t utc_error_bound_ns(const struct utc *utc)
{
    uint64_t now_ns = disagreement_ns(utc);

    assert(utc->count > 0);
    return widest_half_ns(utc) + (now_ns > utc->dropped_ns ? now_ns : utc->dropped_ns);
}

/* Two samples have no third to be measured by: what they differ from the run's own clock by. */
static uint64_t disagreement_ns(const struct utc *utc)
{
    const struct utc_sample *s = utc->samples;
    uint64_t most_ns = 0;

    if (utc->count == 2)
        return distance(s[1].utc_ns - s[0].utc_ns, (int64_t)(s[1].run_ns - s[0].run_ns));
    for (unsigned i = 0; i + 2 < utc->count; i++) {
        uint64_t one_ns = step_explaining_ns(&s[i]);

        if (one_ns > most_ns)
            most_ns = one_ns;
    }
    return most_ns;
}

/* A step by S between a and b, d1 apart, moves b off the line from a to c by S * d2 / (d1 + d2),
 * and likewise with a step between b and c: the largest S that explains what is seen. */
static uint64_t step_explaining_ns(const struct utc_sample *three)
{
    const struct utc_sample *a = &three[0], *b = &three[1], *c = &three[2];
    uint64_t d1 = b->run_ns - a->run_ns, d2 = c->run_ns - b->run_ns;
    int64_t expected =
        line_at((int64_t)b->run_ns, (int64_t)a->run_ns, a->utc_ns, (int64_t)c->run_ns, c->utc_ns);
    wide_uint scaled = (wide_uint)distance(b->utc_ns, expected) * (d1 + d2);
    uint64_t nearer = d1 < d2 ? d1 : d2;

    return (uint64_t)((scaled + nearer - 1) / nearer);
}

static uint64_t widest_half_ns(const struct utc *utc)
{
    uint64_t most_ns = 0;

    for (unsigned i = 0; i < utc->count; i++) {
        if (utc->samples[i].half_width_ns > most_ns)
            most_ns = utc->samples[i].half_width_ns;
    }
    return most_ns;
}

/* What the dropped samples disagreed by stays in the bound. */
static void thin(struct utc *utc)
{
    uint64_t now_ns = disagreement_ns(utc);

    if (now_ns > utc->dropped_ns)
        utc->dropped_ns = now_ns;
    for (unsigned i = 0; i < UTC_SAMPLES / 2; i++)
        utc->samples[i] = utc->samples[2 * i];
    utc->count = UTC_SAMPLES / 2;
    utc->spacing_ns *= 2;
}

/* y at X of the line through two points; rounded down, and cut to what there is: samples of a file
 * may be anything. */
static int64_t line_at(int64_t x, int64_t x0, int64_t y0, int64_t x1, int64_t y1)
{
    wide_int rise = ((wide_int)x - x0) * ((wide_int)y1 - y0);
    wide_int run = (wide_int)x1 - x0;
    wide_int quotient = rise / run;

    if (rise % run < 0)
        quotient--;
    quotient += y0;
    if (quotient > INT64_MAX)
        return INT64_MAX;
    return quotient < INT64_MIN ? INT64_MIN : (int64_t)quotient;
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}
