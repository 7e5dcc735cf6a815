/* hdr.h - a histogram as HdrHistogram encodes it, so that its tools read ours.
 *
 * Values in ns, from 1 to an hour, to three significant digits: below 2048 exact, above in 1024
 * parts of each power of two. hdr_encode() writes the format that HdrHistogram calls V2 compressed,
 * in base64, as its interval logs hold it:
 *
 *     cookie 0x1c849314, length, then deflated (RFC 1950):
 *         cookie 0x1c849313, payload length, normalizing index offset 0, significant digits 3,
 *         lowest value 1, highest value (8 bytes each), conversion ratio 1.0 (IEEE 754),
 *         payload: the counts by index up to the last that is not 0, each as zigzag LEB128 of at
 *         most 9 bytes; a run of n > 1 zeros is the one number -n.
 *
 * All numbers are big-endian. Source: the Java library's AbstractHistogram.
 *
 * Threads: pure. Memory: the struct, 264 KiB.
 */
#ifndef REPORT_HDR_H
#define REPORT_HDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum {
    HDR_DIGITS = 3,
    HDR_HALF = 1024,            /* Parts of a power of two. */
    HDR_COUNTS = 33 * HDR_HALF, /* For values up to 2^42 ns. */
};
#define HDR_MAX_NS UINT64_C(3600000000000)

struct hdr {
    uint64_t counts[HDR_COUNTS]; /* By hdr_index(). */
    uint64_t total;              /* Values. */
    uint64_t max_ns;             /* The largest, as given. */
};

void hdr_clear(struct hdr *hdr);
/* Values over HDR_MAX_NS count as that. */
void hdr_add(struct hdr *hdr, uint64_t value_ns);
/* Index of the count for VALUE_NS, HDR_MAX_NS at most. */
uint32_t hdr_index(uint64_t value_ns);
/* Append it to OUT. False: out of memory. */
bool hdr_encode(const struct hdr *hdr, struct text *out);

#endif
