/* server_clock.h - how far the API server's clock is from ours, by the Date of its answers.
 *
 * A Date has whole seconds only (RFC 9110, 6.6.1), but each answer bounds the offset: the server
 * wrote it between the sending of the request and the arrival of the answer's head, so that
 *
 *     date - received <= offset < date + 1 s + tick - sent
 *
 * (who reads the time coarsely, as time(2) does, is up to a tick late), and the bounds of all
 * answers meet. An answer to a request that is sent when the server's second should end halves what
 * is left, down to a tick and the time of a round trip. Answers that contradict each other mean
 * that a clock was set, or slewed far: then it begins anew, and that is counted.
 *
 * Times are UTC by our clock, ns. Threads: pure. Errors: none; Dates that make no sense are left.
 */
#ifndef KUBE_SERVER_CLOCK_H
#define KUBE_SERVER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SERVER_CLOCK_TICK_NS = 10000000 /* The longest of Linux: 100 Hz. */
};

struct server_clock {
    int64_t least_ns, most_ns; /* The offset, theirs less ours, is within. */
    int64_t trip_ns;           /* The shortest round trip. */
    unsigned answers;          /* That the bounds are of; 0: nothing is known. */
    unsigned steps;            /* Times that it began anew. */
};

void server_clock_add(struct server_clock *clock, int64_t sent_ns, int64_t received_ns,
                      int64_t date_ns);
/* When a request would tell the most, at NOW_NS or later. Something must be known. */
int64_t server_clock_best_ns(const struct server_clock *clock, int64_t now_ns);
/* A further request would hardly tell more. */
bool server_clock_is_narrow(const struct server_clock *clock);

#endif
