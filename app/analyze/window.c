#include "analyze/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/due_order.h"

static bool in_scope(const struct outage *outage, struct window_scope scope)
{
    const struct record_outage *record = outage->record;
    return outage->lost > 0 &&
           (scope.stream == WINDOW_ALL_STREAMS || scope.stream == record->stream) &&
           (scope.host == WINDOW_ALL_HOSTS || scope.host == record->host);
}

static int by_onset(const void *a, const void *b)
{
    const struct outage *x = *(const struct outage *const *)a;
    const struct outage *y = *(const struct outage *const *)b;
    if (x->onset.from_ns != y->onset.from_ns)
        return x->onset.from_ns < y->onset.from_ns ? -1 : 1;
    return (x->onset.to_ns > y->onset.to_ns) - (x->onset.to_ns < y->onset.to_ns);
}

static void add_host(struct window *window, uint16_t host)
{
    if (host == 0 || window->host_count == WINDOW_HOSTS_MAX)
        return;
    for (uint32_t i = 0; i < window->host_count; i++)
        if (window->hosts[i] == host)
            return;
    window->hosts[window->host_count++] = host;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Different flows of the outages in MEMBERS up to COUNT; FLOWS has room for as many. */
static uint32_t count_flows(const struct outage *const *members, size_t count, uint64_t flows[])
{
    uint32_t different = 0;
    for (size_t i = 0; i < count; i++)
        flows[i] = (uint64_t)members[i]->record->stream << 32 | members[i]->record->flow;
    qsort(flows, count, sizeof(*flows), by_value);
    for (size_t i = 0; i < count; i++)
        different += i == 0 || flows[i] != flows[i - 1];
    return different;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What a window under way is held open by. */
struct hold {
    uint64_t busy_until_ns; /* An outage that begins until then joins. */
    uint64_t relapse_ns;    /* Latest loss that broke a validation; UINT64_MAX: none followed. */
};

/* Extend WINDOW by OUTAGE. */
static void join(struct window *window, const struct outage *outage, uint64_t hold_off_ns,
                 struct hold *hold)
{
    const struct record_outage *record = outage->record;
    window->outages++;
    window->lost += outage->lost;
    window->lost_by_stream[record->stream] += outage->lost;
    add_host(window, record->host);
    window->arrival_uncertainty_ns =
        larger(window->arrival_uncertainty_ns,
               larger(record->arrival_uncertainty_ns, record->recovery_uncertainty_ns));
    if (outage->onset.to_ns < window->onset.to_ns)
        window->onset.to_ns = outage->onset.to_ns;
    if (outage->open) {
        window->open = true;
        hold->busy_until_ns = UINT64_MAX;
        return;
    }
    window->recovery.from_ns = larger(window->recovery.from_ns, outage->recovery.from_ns);
    window->recovery.to_ns = larger(window->recovery.to_ns, outage->recovery.to_ns);
    uint64_t settled_ns =
        outage->validated_ns != UINT64_MAX ? outage->validated_ns : outage->relapse_ns;
    if (outage->validated_ns == UINT64_MAX)
        hold->relapse_ns = larger(hold->relapse_ns, outage->relapse_ns);
    hold->busy_until_ns =
        larger(hold->busy_until_ns, larger(settled_ns, outage->recovery.to_ns + hold_off_ns));
}

/* The first of the windows from *AT on that does not end before DUE_NS; NULL when there is none, or
 * DUE_NS is before it. Windows of one scope follow each other. */
static struct window *window_at(struct windows *windows, size_t *at, uint64_t due_ns)
{
    while (*at < windows->count && !windows->items[*at].open &&
           windows->items[*at].recovery.to_ns < due_ns)
        ++*at;
    if (*at == windows->count || due_ns < windows->items[*at].onset.from_ns)
        return NULL;
    return &windows->items[*at];
}

static uint64_t next_edge_ns(const struct window *window, uint64_t due_ns)
{
    if (due_ns < window->onset.from_ns)
        return window->onset.from_ns;
    return window->open ? UINT64_MAX : window->recovery.to_ns;
}

static int count_stream(struct windows *windows, const struct logs *logs, unsigned stream)
{
    struct due_order order;
    struct due_group group;
    size_t at = 0;
    uint64_t due_ns;
    if (due_order_start(&order, logs, stream, windows->items[0].onset.from_ns) < 0)
        return -ENOMEM;
    while (at < windows->count && due_order_peek(&order, &due_ns)) {
        struct window *window = window_at(windows, &at, due_ns);
        if (at < windows->count)
            due_order_take(&order, next_edge_ns(&windows->items[at], due_ns), &group);
        for (unsigned i = 0; window != NULL && i < OUTCOME_COUNT; i++)
            window->outcomes[i] += group.outcomes[i];
    }
    due_order_free(&order);
    return 0;
}

/* Of all streams, or that of the scope. */
static int count_outcomes(struct windows *windows, const struct logs *logs, int stream)
{
    int code = 0;
    for (unsigned i = 0; i < RECORD_STREAMS && code == 0 && windows->count > 0; i++)
        if (stream == WINDOW_ALL_STREAMS || stream == (int)i)
            code = count_stream(windows, logs, i);
    return code;
}

/* A host's windows, as a pass over all hosts' requests comes to them. */
struct host_windows {
    struct windows *windows; /* NULL: it has none. */
    size_t at;               /* Those before it are over. */
};

/* Of a host's good answers only those that have a record of their own can be told apart. */
static void count_requests(struct host_windows hosts[], size_t count, const struct logs *logs)
{
    for (size_t i = 0; i < logs->request_count; i++) {
        const struct record_request *request = &logs->requests[i];
        struct host_windows *host = request->host < count ? &hosts[request->host] : NULL;
        if (host == NULL || host->windows == NULL || !logs_whole(logs, request->stream))
            continue;
        struct window *window = window_at(host->windows, &host->at, request->due_ns);
        if (window != NULL)
            window->outcomes[request->outcome]++;
    }
}

/* Members of a fold may be due after the next fold has begun. */
static void count_folds(struct host_windows hosts[], size_t count, const struct logs *logs)
{
    for (size_t i = 0; i < logs->fold_count; i++) {
        const struct record_fold *fold = &logs->folds[i];
        struct host_windows *host = fold->host < count ? &hosts[fold->host] : NULL;
        if (host == NULL || host->windows == NULL || logs_whole(logs, fold->stream))
            continue;
        window_at(host->windows, &host->at, fold->first_ns);
        size_t at = host->at;
        for (uint32_t k = 0; k < fold->count; k++) {
            struct window *window =
                window_at(host->windows, &at, fold->first_ns + k * fold->step_ns);
            if (window != NULL)
                window->outcomes[fold->outcome]++;
        }
    }
}

int windows_count_hosts(struct windows *const of_host[], size_t count, const struct logs *logs)
{
    struct host_windows *hosts = calloc(count + 1, sizeof(*hosts));
    if (hosts == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        hosts[i].windows = of_host[i];
    count_requests(hosts, count, logs);
    for (size_t i = 0; i < count; i++)
        hosts[i].at = 0;
    count_folds(hosts, count, logs);
    free(hosts);
    return 0;
}

/* A fault of the tester's that lies within the window's onset, or covers its length, could be what
 * was taken for loss. */
static void look_at_tester(struct window *window, const struct logs *logs)
{
    uint64_t end_ns = window->open ? UINT64_MAX : window->recovery.to_ns;
    for (size_t i = 0; i < logs->fault_count; i++) {
        const struct record_fault *fault = &logs->faults[i];
        if (fault->end_ns < window->onset.from_ns || fault->start_ns > end_ns)
            continue;
        if (fault->kind == FAULT_STALL) {
            uint64_t from_ns = larger(fault->start_ns, window->onset.from_ns);
            uint64_t to_ns = fault->end_ns < end_ns ? fault->end_ns : end_ns;
            window->stall_ns += to_ns - from_ns;
        } else if (fault->kind != FAULT_SENT_LATE && fault->kind != FAULT_NIC_CLOCK) {
            window->tester = true;
        }
    }
    if (!window->open && window->stall_ns * 2 > end_ns - window->onset.to_ns)
        window->tester = true;
}

static struct window start(const struct outage *outage, struct window_scope scope)
{
    return (struct window){.stream = scope.stream, .host = scope.host, .onset = outage->onset};
}

/* The window is whole. */
static void finish(struct window *window, const struct hold *hold, const struct logs *logs)
{
    if (window->open)
        memset(&window->recovery, 0, sizeof(window->recovery));
    window->validated = !window->open && hold->relapse_ns <= window->recovery.to_ns;
    look_at_tester(window, logs);
}

/* MEMBERS: the scope's outages by onset. FLOWS: room for a number of each. */
static void unite(struct windows *windows, const struct outage **members, size_t count,
                  struct window_scope scope, uint64_t hold_off_ns, const struct logs *logs,
                  uint64_t flows[])
{
    for (size_t first = 0, next; first < count; first = next) {
        struct window *window = &windows->items[windows->count++];
        struct hold hold = {0};
        *window = start(members[first], scope);
        for (next = first;
             next < count && (next == first || members[next]->onset.from_ns <= hold.busy_until_ns);
             next++)
            join(window, members[next], hold_off_ns, &hold);
        window->flows = count_flows(members + first, next - first, flows);
        finish(window, &hold, logs);
    }
}

int windows_make(struct windows *windows, const struct logs *logs, const struct outage *outages,
                 struct window_scope scope, uint64_t hold_off_ns)
{
    memset(windows, 0, sizeof(*windows));
    const struct outage **members = malloc((logs->outage_count + 1) * sizeof(*members));
    uint64_t *flows = malloc((logs->outage_count + 1) * sizeof(*flows));
    windows->items = calloc(logs->outage_count + 1, sizeof(*windows->items));
    if (members == NULL || flows == NULL || windows->items == NULL) {
        free(members);
        free(flows);
        windows_free(windows);
        return -ENOMEM;
    }
    size_t count = 0;
    for (size_t i = 0; i < logs->outage_count; i++)
        if (in_scope(&outages[i], scope))
            members[count++] = &outages[i];
    if (count > 1)
        qsort(members, count, sizeof(*members), by_onset);
    unite(windows, members, count, scope, hold_off_ns, logs, flows);
    free(members);
    free(flows);
    struct window *kept = realloc(windows->items, (windows->count + 1) * sizeof(*kept));
    windows->items = kept != NULL ? kept : windows->items;
    int code = scope.host == WINDOW_ALL_HOSTS ? count_outcomes(windows, logs, scope.stream) : 0;
    if (code < 0)
        windows_free(windows);
    return code;
}

void windows_free(struct windows *windows)
{
    free(windows->items);
    memset(windows, 0, sizeof(*windows));
}

struct bracket window_duration(const struct window *window)
{
    if (window->open)
        return (struct bracket){0, UINT64_MAX};
    struct bracket duration = {.to_ns = window->recovery.to_ns - window->onset.from_ns};
    if (window->recovery.from_ns > window->onset.to_ns)
        duration.from_ns = window->recovery.from_ns - window->onset.to_ns;
    return duration;
}

uint64_t window_length_ns(const struct window *window, uint64_t end_ns)
{
    uint64_t from_ns = window->onset.from_ns + (window->onset.to_ns - window->onset.from_ns) / 2;
    uint64_t to_ns = window->open ? end_ns : window->recovery.to_ns;
    return to_ns > from_ns ? to_ns - from_ns : 0;
}
