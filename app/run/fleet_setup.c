/* fleet_setup.c - ports, groups and workers are made here; fleet.c runs them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <rte_launch.h>

#include "net/net_impair.h"
#include "run/fleet.h"
#include "run/law_of.h"
#include "run/packets_of.h"
#include "run/placement.h"
#include "run/raw_of.h"
#include "run/tcp_of.h"

static enum net_memory memory_of(const struct machine *machine)
{
    switch (machine->hugepages) {
    case MACHINE_HUGEPAGES_YES: return NET_MEMORY_HUGE;
    case MACHINE_HUGEPAGES_NO: return NET_MEMORY_PAGES;
    default: return NET_MEMORY_AUTO;
    }
}

static int start_eal(struct fleet *fleet, const char *program, bool telemetry, struct error *err)
{
    const struct machine *machine = fleet->machine;
    struct net_eal_config config = {.main_core = machine->control,
                                    .memory = memory_of(machine),
                                    .memory_mib = machine->memory_megabytes,
                                    .worker_count = fleet->count,
                                    .telemetry = telemetry,
                                    .program = program};
    for (unsigned i = 0; i < fleet->count; i++)
        config.worker_cores[i] = (int)machine->workers[i];
    for (unsigned i = 0; i < fleet->nic_count; i++)
        if (machine->ports[i].pci != NULL && config.pci_count < NET_PCI_MAX)
            config.pci[config.pci_count++] = machine->ports[i].pci;
    int code = net_eal_start(&config, &fleet->eal_report, err);
    fleet->eal = code == 0;
    return code;
}

int fleet_open_nic(struct fleet *fleet, unsigned index, const char *drivers, struct error *err)
{
    const struct machine_port *port = &fleet->machine->ports[index];
    struct fleet_nic *nic = &fleet->nics[index];
    struct net_port_config config = {
        .name = port->name,
        .profile = port->profile,
        .device = port->iface ? port->iface
                  : port->pci ? port->pci
                              : port->socket,
        .mtu_bytes = (uint16_t)port->mtu,
        .vlan_id = (uint16_t)port->vlan,
        .queues = (uint16_t)port->queues,
        .stamping =
            port->timestamps == MACHINE_TIMESTAMPS_OFF ? NET_STAMPING_OFF : NET_STAMPING_AUTO,
    };
    if (port->client_count > NET_POOLS_MAX)
        return error_set(err, EXIT_USAGE, -E2BIG, "ports.%s.clients: at most %d prefixes",
                         port->name, NET_POOLS_MAX);
    for (uint32_t i = 0; i < port->client_count; i++)
        config.pools[config.pool_count++] = port->clients[i];
    struct net_port *ports[NET_QUEUES_MAX];
    int code = net_port_open(&config, drivers, ports, nic->note, err);
    if (code < 0)
        return code;
    for (unsigned i = 0; i < port->queues; i++)
        fleet->members[nic->first + i].port = ports[i];
    nic->open = true;
    nic->link_up = net_link_up(ports[0]);
    nic->looked_ns = clock_now_ns(fleet->clock);
    return 0;
}

/* Whose worker is on which core, and what is to be said about that. */
static int look_around(struct fleet *fleet, bool lab, struct error *err)
{
    struct placement *placement = calloc(1, sizeof(*placement));
    if (placement == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    placement_read(placement, "/sys");
    placement->control = fleet->machine->control;
    placement->lab = lab;
    for (unsigned i = 0; i < fleet->count; i++)
        placement->workers[placement->worker_count++] =
            (struct placement_worker){.core = fleet->machine->workers[i],
                                      .nic = fleet->members[i].nic->config->name,
                                      .nic_node = net_port_socket(fleet->members[i].port)};
    placement_warn(placement, &fleet->warnings);
    free(placement);
    return 0;
}

int fleet_begin(struct fleet *fleet, const struct machine *machine, const struct clock *clock,
                const char *program, bool telemetry, struct error *err)
{
    memset(fleet, 0, sizeof(*fleet));
    fleet->machine = machine;
    fleet->clock = clock;
    fleet->nic_count = machine->port_count;
    for (unsigned i = 0; i < fleet->nic_count; i++) {
        fleet->nics[i] = (struct fleet_nic){.config = &machine->ports[i], .first = fleet->count};
        for (unsigned q = 0; q < machine->ports[i].queues; q++)
            fleet->members[fleet->count++].nic = &fleet->nics[i];
    }
    return start_eal(fleet, program, telemetry, err);
}

int fleet_open(struct fleet *fleet, const struct machine *machine, const struct clock *clock,
               const char *drivers, const char *program, bool lab, bool telemetry,
               struct error *err)
{
    int code = fleet_begin(fleet, machine, clock, program, telemetry, err);
    for (unsigned i = 0; i < fleet->nic_count && code == 0; i++)
        code = fleet_open_nic(fleet, i, drivers, err);
    return code == 0 ? look_around(fleet, lab, err) : code;
}

/* The share of TOTAL that member INDEX of COUNT has. */
static uint32_t share(uint32_t total, unsigned index, unsigned count)
{
    return total / count + (index < total % count);
}

static struct traffic_stream_config stream_config(const struct fleet *fleet, unsigned member,
                                                  const struct experiment_stream *stream,
                                                  uint64_t late_ns)
{
    static const enum traffic_protocol protocols[] = {
        [EXPERIMENT_PROTOCOL_CTRAFFIC] = TRAFFIC_CTRAFFIC,
        [EXPERIMENT_PROTOCOL_CONNECT] = TRAFFIC_CONNECT,
        [EXPERIMENT_PROTOCOL_UDP] = TRAFFIC_UDP,
        [EXPERIMENT_PROTOCOL_ICMP] = TRAFFIC_ICMP,
        [EXPERIMENT_PROTOCOL_HTTP] = TRAFFIC_HTTP,
        [EXPERIMENT_PROTOCOL_MCONNECT] = TRAFFIC_MCONNECT,
        [EXPERIMENT_PROTOCOL_RAW] = TRAFFIC_RAW,
        [EXPERIMENT_PROTOCOL_HTTPS] = TRAFFIC_HTTP,
    };
    static const enum traffic_pattern patterns_of[] = {
        [EXPERIMENT_MODE_HELD] = TRAFFIC_HELD,
        [EXPERIMENT_MODE_OPEN] = TRAFFIC_OPEN,
        [EXPERIMENT_MODE_CLOSED] = TRAFFIC_CLOSED,
    };
    bool held = stream->mode == EXPERIMENT_MODE_HELD;
    struct traffic_stream_config config = traffic_stream_default(protocols[stream->protocol]);
    if (config.pattern != TRAFFIC_ECHO && config.pattern != TRAFFIC_ONE_WAY)
        config.pattern = patterns_of[stream->mode];
    config.keep_alive = stream->keep_alive;
    config.depth = stream->pipelining;
    config.think_ns = (uint64_t)stream->think_ns;
    snprintf(config.name, sizeof(config.name), "%s", stream->name);
    config.flows = share(stream->connections, member, fleet->count);
    for (unsigned i = 0; i < member; i++)
        config.flow_first += share(stream->connections, i, fleet->count);
    /* Others that are open are bounded by the pool alone. */
    if (stream->mode == EXPERIMENT_MODE_OPEN && experiment_is_http(stream))
        config.connections = config.flows > 0 ? config.flows : 1;
    if (stream->mode != EXPERIMENT_MODE_CLOSED) {
        /* Streams that share a law take turns with what all workers have of each. */
        uint32_t slots = held ? stream->connections : fleet->count;
        if (stream->connections > 0 && stream->connections < slots)
            slots = stream->connections; /* The others have no share. */
        config.slot_first = held ? config.flow_first : member;
        if (stream->turn_list == NULL)
            config.slot_first += (stream->turn - 1) * slots;
        config.turns = stream->turn_list;
        config.turn_count = stream->turn_count;
        config.slot_step = slots;
        config.slot_stride = slots * stream->turns;
        config.law = law_of(&stream->pace);
    }
    config.catch_up =
        stream->catch_up == EXPERIMENT_CATCH_UP_SKIP ? TRAFFIC_SKIP : TRAFFIC_SEND_LATE;
    config.unsent_after_ns = (uint64_t)stream->catch_up_within_ns;
    config.size_bytes = stream->size_bytes;
    config.timeout_ns = (uint64_t)stream->timeout_ns;
    config.connect_timeout_ns = (uint64_t)stream->connect_timeout_ns;
    config.late_ns = late_ns;
    config.reconnect = stream->reconnect == EXPERIMENT_RECONNECT_NEVER ? TRAFFIC_RECONNECT_NEVER
                                                                       : TRAFFIC_RECONNECT_AT_ONCE;
    config.retries = stream->retries;
    /* A loop tells of an outage by what it asks: it goes on asking. */
    if (config.pattern == TRAFFIC_CLOSED)
        config.back_off_ns = config.back_off_max_ns = UINT64_C(10000000);
    return config;
}

static void set_target(struct traffic_stream_config *config, const struct target *target,
                       unsigned group)
{
    uint16_t port = config->protocol == TRAFFIC_ICMP ? 0 : target->port;
    config->targets[0] =
        (struct traffic_target){.address = target->address, .port = port, .group = (uint16_t)group};
    config->target_count = 1;
}

/* TARGETS' entry for STREAM and the NIC port of MEMBER. */
static const struct target *target_of(const struct fleet *fleet, const struct fleet_member *member,
                                      const struct target *targets, unsigned stream)
{
    return &targets[stream * FLEET_NICS + (unsigned)(member->nic - fleet->nics)];
}

/* Each worker of a port that sends has a share of its frames. */
static void set_frames(struct traffic_stream_config *config, const struct fleet *fleet,
                       unsigned index, const struct experiment *experiment, unsigned stream,
                       const struct target *targets)
{
    const struct experiment_stream *of = &experiment->streams[stream];
    const struct fleet_member *member = &fleet->members[index];
    uint32_t senders = 0, before = 0;
    for (unsigned i = 0; i < fleet->count; i++) {
        before = i == index ? senders : before;
        senders += target_of(fleet, &fleet->members[i], targets, stream)->sends;
    }
    config->flows = 1;
    config->flow_first = 0;
    config->slot_first = before + (of->turn - 1) * senders;
    config->slot_stride = senders * of->turns;
    config->raw =
        raw_of(experiment, of, member->nic->config, target_of(fleet, member, targets, stream));
}

/* The same for all queues of a NIC port, and before any of them resolves its next hops: answers may
 * come to any queue, and it must know whom they are about. */
static int make_groups(struct fleet *fleet, const struct experiment *experiment,
                       const struct target *targets, struct error *err)
{
    for (unsigned i = 0; i < fleet->count; i++) {
        struct fleet_member *member = &fleet->members[i];
        for (unsigned s = 0; s < experiment->stream_count; s++) {
            const struct target *target = target_of(fleet, member, targets, s);
            int group = net_group_add(member->port, target->hops, target->hop_count, err);
            if (group < 0) {
                error_wrap(err, "streams.%s", experiment->streams[s].name);
                return group;
            }
            member->groups[s] = (uint16_t)group;
        }
    }
    return 0;
}

/* The requests of HTTP streams, one for all workers, and the TLS of those that have it. */
static int make_requests(struct fleet *fleet, const struct experiment *experiment,
                         const struct target *targets, struct error *err)
{
    int code = 0;
    for (unsigned i = 0; i < experiment->stream_count && code == 0; i++) {
        const struct experiment_stream *stream = &experiment->streams[i];
        const struct target *target = target_of(fleet, &fleet->members[0], targets, i);
        if (!experiment_is_http(stream))
            continue;
        code = http_of_make(experiment->path, stream, target, &fleet->http[i], err);
        if (code < 0)
            error_wrap(err, "streams.%s.http", stream->name);
        else if (stream->protocol == EXPERIMENT_PROTOCOL_HTTPS)
            code = tls_of_make(experiment->path, stream, target, &fleet->tls[i], err);
    }
    return code;
}

/* A worker beyond a stream's connections, or whose port only receives, has it too, with one flow,
 * and never starts it. */
static void make_streams(struct fleet *fleet, unsigned index, const struct experiment *experiment,
                         const struct target *targets, struct traffic_config *config)
{
    const struct fleet_member *member = &fleet->members[index];
    config->stream_count = experiment->stream_count;
    for (unsigned i = 0; i < experiment->stream_count; i++) {
        const struct experiment_stream *stream = &experiment->streams[i];
        struct traffic_stream_config *made = &config->streams[i];
        *made = stream_config(fleet, index, stream, (uint64_t)experiment->windows.late_ns);
        made->messages = fleet->http[i].messages;
        made->message_count = fleet->http[i].count;
        made->expect = &fleet->http[i].expect;
        made->tls = stream->protocol == EXPERIMENT_PROTOCOL_HTTPS ? &fleet->tls[i].config : NULL;
        set_target(made, target_of(fleet, member, targets, i), member->groups[i]);
        if (stream->protocol == EXPERIMENT_PROTOCOL_RAW)
            set_frames(made, fleet, index, experiment, i, targets);
        if (!target_of(fleet, member, targets, i)->sends) {
            made->slot_first = 0;
        } else if (made->flows > 0 || stream->connections == 0) {
            fleet->shares[i] |= UINT64_C(1) << index;
        } else {
            made->flows = 1;
            made->slot_first = 0;
        }
    }
}

/* Requests a second. What a closed loop will do nobody knows: as fast as it may be, within bounds
 * that a log can be made for. */
static double expected_rate(const struct experiment_stream *stream)
{
    double most = 50000;
    if (stream->protocol == EXPERIMENT_PROTOCOL_RAW)
        return 0; /* Counted, not logged. */
    if (stream->mode != EXPERIMENT_MODE_CLOSED)
        return stream->rate_per_s;
    double thinking = stream->think_ns > 0 ? 1e9 * stream->connections / (double)stream->think_ns
                                           : 5000.0 * stream->connections * stream->pipelining;
    return thinking < most ? thinking : most;
}

/* The logs are emptied once a second: room for eight, or for all of a short run and as much again.
 * Bounded, and a full log is told. */
static void set_capacity(struct worker_config *config, const struct experiment *experiment,
                         unsigned workers, double seconds)
{
    double requests = 0, connections = 0;
    for (unsigned i = 0; i < experiment->stream_count; i++) {
        requests += expected_rate(&experiment->streams[i]) * (seconds < 4 ? 2 * seconds : 8);
        connections += experiment->streams[i].connections;
    }
    /* All connections may end at once, and try again before the logs are emptied. */
    requests = (requests + 4 * connections) / workers + 65536;
    double most = 16.0 * 1024 * 1024;
    uint64_t count = (uint64_t)(requests < most ? requests : most);
    config->capacity[RECORD_REQUESTS] = count;
    config->capacity[RECORD_CONNECTIONS] = count;
    config->capacity[RECORD_OUTAGES] = count / 2;
    config->capacity[RECORD_SEGMENTS] = count / 2;
    config->capacity[RECORD_DUES] = count / 8;
    config->capacity[RECORD_FOLDS] = count;
}

struct record_keep fleet_keep(const struct experiment_stream *stream)
{
    struct record_keep keep = {.mode = RECORD_MODE_FAILURES};
    if (stream->record == EXPERIMENT_RECORD_FAILURES || stream->protocol == EXPERIMENT_PROTOCOL_RAW)
        return keep;
    bool full = stream->record == EXPERIMENT_RECORD_FULL;
    double one_in = ceil(expected_rate(stream) / stream->record_limit_per_s);
    keep.mode = full && one_in <= 1 ? RECORD_MODE_FULL : RECORD_MODE_SAMPLED;
    keep.one_in = keep.mode == RECORD_MODE_FULL ? 0 : (uint32_t)one_in;
    return keep;
}

/* Of those that take turns. */
static uint64_t largest_request(const struct http_of *http)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < http->count; i++)
        if (http->messages[i].total_bytes > most)
            most = http->messages[i].total_bytes;
    return most;
}

/* Packets a second that STREAM makes the tester send over the port of MEMBER, whose share is that
 * of its workers among all that have one. */
static double packets_per_s(const struct fleet *fleet, const struct fleet_member *member,
                            const struct experiment *experiment, unsigned stream,
                            const struct target *targets)
{
    const struct experiment_stream *of = &experiment->streams[stream];
    const struct target *target = target_of(fleet, member, targets, stream);
    uint32_t mss_bytes =
        packets_mss(&experiment->tcp, address_is_v4(&target->address), member->nic->config->mtu);
    uint64_t packets = packets_of(of, largest_request(&fleet->http[stream]), mss_bytes);
    unsigned here = 0, all = 0;
    for (unsigned i = 0; i < fleet->count; i++) {
        bool sends = target_of(fleet, &fleet->members[i], targets, stream)->sends &&
                     (of->connections == 0 || i < of->connections);
        all += sends;
        here += sends && fleet->members[i].nic == member->nic;
    }
    return all > 0 ? of->rate_per_s * (double)packets * here / all : 0;
}

/* A driver that is asked for more than it can do would make the tester the bottleneck. */
static int check_limit(const struct fleet *fleet, unsigned index,
                       const struct experiment *experiment, const struct target *targets,
                       struct error *err)
{
    const struct fleet_member *member = &fleet->members[index];
    const struct profile *profile = net_port_profile(member->port);
    double pps = 0;
    for (unsigned i = 0; i < experiment->stream_count; i++)
        pps += packets_per_s(fleet, member, experiment, i, targets);
    if (profile->max_pps == 0 || pps <= (double)profile->max_pps)
        return 0;
    return error_set(err, EXIT_USAGE, -ERANGE,
                     "the streams ask for up to %.0f packets/s of port %s, whose driver profile %s "
                     "allows %llu; lower the rates, or give more ports",
                     pps, member->nic->config->name, profile->name,
                     (unsigned long long)profile->max_pps);
}

static struct impair_config impairment(const struct experiment_impairment *from)
{
    const double million = 1e6;
    return (struct impair_config){.drop = from->drop_ppm / million,
                                  .flip = from->flip_ppm / million,
                                  .duplicate = from->duplicate_ppm / million,
                                  .delay = from->delay_ppm / million,
                                  .reorder = from->reorder_ppm / million,
                                  .delay_ns = (uint64_t)from->delay_ns,
                                  .distance = from->distance};
}

static int impair_port(struct fleet *fleet, unsigned index, const struct experiment *experiment,
                       struct error *err)
{
    if (!experiment->impair.given)
        return 0;
    struct impair_config receive = impairment(&experiment->impair.receive);
    struct impair_config send = impairment(&experiment->impair.send);
    return net_impair_set(fleet->members[index].port, &receive, &send,
                          (uint64_t)experiment->seed * FLEET_MEMBERS + index, err);
}

static int make_worker(struct fleet *fleet, unsigned index, const struct experiment *experiment,
                       const struct target *targets, double seconds, struct error *err)
{
    struct fleet_member *member = &fleet->members[index];
    struct worker_config config = worker_config_default();
    config.index = index;
    config.clock = fleet->clock;
    config.port = member->port;
    config.traffic.seed = experiment->seed;
    config.traffic.run = fleet->run;
    config.traffic.board = fleet->board;
    config.tcp = tcp_of(&experiment->tcp);
    config.traffic.port_first = (uint16_t)experiment->tcp.port_first;
    config.traffic.port_last = (uint16_t)experiment->tcp.port_last;
    config.traffic.quarantine_ns = (uint64_t)experiment->tcp.port_reuse_after_ns;
    if (getrandom(&config.key, sizeof(config.key), 0) != sizeof(config.key))
        return error_set(err, EXIT_ENVIRONMENT, -errno, "getrandom: %s", strerror(errno));
    const struct machine_port *port = member->nic->config;
    for (uint32_t i = 0; i < port->client_count && i < TRAFFIC_POOLS; i++)
        config.traffic.pools[config.traffic.pool_count++] = port->clients[i];
    set_capacity(&config, experiment, fleet->count, seconds);
    make_streams(fleet, index, experiment, targets, &config.traffic);
    for (unsigned i = 0; i < experiment->stream_count; i++)
        config.keep[i] = fleet_keep(&experiment->streams[i]);
    config.traffic.validate = experiment->windows.validate;
    member->worker = worker_setup(&config, err);
    return member->worker == NULL ? -ENOMEM : 0;
}

static int resolve(struct fleet *fleet, struct error *err)
{
    struct net_port *ports[FLEET_MEMBERS];
    for (unsigned i = 0; i < fleet->count; i++)
        ports[i] = fleet->members[i].port;
    return net_resolve_all(ports, fleet->count, fleet->clock, UINT64_C(3000000000), err);
}

int fleet_launch(struct fleet *fleet, const struct experiment *experiment,
                 const struct target *targets, const char *rundir, double seconds,
                 struct error *err)
{
    fleet->stream_count = experiment->stream_count;
    if (getrandom(&fleet->run, sizeof(fleet->run), 0) != sizeof(fleet->run))
        return error_set(err, EXIT_ENVIRONMENT, -errno, "getrandom: %s", strerror(errno));
    fleet->board = aligned_alloc(64, sizeof(*fleet->board));
    if (fleet->board == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for workers");
    memset(fleet->board, 0, sizeof(*fleet->board));
    int code = make_groups(fleet, experiment, targets, err);
    if (code == 0)
        code = make_requests(fleet, experiment, targets, err);
    for (unsigned i = 0; i < fleet->count && code == 0; i++)
        code = check_limit(fleet, i, experiment, targets, err);
    if (code == 0)
        code = resolve(fleet, err);
    for (unsigned i = 0; i < fleet->count && code == 0; i++) {
        struct fleet_member *member = &fleet->members[i];
        code = make_worker(fleet, i, experiment, targets, seconds, err);
        if (code == 0)
            code = log_writer_open(&member->log, rundir, i, err);
        member->logging = code == 0;
    }
    /* After all next hops were resolved: a run begins on a network that works. */
    for (unsigned i = 0; i < fleet->count && code == 0; i++)
        code = impair_port(fleet, i, experiment, err);
    for (unsigned i = 0; i < fleet->count && code == 0; i++) {
        struct fleet_member *member = &fleet->members[i];
        code = rte_eal_remote_launch(worker_main, member->worker, net_worker_lcore(i));
        member->running = code == 0;
        if (code < 0)
            error_set(err, EXIT_ENVIRONMENT, code, "worker %u could not be launched: %s", i,
                      strerror(-code));
    }
    return code;
}

void fleet_close(struct fleet *fleet)
{
    fleet_join(fleet, 0, NULL); /* Those that were launched before another could not be. */
    for (unsigned i = 0; i < fleet->count; i++) {
        struct fleet_member *member = &fleet->members[i];
        worker_free(member->worker);
        if (member->logging)
            log_writer_close(&member->log, NULL);
    }
    for (unsigned i = 0; i < RECORD_STREAMS; i++) {
        http_of_free(&fleet->http[i]);
        tls_of_free(&fleet->tls[i]);
    }
    for (unsigned i = 0; i < fleet->nic_count; i++)
        if (fleet->nics[i].open)
            net_port_close(fleet->members[fleet->nics[i].first].port);
    free(fleet->board);
    fleet->board = NULL;
    memset(fleet->nics, 0, sizeof(fleet->nics));
    memset(fleet->members, 0, sizeof(fleet->members));
    fleet->count = fleet->nic_count = 0;
    text_free(&fleet->warnings);
    if (fleet->eal)
        net_eal_stop();
    fleet->eal = false;
}
