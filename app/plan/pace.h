/* pace.h - how fast a stream asks: the rate of an experiment's stream, as JSON and as text.
 *
 * JSON: a string (a constant rate, or any text below), or an object:
 *
 *     {"law": "constant", "rate": "5k/s"}
 *     {"law": "maximum"}                                as fast as the device takes; raw streams
 *     {"law": "ramp", "from": "100/s", "to": "10k/s", "over": "60s"}            then "to" for ever
 *     {"law": "steps", "steps": [{"rate": "1k/s", "for": "10s"}, ...], "repeat": true}
 *                                                  without repeat the last one goes on for ever
 *     {"law": "sine", "mean": "1k/s", "amplitude": "500/s", "period": "60s"}
 *     {"law": "burst", "count": 100, "every": "1s"}                              back to back
 *
 * "arrivals": "poisson" makes any but burst and maximum the intensity of a Poisson process, and
 * "unit" says what rates count, if not requests. The same as text, for a command line:
 *
 *     5000   5000/s   100k/s   ramp:100/s..10k/s:60s   steps:1k/s*10s,2k/s*10s
 *     repeat:1k/s*10s,2k/s*10s   sine:1k/s+-500/s:60s   burst:100:1s   poisson:5k/s
 *     poisson:ramp:...   max
 *     500 connections/s   10kpps   10k packets/s   100Mbit/s   1Gbit/s L1      units
 *
 * Which units a stream has is its reader's to say: it knows how many of them a request is.
 *
 * Threads: pure. Memory: fixed. Units: in the names; rates are per second, of `unit`.
 */
#ifndef PLAN_PACE_H
#define PLAN_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
    PACE_STEPS_MAX = 32,
    PACE_BURST_MAX = 1 << 20
};

enum pace_law {
    PACE_CONSTANT,
    PACE_RAMP,
    PACE_STEPS,
    PACE_SINE,
    PACE_BURST,
    PACE_MAXIMUM, /* Whatever the device takes: no rate. */
};

enum pace_arrivals {
    PACE_EVEN,
    PACE_POISSON,
};

enum pace_unit {
    PACE_REQUESTS,
    PACE_PACKETS,     /* As sent: frames, datagrams. */
    PACE_CONNECTIONS, /* New ones. */
    PACE_BITS,        /* Of what requests carry; of frames with their FCS: layer 2. */
    PACE_L1_BITS,     /* Of frames with FCS, preamble and gap: what they take of the line. */
};

struct pace_step {
    double rate_per_s; /* 0: a pause. */
    int64_t for_ns;    /* Of the last one without repeat: of no account. */
};

struct pace {
    enum pace_law law;
    enum pace_arrivals arrivals;
    enum pace_unit unit; /* Of all rates here. */
    double rate_per_s;   /* constant. */
    double from_per_s;   /* ramp. */
    double to_per_s;
    int64_t over_ns;
    double mean_per_s; /* sine. */
    double amplitude_per_s;
    int64_t period_ns;
    uint32_t count; /* burst: requests in one. */
    int64_t every_ns;
    bool repeat; /* steps. */
    uint32_t step_count;
    struct pace_step steps[PACE_STEPS_MAX];
    uint32_t request_bits;  /* For units of bits: so many are carried */
    uint32_t request_count; /* by so many requests. Set by the stream's reader. */
};

struct reader_object;
struct reader;

/* The keys of the object; the struct is a struct pace. Its check is pace_check(). */
extern const struct reader_object pace_object;

/* Parse the whole of TEXT. 0, or -EINVAL with ERR that names the column. */
int pace_parse(const char *text, struct pace *out, struct error *err);
/* Is it a constant, even rate of requests? Then "400/s" or the like says it all. */
bool pace_is_plain(const struct pace *pace);
/* 0, or -EINVAL with ERR: rates, durations and counts that make no law. */
int pace_check(const struct pace *pace, struct error *err);

/* Requests a second: the greatest rate, and the mean over a cycle, or over the law's course. 0 of a
 * maximum: nobody knows. */
double pace_peak(const struct pace *pace);
double pace_mean(const struct pace *pace);
/* RATE_PER_S of PACE's unit in requests a second. */
double pace_requests(const struct pace *pace, double rate_per_s);
/* Are its rates bits, of either kind? */
bool pace_is_bits(const struct pace *pace);

#endif
