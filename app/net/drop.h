/* drop.h - why a received frame went no further, or one of ours was not sent: one reason each, with
 * the sentence that reports print. Every drop increments exactly one counter.
 *
 * Threads: the counters are in struct net_port, written by its worker.
 */
#ifndef NET_DROP_H
#define NET_DROP_H

/* X(enumerator, name in files, sentence) */
#define NET_DROPS(X)                                                                               \
    X(SHORT, "short", "shorter than an Ethernet header or than its own headers say")               \
    X(SEGMENTED, "segmented", "spread over several buffers: larger than the port's MTU")           \
    X(FOREIGN_MAC, "foreign-mac", "addressed to another station")                                  \
    X(ETHERTYPE, "ethertype", "neither IPv4, IPv6 nor ARP")                                        \
    X(VLAN, "vlan", "without the port's VLAN tag, or with another one")                            \
    X(VLAN_DOUBLE, "vlan-double", "more than one VLAN tag")                                        \
    X(IP_HEADER, "ip-header", "malformed IP header")                                               \
    X(IP_CHECKSUM, "ip-checksum", "wrong IPv4 header checksum")                                    \
    X(IP_LENGTH, "ip-length", "IP length beyond the frame, or less than its header")               \
    X(IP_EXTENSIONS, "ip-extensions", "IPv6 extension headers malformed, too many, or unknown")    \
    X(IP_ADDRESS, "ip-address", "source address that cannot be answered")                          \
    X(FRAGMENT, "fragment", "IP fragment: not reassembled")                                        \
    X(NOT_OURS, "not-ours", "destination outside the port's client pools")                         \
    X(PROTOCOL, "protocol", "neither TCP, UDP nor ICMP")                                           \
    X(L4_SHORT, "l4-short", "shorter than its TCP, UDP or ICMP header says")                       \
    X(L4_CHECKSUM, "l4-checksum", "wrong TCP, UDP or ICMP checksum")                               \
    X(ARP_MALFORMED, "arp-malformed", "malformed ARP")                                             \
    X(ARP_OTHER, "arp-other", "ARP that concerns no address of ours and no next hop")              \
    X(ND_MALFORMED, "nd-malformed", "malformed neighbour discovery, or from beyond the link")      \
    X(ND_OTHER, "nd-other",                                                                        \
      "neighbour discovery that concerns no address of ours and no next hop")                      \
    X(ICMP_OTHER, "icmp-other", "ICMP of a kind that is neither answered nor used")                \
    X(ICMP_QUOTE, "icmp-quote", "ICMP error whose quoted packet is cut short or is none of ours")  \
    X(ANSWER_NO_ROOM, "answer-no-room",                                                            \
      "ARP, ND or echo answer, or probe, without room to send it")                                 \
    X(OUT_FULL, "out-full", "received when the caller had no room for it")                         \
    X(HANDOVER_FULL, "handover-full", "another worker's, whose hand-over lane was full")

enum net_drop {
#define NET_DROP_ENUM(id, name, sentence) NET_DROP_##id,
    NET_DROPS(NET_DROP_ENUM)
#undef NET_DROP_ENUM
    NET_DROP_COUNT
};

/* "l4-checksum" and the sentence; "?" when out of range. */
const char *net_drop_name(enum net_drop drop);
const char *net_drop_sentence(enum net_drop drop);

#endif
