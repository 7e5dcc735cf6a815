/* tcp_isn.h - what an outsider must not guess: initial sequence numbers and timestamp offsets.
 *
 *     ISN = M + F(local, remote, ports, key),  M = a counter of 4 us steps      (RFC 6528)
 *     timestamp offset = F'(local, remote, ports, key)                           (RFC 7323 7.1)
 *
 * F is SipHash-2-4, different for each use.
 *
 * Threads: pure.
 */
#ifndef TCP_TCP_ISN_H
#define TCP_TCP_ISN_H

#include <stdint.h>

#include "base/address.h"
#include "base/hash.h"

uint32_t tcp_isn(const struct hash_key *key, const struct tuple *tuple, uint64_t now_ns);
/* ISN if it lies beyond LAST, which is SND.NXT of the connection that had the tuple before; else a
 * number that lies an unscaled window beyond LAST (RFC 9293 3.6.1, MAY-2). */
uint32_t tcp_isn_after(uint32_t isn, uint32_t last);
uint32_t tcp_isn_timestamp_offset(const struct hash_key *key, const struct tuple *tuple);

#endif
