#include <netinet/in.h>
#include <string.h>

#include "worker/worker_icmp.h"
#include "worker/worker_priv.h"

static void go_to(struct worker *worker, const struct net_packet *packet);
static void take_icmp(struct worker *worker, const struct net_packet *packet);
static inline void transmit_segments(struct worker *worker);
static void emit_segments(struct worker *worker);
static inline void transmit_datagrams(struct worker *worker);
static void emit_datagrams(struct worker *worker);
static void emit_frames(struct worker *worker);
static void emit(struct worker *worker, uint32_t index);
static bool emit_datagram(struct worker *worker);
static bool find_mac(struct worker *worker, const struct traffic_frames *frames, uint8_t mac[6]);
static void begin_batch(const struct worker *worker, struct worker_batch *batch);
static uint32_t taken_of(const struct worker *worker, const struct worker_batch *batch);
static void flush(struct worker *worker);
static void stamp(struct worker *worker, uint64_t sent_ns);
static void flush_timed(struct worker *worker, uint64_t sent_ns);
static void note_refusal(struct worker *worker, uint64_t sent_ns, uint32_t left);

void worker_depart(struct worker *worker)
{
    if (traffic_due_regardless(worker->traffic, worker->now_ns) == 0)
        return;
    worker->busy = true;
    transmit_datagrams(worker);
    if (net_tx_queued(worker->port) > 0 || worker->timed_count > 0) {
        flush(worker);
        worker->now_ns = worker->acted_ns;
    }
}

uint16_t worker_slice(uint64_t now_ns, uint64_t due_ns, uint32_t unread)
{
    bool soon = due_ns < now_ns + WORKER_SOON_NS;
    return soon && unread < WORKER_UNREAD ? WORKER_SLICE : NET_RX_MAX;
}

/* Events point into the packets: these are freed after they were acted on. */
void worker_receive(struct worker *worker)
{
    uint16_t most =
        worker_slice(worker->now_ns, traffic_regardless_ns(worker->traffic), worker->unread);
    uint16_t count = net_rx(worker->port, worker->polled_ns, worker->packets, most);
    worker->unread -= count < worker->unread ? count : worker->unread;
    worker->busy = true;
    worker->taken_ns = worker->acted_ns;
    for (uint16_t i = 0; i < count; i++) {
        const struct net_packet *packet = &worker->packets[i];
        go_to(worker, packet);
        switch (packet->kind) {
        case NET_TCP:
            tcp_input_ecn(worker->tcp, worker->taken_ns, &packet->tuple, packet->l4,
                          packet->l4_bytes, packet->ecn);
            break;
        case NET_ICMP_ERROR: take_icmp(worker, packet); break;
        case NET_UDP:
        case NET_ECHO_REPLY:
            if (!traffic_answer(worker->traffic, &packet->tuple, packet->l4, packet->l4_bytes,
                                worker->taken_ns, worker->uncertainty_ns))
                worker_count(&worker->counters.udp_ignored, 1);
            break;
        }
    }
    traffic_events(worker->traffic, worker->taken_ns, worker->uncertainty_ns);
    traffic_lag(worker->traffic, worker->lag_ns = 0);
    net_free_all(worker->port, worker->packets, count);
}

/* To the time of PACKET's arrival: what came before is acted on first. Time never goes back, so one
 * that the NIC stamped before what was done last is taken right after that, with its lag. Without
 * stamps all packets of a turn have come by its time. */
static void go_to(struct worker *worker, const struct net_packet *packet)
{
    uint64_t at_ns = packet->arrival_ns;
    if (at_ns < worker->taken_ns)
        at_ns = worker->taken_ns;
    uint64_t lag_ns = at_ns - packet->arrival_ns;
    uint64_t uncertainty_ns = lag_ns + packet->uncertainty_ns;
    if (at_ns == worker->taken_ns && lag_ns == worker->lag_ns &&
        uncertainty_ns == worker->uncertainty_ns)
        return;
    traffic_events(worker->traffic, worker->taken_ns, worker->uncertainty_ns);
    worker->taken_ns = at_ns;
    worker->lag_ns = lag_ns;
    worker->uncertainty_ns = uncertainty_ns;
    traffic_lag(worker->traffic, lag_ns);
}

void worker_look_ahead(struct worker *worker)
{
    uint64_t ahead_ns = net_tx_ahead_ns(worker->port);
    if (ahead_ns == worker->ahead_ns)
        return;
    worker->ahead_ns = ahead_ns;
    traffic_ahead(worker->traffic, ahead_ns);
}

void worker_transmit(struct worker *worker)
{
    transmit_segments(worker);
    transmit_datagrams(worker);
    if (traffic_frames_wait(worker->traffic, worker->now_ns))
        emit_frames(worker);
    if (net_tx_queued(worker->port) > 0 || worker->timed_count > 0)
        flush(worker);
}

/* What the tcp hands out counts as sent: it is asked for no more than there is room for, and
 * only when the driver has taken all that was before. */
static inline void transmit_segments(struct worker *worker)
{
    const struct worker_batch *batch = &worker->segments;
    if (batch->waiting == batch->stamped && tcp_output_wanted(worker->tcp))
        emit_segments(worker);
}

/* Apart, so that asking in vain saves no registers. */
__attribute__((noinline)) static void emit_segments(struct worker *worker)
{
    struct worker_batch *batch = &worker->segments;
    uint16_t room = net_tx_room(worker->port);
    begin_batch(worker, batch);
    uint32_t count = tcp_output(worker->tcp, worker->now_ns, worker->descriptors, room);
    for (uint32_t i = 0; i < count; i++)
        emit(worker, i);
    worker->busy |= count > 0;
    traffic_events(worker->traffic, worker->now_ns, worker->gap_ns);
}

static inline void transmit_datagrams(struct worker *worker)
{
    const struct worker_batch *batch = &worker->of_datagrams;
    if (batch->waiting == batch->stamped && traffic_datagrams_wait(worker->traffic))
        emit_datagrams(worker);
}

/* Apart, as above. */
__attribute__((noinline)) static void emit_datagrams(struct worker *worker)
{
    struct worker_batch *batch = &worker->of_datagrams;
    uint16_t room = net_tx_room(worker->port);
    if (room > WORKER_DATAGRAMS)
        room = WORKER_DATAGRAMS;
    begin_batch(worker, batch);
    if (worker->sends_on_time) {
        worker_look_ahead(worker);
        if (net_tx_timed_room(worker->port) < room)
            room = net_tx_timed_room(worker->port);
    }
    while (batch->waiting + worker->timed_count < room && traffic_datagrams_wait(worker->traffic) &&
           emit_datagram(worker))
        worker->busy = true;
    worker->unread += batch->waiting;
}

/* Frames get what room the others leave. */
__attribute__((noinline)) static void emit_frames(struct worker *worker)
{
    struct traffic_frames frames;
    uint8_t mac[6];
    uint16_t room = net_tx_frames_room(worker->port);
    if (room == 0 || !traffic_frames(worker->traffic, worker->now_ns, room, &frames))
        return;
    worker->busy = true;
    if (frames.mac == NULL && !find_mac(worker, &frames, mac)) {
        worker_count(&worker->counters.hop_refusals, frames.count);
        traffic_frames_missed(worker->traffic, frames.stream, frames.count, OUTCOME_UNREACHABLE);
        return;
    }
    uint16_t begun = net_tx_frames(worker->port, worker->frames, frames.count);
    if (begun < frames.count)
        traffic_frames_missed(worker->traffic, frames.stream, (uint16_t)(frames.count - begun),
                              OUTCOME_UNSENT);
    frames.count = begun;
    if (begun == 0)
        return;
    traffic_frames_fill(worker->traffic, &frames, frames.mac != NULL ? frames.mac : mac,
                        worker->mac, worker->frames, worker->frame_bytes, worker->now_ns);
    net_tx_frames_commit(worker->port, worker->frame_bytes, begun);
}

static bool find_mac(struct worker *worker, const struct traffic_frames *frames, uint8_t mac[6])
{
    struct net_path path = net_path(worker->port, frames->group, frames->tuple);
    return net_hop_mac(worker->port, path.hop, mac);
}

/* The next one that is due; false: there is none. Its size was checked at set-up. */
static bool emit_datagram(struct worker *worker)
{
    struct worker_batch *batch = &worker->of_datagrams;
    struct traffic_datagram *datagram = &worker->datagrams[batch->waiting];
    if (!traffic_datagram(worker->traffic, worker->now_ns, datagram))
        return false;
    struct net_path path = net_path(worker->port, datagram->group, datagram->tuple);
    enum net_refusal why = NET_SENT;
    uint8_t *l4 = net_tx_begin(worker->port, &path, datagram->tuple, datagram->l4_bytes, &why);
    if (l4 == NULL) {
        worker_count(&worker->counters.hop_refusals, why == NET_REFUSED_HOP);
        traffic_datagram_refused(worker->traffic, datagram,
                                 why == NET_REFUSED_HOP ? UNSENT_NONE : UNSENT_TX_FULL,
                                 worker->now_ns);
        return true;
    }
    uint64_t sum = traffic_datagram_fill(worker->traffic, datagram, worker->now_ns, l4);
    if (datagram->due_ns > worker->now_ns) {
        net_tx_commit_at(worker->port, datagram->due_ns);
        worker->timed[worker->timed_count++] = *datagram;
        return true;
    }
    net_tx_commit_summed(worker->port, sum, datagram->l4_bytes);
    batch->waiting++;
    return true;
}

/* Answers of net are in the queue too, but none between two packets of a batch. */
static void begin_batch(const struct worker *worker, struct worker_batch *batch)
{
    *batch = (struct worker_batch){.before = worker->flushed + net_tx_queued(worker->port)};
}

/* So many of BATCH the driver has by now. */
static uint32_t taken_of(const struct worker *worker, const struct worker_batch *batch)
{
    if (worker->flushed <= batch->before)
        return 0;
    uint64_t taken = worker->flushed - batch->before;
    return taken < batch->waiting ? (uint32_t)taken : batch->waiting;
}

static void take_icmp(struct worker *worker, const struct net_packet *packet)
{
    const struct icmp_error *error = &packet->error;
    if (error->quoted.protocol == IPPROTO_TCP)
        worker_take_icmp(worker->tcp, worker->port, worker->taken_ns, packet);
    else if (!traffic_answer_error(worker->traffic, error, worker->taken_ns,
                                   worker->uncertainty_ns))
        worker_count(&worker->counters.udp_ignored, 1);
    else if (error->kind == ICMP_TOO_BIG) /* Of a flow that runs; no more can be judged. */
        net_path_mtu_told(worker->port, &error->quoted.remote, error->mtu_bytes, worker->taken_ns);
}

/* One that cannot be sent is lost, as it would be on the wire; that is the next hop's doing only if
 * it was refused for that. */
static void emit(struct worker *worker, uint32_t index)
{
    const struct tcp_descriptor *descriptor = &worker->descriptors[index];
    uint16_t group = traffic_group(worker->traffic, descriptor);
    struct net_path path = net_path(worker->port, group, &descriptor->tuple);
    path.tos = descriptor->ecn;
    uint32_t l4_bytes = TCP_HEADER_BYTES + descriptor->options_bytes + descriptor->payload_bytes;
    enum net_refusal why = NET_SENT;
    uint8_t *l4 = net_tx_begin(worker->port, &path, &descriptor->tuple, (uint16_t)l4_bytes, &why);
    if (l4 == NULL) {
        if (why == NET_REFUSED_HOP) {
            worker_count(&worker->counters.hop_refusals, 1);
            traffic_refused(worker->traffic, descriptor);
        }
        return;
    }
    uint64_t sum;
    uint16_t header_bytes = tcp_header_write_summed(descriptor, l4, &sum);
    traffic_fill(worker->traffic, descriptor, l4 + header_bytes);
    net_tx_commit_summed(worker->port, sum, header_bytes);
    if (worker->segments.waiting != index)
        worker->descriptors[worker->segments.waiting] = *descriptor;
    worker->segments.waiting++;
}

static void flush(struct worker *worker)
{
    uint64_t sent_ns = clock_now_ns(worker->clock);
    worker->acted_ns = sent_ns;
    uint16_t queued = net_tx_queued(worker->port);
    uint16_t taken = net_tx_flush(worker->port);
    worker->busy = true;
    worker->flushed += taken;
    stamp(worker, sent_ns);
    if (worker->timed_count > 0)
        flush_timed(worker, sent_ns);
    uint32_t left = queued - taken + worker->timed_count;
    if (left > 0 || worker->refusal.since_ns != 0)
        note_refusal(worker, sent_ns, left);
}

static void stamp(struct worker *worker, uint64_t sent_ns)
{
    struct worker_batch *segments = &worker->segments, *datagrams = &worker->of_datagrams;
    uint32_t taken = taken_of(worker, segments);
    while (segments->stamped < taken)
        traffic_sent(worker->traffic, &worker->descriptors[segments->stamped++], sent_ns);
    taken = taken_of(worker, datagrams);
    while (datagrams->stamped < taken)
        traffic_datagram_sent(worker->traffic, &worker->datagrams[datagrams->stamped++], sent_ns);
}

/* They leave when they are due, or now if that is over, and none before the one ahead of it. */
static void flush_timed(struct worker *worker, uint64_t sent_ns)
{
    uint16_t taken = net_tx_timed_flush(worker->port);
    for (uint16_t i = 0; i < taken; i++) {
        const struct traffic_datagram *datagram = &worker->timed[i];
        if (worker->timed_ns < sent_ns)
            worker->timed_ns = sent_ns;
        if (worker->timed_ns < datagram->due_ns)
            worker->timed_ns = datagram->due_ns;
        traffic_datagram_sent(worker->traffic, datagram, worker->timed_ns);
    }
    worker->timed_count -= taken;
    memmove(worker->timed, worker->timed + taken, worker->timed_count * sizeof(worker->timed[0]));
}

static void note_refusal(struct worker *worker, uint64_t sent_ns, uint32_t left)
{
    struct worker_refusal *refusal = &worker->refusal;
    if (refusal->since_ns == 0)
        refusal->since_ns = sent_ns;
    if (left > refusal->packets)
        refusal->packets = left;
    if (left > 0) {
        worker_count(&worker->counters.tx_refusals, 1);
        return;
    }
    worker_end_refusal(worker);
}

void worker_end_refusal(struct worker *worker)
{
    struct worker_refusal *refusal = &worker->refusal;
    if (refusal->since_ns == 0)
        return;
    struct record_fault fault = {.start_ns = refusal->since_ns,
                                 .end_ns = worker->acted_ns,
                                 .count = refusal->packets,
                                 .kind = FAULT_TX_REFUSED};
    record_append(worker->record, RECORD_FAULTS, &fault);
    *refusal = (struct worker_refusal){0};
}
