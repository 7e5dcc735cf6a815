/* tcp_isn.h - what an outsider must not guess: initial sequence numbers and timestamp offsets.
 *
 *     F(local, remote, ports, key) = SipHash-2-4, of which either has one half
 *     ISN = M + the low half,  M = a counter of 4 us steps                       (RFC 6528)
 *     timestamp offset = the high half                                           (RFC 7323 7.1)
 *
 * Threads: pure.
 */
#ifndef TCP_TCP_ISN_H
#define TCP_TCP_ISN_H

#include <stdint.h>

#include "base/address.h"
#include "base/hash.h"

/* F, for both. */
uint64_t tcp_isn_secret(const struct hash_key *key, const struct tuple *tuple);
uint32_t tcp_isn(uint64_t secret, uint64_t now_ns);
/* ISN if it lies beyond LAST, which is SND.NXT of the connection that had the tuple before; else a
 * number that lies an unscaled window beyond LAST (RFC 9293 3.6.1, MAY-2). */
uint32_t tcp_isn_after(uint32_t isn, uint32_t last);
uint32_t tcp_isn_timestamp_offset(uint64_t secret);

#endif
