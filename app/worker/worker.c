/* A turn that leaves frames unread, or whose rx_burst was full, has answers waiting, maybe: then
 * timers and due slots wait, lest silence or a blocked slot be found that is only our own delay.
 * Sixteen such turns in a row are the limit, for due times must be kept under load too. Datagrams,
 * which nothing blocks, depart at any rate, and before what was received is read: the turn then
 * goes on at the time of their stamp, and what was received lags behind. When the next one is due
 * soon, a turn reads few frames only, as long as not too many answers can be waiting: the rest of
 * a burst is for the turns that follow. */
#include "worker/worker.h"

#include "worker/worker_priv.h"

static void turn(struct worker *worker);
static void begin_turn(struct worker *worker, bool polls);
static void report(struct worker *worker);
static void note_stall(struct worker *worker, uint64_t before_ns);
static void act_on_time(struct worker *worker, uint16_t frames);
static void drain(struct worker *worker);
static void quit(struct worker *worker);

int worker_main(void *argument)
{
    struct worker *worker = argument;
    worker->tsc = clock_tsc();
    worker->now_ns = worker->turned_ns = worker->polled_ns = clock_ns(worker->clock, worker->tsc);
    while (worker->phase != WORKER_LEFT)
        turn(worker);
    traffic_flush_faults(worker->traffic);
    worker_end_refusal(worker);
    record_finish(worker->record);
    worker_put_ended(worker);
    atomic_store_explicit(&worker->counters.end_ns, worker->now_ns, memory_order_release);
    return 0;
}

static void turn(struct worker *worker)
{
    const bool polls = net_rx_waiting(worker->port) == 0;
    uint16_t frames = net_poll(worker->port);
    begin_turn(worker, polls);
    if (mailbox_waits(worker->commands))
        worker_take_commands(worker);
    if (frames > 0) {
        worker_depart(worker);
        worker_receive(worker);
    }
    act_on_time(worker, frames);
    net_tick(worker->port, worker->polled_ns);
    worker_transmit(worker);
    if (!worker->busy || ++worker->busy_turns == WORKER_BUSY_TURNS)
        report(worker);
    if (worker->phase == WORKER_DRAINING)
        drain(worker);
}

/* The only look at the time but for the send stamp. The turn before is accounted for by what it
 * found. */
static void begin_turn(struct worker *worker, bool polls)
{
    struct worker_counters *counters = &worker->counters;
    uint64_t before_ns = worker->turned_ns, before = worker->tsc;
    worker->tsc = clock_tsc();
    worker->now_ns = worker->turned_ns = clock_ns(worker->clock, worker->tsc);
    worker->gap_ns = worker->now_ns - before_ns;
    if (polls)
        worker->polled_ns = worker->now_ns;
    if (worker->acted_ns < before_ns)
        worker->acted_ns = before_ns;
    worker_count(&counters->turns, 1);
    if (worker->busy) {
        worker_count(&counters->busy_cycles, worker->tsc - before);
    } else {
        worker_count(&counters->idle_turns, 1);
        worker_count(&counters->idle_cycles, worker->tsc - before);
    }
    worker->busy = false;
    if (worker->gap_ns > worker->stall_ns)
        note_stall(worker, before_ns);
}

static void report(struct worker *worker)
{
    worker->busy_turns = 0;
    worker_put_report(worker);
}

static void note_stall(struct worker *worker, uint64_t before_ns)
{
    struct worker_counters *counters = &worker->counters;
    struct record_fault fault = {
        .start_ns = before_ns, .end_ns = worker->now_ns, .count = 1, .kind = FAULT_STALL};
    record_append(worker->record, RECORD_FAULTS, &fault);
    worker_count(&counters->stalls, 1);
    if (worker->gap_ns > record_count_read(&counters->longest_gap_ns))
        atomic_store_explicit(&counters->longest_gap_ns, worker->gap_ns, memory_order_relaxed);
}

static void act_on_time(struct worker *worker, uint16_t frames)
{
    uint64_t now_ns = worker->now_ns;
    bool more = frames >= NET_BURST || net_rx_waiting(worker->port) > 0;
    if (!more)
        worker->unread = 0;
    if (more && ++worker->full_turns < WORKER_FULL_TURNS)
        return;
    worker->full_turns = 0;
    tcp_timers(worker->tcp, now_ns);
    if (worker->sends_on_time)
        worker_look_ahead(worker);
    worker->busy |= traffic_timers(worker->traffic, now_ns) > 0;
    worker->busy |= traffic_due(worker->traffic, now_ns) > 0;
    worker->busy |= traffic_events(worker->traffic, now_ns, worker->gap_ns) > 0;
}

/* Done when nothing is open, all was said, and no other worker of the NIC port needs what comes to
 * this one's queue; what cannot be closed in time is reset. */
static void drain(struct worker *worker)
{
    if (worker->now_ns >= worker->deadline_ns)
        quit(worker);
    else if (traffic_connections(worker->traffic) == 0 && !tcp_output_wanted(worker->tcp) &&
             net_tx_queued(worker->port) == 0 && net_tx_timed_queued(worker->port) == 0 &&
             !worker->report_waits && !worker->busy && net_finished(worker->port))
        worker->phase = WORKER_LEFT;
}

static void quit(struct worker *worker)
{
    tcp_conn conn = 0;
    traffic_quit(worker->traffic, worker->now_ns);
    while ((conn = tcp_conn_next(worker->tcp, conn)) != 0)
        tcp_abort(worker->tcp, worker->now_ns, conn);
    while (traffic_events(worker->traffic, worker->now_ns, worker->gap_ns) > 0)
        continue;
    for (unsigned i = 0; i < WORKER_LAST_TURNS; i++) {
        worker_transmit(worker);
        worker_put_report(worker);
    }
    net_finished(worker->port);
    worker->phase = WORKER_LEFT;
}
