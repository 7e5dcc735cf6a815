/* quiet.h - how a held connection sleeps: most of its memory goes back while nothing is under way
 * on it, as in the tcp (tcp_slot.h).
 *
 * Awake, a connection is a struct traffic_conn of the pool `conns`. When it is up, no request is
 * under way on it and its timer is off, all that is known of it goes into its flow, which is one
 * line, and the struct goes back to the pool. Nothing is lost: what the line does not hold exactly
 * stays awake. The tcp knows it by its flow's number then.
 *
 *     CONN_UP, idle -> quiet_rest() -> asleep -> quiet_wake() -> CONN_UP
 *
 * What wakes it: its next slot, an event of the tcp, the stop of its stream.
 *
 * Threads: the owning worker. Full: quiet_wake() gives NULL. For events there is always room: each
 * wakes one at most, and so many connections of the pool are theirs alone.
 */
#ifndef TRAFFIC_QUIET_H
#define TRAFFIC_QUIET_H

#include "traffic/traffic_priv.h"

/* In `user`, beside the number of a flow: no handle of a pool has this bit. */
#define QUIET_USER (UINT64_C(1) << 32)

static inline bool quiet_is_user(uint64_t user)
{
    return (user & QUIET_USER) != 0;
}

/* CONN, held, has nothing to do: it sleeps from now on, unless that would lose something. While
 * events of the tcp wait to be told, some may bear its handle: its timer is set then, to come here
 * again (event_silence()). CONN may not be valid after this. */
void quiet_rest(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);
/* The connection of FLOW, which is asleep, has something to do. NULL: there is no room, or the tcp
 * is about to tell of its end. */
struct traffic_conn *quiet_wake(struct traffic *traffic, struct traffic_flow *flow,
                                uint64_t now_ns);
/* An event of the tcp is about it. */
struct traffic_conn *quiet_wake_by_event(struct traffic *traffic, struct traffic_flow *flow,
                                         uint64_t now_ns);
/* The flow whose connection is asleep and known to the tcp as CONN by USER; NULL: none. */
struct traffic_flow *quiet_flow(const struct traffic *traffic, uint64_t user, tcp_conn conn);
/* The one that an event before this one woke, known to the tcp as TCP; NULL: none. Events that were
 * made while it slept bear its flow's number still. */
struct traffic_conn *quiet_woken(const struct traffic *traffic, tcp_conn tcp);

#endif
