/* template.h - raw frames: an image of Ethernet, IP and UDP headers whose fields vary.
 *
 * Frame k of a template is the image with, for each field of `count` values,
 *
 *     value = first + (k mod count)            in turn, or
 *     value = first + a random number below count
 *
 * and with k as the sequence number of the mark (mark.h) that begins the UDP payload; the rest of
 * the payload is zero. Sizes are taken in turn from a list (IMIX: a size stands in it as often as
 * its share wants). Sizes are those of the frame on the wire, FCS included, as RFC 2544 counts
 * them: the smallest is 64 for IPv4 and 82 for IPv6, and 4 more behind a VLAN tag for IPv6.
 *
 * Checksums are made from the image's by RFC 1624, equation 3: HC' = ~(~HC + ~m + m') over the
 * fields that change.
 *
 * Threads: one owner. Memory: the struct. Sources: RFC 768, 791, 1624, 2544 (9), 8200.
 */
#ifndef TRAFFIC_TEMPLATE_H
#define TRAFFIC_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/random.h"
#include "traffic/mark.h"

enum {
    TEMPLATE_SIZES = 64,            /* Entries of the list of sizes. */
    TEMPLATE_SIZE_MIN = 64,         /* Bytes with FCS. */
    TEMPLATE_SIZE_MAX = 1518,       /* The same, untagged. */
    TEMPLATE_FCS_BYTES = 4,         /* Not in the frames made here. */
    TEMPLATE_IMAGE_BYTES = 128,     /* Headers and mark, and zeros. */
    TEMPLATE_IMAGE_SMALL_BYTES = 64 /* Enough for IPv4's. */
};

enum template_field_id {
    TEMPLATE_SOURCE,
    TEMPLATE_DESTINATION,
    TEMPLATE_SOURCE_PORT,
    TEMPLATE_DESTINATION_PORT,
    TEMPLATE_FIELDS
};

struct template_config {
    struct address source;               /* The first of its range. */
    struct address destination;          /* The same; of the same family. */
    uint16_t source_port;                /* The same. */
    uint16_t destination_port;           /* The same. */
    uint32_t counts[TEMPLATE_FIELDS];    /* Values in the range; 0 and 1: the field is fixed. */
    bool random[TEMPLATE_FIELDS];        /* Else in turn. */
    uint16_t size_bytes[TEMPLATE_SIZES]; /* With FCS. */
    uint32_t size_count;                 /* 1 at least. */
    uint64_t seed;                       /* Of random fields. */
    uint16_t vlan_id;                    /* 0: untagged. */
    struct mark mark;                    /* Its sequence is where the numbers begin. */
};

/* A field that varies. Address ranges do not leave their last 4 bytes. */
struct template_field {
    uint32_t first; /* Host order. */
    uint32_t count; /* Values. */
    uint32_t at;    /* Offset in the frame. */
    uint32_t step;  /* k mod count of the next frame. */
    bool random;
    bool port;  /* 2 bytes wide; else 4. */
    bool in_ip; /* Covered by the IPv4 header's checksum too. */
};

struct template_size {
    uint16_t frame_bytes; /* Without FCS. */
    uint16_t l3_be;       /* IPv4: total length; IPv6: payload length. */
    uint16_t udp_be;      /* UDP length. */
    uint32_t ip_sum;      /* ~HC + ~m over the varying fields of the IPv4 header. */
    uint32_t udp_sum;     /* The same of UDP. */
};

struct template
{
    struct template_field fields[TEMPLATE_FIELDS]; /* field_count of them. */
    struct template_size sizes[TEMPLATE_SIZES];
    uint64_t sequence; /* Of the next frame. */
    uint32_t field_count;
    uint32_t size_count;
    uint32_t next_size; /* Index of the next frame's size. */
    uint16_t ip_at;     /* Offsets in the frame. */
    uint16_t udp_at;
    uint16_t image_bytes; /* Of the image that are copied. */
    bool ipv4;
    bool ip_varies; /* The IPv4 header is not the same in all frames. */
    struct random random;
    uint8_t image[TEMPLATE_IMAGE_BYTES]; /* First bytes of a frame, checksums 0. */
};

/* Smallest size with FCS that holds the headers and the mark. */
uint16_t template_size_min(const struct address *destination, uint16_t vlan_id);
/* CONFIG has been checked: one family, ports that stay below 65536, address ranges that stay within
 * their last 4 bytes, sizes from template_size_min() on. */
void template_init(struct template *template, const struct template_config *config);
/* Whom the frames go to, and from whom: Ethernet addresses. */
void template_ethernet(struct template *template, const uint8_t to[6], const uint8_t from[6]);
/* Write the next COUNT frames, and their sizes without FCS to BYTES. Each of FRAMES has room for
 * the largest size, and for TEMPLATE_IMAGE_BYTES. */
void template_fill(struct template *template, uint8_t *const frames[], uint16_t bytes[],
                   uint32_t count);

#endif
