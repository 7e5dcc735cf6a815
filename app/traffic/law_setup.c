/* law_setup.c - laws are made and checked here, on the slow path. */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "traffic/law.h"

/* See law.c. */
#define PRODUCT_MAX ((wide_uint)1 << 88)
#define FLAT_MAX (UINT64_C(1) << 53)
#define SINE_STEPS (UINT64_C(1) << 20) /* An amplitude has so many at least. */

static uint64_t common(uint64_t a, uint64_t b);
static int check_piece(const struct law *law, uint32_t index, struct error *err);
static wide_uint area_twice(const struct law_piece *piece);

struct law law_constant(uint64_t count, uint64_t period_ns)
{
    struct law law = {.period_ns = period_ns};
    law_add(&law, LAW_FOR_EVER, count, count);
    law_reduce(&law);
    return law;
}

struct law law_maximum(void)
{
    return (struct law){.arrivals = LAW_MAXIMUM, .period_ns = 1};
}

struct law law_ramp(uint64_t from, uint64_t to, uint64_t period_ns, uint64_t over_ns)
{
    struct law law = {.period_ns = period_ns};
    law_add(&law, over_ns, from, to);
    law_add(&law, LAW_FOR_EVER, to, to);
    law_reduce(&law);
    return law;
}

/* The second half has the values of the first with the other sign: then a cycle's count is that of
 * the mean. In small numbers, but large enough for points to be rounded by little. */
struct law law_sine(uint64_t mean, uint64_t amplitude, uint64_t period_ns, uint64_t cycle_ns)
{
    uint64_t divisor = common(common(mean, amplitude), period_ns), factor = 1;
    uint64_t points[LAW_SINE_PIECES + 1];
    while (divisor != 0 && amplitude != 0 && amplitude / divisor * factor < SINE_STEPS &&
           period_ns / divisor * factor < FLAT_MAX / 4)
        factor *= 2;
    if (divisor != 0) {
        mean = mean / divisor * factor;
        amplitude = amplitude / divisor * factor;
        period_ns = period_ns / divisor * factor;
    }
    struct law law = {.period_ns = period_ns, .repeats = true};
    for (unsigned i = 0; i <= LAW_SINE_PIECES / 2; i++) {
        double turn = 2 * 3.14159265358979323846 * i / LAW_SINE_PIECES;
        bool zero = i == 0 || i == LAW_SINE_PIECES / 2;
        uint64_t part = zero ? 0 : (uint64_t)(sin(turn) * (double)amplitude + 0.5);
        points[i] = mean + part;
        points[LAW_SINE_PIECES - i] = mean - part;
    }
    for (unsigned i = 0; i < LAW_SINE_PIECES; i++)
        law_add(&law, cycle_ns / LAW_SINE_PIECES, points[i], points[i + 1]);
    law_reduce(&law);
    return law;
}

struct law law_burst(uint32_t burst, uint64_t every_ns)
{
    struct law law = law_constant(burst, every_ns);
    law.arrivals = LAW_BURST;
    law.burst = burst;
    return law;
}

bool law_add(struct law *law, uint64_t duration_ns, uint64_t from, uint64_t to)
{
    if (law->count == LAW_PIECES)
        return false;
    law->pieces[law->count++] = (struct law_piece){duration_ns, from, to};
    return true;
}

void law_reduce(struct law *law)
{
    uint64_t divisor = law->period_ns;
    for (uint32_t i = 0; i < law->count; i++)
        divisor = common(common(divisor, law->pieces[i].from), law->pieces[i].to);
    if (divisor < 2)
        return;
    law->period_ns /= divisor;
    for (uint32_t i = 0; i < law->count; i++) {
        law->pieces[i].from /= divisor;
        law->pieces[i].to /= divisor;
    }
}

bool law_scale(struct law *law, uint32_t count, uint32_t units)
{
    struct law scaled = *law;
    struct error err = {0};
    bool large = __builtin_mul_overflow(law->period_ns, (uint64_t)units, &scaled.period_ns);
    for (uint32_t i = 0; i < law->count; i++) {
        struct law_piece *piece = &scaled.pieces[i];
        large |= __builtin_mul_overflow(piece->from, (uint64_t)count, &piece->from);
        large |= __builtin_mul_overflow(piece->to, (uint64_t)count, &piece->to);
    }
    if (large)
        return false;
    law_reduce(&scaled);
    if (law_check(&scaled, &err) < 0)
        return false;
    *law = scaled;
    return true;
}

int law_check(const struct law *law, struct error *err)
{
    wide_uint cycle = 0;
    if (law->arrivals == LAW_MAXIMUM)
        return 0;
    if (law->count == 0 || law->count > LAW_PIECES || law->period_ns == 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "a law of 1 to %d pieces is wanted", LAW_PIECES);
    if (law->arrivals == LAW_BURST && (law->burst == 0 || law->burst > LAW_BURST_MAX))
        return error_set(err, EXIT_USAGE, -EINVAL, "a burst has 1 to %d requests", LAW_BURST_MAX);
    for (uint32_t i = 0; i < law->count; i++) {
        int code = check_piece(law, i, err);
        if (code < 0)
            return code;
        cycle += area_twice(&law->pieces[i]);
    }
    if (law_peak(law, 1000000000) == 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "the rate is 0 throughout");
    if (law->repeats && cycle < (wide_uint)2 * law->period_ns)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "a law that repeats must ask for a request a cycle at least");
    return 0;
}

uint64_t law_peak(const struct law *law, uint64_t time_ns)
{
    uint64_t most = 0;
    if (law->arrivals == LAW_MAXIMUM)
        return UINT64_MAX;
    for (uint32_t i = 0; i < law->count; i++) {
        most = law->pieces[i].from > most ? law->pieces[i].from : most;
        most = law->pieces[i].to > most ? law->pieces[i].to : most;
    }
    wide_uint peak = ((wide_uint)most * time_ns + law->period_ns - 1) / law->period_ns;
    return peak < UINT64_MAX ? (uint64_t)peak : UINT64_MAX - 1;
}

/* Six standard deviations and a few for small counts, where the distribution is skewed. */
uint64_t law_most(const struct law *law, uint64_t time_ns)
{
    uint64_t most = law_peak(law, time_ns);
    if (most >= UINT64_MAX / 4)
        return most;
    switch (law->arrivals) {
    case LAW_POISSON: return most + (uint64_t)(6 * sqrt((double)most)) + 16;
    case LAW_BURST: return (most / law->burst + 2) * law->burst;
    default: return most + 1;
    }
}

static uint64_t common(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int check_piece(const struct law *law, uint32_t index, struct error *err)
{
    const struct law_piece *piece = &law->pieces[index];
    bool last = index == law->count - 1 && !law->repeats;
    bool endless = piece->duration_ns == LAW_FOR_EVER;
    uint64_t most = piece->from > piece->to ? piece->from : piece->to;
    if (endless != last || (last && piece->from != piece->to))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "piece %u: the last one of a law that does not repeat, and no other, "
                         "lasts for ever at one rate",
                         index + 1);
    bool sloping = piece->from != piece->to;
    if (piece->duration_ns == 0 || (sloping && piece->duration_ns > LAW_PIECE_MAX_NS) ||
        (!endless && piece->duration_ns >> 60 != 0))
        return error_set(err, EXIT_USAGE, -EINVAL, "piece %u: it must last 1 ns to 12 h",
                         index + 1);
    wide_uint span = sloping ? piece->duration_ns : 1;
    if (most >= FLAT_MAX || law->period_ns >= FLAT_MAX || span * most >= PRODUCT_MAX ||
        span * law->period_ns >= PRODUCT_MAX)
        return error_set(err, EXIT_USAGE, -ERANGE,
                         "piece %u: its rate has too many digits to be paced exactly over its "
                         "length; round it",
                         index + 1);
    return 0;
}

static wide_uint area_twice(const struct law_piece *piece)
{
    if (piece->duration_ns == LAW_FOR_EVER)
        return 0;
    return ((wide_uint)piece->from + piece->to) * piece->duration_ns;
}
