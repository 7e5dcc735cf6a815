/* hop.h - next hops and what is known of their MACs: a state machine without I/O.
 *
 * A hop is asked for by group probes at growing intervals until it answers; while it is in use it
 * is asked again by unicast each HOP_REACHABLE_NS, then by group probes, and only then given up.
 * What it says of itself unasked (gratuitous ARP, unsolicited NA, its own requests) is followed.
 *
 *     asking:    group probes after 0, +0.1, +0.2, +0.4, +0.8 s; 1.6 s later: unresolved
 *     resolved:  for 30 s from each confirmation; then, if used: checking
 *     checking:  3 unicast probes, 1 s apart, then 3 to the group; then: unresolved
 *     unresolved: group probes after 1, 2, 4, 8, 16, 16, ... s
 *
 * Time is an argument; the caller sends the probes that hop_probe() names and queues the events.
 * Threads: one owner. Memory: fixed; full: hop_add is -1. Sources: RFC 826, 1122 (2.3.2), 4861
 * (7.2, 7.3, 10). Differs: where RFC 4861 forgets an unreachable neighbour, we go on asking.
 */
#ifndef NET_HOP_H
#define NET_HOP_H

#include "net/net.h"

#define HOP_REACHABLE_NS UINT64_C(30000000000)

enum {
    HOP_ASK_TRIES = 5,
    HOP_ASK_FIRST_NS = 100000000,
    HOP_CHECK_UNICAST_TRIES = 3,
    HOP_CHECK_GROUP_TRIES = 3,
    HOP_CHECK_NS = 1000000000
};
#define HOP_GIVEN_UP_FIRST_NS UINT64_C(1000000000)
#define HOP_GIVEN_UP_LAST_NS UINT64_C(16000000000)

struct hop {
    struct address address;   /* Whom we ask for. */
    uint64_t due_ns;          /* When the next step is due. */
    uint64_t interval_ns;     /* Between the last probe and the next step. */
    enum net_hop_state state; /* Only hop.c sets it. */
    uint8_t tries;            /* Probes sent in this state. */
    uint8_t mac[6];           /* Valid if has_mac. */
    bool has_mac;             /* Some MAC was ever heard. */
    bool used;                /* Sent to since the last confirmation. */
};

struct hop_table {
    uint32_t count;                /* Hops in use. */
    uint64_t due_ns;               /* No hop's step is due before this. */
    struct hop hops[NET_HOPS_MAX]; /* By index; never removed. */
};

/* What is to be sent: ARP request or NS for hop `index`. */
struct hop_probe {
    struct address address; /* Asked for. */
    uint16_t index;         /* Of the hop. */
    bool unicast;           /* To `mac`; else to the group. */
    uint8_t mac[6];         /* The known MAC. */
};

/* How something was heard. */
enum hop_source {
    HOP_ANSWER, /* A reply to us: proves that both ways work. */
    HOP_CLAIM,  /* Unasked, and meant to replace what is known. */
    HOP_MENTION /* Unasked, without the override flag: believed only if nothing is known. */
};

void hop_init(struct hop_table *table);
/* Index of the hop with ADDRESS, which is added when it is new; -1 when full. */
int hop_add(struct hop_table *table, const struct address *address);
int hop_find(const struct hop_table *table, const struct address *address); /* -1: none. */

/* Ask those that were given up as if they were new; the next hop_step begins. */
void hop_ask_again(struct hop_table *table);

/* The next step that is due at NOW_NS: call until false. A probe to send sets PROBE and *SEND; an
 * event sets EVENT and *NOTE. Costs one comparison when nothing is due. */
bool hop_step(struct hop_table *table, uint64_t now_ns, struct hop_probe *probe, bool *send,
              struct net_event *event, bool *note);

/* HOP was heard to be at MAC. True when EVENT is filled. */
bool hop_heard(struct hop_table *table, unsigned index, const uint8_t mac[6],
               enum hop_source source, uint64_t now_ns, struct net_event *event);

/* May be sent to. */
static inline bool hop_usable(const struct hop *hop)
{
    return hop->state == NET_HOP_RESOLVED || hop->state == NET_HOP_CHECKING;
}

#endif
