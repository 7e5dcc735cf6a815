#include "run/raw_of.h"

#include "traffic/ports.h"

bool raw_of_client(const struct machine_port *port, const struct address *wanted,
                   struct address *client)
{
    for (uint32_t i = 0; i < port->client_count; i++)
        if (address_is_v4(&port->clients[i].address) == address_is_v4(wanted) &&
            ports_addresses_of(&port->clients[i], client, 1) == 1)
            return true;
    return false;
}

struct traffic_raw raw_of(const struct experiment *experiment,
                          const struct experiment_stream *stream, const struct machine_port *port,
                          const struct target *target)
{
    static const enum experiment_raw_field fields[TEMPLATE_FIELDS] = {
        [TEMPLATE_SOURCE] = EXPERIMENT_RAW_SOURCES,
        [TEMPLATE_DESTINATION] = EXPERIMENT_RAW_DESTINATIONS,
        [TEMPLATE_SOURCE_PORT] = EXPERIMENT_RAW_SOURCE_PORTS,
        [TEMPLATE_DESTINATION_PORT] = EXPERIMENT_RAW_DESTINATION_PORTS,
    };
    const struct experiment_raw *raw = &stream->raw;
    struct traffic_raw made = {.foreign = raw->foreign_sources};
    struct template_config *template = &made.template;
    template->destination = target->address;
    template->source_port = raw->source_port;
    template->destination_port = target->port;
    template->vlan_id = (uint16_t)port->vlan;
    template->seed = experiment->seed;
    template->size_count = raw->size_count;
    for (uint32_t i = 0; i < raw->size_count; i++)
        template->size_bytes[i] = (uint16_t)raw->sizes[i];
    raw_of_client(port, &target->address, &template->source);
    if (!target->sends)
        return made;
    if (raw->source_given)
        template->source = raw->source;
    for (unsigned i = 0; i < TEMPLATE_FIELDS; i++) {
        template->counts[i] = raw->counts[fields[i]];
        template->random[i] = raw->random >> fields[i] & 1;
    }
    return made;
}
