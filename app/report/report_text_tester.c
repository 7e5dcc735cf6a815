/* report_text_tester.c - what is the tester's own, or was not seen. */
#include <inttypes.h>

#include "report/print.h"
#include "report/report_priv.h"

static void add_pods(const struct result *result, struct text *out)
{
    text_addf(out,
              "\nPods of failures (broken connections and failed connects): known %zu, inferred "
              "%zu, unknown %zu\n",
              result->known, result->inferred, result->unknown);
    if (result->inferred > 0)
        text_add(out,
                 "  inferred: one pod only was on its way out or in when the attempt was made\n");
    for (size_t i = 0; i < result->pod_count; i++)
        if (result->pods[i].inferred_failed_connects > 0)
            text_addf(out, "    %s %u\n", result->pods[i].name,
                      result->pods[i].inferred_failed_connects);
    for (size_t i = 0; i < result->pod_count; i++) {
        const struct result_pod *pod = &result->pods[i];
        if (pod->terminating == NULL || pod->last_new_connection_ns == 0 ||
            pod->last_new_connection_ns <= pod->terminating->not_after_ns)
            continue;
        text_addf(out, "  inferred: rules still named %s ", pod->name);
        print_span(out, pod->last_new_connection_ns - pod->terminating->not_after_ns);
        text_add(out, " after its termination was seen\n");
    }
}

static void add_faults(const struct result *result, struct text *out)
{
    text_addf(out, "  worker stalls: %" PRIu64, result->stalls);
    if (result->stalls > 0) {
        text_add(out, ", longest ");
        print_span(out, result->stall_longest_ns);
        text_add(out, ", total ");
        print_span(out, result->stall_total_ns);
    }
    text_add(out, "\n");
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        if (i != FAULT_STALL && result->faults[i] > 0)
            text_addf(out, "  %s: %" PRIu64 "\n", tester_fault_text(i), result->faults[i]);
}

/* One queue has nothing to tell that its port does not. */
static void add_queues(const struct meta *meta, uint32_t port, struct text *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < meta->queue_count; i++)
        count += meta->queues[i].port == port;
    for (uint32_t i = 0; i < meta->queue_count && count > 1; i++) {
        const struct meta_queue *queue = &meta->queues[i];
        if (queue->port == port)
            text_addf(out,
                      "    queue %u, core %u: received %" PRIu64 ", sent %" PRIu64
                      ", handed over %" PRIu64 ", taken over %" PRIu64 ", hand-over full %" PRIu64
                      ", stalls %" PRIu64 "\n",
                      queue->queue, queue->core, queue->rx_packets, queue->tx_packets,
                      queue->handed_out, queue->handed_in, queue->handover_full, queue->stalls);
    }
}

static void add_stamps(const struct meta_port *port, struct text *out)
{
    if (!port->stamps_arrivals && !port->sends_on_time)
        return;
    text_addf(out,
              "    by the NIC's clock: %" PRIu64 " arrivals stamped, %" PRIu64
              " datagrams sent, to within ",
              port->rx_stamps, port->tx_timed);
    print_span(out, port->clock_bound_ns);
    text_addf(out, "; it was set %" PRIu64 " times\n", port->clock_jumps);
}

static void add_ports(const struct meta *meta, struct text *out)
{
    for (uint32_t i = 0; i < meta->port_count; i++) {
        const struct meta_port *port = &meta->ports[i];
        text_addf(out,
                  "  port %s (%s): received %" PRIu64 ", sent %" PRIu64 ", imissed %" PRIu64
                  ", rx_nombuf %" PRIu64 ", tx refused %" PRIu64 ", dropped %" PRIu64 "\n",
                  port->name, port->driver, port->rx_packets, port->tx_packets, port->imissed,
                  port->rx_nombuf, port->tx_refused, port->dropped);
        add_stamps(port, out);
        if (port->mbufs_missing > 0)
            text_addf(out, "    %" PRIu64 " BUFFERS WERE NOT GIVEN BACK\n", port->mbufs_missing);
        add_queues(meta, i, out);
    }
}

static void add_unseen(const struct result *result, struct text *out)
{
    text_add(out, "\nUnseen\n");
    if (result->unseen_ns == 0 && result->watches_broken == 0) {
        text_add(out, "  no watch was broken\n");
        return;
    }
    if (result->watches_broken > 0) {
        text_add(out, "  watches broke off ");
        print_count(out, result->watches_broken, "time", "times");
        text_add(out, result->unseen_ns == 0
                          ? " and went on from where they were: nothing was missed\n"
                          : "; not all went on from where they were:\n");
    }
    if (result->unseen_ns == 0)
        return;
    for (size_t i = 0; i < result->timeline.count; i++) {
        const struct timeline_event *event = &result->timeline.events[i];
        if (!event->unseen)
            continue;
        text_add(out, "  ");
        print_time(out, event->not_before_ns);
        text_add(out, " .. ");
        print_time(out, event->not_after_ns);
        text_addf(out, " s  %s%s%s\n", event->object, event->text[0] ? ": " : "", event->text);
    }
    text_add(out, "  total ");
    print_span(out, result->unseen_ns);
    text_add(out, "\n");
}

static void add_notes(const char *notes, struct text *out)
{
    if (notes == NULL || notes[0] == '\0')
        return;
    text_add(out, "\nNotes\n  ");
    for (const char *at = notes; *at; at++)
        text_addf(out, *at == '\n' && at[1] ? "%c  " : "%c", *at);
    if (out->size > 0 && text_str(out)[out->size - 1] != '\n')
        text_add(out, "\n");
}

void report_text_tester(const struct result *result, struct text *out)
{
    const struct meta *meta = &result->meta;
    if (result->known + result->inferred + result->unknown > 0)
        add_pods(result, out);
    text_add(out, "\nThe tester itself\n");
    add_faults(result, out);
    add_ports(meta, out);
    text_add(out, "  clock: run time is UTC to within ");
    print_span(out, meta->clock_error_ns);
    text_addf(out, "; TSC %" PRIu64 " Hz\n", meta->tsc_hz);
    text_addf(out, "  ");
    print_count(out, meta->worker_count, "worker", "workers");
    text_addf(out, ", %" PRIu64 " turns\n", meta->turns);
    add_unseen(result, out);
    add_notes(meta->notes, out);
}
