#include "traffic/template.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "net/checksum.h"
#include "net/header.h"
#include "net/wire.h"

enum {
    HOP_LIMIT = 64,
    IPV4_LENGTH_AT = 2, /* Within their headers. */
    IPV6_LENGTH_AT = 4,
    IPV4_CHECKSUM_AT = 10,
    UDP_LENGTH_AT = 4,
    UDP_CHECKSUM_AT = 6
};

static void add_field(struct template *template, const struct template_config *config,
                      enum template_field_id id);
static void write_image(struct template *template, const struct template_config *config);
static void add_size(struct template *template, const struct template_config *config,
                     uint16_t size_bytes);
static uint32_t next_value(struct template *template, struct template_field *field);

/* Words are added as the machine reads them (RFC 1071 2.B): no swapping in the sums. */
static inline uint32_t fold32(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    return (uint32_t)sum + (uint32_t)(sum >> 32);
}

static inline uint16_t finish(uint64_t sum)
{
    uint32_t folded = fold32(sum);
    folded = (folded & 0xffff) + (folded >> 16);
    folded = (folded & 0xffff) + (folded >> 16);
    return (uint16_t)~folded;
}

uint16_t template_size_min(const struct address *destination, uint16_t vlan_id)
{
    uint32_t bytes = WIRE_ETHERNET_BYTES + (vlan_id != 0 ? WIRE_VLAN_BYTES : 0u) +
                     header_ip_bytes(destination) + WIRE_UDP_BYTES + MARK_RAW_BYTES +
                     TEMPLATE_FCS_BYTES;
    return (uint16_t)(bytes > TEMPLATE_SIZE_MIN ? bytes : TEMPLATE_SIZE_MIN);
}

void template_init(struct template *template, const struct template_config *config)
{
    assert(address_is_v4(&config->source) == address_is_v4(&config->destination));
    assert(config->size_count > 0);
    *template = (struct template){.ipv4 = address_is_v4(&config->destination),
                                  .sequence = config->mark.sequence};
    template->ip_at =
        (uint16_t)(WIRE_ETHERNET_BYTES + (config->vlan_id != 0 ? WIRE_VLAN_BYTES : 0));
    template->udp_at = (uint16_t)(template->ip_at + header_ip_bytes(&config->destination));
    bool small = template->udp_at + WIRE_UDP_BYTES + MARK_RAW_BYTES <= TEMPLATE_IMAGE_SMALL_BYTES;
    template->image_bytes = small ? TEMPLATE_IMAGE_SMALL_BYTES : TEMPLATE_IMAGE_BYTES;
    random_seed(&template->random, config->seed);
    for (unsigned id = 0; id < TEMPLATE_FIELDS; id++)
        if (config->counts[id] > 1)
            add_field(template, config, id);
    write_image(template, config);
    for (uint32_t i = 0; i < config->size_count; i++)
        add_size(template, config, config->size_bytes[i]);
    for (uint32_t i = 1; i < template->size_count; i++)
        template->ip_varies |= template->sizes[i].l3_be != template->sizes[0].l3_be;
    template->ip_varies &= template->ipv4;
    if (template->ipv4) {
        uint16_t checksum = finish(template->sizes[0].ip_sum);
        memcpy(template->image + template->ip_at + IPV4_CHECKSUM_AT, &checksum, sizeof(checksum));
    }
}

void template_ethernet(struct template *template, const uint8_t to[6], const uint8_t from[6])
{
    memcpy(template->image, to, WIRE_MAC_BYTES);
    memcpy(template->image + WIRE_MAC_BYTES, from, WIRE_MAC_BYTES);
}

static inline const struct template_size *write_size(struct template *template, uint8_t *frame)
{
    const struct template_size *size = &template->sizes[template->next_size];
    uint8_t *ip = frame + template->ip_at;
    memcpy(ip + (template->ipv4 ? IPV4_LENGTH_AT : IPV6_LENGTH_AT), &size->l3_be, 2);
    memcpy(frame + template->udp_at + UDP_LENGTH_AT, &size->udp_be, 2);
    if (size->frame_bytes > template->image_bytes)
        memset(frame + template->image_bytes, 0, size->frame_bytes - template->image_bytes);
    if (++template->next_size == template->size_count)
        template->next_size = 0;
    return size;
}

/* Write the varying fields; add what they change. */
static inline void write_fields(struct template *template, uint8_t *frame, uint64_t *ip_sum,
                                uint64_t *udp_sum)
{
    for (uint32_t i = 0; i < template->field_count; i++) {
        struct template_field *field = &template->fields[i];
        uint32_t value = field->first + next_value(template, field);
        uint32_t wire;
        if (field->port) {
            uint16_t port = htobe16((uint16_t)value);
            memcpy(frame + field->at, &port, sizeof(port));
            wire = port;
        } else {
            wire = htobe32(value);
            memcpy(frame + field->at, &wire, sizeof(wire));
        }
        *udp_sum += wire;
        *ip_sum += field->in_ip ? wire : 0;
    }
}

void template_fill(struct template *template, uint8_t *const frames[], uint16_t bytes[],
                   uint32_t count)
{
    const uint32_t sequence_at = template->udp_at + WIRE_UDP_BYTES + MARK_SEQUENCE_AT;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *frame = frames[i];
        if (template->image_bytes == TEMPLATE_IMAGE_SMALL_BYTES)
            memcpy(frame, template->image, TEMPLATE_IMAGE_SMALL_BYTES);
        else
            memcpy(frame, template->image, TEMPLATE_IMAGE_BYTES);
        const struct template_size *size = write_size(template, frame);
        uint64_t ip_sum = size->ip_sum, udp_sum = size->udp_sum;
        write_fields(template, frame, &ip_sum, &udp_sum);
        uint64_t sequence = htobe64(template->sequence++);
        memcpy(frame + sequence_at, &sequence, sizeof(sequence));
        udp_sum += (sequence & UINT32_MAX) + (sequence >> 32);
        uint16_t checksum = finish(udp_sum);
        if (checksum == 0)
            checksum = UINT16_MAX; /* RFC 768: 0 means none. */
        memcpy(frame + template->udp_at + UDP_CHECKSUM_AT, &checksum, sizeof(checksum));
        if (template->ip_varies) {
            uint16_t of_ip = finish(ip_sum);
            memcpy(frame + template->ip_at + IPV4_CHECKSUM_AT, &of_ip, sizeof(of_ip));
        }
        bytes[i] = size->frame_bytes;
    }
}

static void add_field(struct template *template, const struct template_config *config,
                      enum template_field_id id)
{
    struct template_field *field = &template->fields[template->field_count++];
    const struct address *address = id == TEMPLATE_SOURCE ? &config->source : &config->destination;
    uint16_t port = id == TEMPLATE_SOURCE_PORT ? config->source_port : config->destination_port;
    field->port = id == TEMPLATE_SOURCE_PORT || id == TEMPLATE_DESTINATION_PORT;
    field->in_ip = template->ipv4 && !field->port;
    field->count = config->counts[id];
    field->random = config->random[id];
    field->first = field->port ? port : wire_get32(address->bytes + 12);
    template->ip_varies |= field->in_ip;
    if (field->port)
        field->at = template->udp_at + (id == TEMPLATE_SOURCE_PORT ? 0 : 2);
    else if (template->ipv4)
        field->at = template->ip_at + (id == TEMPLATE_SOURCE ? 12 : 16);
    else
        field->at = template->ip_at + (id == TEMPLATE_SOURCE ? 8 : 24) + 12;
}

static void write_image(struct template *template, const struct template_config *config)
{
    static const uint8_t none[WIRE_MAC_BYTES];
    const struct header_ip ip = {.source = config->source,
                                 .destination = config->destination,
                                 .hop_limit = HOP_LIMIT,
                                 .protocol = WIRE_UDP};
    uint8_t *udp = template->image + template->udp_at;
    header_ethernet(template->image, none, none, config->vlan_id,
                    template->ipv4 ? WIRE_TYPE_IPV4 : WIRE_TYPE_IPV6);
    header_ip(template->image + template->ip_at, &ip, 0, true);
    wire_put16(udp, config->source_port);
    wire_put16(udp + 2, config->destination_port);
    mark_write(&config->mark, udp + WIRE_UDP_BYTES);
}

/* Its checksums' sums, without the fields that vary, and with no sequence number. */
static void add_size(struct template *template, const struct template_config *config,
                     uint16_t size_bytes)
{
    struct template_size *size = &template->sizes[template->size_count++];
    uint8_t image[TEMPLATE_IMAGE_BYTES];
    uint8_t *ip = image + template->ip_at, *udp = image + template->udp_at;
    size->frame_bytes = (uint16_t)(size_bytes - TEMPLATE_FCS_BYTES);
    uint16_t udp_bytes = (uint16_t)(size->frame_bytes - template->udp_at);
    uint16_t l3_bytes =
        (uint16_t)(template->ipv4 ? size->frame_bytes - template->ip_at : udp_bytes);
    wire_put16((uint8_t *)&size->l3_be, l3_bytes);
    wire_put16((uint8_t *)&size->udp_be, udp_bytes);

    memcpy(image, template->image, sizeof(image));
    memcpy(ip + (template->ipv4 ? IPV4_LENGTH_AT : IPV6_LENGTH_AT), &size->l3_be, 2);
    memcpy(udp + UDP_LENGTH_AT, &size->udp_be, 2);
    memset(udp + WIRE_UDP_BYTES + MARK_SEQUENCE_AT, 0, 8);
    uint64_t udp_sum = checksum_pseudo(&config->source, &config->destination, WIRE_UDP, udp_bytes);
    udp_sum = checksum_add(udp_sum, udp, WIRE_UDP_BYTES + MARK_RAW_BYTES);
    uint64_t ip_sum = checksum_add(0, ip, WIRE_IPV4_BYTES);
    for (uint32_t i = 0; i < template->field_count; i++) {
        const struct template_field *field = &template->fields[i];
        uint32_t first = field->port ? htobe16((uint16_t)field->first) : htobe32(field->first);
        udp_sum += (uint32_t)~first;
        ip_sum += field->in_ip ? (uint32_t)~first : 0;
    }
    size->udp_sum = fold32(udp_sum);
    size->ip_sum = fold32(ip_sum);
}

/* Random ones by multiplication: the bias is below count / 2^32. */
static inline uint32_t next_value(struct template *template, struct template_field *field)
{
    if (field->random)
        return (uint32_t)(((random_next(&template->random) >> 32) * field->count) >> 32);
    uint32_t value = field->step;
    if (++field->step == field->count)
        field->step = 0;
    return value;
}
