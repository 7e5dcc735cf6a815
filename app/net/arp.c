#include "net/arp.h"

#include "net/wire.h"

enum {
    HARDWARE_ETHERNET = 1,
    OPERATION_REQUEST = 1,
    OPERATION_REPLY = 2
};

bool arp_parse(const uint8_t *bytes, uint32_t size, struct arp *arp)
{
    if (size < ARP_BYTES)
        return false;
    const uint16_t operation = wire_get16(bytes + 6);
    if (wire_get16(bytes) != HARDWARE_ETHERNET || wire_get16(bytes + 2) != WIRE_TYPE_IPV4)
        return false;
    if (bytes[4] != WIRE_MAC_BYTES || bytes[5] != 4)
        return false;
    if (operation != OPERATION_REQUEST && operation != OPERATION_REPLY)
        return false;
    const uint8_t *sender_mac = bytes + 8;
    const uint8_t *sender = bytes + 14;
    if (!wire_mac_is_station(sender_mac) || sender[0] >= 224 || sender[0] == 127)
        return false;

    arp->request = operation == OPERATION_REQUEST;
    memcpy(arp->sender_mac, sender_mac, WIRE_MAC_BYTES);
    arp->sender = address_from_v4(sender);
    arp->target = address_from_v4(bytes + 24);
    return true;
}

void arp_build(uint8_t *out, const struct arp *arp, const uint8_t *target_mac)
{
    wire_put16(out, HARDWARE_ETHERNET);
    wire_put16(out + 2, WIRE_TYPE_IPV4);
    out[4] = WIRE_MAC_BYTES;
    out[5] = 4;
    wire_put16(out + 6, arp->request ? OPERATION_REQUEST : OPERATION_REPLY);
    memcpy(out + 8, arp->sender_mac, WIRE_MAC_BYTES);
    memcpy(out + 14, arp->sender.bytes + 12, 4);
    if (target_mac != NULL)
        memcpy(out + 18, target_mac, WIRE_MAC_BYTES);
    else
        memset(out + 18, 0, WIRE_MAC_BYTES);
    memcpy(out + 24, arp->target.bytes + 12, 4);
}
