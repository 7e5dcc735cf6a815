/* delay_line.h - packets that leave a device are held for a time, in order, and then go on.
 *
 *     device's egress --nft fwd--> tap ==> the daemon, for the delay ==> tap --nft fwd--> device
 *
 * What netem does at a device's root, for kernels without it too: it takes nftables' egress hook
 * (Linux 5.16) and tun. Held packets bear no mark; those that go on do, and pass. A pair of lines,
 * one at each end of a link, delays both directions. All protocols are held, ARP among them.
 *
 * A packet goes on `delay_ns` after the daemon has read it, or later when the daemon is busy: never
 * earlier. What is more than DELAY_LINE_FRAMES at a time is dropped and counted.
 *
 * Threads: the daemon's one. Memory: a copy of each packet that is held. As long as a line is open
 * its namespace lives.
 */
#ifndef LAB_DELAY_LINE_H
#define LAB_DELAY_LINE_H

#include <stdint.h>

#include "base/error.h"

enum {
    DELAY_LINE_FRAMES = 16384,
    DELAY_LINE_DEVICE_BYTES = 10 /* "pod254" and its end; with "delay-" a device's name. */
};

struct delay_frame {
    int64_t due_ns; /* CLOCK_MONOTONIC. */
    uint32_t size;
    unsigned char *bytes; /* Owned. */
};

struct delay_line {
    int netns_fd, home_fd;                /* Borrowed. */
    int tap_fd;                           /* Readable when a packet has come; -1: not open. */
    char device[DELAY_LINE_DEVICE_BYTES]; /* Whose packets. */
    int64_t delay_ns;
    struct delay_frame *frames; /* A ring. */
    uint32_t first, count;      /* Of the ring. */
    uint64_t dropped;           /* For want of room. */
};

/* Hold what leaves DEVICE of NETNS_FD from now on. 0 or -errno with ERR; nothing is held then. */
int delay_line_open(struct delay_line *line, int netns_fd, int home_fd, const char *device,
                    int64_t delay_ns, struct error *err);
/* Take what has come to tap_fd. */
void delay_line_take(struct delay_line *line);
/* Let go on what is due at NOW_NS. */
void delay_line_pass(struct delay_line *line, int64_t now_ns);
/* When the next packet is; INT64_MAX: none is held. */
int64_t delay_line_due(const struct delay_line *line);
/* What is held goes on at once, and nothing is held any more. Does nothing if it is not open. */
void delay_line_close(struct delay_line *line);

#endif
