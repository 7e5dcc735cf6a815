#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/wire.h"
#include "traffic/raw.h"

int raw_setup(struct traffic_stream *stream, uint8_t index, uint32_t worker, uint16_t run)
{
    struct raw *raw = &stream->raw;
    struct template_config config = stream->config.raw.template;
    size_t bytes = sequence_bytes(RAW_WINDOW);
    raw->template = calloc(1, sizeof(*raw->template));
    raw->senders = calloc(TRAFFIC_SENDERS, sizeof(*raw->senders));
    raw->reached = calloc(TRAFFIC_SENDERS, sizeof(*raw->reached));
    raw->windows = calloc(TRAFFIC_SENDERS, bytes);
    if (raw->template == NULL || raw->senders == NULL || raw->reached == NULL ||
        raw->windows == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < TRAFFIC_SENDERS; i++)
        sequence_init(&raw->senders[i], (uint8_t *)raw->windows + i * bytes, RAW_WINDOW);
    raw->run = run;
    config.mark =
        (struct mark){.kind = MARK_RAW, .run = run, .worker = (uint8_t)worker, .stream = index};
    config.seed += worker;
    template_init(raw->template, &config);
    raw->tuple = (struct tuple){.local = config.source,
                                .remote = config.destination,
                                .local_port = config.source_port,
                                .remote_port = config.destination_port,
                                .protocol = WIRE_UDP};
    return 0;
}

void raw_free(struct traffic_stream *stream)
{
    free(stream->raw.template);
    free(stream->raw.senders);
    free(stream->raw.reached);
    free(stream->raw.windows);
}

/* COUNT addresses from FIRST on stay within their last 4 bytes. */
static bool in_range(const struct address *first, uint32_t count)
{
    return count <= 1 || wire_get32(first->bytes + 12) <= UINT32_MAX - (count - 1);
}

/* One client pool has them all: what is sent in others' names is not to leave here. */
static bool in_pools(const struct traffic_config *config, const struct address *first,
                     uint32_t count)
{
    struct address last = address_plus(*first, count > 1 ? count - 1 : 0);
    for (uint32_t i = 0; i < config->pool_count; i++)
        if (prefix_contains(&config->pools[i], first) && prefix_contains(&config->pools[i], &last))
            return true;
    return false;
}

static bool ports_fit(uint16_t first, uint32_t count)
{
    return first != 0 && (count <= 1 || count - 1 <= (uint32_t)UINT16_MAX - first);
}

/* Of the frames of the I-th size: what IP sees. */
static uint32_t packet_bytes(const struct template_config *template, uint32_t i)
{
    uint32_t ethernet = WIRE_ETHERNET_BYTES + (template->vlan_id != 0 ? WIRE_VLAN_BYTES : 0u);
    return template->size_bytes[i] - ethernet - TEMPLATE_FCS_BYTES;
}

const char *raw_wrong(const struct traffic_config *config,
                      const struct traffic_stream_config *stream)
{
    const struct template_config *template = &stream->raw.template;
    const uint32_t *counts = template->counts;
    if (address_is_v4(&template->source) != address_is_v4(&template->destination))
        return "raw: source and destination must be of one family";
    if (!in_range(&template->source, counts[TEMPLATE_SOURCE]) ||
        !in_range(&template->destination, counts[TEMPLATE_DESTINATION]))
        return "raw: a range of addresses must not leave their last 4 bytes";
    if (!stream->raw.foreign && !in_pools(config, &template->source, counts[TEMPLATE_SOURCE]))
        return "raw.source: all addresses must be in one client pool of the NIC port";
    if (!ports_fit(template->source_port, counts[TEMPLATE_SOURCE_PORT]) ||
        !ports_fit(template->destination_port, counts[TEMPLATE_DESTINATION_PORT]))
        return "raw: ports must be 1 to 65535";
    if (template->size_count == 0 || template->size_count > TEMPLATE_SIZES)
        return "raw.sizes: 1 to 64 are possible";
    for (uint32_t i = 0; i < template->size_count; i++)
        if (template->size_bytes[i] <
                template_size_min(&template->destination, template->vlan_id) ||
            template->size_bytes[i] > TEMPLATE_SIZE_MAX)
            return "raw.sizes: frames have 64 to 1518 bytes with FCS; of IPv6 82, and 4 more "
                   "behind "
                   "a VLAN tag (IPv4: 66)";
    for (uint32_t i = 0; i < template->size_count && config->mtu_bytes != 0; i++)
        if (packet_bytes(template, i) > config->mtu_bytes)
            return "raw.sizes: a frame's packet must fit the NIC port's MTU: 18 bytes more with "
                   "FCS, "
                   "22 behind a VLAN tag";
    return NULL;
}
