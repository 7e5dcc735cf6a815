#include "tests/bench/shared/pacing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/shared/pair.h"

enum {
    REPEATS = 7,
    LOOKS = 10, /* Of the control thread, in a repeat. */
    LOOK_MS = 100,
    FLOWS = 16,
    UDP_PORT = 5003,
    CLOSE_NS = 1000, /* A departure so long after its due time is in time. */
    STALL_NS = 5000,
    LOG_RECORDS = 1 << 20, /* More than come between two looks. */
    STALLS_MAX = 1 << 22   /* Of all the time. */
};

/* Of departures. */
struct account {
    uint64_t close, sent, close_stalled, stalled, unsent;
};

struct stall {
    uint64_t start_ns, end_ns;
};

static struct stall stalls[STALLS_MAX];
static uint64_t stall_count, stalls_ns;

static int start(struct pair *pair, uint64_t per_s, struct error *err)
{
    struct worker_config config = pair_config(pair);
    struct traffic_stream_config *stream = &config.traffic.streams[0];
    *stream = traffic_stream_default(TRAFFIC_UDP);
    stream->law = law_constant(per_s, UINT64_C(1000000000));
    stream->flows = FLOWS;
    stream->targets[0] = pair->target;
    stream->target_count = 1;
    config.stall_ns = STALL_NS;
    config.capacity[RECORD_REQUESTS] = config.capacity[RECORD_FAULTS] = LOG_RECORDS;
    return pair_start(pair, &config, err);
}

/* In order of time. */
static void take_stalls(struct record *record)
{
    const uint64_t end = record_count(record, RECORD_FAULTS);
    uint64_t i = atomic_load(&record->logs[RECORD_FAULTS].taken);
    for (; i < end; i++) {
        const struct record_fault *fault = record_at(record, RECORD_FAULTS, i);
        if (fault->kind != FAULT_STALL || stall_count == STALLS_MAX)
            continue;
        stalls[stall_count++] = (struct stall){fault->start_ns, fault->end_ns};
        stalls_ns += fault->end_ns - fault->start_ns;
    }
    record_take(record, RECORD_FAULTS, end);
}

/* Was the worker kept from its loop at TIME_NS? */
static bool is_stalled(uint64_t time_ns)
{
    uint64_t low = 0, high = stall_count; /* Those from HIGH on begin later, those below LOW not. */
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (stalls[middle].start_ns <= time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && time_ns <= stalls[low - 1].end_ns;
}

static void add(struct account *account, const struct record_request *request)
{
    if (request->sent_ns == 0) {
        account->unsent++;
        return;
    }
    const bool close = request->sent_ns <= request->due_ns + CLOSE_NS;
    account->sent++;
    account->close += close;
    if (!is_stalled(request->due_ns))
        return;
    account->stalled++;
    account->close_stalled += close;
}

/* The stalls of requests that are over are on the log before them. */
static void look(struct record *record, struct account *account)
{
    const uint64_t end = record_count(record, RECORD_REQUESTS);
    uint64_t i = atomic_load(&record->logs[RECORD_REQUESTS].taken);
    take_stalls(record);
    for (; i < end; i++)
        add(account, record_at(record, RECORD_REQUESTS, i));
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        if (type != RECORD_HOSTS && type != RECORD_REQUESTS && type != RECORD_FAULTS)
            record_take(record, type, record_count(record, type));
    record_take(record, RECORD_REQUESTS, end);
    while (intervals_oldest(&record->streams[0].intervals) != NULL)
        intervals_give_back(&record->streams[0].intervals);
}

static uint64_t refused(const struct record *record)
{
    return record_count_read(&record->logs[RECORD_REQUESTS].refused) +
           record_count_read(&record->logs[RECORD_FAULTS].refused);
}

static double percent(uint64_t part, uint64_t of)
{
    return of == 0 ? 0 : 100 * (double)part / (double)of;
}

static void measure(const struct pair *pair, struct bench *bench, char *note, size_t size)
{
    struct record *record = worker_record(pair->worker);
    const struct worker_counters *counters = worker_counters(pair->worker);
    struct account unused = {0}, sum = {0};
    usleep(LOOK_MS * 1000);
    look(record, &unused);
    const uint64_t begin_ns = clock_now_ns(&pair->clock);
    stalls_ns = 0;
    for (unsigned i = 0; i < REPEATS; i++) {
        struct account account = {0};
        uint64_t cycles = record_count_read(&counters->busy_cycles);
        for (unsigned j = 0; j < LOOKS; j++) {
            usleep(LOOK_MS * 1000);
            look(record, &account);
        }
        cycles = record_count_read(&counters->busy_cycles) - cycles;
        sum.close += account.close;
        sum.sent += account.sent;
        sum.stalled += account.stalled;
        sum.unsent += account.unsent;
        if (account.sent > account.stalled)
            bench_add(
                bench,
                percent(account.close - account.close_stalled, account.sent - account.stalled),
                (double)cycles / (double)account.sent);
    }
    snprintf(note, size,
             "%llu departures, %.2f %% of all within 1 us; gaps over 5 us set apart: %.2f %% of "
             "the time, %.2f %% of departures; %llu unsent, %llu records refused",
             (unsigned long long)sum.sent, percent(sum.close, sum.sent),
             percent(stalls_ns, clock_now_ns(&pair->clock) - begin_ns),
             percent(sum.stalled, sum.sent), (unsigned long long)sum.unsent,
             (unsigned long long)refused(record));
}

enum exit_status pacing_bench(struct bench *bench, uint64_t per_s, int argc, char **argv)
{
    const int cpus[2] = {argc > 1 ? atoi(argv[1]) : 0, argc > 2 ? atoi(argv[2]) : 1};
    struct responder_config responder = responder_config_default();
    struct pair pair;
    struct error err = {0};
    char note[250] = "";
    responder.server.listeners[0] = (struct server_listener){SERVER_UDP, UDP_PORT};
    responder.server.listener_count = 1;
    bench->note = note;
    bool good =
        pair_open(&pair, cpus, &responder.server, &err) == 0 && start(&pair, per_s, &err) == 0;
    if (good)
        measure(&pair, bench, note, sizeof(note));
    pair_close(&pair);
    if (good && bench->count == 0) {
        error_set(&err, EXIT_ENVIRONMENT, 0, "nothing departed but in stalls: %s", note);
        good = false;
    }
    if (!good) {
        fprintf(stderr, "%s: %s\n", bench->name, err.text);
        return EXIT_ENVIRONMENT;
    }
    bench_print(bench);
    return EXIT_MET;
}
