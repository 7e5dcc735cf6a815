/* law.h - how many requests a stream has asked for at each time, and when the k-th is due.
 *
 * A law is a rate over time, in pieces. Within a piece the rate goes in a straight line from `from`
 * to `to`, both counts per `period_ns`. With N(t) the area under it, the request at position p is
 * due at
 *
 *     T(p) = the last ns at which N(t) <= p
 *
 * so that with an even spacing (p = 0, 1, 2, ...) request k of a constant law is due at
 * floor(k * period / count). Constant, ramp and steps are pieces as they are; a sine is 100 of
 * them, through points of the sine: its rate is off by at most (2 pi / 100)^2 / 8 = 0.05 % of the
 * amplitude, and the count of a whole cycle is exact.
 *
 * All of it is in integers. Within a piece T is exact, and nothing adds up from one request to the
 * next. From a piece to the next of another slope or length, the position is rounded down to 2^-32
 * of a request.
 *
 * Arrivals say where positions are: schedule.h.
 *
 * Threads: a law is read-only once made; a cursor has one owner. Units: positions in 2^-32 of a
 * request. law_setup.c makes and checks laws, on the slow path.
 */
#ifndef TRAFFIC_LAW_H
#define TRAFFIC_LAW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/wide.h"

enum {
    LAW_PIECES = 128,        /* At most. */
    LAW_SINE_PIECES = 100,   /* Of a sine. */
    LAW_POSITION_BITS = 32,  /* Below the point. */
    LAW_SINE_UNIT_NS = 100,  /* A sine's cycle is a multiple of this. */
    LAW_BURST_MAX = 1 << 20, /* Requests back to back. */
};
#define LAW_FOR_EVER UINT64_MAX
#define LAW_PIECE_MAX_NS (UINT64_C(12) * 3600 * 1000000000) /* Sloping; flat: 2^60. */

enum law_arrivals {
    LAW_EVEN,    /* Positions 0, 1, 2, ... */
    LAW_POISSON, /* The law is the intensity of a Poisson process. */
    LAW_BURST,   /* `burst` of them at one position, then `burst` further on. */
    LAW_MAXIMUM, /* Whenever the stream can send: no pieces. */
};

struct law_piece {
    uint64_t duration_ns; /* LAW_FOR_EVER: the last one of a law that does not repeat. */
    uint64_t from;        /* Requests in `period_ns` at its start, */
    uint64_t to;          /* and at its end. */
};

struct law {
    enum law_arrivals arrivals;
    uint32_t burst;     /* LAW_BURST: how many. */
    uint64_t period_ns; /* Of all rates. */
    bool repeats;       /* After the last piece comes the first. */
    uint32_t count;     /* Of these: */
    struct law_piece pieces[LAW_PIECES];
};

/* Where on the law a schedule is. */
struct law_cursor {
    const struct law *law; /* Borrowed. */
    uint64_t piece_ns;     /* When the present piece began, from the law's start. */
    uint64_t into_ns;      /* Time within it. */
    wide_uint rest;        /* Of the position, beyond that time; in 2^-32 / unit of a request. */
    uint32_t piece;        /* Which it is. */
};

/* --- Any thread, slow path (law_setup.c). Rates: counts per PERIOD_NS. --- */
struct law law_constant(uint64_t count, uint64_t period_ns);
struct law law_maximum(void);
/* From FROM to TO in OVER_NS, then TO for ever. */
struct law law_ramp(uint64_t from, uint64_t to, uint64_t period_ns, uint64_t over_ns);
/* MEAN + AMPLITUDE * sin(2 pi t / CYCLE_NS); AMPLITUDE is at most MEAN. */
struct law law_sine(uint64_t mean, uint64_t amplitude, uint64_t period_ns, uint64_t cycle_ns);
/* BURST back to back every EVERY_NS, the first at 0. */
struct law law_burst(uint32_t burst, uint64_t every_ns);
/* Another piece at the end of LAW, whose period_ns is set; false when it is full. */
bool law_add(struct law *law, uint64_t duration_ns, uint64_t from, uint64_t to);
/* Divide rates and period by what they have in common: the same law in smaller numbers. */
void law_reduce(struct law *law);
/* LAW counts something else, of which UNITS make COUNT requests: make it count requests. False, and
 * LAW is as it was, when its numbers would get too large to be exact with. */
bool law_scale(struct law *law, uint32_t count, uint32_t units);
/* 0, or -EINVAL with ERR: no piece, a rate of 0 throughout, numbers too large to be exact with, a
 * repeating law with less than a request a cycle, a last piece that ends or slopes. */
int law_check(const struct law *law, struct error *err);
/* The greatest rate, in requests per TIME_NS, rounded up; UINT64_MAX for a maximum. */
uint64_t law_peak(const struct law *law, uint64_t time_ns);
/* No more requests than this are due within any TIME_NS; of a Poisson process, but for once in 10^9
 * times. */
uint64_t law_most(const struct law *law, uint64_t time_ns);

/* --- The cursor's owner. --- */
void law_start(struct law_cursor *cursor, const struct law *law);
/* Go on by STEP and return T of the position there, from the law's start. UINT64_MAX: the law has
 * come to an end in a rate of 0. */
uint64_t law_advance(struct law_cursor *cursor, uint64_t step);

#endif
