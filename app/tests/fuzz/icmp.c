/* fuzz: deps net_codec */
/* ICMP, neighbour discovery and ARP without the checksums that keep a fuzzer out. */
#include "net/icmp.h"

#include <stdlib.h>

#include "net/arp.h"
#include "net/nd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct address peer = {{0xfe, 0x80, [15] = 9}};
    static const struct address nobody;
    const struct address all = nd_all_nodes();
    struct arp arp;
    struct nd nd;
    if (size < ICMP_HEADER_BYTES || size > 4096)
        return 0;
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        struct icmp_error error = {.kind = ICMP_KIND_COUNT};
        const enum icmp_verdict verdict = icmp_parse(data, (uint32_t)size, ipv6, &peer, &error);
        if ((verdict == ICMP_IS_ERROR) != (error.kind != ICMP_KIND_COUNT))
            abort(); /* Written only for an error. */
        if (verdict == ICMP_IS_ERROR && (address_is_v4(&error.quoted.local) == (ipv6 == 1) ||
                                         address_is_v4(&error.quoted.remote) == (ipv6 == 1)))
            abort(); /* The quote is of the error's own family. */
    }
    nd_parse(data, (uint32_t)size, ND_HOP_LIMIT, &peer, &all, &nd);
    nd_parse(data, (uint32_t)size, ND_HOP_LIMIT, &nobody, &all, &nd);
    arp_parse(data, (uint32_t)size, &arp);
    return 0;
}
