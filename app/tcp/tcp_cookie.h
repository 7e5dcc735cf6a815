/* tcp_cookie.h - SYN cookies: a SYN-ACK that remembers, so that we need not (RFC 4987 3.6).
 *
 * The initial sequence number of such a SYN-ACK is
 *
 *     bit 31      the minute's lowest bit
 *     bits 30-28  index of the peer's MSS, rounded down, in a table
 *     bits 27-0   SipHash of (tuple, the peer's ISN, minute, index) with the stack's key
 *
 * and the ACK that completes the handshake brings it back. It is good in its minute and the next
 * one. What the peer's SYN offered otherwise rides in the low bits of our timestamp, which the same
 * ACK echoes; without timestamps neither window scale nor SACK is agreed.
 *
 *     bits 3-0    the peer's window shift, 15 for none
 *     bit 4       SACK permitted
 *
 * A guess is right once in 2^28. Only a segment that begins where the SYN ended brings the cookie
 * right: of a peer whose ACK and first text are lost, later text has to wait for the first again.
 * An ACK that comes late, when its connection is over, opens it once more, and the peer resets
 * that.
 *
 * Threads: pure.
 */
#ifndef TCP_TCP_COOKIE_H
#define TCP_TCP_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/hash.h"
#include "tcp/tcp_header.h"

#define TCP_COOKIE_LIFE_NS (UINT64_C(120) * 1000000000) /* No cookie is good for longer. */

/* The ISN for an answer to a SYN with the ISN of IRS from a peer that takes MSS bytes a segment. */
uint32_t tcp_cookie_make(const struct hash_key *key, const struct tuple *tuple, uint32_t irs,
                         uint16_t mss, uint64_t now_ns);
/* Is it one of ours, and of late? Then *MSS is the table's value. */
bool tcp_cookie_check(const struct hash_key *key, const struct tuple *tuple, uint32_t irs,
                      uint32_t cookie, uint64_t now_ns, uint16_t *mss);
/* CLOCK, or up to 63 ticks less, with what SYN offers in its low bits. */
uint32_t tcp_cookie_timestamp(uint32_t clock, const struct tcp_header *syn);
/* Put back into SYN what the echo of such a timestamp says. */
void tcp_cookie_options(uint32_t tsecr, struct tcp_header *syn);

#endif
