/* impair.h - what a bad network does to packets: one direction of the stage between a NIC port's
 * queue and its worker.
 *
 *     for each packet that comes, while impair_room() allows two:
 *         fate = impair_fate(impair);
 *         fate.drop: free it; fate.flip: flip bit (fate.random mod its bits);
 *         fate.duplicate: impair_pass() a copy as well, with a fate of zeros
 *         impair_pass(impair, now_ns, packet, &fate);
 *     while ((packet = impair_take(impair, now_ns)) != NULL)
 *         to the other side
 *
 * Each fault is drawn by itself with its probability, in the order of struct impair_config, so a
 * packet may be flipped, duplicated and delayed; one that is dropped is nothing else. One that is
 * both delayed and reordered is delayed. Equal seeds and configurations give equal fates.
 *
 * Reordered means: kept until `distance` later packets have gone by, or for IMPAIR_REORDER_NS if
 * they don't come. Delayed means: kept for delay_ns, while others go by.
 *
 * Threads: one owner. Memory: in the struct; packets stay the caller's, who fetches or counts what
 * is left with impair_drain() at the end. Full: a packet that cannot be kept passes at once,
 * counted.
 */
#ifndef NET_IMPAIR_H
#define NET_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"

#define IMPAIR_REORDER_NS UINT64_C(10000000)

enum {
    IMPAIR_HELD_MAX = 1024, /* Kept of either sort; a power of two. */
    IMPAIR_READY_MAX = 64,  /* Passed and not yet taken; a power of two. */
    IMPAIR_DISTANCE_MAX = 1000
};

struct impair_config {
    double drop;       /* Probabilities, 0..1. */
    double flip;       /* One bit, anywhere after the Ethernet header. */
    double duplicate;  /* The copy follows at once. */
    double delay;      /* By delay_ns. */
    double reorder;    /* Behind `distance` later ones. */
    uint64_t delay_ns; /* What a delayed packet is late. */
    uint32_t distance; /* 1..IMPAIR_DISTANCE_MAX. */
};

/* What happened to packets, and its sentence. */
#define IMPAIR_COUNTERS(X)                                                                         \
    X(packets, "packets that came to the impairment stage")                                        \
    X(dropped, "dropped by it")                                                                    \
    X(flipped, "of which it flipped one bit")                                                      \
    X(duplicated, "that it duplicated")                                                            \
    X(delayed, "that it delayed")                                                                  \
    X(reordered, "that it put behind later ones")                                                  \
    X(full, "that it could not keep for lack of room, and passed at once")

struct impair_counters {
#define X(name, text) uint64_t name; /* Its sentence is in IMPAIR_COUNTERS. */
    IMPAIR_COUNTERS(X)
#undef X
};

struct impair_fate {
    uint64_t random; /* For the choice of the bit. */
    bool drop;
    bool flip;
    bool duplicate;
    bool delay;
    bool reorder;
};

struct impair_kept {
    void *packet;    /* The caller's. */
    uint64_t due_ns; /* Passes then at the latest. */
    uint64_t behind; /* Or when so many have gone by since the start. */
};

/* A ring: first in, first out. */
struct impair_queue {
    uint32_t head; /* Ever put in. */
    uint32_t tail; /* Ever taken out. */
    struct impair_kept kept[IMPAIR_HELD_MAX];
};

struct impair {
    struct random random;
    uint64_t drop, flip, duplicate, delay, reorder; /* Thresholds: of 2^64. */
    uint64_t delay_ns;                              /* As in the configuration. */
    uint64_t gone_by;                               /* Packets taken that were not kept. */
    uint32_t distance;                              /* As in the configuration. */
    uint32_t ready_head;                            /* Ever put into ready. */
    uint32_t ready_tail;                            /* Ever taken out. */
    struct impair_counters counters;
    void *ready[IMPAIR_READY_MAX];
    struct impair_queue delayed;
    struct impair_queue reordered;
};

void impair_init(struct impair *impair, const struct impair_config *config, uint64_t seed);
/* How many packets can be passed before some are taken. */
uint32_t impair_room(const struct impair *impair);
/* Decide about the next packet, and count it. */
struct impair_fate impair_fate(struct impair *impair);
/* PACKET goes on, now or later, as FATE says. There must be room. */
void impair_pass(struct impair *impair, uint64_t now_ns, void *packet,
                 const struct impair_fate *fate);
/* The next packet whose time has come, or NULL. */
void *impair_take(struct impair *impair, uint64_t now_ns);
/* Whatever is left, one after another; NULL: nothing. */
void *impair_drain(struct impair *impair);
/* Packets in it. */
uint32_t impair_held(const struct impair *impair);

#endif
