/* wire.h - numbers in network order at any alignment, and the constants of the headers below TCP.
 *
 * Threads: pure. Sources: RFC 791, 826, 768, 4861, 8200; IEEE 802.3 and 802.1Q.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    WIRE_MAC_BYTES = 6,
    WIRE_ETHERNET_BYTES = 14,
    WIRE_VLAN_BYTES = 4,
    WIRE_IPV4_BYTES = 20, /* Without options. */
    WIRE_IPV6_BYTES = 40, /* Without extension headers. */
    WIRE_TCP_BYTES = 20,  /* Without options. */
    WIRE_UDP_BYTES = 8,
    WIRE_FRAME_MIN_BYTES = 60 /* Without FCS: shorter ones are padded. */
};

enum {
    WIRE_TYPE_IPV4 = 0x0800,
    WIRE_TYPE_ARP = 0x0806,
    WIRE_TYPE_VLAN = 0x8100,
    WIRE_TYPE_QINQ = 0x88a8,
    WIRE_TYPE_IPV6 = 0x86dd
};

enum {
    WIRE_HOP_BY_HOP = 0,
    WIRE_ICMP = 1,
    WIRE_TCP = 6,
    WIRE_UDP = 17,
    WIRE_ROUTING = 43,
    WIRE_FRAGMENT = 44,
    WIRE_ICMPV6 = 58,
    WIRE_DESTINATION = 60
};

static inline uint16_t wire_get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return be16toh(value);
}

static inline uint32_t wire_get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

static inline uint64_t wire_get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return be64toh(value);
}

static inline void wire_put16(uint8_t *at, uint16_t value)
{
    value = htobe16(value);
    memcpy(at, &value, sizeof(value));
}

static inline void wire_put32(uint8_t *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof(value));
}

/* Four bytes as the machine reads them. */
static inline void wire_put_word(uint8_t *at, uint32_t word)
{
    memcpy(at, &word, sizeof(word));
}

/* Of one station: neither a group's nor all zero. */
static inline bool wire_mac_is_station(const uint8_t *mac)
{
    static const uint8_t zero[WIRE_MAC_BYTES];
    return (mac[0] & 1) == 0 && memcmp(mac, zero, WIRE_MAC_BYTES) != 0;
}

static inline bool wire_mac_equal(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, WIRE_MAC_BYTES) == 0;
}

#endif
