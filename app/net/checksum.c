#include "net/checksum.h"

#include <string.h>

#include "net/wire.h"

uint64_t checksum_add(uint64_t sum, const void *bytes, uint32_t size)
{
    /* One's complement sums do not mind the byte order (RFC 1071 2.B): words are added as the
     * machine reads them, and the folded sum is swapped once at the end. */
    const uint8_t *at = bytes;
    while (size >= 8) {
        uint32_t words[2];
        memcpy(words, at, sizeof(words));
        sum += (uint64_t)words[0] + words[1];
        at += 8;
        size -= 8;
    }
    while (size >= 2) {
        uint16_t word;
        memcpy(&word, at, sizeof(word));
        sum += word;
        at += 2;
        size -= 2;
    }
    if (size == 1) {
        const uint8_t last[2] = {at[0], 0};
        uint16_t word;
        memcpy(&word, last, sizeof(word));
        sum += word;
    }
    return sum;
}

uint64_t checksum_pseudo(const struct address *from, const struct address *to, uint8_t protocol,
                         uint32_t l4_bytes)
{
    const bool v4 = address_is_v4(from) && address_is_v4(to);
    const uint32_t skip = v4 ? 12 : 0;
    uint8_t rest[8] = {0};
    wire_put32(rest, l4_bytes);
    rest[7] = protocol;
    uint64_t sum = checksum_add(0, from->bytes + skip, 16 - skip);
    sum = checksum_add(sum, to->bytes + skip, 16 - skip);
    return checksum_add(sum, rest, sizeof(rest));
}

uint16_t checksum_fold(uint64_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    const uint16_t word = (uint16_t)sum;
    uint8_t bytes[2];
    memcpy(bytes, &word, sizeof(word));
    return wire_get16(bytes);
}
