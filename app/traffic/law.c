/* In a piece from `from` to `to` in D ns, t ns after its start, with u = 2 * D * period:
 *
 *     u * N(t) = t * (2 * D * from + (to - from) * t)
 *
 * and further by dt from there, u * (N(t + dt) - N(t)) = dt * (slope0 + (to - from) * dt) with
 * slope0 = 2 * (D * from + (to - from) * t): the largest dt for which that is no more than u times
 * the step is looked for. Without a slope, u = period and slope0 = from will do.
 *
 * Sizes: law_check() has D * period and D * rate below 2^88, and steps are taken in parts below
 * 2^38, so that u * step stays below 2^127 and its rest below 2^122. */
#include "traffic/law.h"

#include <math.h>
#include <stddef.h>

#define STEP_MAX (UINT64_C(1) << (LAW_POSITION_BITS + 6)) /* In one part. */

static bool advance(struct law_cursor *cursor, uint64_t step);
static bool advance_evenly(struct law_cursor *cursor, uint64_t rate);
static bool advance_by_pieces(struct law_cursor *cursor);
static bool next_piece(struct law_cursor *cursor, wide_uint held);
static wide_uint unit_of(const struct law *law, const struct law_piece *piece);
static wide_uint slope0_of(const struct law_piece *piece, uint64_t into_ns);
static bool area(const struct law_piece *piece, wide_uint slope0, uint64_t dt, wide_uint *out);
static uint64_t solve(const struct law_piece *piece, wide_uint slope0, wide_uint limit,
                      uint64_t before_ns);
static uint64_t guess(const struct law_piece *piece, wide_uint slope0, wide_uint limit);
static double real(wide_uint value);

void law_start(struct law_cursor *cursor, const struct law *law)
{
    *cursor = (struct law_cursor){.law = law};
}

uint64_t law_advance(struct law_cursor *cursor, uint64_t step)
{
    for (; step > STEP_MAX; step -= STEP_MAX)
        if (!advance(cursor, STEP_MAX))
            return UINT64_MAX;
    return advance(cursor, step) ? cursor->piece_ns + cursor->into_ns : UINT64_MAX;
}

static bool advance(struct law_cursor *cursor, uint64_t step)
{
    const struct law *law = cursor->law;
    const struct law_piece *first = &law->pieces[cursor->piece];
    if (first->duration_ns == LAW_FOR_EVER && first->from == first->to) {
        cursor->rest += (wide_uint)law->period_ns * step;
        return advance_evenly(cursor, first->from);
    }
    cursor->rest += unit_of(law, first) * step;
    return advance_by_pieces(cursor);
}

/* Apart, so that an even law saves no registers. */
__attribute__((noinline)) static bool advance_by_pieces(struct law_cursor *cursor)
{
    const struct law *law = cursor->law;
    for (;;) {
        const struct law_piece *piece = &law->pieces[cursor->piece];
        wide_uint limit = cursor->rest >> LAW_POSITION_BITS, held = 0;
        wide_uint slope0 = slope0_of(piece, cursor->into_ns);
        uint64_t left_ns = piece->duration_ns - cursor->into_ns;
        if (piece->duration_ns == LAW_FOR_EVER) {
            if (slope0 == 0)
                return false;
        } else if (area(piece, slope0, left_ns, &held) && held <= limit) {
            if (!next_piece(cursor, held))
                return false;
            continue;
        }
        uint64_t dt = solve(piece, slope0, limit, left_ns);
        area(piece, slope0, dt, &held);
        cursor->rest -= held << LAW_POSITION_BITS;
        cursor->into_ns += dt;
        return true;
    }
}

/* A constant rate that does not end, as most laws are: slope and unit are one number each. */
static bool advance_evenly(struct law_cursor *cursor, uint64_t rate)
{
    const wide_uint limit = cursor->rest >> LAW_POSITION_BITS;
    if (rate == 0)
        return false;
    const uint64_t dt = limit <= UINT64_MAX ? (uint64_t)limit / rate : (uint64_t)(limit / rate);
    cursor->rest -= (wide_uint)rate * dt << LAW_POSITION_BITS;
    cursor->into_ns += dt;
    return true;
}

/* HELD of the rest were the piece's. What is left is told in the next one's unit. */
static bool next_piece(struct law_cursor *cursor, wide_uint held)
{
    const struct law *law = cursor->law;
    const struct law_piece *piece = &law->pieces[cursor->piece];
    wide_uint unit = unit_of(law, piece), next_unit;
    cursor->rest -= held << LAW_POSITION_BITS;
    cursor->piece_ns += piece->duration_ns;
    cursor->into_ns = 0;
    cursor->piece++;
    if (cursor->piece == law->count) {
        if (!law->repeats)
            return false;
        cursor->piece = 0;
    }
    next_unit = unit_of(law, &law->pieces[cursor->piece]);
    if (next_unit != unit)
        cursor->rest = cursor->rest / unit * next_unit;
    return true;
}

static wide_uint unit_of(const struct law *law, const struct law_piece *piece)
{
    if (piece->from == piece->to)
        return law->period_ns;
    return (wide_uint)2 * piece->duration_ns * law->period_ns;
}

/* Of the area, at INTO_NS. */
static wide_uint slope0_of(const struct law_piece *piece, uint64_t into_ns)
{
    if (piece->from == piece->to)
        return piece->from;
    wide_uint base = (wide_uint)piece->duration_ns * piece->from;
    if (piece->to > piece->from)
        return 2 * (base + (wide_uint)(piece->to - piece->from) * into_ns);
    return 2 * (base - (wide_uint)(piece->from - piece->to) * into_ns);
}

/* False when it is more than 128 bits hold: more than any limit. */
static bool area(const struct law_piece *piece, wide_uint slope0, uint64_t dt, wide_uint *out)
{
    wide_uint slope = slope0;
    if (piece->to > piece->from)
        slope += (wide_uint)(piece->to - piece->from) * dt;
    else
        slope -= (wide_uint)(piece->from - piece->to) * dt;
    return !__builtin_mul_overflow(slope, dt, out);
}

/* The largest dt whose area is no more than LIMIT; that of BEFORE_NS is more, or without end. */
static uint64_t solve(const struct law_piece *piece, wide_uint slope0, wide_uint limit,
                      uint64_t before_ns)
{
    if (piece->from == piece->to)
        return (uint64_t)(limit / slope0);
    uint64_t low = 0, high = before_ns, step = 1;
    uint64_t probe = guess(piece, slope0, limit);
    while (high - low > 1) {
        wide_uint held;
        if (probe <= low || probe >= high)
            probe = low + (high - low) / 2;
        if (area(piece, slope0, probe, &held) && held <= limit) {
            low = probe;
            probe = low + step;
        } else {
            high = probe;
            probe = high > step ? high - step : 0;
        }
        step *= 2;
    }
    return low;
}

/* The root of the quadratic: mostly right to the ns. solve() makes it exact. */
static uint64_t guess(const struct law_piece *piece, wide_uint slope0, wide_uint limit)
{
    double change = (double)piece->to - (double)piece->from;
    double slope = real(slope0), root = slope * slope + 4 * change * real(limit);
    double sum = slope + (root > 0 ? sqrt(root) : 0);
    double dt = sum > 0 ? 2 * real(limit) / sum : 0;
    return dt < 0x1p62 ? (uint64_t)dt : UINT64_C(1) << 62;
}

static double real(wide_uint value)
{
    return (double)(uint64_t)(value >> 64) * 0x1p64 + (double)(uint64_t)value;
}
