/* Where the frames of raw streams may go, and in whose name: whole ranges of addresses. */
#include <errno.h>
#include <string.h>

#include "plan/experiment.h"
#include "plan/machine.h"

/* COUNT addresses from FIRST on, which differ in their last 4 bytes. */
struct range {
    struct address first;
    uint32_t count;
};

static uint32_t low_of(const struct address *address)
{
    const uint8_t *low = address->bytes + 12;

    return (uint32_t)low[0] << 24 | (uint32_t)low[1] << 16 | (uint32_t)low[2] << 8 | low[3];
}

static bool holds(const struct range *range, const struct address *address)
{
    return memcmp(range->first.bytes, address->bytes, 12) == 0 &&
           low_of(address) >= low_of(&range->first) &&
           low_of(address) - low_of(&range->first) < range->count;
}

/* Addresses of PREFIX from ADDRESS on; 0 when it does not contain it. */
static uint64_t reach(const struct prefix *prefix, const struct address *address)
{
    uint64_t size = prefix_size(prefix);

    if (!prefix_contains(prefix, address))
        return 0;
    return size > UINT32_MAX ? size : size - (low_of(address) & (size - 1));
}

/* How many addresses of RANGE, from the first on, the prefixes contain. */
static uint32_t covered(const struct prefix prefixes[], uint32_t prefix_count,
                        const struct range *range)
{
    uint64_t done = 0, most;

    do {
        struct address at = address_plus(range->first, done);
        most = 0;
        for (uint32_t i = 0; i < prefix_count; i++)
            if (reach(&prefixes[i], &at) > most)
                most = reach(&prefixes[i], &at);
        done = most > range->count - done ? range->count : done + most;
    } while (most > 0 && done < range->count);
    return (uint32_t)done;
}

static struct range sources_of(const struct experiment_raw *raw)
{
    return (struct range){raw->source, raw->counts[EXPERIMENT_RAW_SOURCES]};
}

static struct range destinations_of(const struct experiment_raw *raw, const struct address *first)
{
    return (struct range){*first, raw->counts[EXPERIMENT_RAW_DESTINATIONS]};
}

static bool is_own(const struct machine_port *port, const struct range *range)
{
    return covered(port->clients, port->client_count, range) == range->count;
}

static bool has_own(const struct machine_port *port, const struct range *range)
{
    bool any = covered(port->clients, port->client_count, range) > 0;

    for (uint32_t i = 0; i < port->client_count; i++)
        any = any || holds(range, &port->clients[i].address);
    return any;
}

bool machine_port_sends(const struct machine_port *port, const struct experiment_raw *raw,
                        const struct address *destination)
{
    struct range sources = sources_of(raw), destinations = destinations_of(raw, destination);

    if (is_own(port, &destinations))
        return false;
    if (raw->source_given)
        return raw->foreign_sources || is_own(port, &sources);
    for (uint32_t i = 0; i < port->client_count; i++)
        if (address_is_v4(&port->clients[i].address) == address_is_v4(destination))
            return true;
    return false;
}

/* Own addresses: all of one port, which then receives. */
static int check_own(const struct machine *machine, const struct range *range, const char *what,
                     bool *own, struct error *err)
{
    *own = false;
    for (uint32_t i = 0; i < machine->port_count; i++) {
        const struct machine_port *port = &machine->ports[i];
        if (!has_own(port, range))
            continue;
        if (!is_own(port, range))
            return error_set(
                err, EXIT_USAGE, -EADDRINUSE,
                "%s: some of its %u addresses are own ones of port \"%s\" in %s, others "
                "are not; want all or none",
                what, range->count, port->name, machine->path);
        *own = true;
    }
    return 0;
}

static int check_allowed(const struct machine *machine, const struct range *range, bool typed,
                         const char *what, struct error *err)
{
    uint32_t done = covered(machine->allow, machine->allow_count, range);
    char text[ADDRESS_TEXT_BYTES];
    struct address beyond;

    if (typed && done == 0) {
        struct range rest = {address_plus(range->first, 1), range->count - 1};
        done = rest.count == 0 ? 1 : 1 + covered(machine->allow, machine->allow_count, &rest);
    }
    if (done == range->count)
        return 0;
    beyond = address_plus(range->first, done);
    return error_set(err, EXIT_USAGE, -EPERM,
                     "%s: %s, one of %u addresses, is outside \"allow\" in %s; add prefixes that "
                     "contain them all if traffic may go there",
                     what, address_text(&beyond, text), range->count, machine->path);
}

int machine_check_raw(const struct machine *machine, const struct experiment_stream *stream,
                      const struct address *destination, const char *what, struct error *err)
{
    const struct experiment_raw *raw = &stream->raw;
    struct range sources = sources_of(raw), destinations = destinations_of(raw, destination);
    bool own, sends = false;
    int result = check_own(machine, &destinations, what, &own, err);

    if (result == 0 && !own)
        result = check_allowed(machine, &destinations, stream->target.typed, what, err);
    /* Whoever answers a frame answers its source. */
    if (result == 0 && raw->foreign_sources)
        result = check_allowed(machine, &sources, false, "raw.source", err);
    if (result < 0)
        return result;
    for (uint32_t i = 0; i < machine->port_count; i++)
        sends = sends || machine_port_sends(&machine->ports[i], raw, destination);
    if (sends)
        return 0;
    return error_set(err, EXIT_USAGE, -EADDRNOTAVAIL,
                     raw->source_given && !raw->foreign_sources
                         ? "%s: no other port in %s has all sources in its clients; correct "
                           "raw.source and raw.sources, or say raw.foreignSources"
                         : "%s: no port in %s can send to it: want one with clients of its family, "
                           "other than the one whose own address it is",
                     what, machine->path);
}
