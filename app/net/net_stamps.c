#define ALLOW_EXPERIMENTAL_API /* rte_eth_read_clock() */
#include "net/net_stamps.h"

#include <rte_mbuf_dyn.h>

#include "net/net_priv.h"
#include "net/net_timed.h"

static bool read_clock(struct net_port *port, struct nic_clock_sample *sample);
static void note_jump(struct net_port *port, uint64_t now_ns);

void net_stamps_tick(struct net_port *port, uint64_t now_ns)
{
    struct net_stamps *stamps = port->stamps;
    struct nic_clock_sample sample;
    if (port->rx_wire < NET_BURST)
        stamps->empty_ns = now_ns;
    if (stamps->clock == NULL || now_ns < stamps->next_ns)
        return;
    if (!read_clock(port, &sample)) {
        port->counters.clock_failures++;
        nic_clock_forget(&stamps->nic);
        net_timed_let_go(port);
    } else if (!nic_clock_add(&stamps->nic, sample)) {
        note_jump(port, now_ns);
    }
    stamps->next_ns = nic_clock_next_ns(&stamps->nic, now_ns);
}

/* Told as of a poll: it came within [arrival - uncertainty, arrival]. */
void net_stamps_arrival(struct net_port *port, const struct rte_mbuf *mbuf,
                        struct net_packet *packet)
{
    const struct net_stamps *stamps = port->stamps;
    const uint64_t now_ns = packet->arrival_ns;
    if ((mbuf->ol_flags & stamps->rx_flag) == 0 || !nic_clock_usable(&stamps->nic, now_ns))
        return;
    const uint64_t ticks = *RTE_MBUF_DYNFIELD(mbuf, stamps->field, const rte_mbuf_timestamp_t *);
    const uint64_t at_ns = nic_clock_run_ns(&stamps->nic, ticks);
    const uint64_t bound_ns = nic_clock_bound_ns(&stamps->nic, at_ns);
    const uint64_t empty_ns =
        stamps->empty_ns < port->rx_since_ns ? stamps->empty_ns : port->rx_since_ns;
    if (at_ns > now_ns + bound_ns || at_ns + bound_ns + NET_STAMPS_SLACK_NS < empty_ns) {
        port->counters.rx_stamps_refused++;
        return;
    }
    const uint64_t from_ns = at_ns > bound_ns ? at_ns - bound_ns : 0;
    if (at_ns + bound_ns < now_ns)
        packet->arrival_ns = at_ns + bound_ns;
    packet->uncertainty_ns = packet->arrival_ns - from_ns;
    port->counters.rx_stamps++;
    if (bound_ns > port->counters.clock_bound_ns)
        port->counters.clock_bound_ns = bound_ns;
}

/* The narrowest of some brackets; one that is hardly wider than the best so far will do. */
static bool read_clock(struct net_port *port, struct nic_clock_sample *sample)
{
    struct net_stamps *stamps = port->stamps;
    *sample = (struct nic_clock_sample){.half_width_ns = UINT64_MAX};
    for (unsigned i = 0; i < NET_STAMPS_BRACKETS; i++) {
        uint64_t ticks;
        const uint64_t before = clock_tsc();
        if (rte_eth_read_clock(port->port_id, &ticks) != 0)
            return false;
        const uint64_t after_ns = clock_now_ns(stamps->clock);
        const uint64_t before_ns = clock_ns(stamps->clock, before);
        const uint64_t half_ns = (after_ns - before_ns + 1) / 2;
        if (half_ns < sample->half_width_ns)
            *sample = (struct nic_clock_sample){before_ns + half_ns, ticks, half_ns};
        if (half_ns <= stamps->best_half_ns + stamps->best_half_ns / 2)
            break;
    }
    if (stamps->best_half_ns == 0 || sample->half_width_ns < stamps->best_half_ns)
        stamps->best_half_ns = sample->half_width_ns;
    return true;
}

static void note_jump(struct net_port *port, uint64_t now_ns)
{
    port->counters.clock_jumps++;
    net_timed_let_go(port);
    net_event_add(port, &(struct net_event){.kind = NET_EVENT_CLOCK, .at_ns = now_ns});
}
