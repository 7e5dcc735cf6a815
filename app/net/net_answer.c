/* What ends in net/: ARP, neighbour discovery and echo, and our own probes. */
#include "net/arp.h"
#include "net/checksum.h"
#include "net/header.h"
#include "net/nd.h"
#include "net/net_priv.h"

#define CONFLICT_EVERY_NS UINT64_C(1000000000)

uint8_t *net_answer_begin(struct net_port *port, uint32_t bytes, struct rte_mbuf **mbuf)
{
    if (port->tx_count >= NET_TX_PLACES || port->spare_count == 0) {
        net_count_drop(port, NET_DROP_ANSWER_NO_ROOM);
        return NULL;
    }
    *mbuf = port->spare[--port->spare_count];
    (*mbuf)->data_len = (uint16_t)bytes;
    (*mbuf)->pkt_len = bytes;
    return rte_pktmbuf_mtod(*mbuf, uint8_t *);
}

void net_answer_commit(struct net_port *port, struct rte_mbuf *mbuf)
{
    port->tx[port->tx_count++] = mbuf;
}

static uint32_t ethernet_bytes(const struct net_port *port)
{
    return WIRE_ETHERNET_BYTES + (port->rules.vlan_id != 0 ? WIRE_VLAN_BYTES : 0u);
}

/* Another station uses an address of ours: at most one event a second. */
static void note_conflict(struct net_port *port, const struct address *address, const uint8_t *mac,
                          uint64_t now_ns)
{
    if (wire_mac_equal(mac, port->rules.mac) || now_ns < port->conflict_ns)
        return;
    port->conflict_ns = now_ns + CONFLICT_EVERY_NS;
    struct net_event event = {.kind = NET_EVENT_CONFLICT, .at_ns = now_ns, .address = *address};
    memcpy(event.mac, mac, WIRE_MAC_BYTES);
    net_event_add(port, &event);
}

/* Tell the table; true if ADDRESS is a next hop. */
static bool hear(struct net_port *port, const struct address *address, const uint8_t *mac,
                 enum hop_source source, uint64_t now_ns)
{
    struct net_event event;
    const int hop = hop_find(&port->hops, address);
    if (hop < 0)
        return false;
    if (hop_heard(&port->hops, (unsigned)hop, mac, source, now_ns, &event))
        net_event_add(port, &event);
    return true;
}

static bool send_arp(struct net_port *port, const struct arp *arp, const uint8_t *to)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct rte_mbuf *mbuf;
    uint8_t *at = net_answer_begin(port, ethernet_bytes(port) + ARP_BYTES, &mbuf);
    if (at == NULL)
        return false;
    at += header_ethernet(at, to != NULL ? to : broadcast, port->rules.mac, port->rules.vlan_id,
                          WIRE_TYPE_ARP);
    arp_build(at, arp, to);
    net_answer_commit(port, mbuf);
    return true;
}

bool net_answer_arp(struct net_port *port, const struct frame *frame, bool handed, uint64_t now_ns)
{
    struct arp arp;
    if (!arp_parse(frame->l4, frame->l4_bytes, &arp)) {
        net_count_drop(port, NET_DROP_ARP_MALFORMED);
        return false;
    }
    if (own_contains(&port->own, &arp.sender)) {
        note_conflict(port, &arp.sender, arp.sender_mac, now_ns);
        return false;
    }
    const bool for_us = own_contains(&port->own, &arp.target);
    const bool answer = !arp.request && for_us && !frame->to_group;
    const bool from_hop =
        hear(port, &arp.sender, arp.sender_mac, answer ? HOP_ANSWER : HOP_CLAIM, now_ns);
    if (arp.request && for_us && !handed) {
        struct arp reply = {.sender = arp.target, .target = arp.sender};
        memcpy(reply.sender_mac, port->rules.mac, WIRE_MAC_BYTES);
        port->counters.arp_answers += send_arp(port, &reply, arp.sender_mac);
    } else if (!from_hop) {
        net_count_drop(port, NET_DROP_ARP_OTHER);
    }
    return from_hop;
}

/* Begin an IP packet of ours with L4_BYTES behind the headers. */
static uint8_t *begin_ip(struct net_port *port, const struct header_ip *ip, const uint8_t *to,
                         uint16_t l4_bytes, struct rte_mbuf **mbuf)
{
    const bool ipv4 = address_is_v4(&ip->destination);
    const uint32_t l3_bytes = header_ip_bytes(&ip->destination);
    uint8_t *at = net_answer_begin(port, ethernet_bytes(port) + l3_bytes + l4_bytes, mbuf);
    if (at == NULL)
        return NULL;
    at += header_ethernet(at, to, port->rules.mac, port->rules.vlan_id,
                          ipv4 ? WIRE_TYPE_IPV4 : WIRE_TYPE_IPV6);
    return at + header_ip(at, ip, l4_bytes, false);
}

static bool send_nd(struct net_port *port, const struct nd *nd, const struct address *from,
                    const struct address *to, const uint8_t *to_mac)
{
    const struct header_ip ip = {
        .source = *from,
        .destination = *to,
        .hop_limit = ND_HOP_LIMIT,
        .protocol = WIRE_ICMPV6,
    };
    struct rte_mbuf *mbuf;
    uint8_t *at = begin_ip(port, &ip, to_mac, ND_BYTES, &mbuf);
    if (at == NULL)
        return false;
    nd_build(at, nd, from, to);
    net_answer_commit(port, mbuf);
    return true;
}

/* Advertise the target, which is ours: RFC 4861 7.2.4. */
static void advertise(struct net_port *port, const struct frame *frame, const struct nd *asked)
{
    static const struct address zero;
    const bool duplicate_check = address_equal(&frame->source, &zero);
    struct nd answer = {
        .solicited = !duplicate_check,
        .override = true,
        .target = asked->target,
    };
    memcpy(answer.mac, port->rules.mac, WIRE_MAC_BYTES);
    struct address to = frame->source;
    uint8_t to_mac[6];
    memcpy(to_mac, asked->has_mac ? asked->mac : frame->mac, WIRE_MAC_BYTES);
    if (duplicate_check) {
        to = nd_all_nodes();
        nd_group_mac(&to, to_mac);
    }
    port->counters.nd_answers += send_nd(port, &answer, &asked->target, &to, to_mac);
}

static bool hear_solicitation(struct net_port *port, const struct frame *frame, const struct nd *nd,
                              uint64_t now_ns)
{
    return nd->has_mac && hear(port, &frame->source, nd->mac, HOP_CLAIM, now_ns);
}

/* RFC 4861 7.2.5. Without the option the known MAC answered to a unicast probe. */
static bool hear_advertisement(struct net_port *port, const struct nd *nd, uint64_t now_ns)
{
    const int index = hop_find(&port->hops, &nd->target);
    if (index < 0)
        return false;
    const struct hop *hop = &port->hops.hops[index];
    if (!nd->has_mac && !hop->has_mac)
        return false;
    uint8_t mac[6];
    memcpy(mac, nd->has_mac ? nd->mac : hop->mac, WIRE_MAC_BYTES);
    const bool same = !hop->has_mac || wire_mac_equal(mac, hop->mac);
    enum hop_source source = nd->override ? HOP_CLAIM : HOP_MENTION;
    if (nd->solicited && (nd->override || same))
        source = HOP_ANSWER;
    return hear(port, &nd->target, mac, source, now_ns);
}

bool net_answer_nd(struct net_port *port, const struct frame *frame, bool handed, uint64_t now_ns)
{
    struct nd nd;
    if (!nd_parse(frame->l4, frame->l4_bytes, frame->hop_limit, &frame->source, &frame->destination,
                  &nd)) {
        net_count_drop(port, NET_DROP_ND_MALFORMED);
        return false;
    }
    const bool for_us = own_contains(&port->own, &nd.target);
    if (!nd.solicitation && for_us) {
        note_conflict(port, &nd.target, nd.has_mac ? nd.mac : frame->mac, now_ns);
        return false;
    }
    const bool from_hop = nd.solicitation ? hear_solicitation(port, frame, &nd, now_ns)
                                          : hear_advertisement(port, &nd, now_ns);
    if (for_us && !handed)
        advertise(port, frame, &nd);
    else if (!from_hop)
        net_count_drop(port, NET_DROP_ND_OTHER);
    return from_hop;
}

void net_answer_echo(struct net_port *port, const struct frame *frame)
{
    static const struct address zero;
    const uint32_t l3_bytes = header_ip_bytes(&frame->destination);
    if (address_equal(&frame->source, &zero) || frame->destination.bytes[0] == 0xff ||
        !wire_mac_is_station(frame->mac) || l3_bytes + frame->l4_bytes > port->mtu_bytes) {
        net_count_drop(port, NET_DROP_ICMP_OTHER);
        return;
    }
    const struct header_ip ip = {
        .source = frame->destination,
        .destination = frame->source,
        .hop_limit = NET_HOP_LIMIT,
        .protocol = frame->ipv6 ? WIRE_ICMPV6 : WIRE_ICMP,
    };
    struct rte_mbuf *mbuf;
    uint8_t *icmp = begin_ip(port, &ip, frame->mac, frame->l4_bytes, &mbuf);
    if (icmp == NULL)
        return;
    memcpy(icmp, frame->l4, frame->l4_bytes);
    icmp[0] = frame->ipv6 ? ICMP_V6_ECHO_REPLY : ICMP_V4_ECHO_REPLY;
    wire_put16(icmp + 2, 0);
    uint64_t sum = 0;
    if (frame->ipv6)
        sum = checksum_pseudo(&ip.source, &ip.destination, WIRE_ICMPV6, frame->l4_bytes);
    wire_put16(icmp + 2, checksum_finish(checksum_add(sum, icmp, frame->l4_bytes)));
    net_answer_commit(port, mbuf);
    port->counters.echo_answers++;
}

void net_answer_probe(struct net_port *port, const struct hop_probe *probe)
{
    if (address_is_v4(&probe->address)) {
        struct arp request = {
            .request = true,
            .sender = port->own.ask_v4,
            .target = probe->address,
        };
        memcpy(request.sender_mac, port->rules.mac, WIRE_MAC_BYTES);
        port->counters.probes += send_arp(port, &request, probe->unicast ? probe->mac : NULL);
        return;
    }
    struct nd solicitation = {.solicitation = true, .target = probe->address};
    memcpy(solicitation.mac, port->rules.mac, WIRE_MAC_BYTES);
    struct address to = probe->address;
    uint8_t to_mac[6];
    memcpy(to_mac, probe->mac, WIRE_MAC_BYTES);
    if (!probe->unicast) {
        to = nd_solicited_node(&probe->address);
        nd_group_mac(&to, to_mac);
    }
    port->counters.probes += send_nd(port, &solicitation, &port->own.link_local, &to, to_mac);
}
