#include "net/nic_clock.h"
#include "worker/worker_priv.h"

static void act(struct worker *worker, const struct worker_command *command);
static void start(struct worker *worker, const struct worker_command *command);
static void bad_command(struct worker *worker, uint32_t stream);
static void shut_down(struct worker *worker, uint64_t timeout_ns);
static bool next_report(struct worker *worker, struct worker_report *report);
static void note_net_event(struct worker *worker, const struct net_event *event);

bool worker_command(struct worker *worker, const struct worker_command *command)
{
    return mailbox_put(worker->commands, command);
}

bool worker_report(struct worker *worker, struct worker_report *report)
{
    return mailbox_take(worker->reports, report);
}

void worker_take_commands(struct worker *worker)
{
    struct worker_command command;
    while (mailbox_take(worker->commands, &command)) {
        worker->busy = true;
        act(worker, &command);
    }
}

/* One a turn is enough, and the rest waits where it is. */
void worker_put_report(struct worker *worker)
{
    if (!worker->report_waits)
        worker->report_waits = next_report(worker, &worker->report);
    if (!worker->report_waits)
        return;
    worker->busy = true;
    if (mailbox_put(worker->reports, &worker->report))
        worker->report_waits = false;
    else
        worker_count(&worker->counters.reports_held, 1);
}

/* With a full mailbox it is not told: end_ns tells it too. */
void worker_put_ended(struct worker *worker)
{
    struct worker_report report = {.kind = WORKER_ENDED, .at_ns = worker->now_ns};
    mailbox_put(worker->reports, &report);
}

void worker_stop_all(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->stream_count; i++)
        traffic_stop(worker->traffic, i, worker->now_ns);
}

static void act(struct worker *worker, const struct worker_command *command)
{
    switch (command->kind) {
    case WORKER_START: start(worker, command); break;
    case WORKER_STOP:
        if (!traffic_stop(worker->traffic, command->stream, worker->now_ns))
            bad_command(worker, command->stream);
        break;
    case WORKER_FAULT: record_append(worker->record, RECORD_FAULTS, &command->fault); break;
    case WORKER_SHUTDOWN: shut_down(worker, 2 * worker->close_timeout_ns); break;
    case WORKER_QUIT: shut_down(worker, 0); break;
    default: bad_command(worker, command->stream); break;
    }
}

static void start(struct worker *worker, const struct worker_command *command)
{
    if (worker->phase != WORKER_RUNNING ||
        !traffic_start(worker->traffic, command->stream, worker->now_ns, command->at_ns))
        bad_command(worker, command->stream);
}

/* Told at once; a full mailbox is counted. */
static void bad_command(struct worker *worker, uint32_t stream)
{
    struct worker_report report = {
        .kind = WORKER_BAD_COMMAND, .stream = stream, .at_ns = worker->now_ns};
    if (!mailbox_put(worker->reports, &report))
        worker_count(&worker->counters.reports_held, 1);
}

static void shut_down(struct worker *worker, uint64_t timeout_ns)
{
    worker_stop_all(worker);
    worker->phase = WORKER_DRAINING;
    worker->deadline_ns = worker->now_ns + timeout_ns;
}

static bool next_report(struct worker *worker, struct worker_report *report)
{
    static const enum worker_report_kind kinds[TRAFFIC_REPORT_KINDS] = {
        [TRAFFIC_REPORT_STARTED] = WORKER_STREAM_STARTED,
        [TRAFFIC_REPORT_STEADY] = WORKER_STREAM_STEADY,
        [TRAFFIC_REPORT_STOPPED] = WORKER_STREAM_STOPPED,
    };
    struct traffic_report of_stream;
    struct net_event event;
    if (traffic_report(worker->traffic, &of_stream)) {
        *report = (struct worker_report){
            .kind = kinds[of_stream.kind], .stream = of_stream.stream, .at_ns = of_stream.at_ns};
        return true;
    }
    if (net_event(worker->port, &event)) {
        note_net_event(worker, &event);
        *report =
            (struct worker_report){.kind = WORKER_NET_EVENT, .at_ns = event.at_ns, .net = event};
        return true;
    }
    return false;
}

/* What could explain a loss, or spoils stamps, is a fault of the tester's side, too. */
static void note_net_event(struct worker *worker, const struct net_event *event)
{
    struct record_fault fault = {.start_ns = event->at_ns, .end_ns = event->at_ns, .count = 1};
    if (event->kind == NET_EVENT_MAC_CHANGED)
        fault.kind = FAULT_MAC_CHANGED;
    else if (event->kind == NET_EVENT_UNRESOLVED)
        fault.kind = FAULT_HOP_LOST;
    else if (event->kind == NET_EVENT_CLOCK)
        fault = (struct record_fault){.start_ns = event->at_ns - NIC_CLOCK_SPACING_NS,
                                      .end_ns = event->at_ns,
                                      .count = 1,
                                      .kind = FAULT_NIC_CLOCK};
    else
        return;
    record_append(worker->record, RECORD_FAULTS, &fault);
}
