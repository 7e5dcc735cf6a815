/* packets_of.h - packets that a stream makes the tester send, before anything was sent.
 *
 *     of a request   = its segments + an ACK for each segment of the answer
 *     of a connection = SYN, ACK, FIN, ACK                           where each request has its own
 *
 * and by TLS 9 more, for a server whose certificates come in four segments. That is the most that
 * can be, as long as nothing is lost or sent again, no ACK is delayed, and the peer fills its
 * segments. An answer whose size nobody said (HTTP without expectSize) counts as one segment: what
 * was sent in fact is measured and told (fleet_account).
 *
 * Threads: pure.
 */
#ifndef RUN_PACKETS_OF_H
#define RUN_PACKETS_OF_H

#include "plan/experiment.h"

/* Payload of a full segment over a path of MTU_BYTES, with the options that TCP asks for. */
uint32_t packets_mss(const struct experiment_tcp *tcp, bool v4, uint32_t mtu_bytes);
/* For one request of STREAM, of REQUEST_BYTES with its head (HTTP), in segments of MSS_BYTES. */
uint64_t packets_of(const struct experiment_stream *stream, uint64_t request_bytes,
                    uint32_t mss_bytes);

#endif
