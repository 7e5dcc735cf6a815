/* nic_clock.h - the clock of a NIC put to run time, by samples of it over the whole run.
 *
 * A NIC that stamps packets does it in ticks of a clock of its own, whose frequency is known
 * roughly and which others may set. It is read now and then, each time between two readings of the
 * run's clock; the last NIC_CLOCK_SAMPLES such brackets are kept. The rate is that from the oldest
 * to the newest of them, and
 *
 *     run = run of the newest + (ticks - ticks of the newest) * rate
 *
 * is wrong by at most
 *
 *     half width of the newest + age * (rate error + wander) + surprise
 *
 * where age is the distance from the newest; the rate error is both ends' half widths by their
 * distance; wander is what two oscillators may drift apart within some samples,
 * NIC_CLOCK_WANDER_PPB; and surprise is the most that a kept sample was off what those before it
 * had foretold.
 *
 * A sample that is further off than these, its own half width and NIC_CLOCK_JUMP_NS together is a
 * jump: the clock was set. All before is forgotten then, and the clock cannot be used until three
 * samples agree again.
 *
 * Pure: who samples says when. Threads: one owner. Memory: fixed; the oldest sample makes room.
 */
#ifndef NET_NIC_CLOCK_H
#define NET_NIC_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    NIC_CLOCK_SAMPLES = 16,          /* Kept. */
    NIC_CLOCK_AGREE = 3,             /* That many make it usable. */
    NIC_CLOCK_SHIFT = 32,            /* Of the rates. */
    NIC_CLOCK_WANDER_PPB = 1000,     /* 100 ns in NIC_CLOCK_SPACING_NS. */
    NIC_CLOCK_JUMP_NS = 5000,        /* Beyond all bounds. */
    NIC_CLOCK_BOUND_MAX_NS = 10000,  /* Beyond this a stamp is worth less than the poll's time. */
    NIC_CLOCK_HASTE_NS = 5000000,    /* Between samples, until all are there; */
    NIC_CLOCK_SPACING_NS = 100000000 /* and then. */
};

struct nic_clock_sample {
    uint64_t run_ns;        /* Middle of the bracket, run time. */
    uint64_t ticks;         /* What the NIC's clock said there. */
    uint64_t half_width_ns; /* Half of the bracket. */
};

struct nic_clock {
    uint64_t mult;           /* ns of a tick, shifted. */
    uint64_t inverse;        /* Ticks of a ns, shifted. */
    uint64_t rate_error_ppb; /* Bound of the rate's error. */
    uint64_t surprise_ns;    /* Of the kept samples. */
    uint64_t jumps;          /* Of the clock, since it was made zero. */
    uint32_t count;          /* Samples kept, */
    uint32_t newest;         /* and which is the last. */
    struct nic_clock_sample samples[NIC_CLOCK_SAMPLES];
    uint64_t surprises_ns[NIC_CLOCK_SAMPLES]; /* By sample. */
};

/* Take a sample; one that is not after the last is ignored. False: it was a jump, which is counted.
 * A zeroed struct is a clock without samples. */
bool nic_clock_add(struct nic_clock *clock, struct nic_clock_sample sample);
/* Forget all samples: the clock could not be read. */
void nic_clock_forget(struct nic_clock *clock);
/* When the next sample is due, after one at NOW_NS. */
uint64_t nic_clock_next_ns(const struct nic_clock *clock, uint64_t now_ns);

/* Stamps near RUN_NS are known well enough. */
bool nic_clock_usable(const struct nic_clock *clock, uint64_t run_ns);

/* These need a usable clock. Run time of TICKS, saturated to 0..2^63-1: a stamp may be anything. */
uint64_t nic_clock_run_ns(const struct nic_clock *clock, uint64_t ticks);
/* What the clock says at RUN_NS. */
uint64_t nic_clock_ticks(const struct nic_clock *clock, uint64_t run_ns);
/* How far the run time of a stamp at RUN_NS may be wrong. */
uint64_t nic_clock_bound_ns(const struct nic_clock *clock, uint64_t run_ns);

#endif
