/* tcp_account.h - what the TCP of several workers dropped, and what of its counters tells of
 * floods, forgeries or want of room: a line each, in the words of tcp.h.
 *
 * Threads: control, after the workers have ended. Pure: appends to a struct text.
 */
#ifndef RUN_TCP_ACCOUNT_H
#define RUN_TCP_ACCOUNT_H

#include <stdint.h>

#include "base/text.h"
#include "tcp/tcp.h"

/* COUNTERS of COUNT workers, added up. What is 0 has no line. */
void tcp_account(const struct tcp_counters *const counters[], uint32_t count, struct text *lines);

#endif
