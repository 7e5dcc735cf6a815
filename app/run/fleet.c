#include "run/fleet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_launch.h>

#include "base/text.h"
#include "net/net_impair.h"
#include "run/tcp_account.h"

enum {
    RATE_GAP_NS = 500000000 /* Shorter ones tell no rate. */
};

static const char *device_of(const struct machine_port *port)
{
    return port->iface ? port->iface : port->pci ? port->pci : port->socket;
}

static int command(struct fleet_member *member, const struct worker_command *command,
                   struct error *err)
{
    /* The worker empties its mailbox each turn: a few tries are many turns. */
    for (unsigned tries = 0; tries < 1000; tries++) {
        if (worker_command(member->worker, command))
            return 0;
        usleep(100);
    }
    return error_set(err, EXIT_ENVIRONMENT, -EBUSY,
                     "the worker of port %s does not take commands: is its core (%s) shared with "
                     "something that never sleeps?",
                     member->nic->config->name, "cores.workers");
}

int fleet_start(struct fleet *fleet, unsigned stream, struct error *err)
{
    struct fleet_stream *of = &fleet->streams[stream];
    memset(of, 0, sizeof(*of));
    /* All workers begin their schedules at one time, a little ahead. */
    uint64_t at_ns = clock_now_ns(fleet->clock) + 5000000;
    for (unsigned i = 0; i < fleet->count; i++) {
        if ((fleet->shares[stream] >> i & 1) == 0)
            continue;
        int code = command(
            &fleet->members[i],
            &(struct worker_command){.kind = WORKER_START, .stream = stream, .at_ns = at_ns}, err);
        if (code < 0)
            return code;
        of->wanted++;
    }
    return 0;
}

int fleet_stop(struct fleet *fleet, unsigned stream, struct error *err)
{
    if (fleet->streams[stream].stop_asked || fleet->streams[stream].wanted == 0)
        return 0;
    fleet->streams[stream].stop_asked = true;
    for (unsigned i = 0; i < fleet->count; i++) {
        if ((fleet->shares[stream] >> i & 1) == 0)
            continue;
        int code = command(&fleet->members[i],
                           &(struct worker_command){.kind = WORKER_STOP, .stream = stream}, err);
        if (code < 0)
            return code;
    }
    return 0;
}

static void take_note(struct fleet *fleet, const struct worker_report *report)
{
    if (report->stream >= fleet->stream_count)
        return;
    struct fleet_stream *stream = &fleet->streams[report->stream];
    switch (report->kind) {
    case WORKER_STREAM_STARTED: stream->started++; break;
    case WORKER_STREAM_STEADY:
        if (++stream->steady == stream->wanted)
            stream->steady_ns = report->at_ns;
        break;
    case WORKER_STREAM_STOPPED:
        if (++stream->stopped == stream->wanted)
            stream->stopped_ns = report->at_ns;
        break;
    default: break;
    }
}

bool fleet_report(struct fleet *fleet, struct worker_report *out, unsigned *member)
{
    for (unsigned i = 0; i < fleet->count; i++) {
        if (fleet->members[i].worker == NULL || !worker_report(fleet->members[i].worker, out))
            continue;
        *member = i;
        if (out->kind != WORKER_NET_EVENT && out->kind != WORKER_ENDED)
            take_note(fleet, out);
        return true;
    }
    return false;
}

static void tell_fault(struct fleet_member *member, enum tester_fault kind, uint64_t now_ns,
                       uint64_t count)
{
    if (count == 0 || !member->running)
        return;
    struct worker_command fault = {
        .kind = WORKER_FAULT,
        .fault = {
            .start_ns = member->nic->looked_ns, .end_ns = now_ns, .count = count, .kind = kind}};
    command(member, &fault, NULL);
}

/* What was asked for before the run was an upper bound for requests of a known size; this is what
 * it was. Looks that are near each other tell little. */
static void look_at_rate(const struct fleet *fleet, struct fleet_nic *nic, uint64_t now_ns)
{
    uint64_t sent = 0, gap_ns = now_ns - nic->looked_ns;
    for (unsigned i = 0; i < nic->config->queues; i++)
        sent += net_counters(fleet->members[nic->first + i].port)->tx_packets;
    double pps = (double)(sent - nic->sent) * 1e9 / (double)gap_ns;
    if (gap_ns >= RATE_GAP_NS && pps > nic->peak_pps)
        nic->peak_pps = pps;
    nic->sent = sent;
}

/* What is the whole NIC port's goes to its first worker's timeline. */
static void look_at(struct fleet *fleet, struct fleet_nic *nic, uint64_t now_ns)
{
    struct fleet_member *members = &fleet->members[nic->first];
    struct net_device_stats stats;
    if (net_device_stats(members->port, &stats) < 0)
        return;
    bool up = net_link_up(members->port);
    tell_fault(members, FAULT_MISSED, now_ns, stats.imissed - nic->stats.imissed);
    tell_fault(members, FAULT_NO_MBUF, now_ns, stats.rx_nombuf - nic->stats.rx_nombuf);
    tell_fault(members, FAULT_LINK, now_ns, up != nic->link_up);
    for (unsigned i = 0; i < nic->config->queues; i++) {
        uint64_t full = net_counters(members[i].port)->drops[NET_DROP_HANDOVER_FULL];
        tell_fault(&members[i], FAULT_HANDOVER, now_ns, full - members[i].handover_full);
        members[i].handover_full = full;
    }
    look_at_rate(fleet, nic, now_ns);
    nic->stats = stats;
    nic->link_up = up;
    nic->looked_ns = now_ns;
}

int fleet_look(struct fleet *fleet, struct error *err)
{
    int code = 0;
    for (unsigned i = 0; i < fleet->nic_count; i++) {
        struct fleet_nic *nic = &fleet->nics[i];
        if (!nic->open)
            continue;
        look_at(fleet, nic, clock_now_ns(fleet->clock));
        nic->gone = net_device_gone(fleet->members[nic->first].port);
        if (nic->gone && code == 0)
            code = error_set(err, EXIT_ENVIRONMENT, -ENODEV,
                             "the device of port %s (%s) is gone: was it unbound or deleted, or "
                             "the lab that made it ended?",
                             nic->config->name, device_of(nic->config));
    }
    return code;
}

int fleet_flush(struct fleet *fleet, struct error *err)
{
    int first = 0;
    for (unsigned i = 0; i < fleet->count; i++) {
        struct fleet_member *member = &fleet->members[i];
        if (!member->logging || member->worker == NULL)
            continue;
        int code = log_writer_flush(&member->log, worker_record(member->worker), err);
        if (first == 0)
            first = code;
    }
    return first;
}

struct fleet_counts fleet_counts(const struct fleet *fleet, unsigned stream)
{
    struct fleet_counts sum = {0};
    for (unsigned i = 0; i < fleet->count; i++) {
        if (fleet->members[i].worker == NULL)
            continue;
        const struct record_counters *counters =
            &worker_record(fleet->members[i].worker)->streams[stream].counters;
        sum.due += record_count_read(&counters->due);
        sum.sent += record_count_read(&counters->sent);
        sum.received += record_count_read(&counters->received);
        sum.up += record_count_read(&counters->connections_up);
        sum.connecting += record_count_read(&counters->connecting);
        sum.broken += record_count_read(&counters->broken);
        sum.failed_connects += record_count_read(&counters->failed_connects);
        sum.steady_flows += record_count_read(&counters->steady_flows);
        sum.blocked += record_count_read(&counters->outcomes[OUTCOME_BLOCKED]);
        sum.unsent += record_count_read(&counters->outcomes[OUTCOME_UNSENT]);
        for (unsigned o = 0; o < OUTCOME_COUNT; o++)
            if (outcome_is_loss(o))
                sum.lost += record_count_read(&counters->outcomes[o]);
    }
    return sum;
}

static bool all_ended(const struct fleet *fleet)
{
    for (unsigned i = 0; i < fleet->count; i++) {
        const struct fleet_member *member = &fleet->members[i];
        if (member->running && record_count_read(&worker_counters(member->worker)->end_ns) == 0)
            return false;
    }
    return true;
}

static void command_all(struct fleet *fleet, enum worker_command_kind kind)
{
    for (unsigned i = 0; i < fleet->count; i++)
        if (fleet->members[i].running)
            command(&fleet->members[i], &(struct worker_command){.kind = kind}, NULL);
}

bool fleet_join(struct fleet *fleet, uint64_t grace_ns, struct error *err)
{
    struct worker_report report;
    unsigned from;
    bool clean = true;
    command_all(fleet, WORKER_SHUTDOWN);
    uint64_t deadline_ns = clock_now_ns(fleet->clock) + grace_ns;
    while (!all_ended(fleet) && clock_now_ns(fleet->clock) < deadline_ns) {
        while (fleet_report(fleet, &report, &from))
            continue;
        usleep(1000);
    }
    if (!all_ended(fleet))
        command_all(fleet, WORKER_QUIT);
    for (unsigned i = 0; i < fleet->count; i++) {
        struct fleet_member *member = &fleet->members[i];
        struct worker_leftovers left;
        if (!member->running)
            continue;
        rte_eal_wait_lcore(net_worker_lcore(i));
        member->running = false;
        /* What a lost device was given, and what waits for it, cannot come back. */
        if (worker_leftovers(member->worker, &left) || member->nic->gone)
            continue;
        clean = false;
        error_set(err, EXIT_ENVIRONMENT, 0,
                  "worker %u of port %s ended with %u connections, %u TCP blocks and %u buffers "
                  "still held, sums %s: please report this as a bug",
                  i, member->nic->config->name, left.traffic_connections, left.tcp_connections,
                  left.net_buffers, left.sums_hold ? "hold" : "do not hold");
    }
    return clean;
}

static void account_queue(const struct fleet_member *member, uint32_t core, struct meta *meta)
{
    const struct net_counters *counters = net_counters(member->port);
    struct meta_queue *queue = &meta->queues[meta->queue_count++];
    *queue = (struct meta_queue){.port = (uint32_t)meta->port_count - 1,
                                 .queue = net_port_queue(member->port),
                                 .core = core,
                                 .rx_packets = counters->rx_frames,
                                 .tx_packets = counters->tx_packets,
                                 .handed_out = counters->handed_out,
                                 .handed_in = counters->handed_in,
                                 .handover_full = counters->drops[NET_DROP_HANDOVER_FULL]};
    if (member->worker != NULL)
        queue->stalls = record_count_read(&worker_counters(member->worker)->stalls);
}

/* One line for each reason, over all queues. */
static void account_drops(const struct fleet *fleet, const struct fleet_nic *nic,
                          struct meta_port *port, struct text *notes)
{
    for (unsigned reason = 0; reason < NET_DROP_COUNT; reason++) {
        uint64_t dropped = 0;
        for (unsigned i = 0; i < nic->config->queues; i++)
            dropped += net_counters(fleet->members[nic->first + i].port)->drops[reason];
        port->dropped += dropped;
        if (dropped > 0)
            text_addf(notes, "port %s dropped %" PRIu64 ": %s\n", nic->config->name, dropped,
                      net_drop_sentence(reason));
    }
}

static void account_impair(const struct fleet_member *member, const char *direction,
                           const struct impair_counters *counters, struct text *notes)
{
    const struct {
        uint64_t value;
        const char *text;
    } rows[] = {
#define X(name, text) {counters->name, text},
        IMPAIR_COUNTERS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        text_addf(notes, "%s%" PRIu64 " %s", i == 0 ? "" : ", ", rows[i].value, rows[i].text);
    text_addf(notes, " (port %s, queue %u, %s)\n", member->nic->config->name,
              net_port_queue(member->port), direction);
}

static void account_tcp(const struct fleet *fleet, struct text *notes)
{
    const struct tcp_counters *counters[FLEET_MEMBERS];
    uint32_t count = 0;
    for (unsigned i = 0; i < fleet->count; i++)
        if (fleet->members[i].worker != NULL)
            counters[count++] = worker_tcp_counters(fleet->members[i].worker);
    tcp_account(counters, count, notes);
}

/* More than the profile says can be asked of the driver: it may have been what was measured. */
static void account_rate(const struct fleet *fleet, const struct fleet_nic *nic, struct text *notes)
{
    const struct profile *profile = net_port_profile(fleet->members[nic->first].port);
    if (profile->max_pps > 0 && nic->peak_pps > (double)profile->max_pps)
        text_addf(notes,
                  "port %s sent up to %.0f packets/s, and its driver profile %s says %" PRIu64
                  ": losses may be the driver's\n",
                  nic->config->name, nic->peak_pps, profile->name, profile->max_pps);
}

static void account_nic(const struct fleet *fleet, const struct fleet_nic *nic, struct meta *meta,
                        struct text *notes)
{
    const struct fleet_member *members = &fleet->members[nic->first];
    struct meta_port *port = &meta->ports[meta->port_count++];
    char steering[NET_NOTE_BYTES];
    memset(port, 0, sizeof(*port));
    snprintf(port->name, sizeof(port->name), "%s", nic->config->name);
    snprintf(port->driver, sizeof(port->driver), "%s on %.60s%s%.100s",
             net_port_profile(members->port)->name, device_of(nic->config),
             nic->note[0] ? "; " : "", nic->note);
    port->imissed = nic->stats.imissed;
    port->rx_nombuf = nic->stats.rx_nombuf;
    port->stamps_arrivals = net_port_stamps_arrivals(members->port);
    port->sends_on_time = net_port_sends_on_time(members->port);
    for (unsigned i = 0; i < nic->config->queues; i++) {
        const struct net_counters *counters = net_counters(members[i].port);
        port->rx_packets += counters->rx_frames;
        port->tx_packets += counters->tx_packets;
        port->tx_refused += counters->tx_refusals;
        port->rx_stamps += counters->rx_stamps;
        port->tx_timed += counters->tx_timed;
        if (counters->clock_jumps > port->clock_jumps) /* Each worker notices the same one. */
            port->clock_jumps = counters->clock_jumps;
        if (counters->clock_bound_ns > port->clock_bound_ns)
            port->clock_bound_ns = counters->clock_bound_ns;
        port->mbufs_missing += net_buffers_held(members[i].port);
        account_queue(&members[i], fleet->machine->workers[nic->first + i], meta);
        const struct net_impair *impair = net_impair(members[i].port);
        if (impair != NULL) {
            account_impair(&members[i], "receive", &impair->receive.counters, notes);
            account_impair(&members[i], "send", &impair->send.counters, notes);
        }
    }
    account_rate(fleet, nic, notes);
    port->peak_pps = (uint64_t)nic->peak_pps;
    account_drops(fleet, nic, port, notes);
    net_port_steering_text(members->port, steering, sizeof(steering));
    if (nic->config->queues > 1)
        text_addf(notes, "port %s: %s\n", nic->config->name, steering);
}

static void account_records(const struct fleet_member *member, struct meta *meta)
{
    const struct record *record = worker_record(member->worker);
    meta->turns += record_count_read(&worker_counters(member->worker)->turns);
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        meta->records_refused += record_count_read(&record->logs[type].refused);
    for (unsigned s = 0; s < meta->stream_count; s++) {
        struct record_log_totals *totals = &meta->streams[s].totals;
        totals->due += record_count_read(&record->streams[s].counters.due);
        totals->done += record_count_read(&record->streams[s].counters.done);
        totals->received += record_count_read(&record->streams[s].counters.received);
        totals->read_bytes += record_count_read(&record->streams[s].counters.read_bytes);
        for (unsigned o = 0; o < OUTCOME_COUNT; o++)
            totals->outcomes[o] += record_count_read(&record->streams[s].counters.outcomes[o]);
        for (unsigned d = 0; d < DATAGRAM_COUNT; d++)
            totals->datagrams[d] += record_count_read(&record->streams[s].counters.datagrams[d]);
        uint64_t extent = record_count_read(&record->streams[s].counters.reorder_extent);
        if (extent > totals->reorder_extent)
            totals->reorder_extent = extent;
    }
}

void fleet_account(const struct fleet *fleet, struct meta *meta)
{
    struct text notes = {0};
    meta->port_count = meta->queue_count = 0;
    meta->turns = meta->records_refused = 0;
    for (unsigned s = 0; s < meta->stream_count; s++)
        memset(&meta->streams[s].totals, 0, sizeof(meta->streams[s].totals));
    if (fleet->eal_report.note[0])
        text_addf(&notes, "%s\n", fleet->eal_report.note);
    text_add(&notes, text_str(&fleet->warnings));
    for (unsigned i = 0; i < fleet->nic_count; i++)
        if (fleet->nics[i].open)
            account_nic(fleet, &fleet->nics[i], meta, &notes);
    account_tcp(fleet, &notes);
    for (unsigned i = 0; i < fleet->count; i++)
        if (fleet->members[i].worker != NULL)
            account_records(&fleet->members[i], meta);
    free(meta->notes);
    meta->notes = strdup(text_str(&notes));
    text_free(&notes);
}
