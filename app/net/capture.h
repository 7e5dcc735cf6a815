/* capture.h - the last packets of a worker, received and sent, in a ring.
 *
 * Each packet's first bytes (up to `snap`) and its stamp stand in a slot of fixed size; a newer one
 * overwrites the oldest. So the ring is as deep as slots / packets a second, and always on while it
 * is there.
 *
 * Threads: one writer (the worker). The control thread copies packets out while the worker goes
 * on: capture_get() says whether the copy is of one packet. `count` is released after a packet is
 * whole. Units: TSC ticks; the reader makes times of them. Memory: taken by capture_setup(), all
 * pages written. Never full.
 */
#ifndef NET_CAPTURE_H
#define NET_CAPTURE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    CAPTURE_SNAP_BYTES = 176 /* Ethernet, VLAN, IPv6 and TCP with all options, and some payload. */
};

struct capture_packet {
    uint64_t tsc;   /* Received: of the poll; sent: when it was handed to the driver. */
    uint32_t bytes; /* Of the frame. */
    uint16_t kept;  /* Of these, here. */
    bool sent;      /* By us. */
    uint8_t data[CAPTURE_SNAP_BYTES];
};

struct capture {
    struct capture_packet *slots;       /* Immutable pointer. */
    uint64_t slot_count;                /* A power of two. */
    alignas(64) _Atomic uint64_t count; /* Packets ever. Written by the worker. */
};

/* Slow path (capture_setup.c). At least PACKETS slots; NULL when out of memory. */
struct capture *capture_setup(uint64_t packets);
void capture_free(struct capture *capture); /* NULL is harmless. */

/* The worker: a frame of BYTES, the first KEPT of them contiguous at DATA, passed at TSC. */
void capture_add(struct capture *capture, uint64_t tsc, bool sent, const uint8_t *data,
                 uint32_t kept, uint32_t bytes);

/* Any thread. The packets [*first, *end) can be asked for now. */
void capture_range(const struct capture *capture, uint64_t *first, uint64_t *end);
/* Copy packet INDEX. False: it has been overwritten. */
bool capture_get(const struct capture *capture, uint64_t index, struct capture_packet *packet);

#endif
