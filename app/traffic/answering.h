/* answering.h - UDP ports from which nobody asks: whoever is there answers.
 *
 * A datagram whose source address and port are forged can make two servers answer each other for
 * ever. So a server answers none that comes from a port where servers of its kind are, and a client
 * of ours never asks from one. Sources: CERT CA-1996-01; RFC 862 to 865, 867, 868.
 *
 * Threads: pure.
 */
#ifndef TRAFFIC_ANSWERING_H
#define TRAFFIC_ANSWERING_H

#include <stdbool.h>
#include <stdint.h>

static inline bool answering_port(uint16_t port)
{
    switch (port) {
    case 7:    /* Echo. */
    case 13:   /* Daytime. */
    case 17:   /* Quote of the day. */
    case 19:   /* Characters. */
    case 37:   /* Time. */
    case 5001: /* mconnect. */
    case 5003: /* ctraffic. */ return true;
    default: return false;
    }
}

#endif
