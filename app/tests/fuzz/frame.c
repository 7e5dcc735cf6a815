/* fuzz: deps net_codec */
/* A whole frame, as the NIC gives it. The first byte says what the NIC has verified and whether the
 * port has a VLAN; the frame follows. What is taken lies within the frame and is what it says. */
#include "net/frame.h"

#include <stdlib.h>
#include <string.h>

#include "net/arp.h"
#include "net/icmp.h"
#include "net/nd.h"
#include "net/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_l4(const struct frame *frame, const struct own *own)
{
    require(!own_contains(own, &frame->source));
    if (frame->kind == FRAME_TCP) {
        require(frame->l4_bytes >= 20 && (frame->l4[12] >> 4) * 4 <= frame->l4_bytes);
        require(own_contains(own, &frame->destination));
    } else if (frame->kind == FRAME_UDP) {
        require(frame->l4_bytes >= 8 && wire_get16(frame->l4 + 4) == frame->l4_bytes);
        require(own_contains(own, &frame->destination));
    }
}

static void check_icmp(const struct frame *frame)
{
    struct icmp_error error;
    struct nd nd;
    switch (icmp_parse(frame->l4, frame->l4_bytes, frame->ipv6, &frame->source, &error)) {
    case ICMP_IS_ERROR:
        require(error.kind < ICMP_KIND_COUNT);
        require(error.quoted.protocol == WIRE_TCP || error.quoted.protocol == WIRE_UDP ||
                error.quoted.protocol == (frame->ipv6 ? WIRE_ICMPV6 : WIRE_ICMP));
        require(error.quoted_bytes >= 8 &&
                error.quoted_l4 + error.quoted_bytes == frame->l4 + frame->l4_bytes);
        break;
    case ICMP_IS_ND:
        if (nd_parse(frame->l4, frame->l4_bytes, frame->hop_limit, &frame->source,
                     &frame->destination, &nd))
            require(nd.target.bytes[0] != 0xff && (!nd.has_mac || (nd.mac[0] & 1) == 0));
        break;
    case ICMP_IS_ECHO:
    case ICMP_IS_REPLY:
    case ICMP_IS_OTHER:
    case ICMP_BAD_QUOTE: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct prefix pools[] = {
        {{{[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1}}, 96 + 24}, {{{0xfd, [3] = 1}}, 64}};
    static struct own own;
    if (own.count == 0)
        for (unsigned i = 0; i < 2; i++)
            require(own_add(&own, &pools[i]));
    if (size < 1 || size > 4096)
        return 0;
    const struct frame_rules rules = {
        .own = &own, .mac = {2, 0, 0, 0, 0, 1}, .vlan_id = data[0] & 4 ? 100 : 0};
    const struct frame_checked checked = {.ip = (data[0] & 1) != 0, .l4 = (data[0] & 2) != 0};
    const uint8_t *end = data + size;
    struct frame frame;
    struct arp arp;
    frame_parse(data + 1, (uint32_t)size - 1, &rules, checked, &frame);
    if (frame.kind == FRAME_DROP) {
        require(frame.drop < NET_DROP_COUNT);
        return 0;
    }
    require(frame.l4 > data && frame.l4 + frame.l4_bytes <= end);
    if (frame.kind == FRAME_ARP)
        arp_parse(frame.l4, frame.l4_bytes, &arp);
    else if (frame.kind == FRAME_ICMP)
        check_icmp(&frame);
    else
        check_l4(&frame, &own);
    return 0;
}
