#include "net/nic_clock.h"

#include <string.h>

#include "base/wide.h"

enum {
    NS_PER_S = 1000000000
};

static bool foretold(const struct nic_clock *clock, const struct nic_clock_sample *sample,
                     uint64_t *surprise_ns);
static void fit(struct nic_clock *clock);
static const struct nic_clock_sample *newest(const struct nic_clock *clock);
static uint64_t distance(uint64_t a, uint64_t b);

bool nic_clock_add(struct nic_clock *clock, struct nic_clock_sample sample)
{
    uint64_t surprise_ns = 0;
    if (clock->count > 0 && sample.run_ns <= newest(clock)->run_ns)
        return true;
    bool jumped = !foretold(clock, &sample, &surprise_ns);
    if (jumped) {
        nic_clock_forget(clock);
        clock->jumps++;
        surprise_ns = 0;
    }
    clock->newest = clock->count == 0 ? 0 : (clock->newest + 1) % NIC_CLOCK_SAMPLES;
    clock->samples[clock->newest] = sample;
    clock->surprises_ns[clock->newest] = surprise_ns;
    if (clock->count < NIC_CLOCK_SAMPLES)
        clock->count++;
    fit(clock);
    return !jumped;
}

void nic_clock_forget(struct nic_clock *clock)
{
    clock->count = 0;
    clock->mult = clock->inverse = 0;
    clock->rate_error_ppb = clock->surprise_ns = 0;
}

uint64_t nic_clock_next_ns(const struct nic_clock *clock, uint64_t now_ns)
{
    return now_ns + (clock->count < NIC_CLOCK_SAMPLES ? NIC_CLOCK_HASTE_NS : NIC_CLOCK_SPACING_NS);
}

bool nic_clock_usable(const struct nic_clock *clock, uint64_t run_ns)
{
    return clock->count >= NIC_CLOCK_AGREE &&
           nic_clock_bound_ns(clock, run_ns) <= NIC_CLOCK_BOUND_MAX_NS;
}

uint64_t nic_clock_run_ns(const struct nic_clock *clock, uint64_t ticks)
{
    const struct nic_clock_sample *last = newest(clock);
    wide_int since = ((wide_int)(int64_t)(ticks - last->ticks) * clock->mult) >> NIC_CLOCK_SHIFT;
    wide_int run_ns = (wide_int)last->run_ns + since;
    if (run_ns < 0)
        return 0;
    return run_ns > INT64_MAX ? INT64_MAX : (uint64_t)run_ns;
}

uint64_t nic_clock_ticks(const struct nic_clock *clock, uint64_t run_ns)
{
    const struct nic_clock_sample *last = newest(clock);
    wide_int since = (wide_int)(int64_t)(run_ns - last->run_ns) * clock->inverse;
    return last->ticks + (uint64_t)(since >> NIC_CLOCK_SHIFT);
}

uint64_t nic_clock_bound_ns(const struct nic_clock *clock, uint64_t run_ns)
{
    const struct nic_clock_sample *last = newest(clock);
    wide_uint age_ns = distance(run_ns, last->run_ns);
    wide_uint grown_ns = age_ns * (clock->rate_error_ppb + NIC_CLOCK_WANDER_PPB) / NS_PER_S;
    return last->half_width_ns + clock->surprise_ns + (uint64_t)grown_ns + 1;
}

/* Is SAMPLE where those before it say, within what they know? The second one only has to be on. */
static bool foretold(const struct nic_clock *clock, const struct nic_clock_sample *sample,
                     uint64_t *surprise_ns)
{
    if (clock->count == 0)
        return true;
    if ((int64_t)(sample->ticks - newest(clock)->ticks) <= 0)
        return false;
    if (clock->count == 1)
        return true;
    *surprise_ns = distance(nic_clock_run_ns(clock, sample->ticks), sample->run_ns);
    return *surprise_ns <=
           nic_clock_bound_ns(clock, sample->run_ns) + sample->half_width_ns + NIC_CLOCK_JUMP_NS;
}

/* The line through the oldest and the newest sample. */
static void fit(struct nic_clock *clock)
{
    const struct nic_clock_sample *last = newest(clock);
    const struct nic_clock_sample *first =
        &clock->samples[(clock->newest + NIC_CLOCK_SAMPLES + 1 - clock->count) % NIC_CLOCK_SAMPLES];
    clock->surprise_ns = 0;
    for (uint32_t i = 0; i < clock->count; i++)
        if (clock->surprises_ns[i] > clock->surprise_ns)
            clock->surprise_ns = clock->surprises_ns[i];
    if (clock->count < 2)
        return;
    uint64_t ticks = last->ticks - first->ticks, elapsed_ns = last->run_ns - first->run_ns;
    wide_uint halves_ns = (wide_uint)first->half_width_ns + last->half_width_ns;
    clock->mult = (uint64_t)(((wide_uint)elapsed_ns << NIC_CLOCK_SHIFT) / ticks);
    clock->inverse = (uint64_t)(((wide_uint)ticks << NIC_CLOCK_SHIFT) / elapsed_ns);
    clock->rate_error_ppb = (uint64_t)(halves_ns * NS_PER_S / elapsed_ns) + 1;
}

static const struct nic_clock_sample *newest(const struct nic_clock *clock)
{
    return &clock->samples[clock->newest];
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}
