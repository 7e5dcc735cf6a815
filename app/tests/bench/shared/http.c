#include "tests/bench/shared/http.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/shared/pair.h"

enum {
    REPEATS = 63,
    REPEAT_MS = 5,
    TRIES = 2000, /* Repeats that may be disturbed, and then do not count. */
    WARM_UP_MS = 400,
    STALL_NS = 100000,
    LOOK_TICKS = 20000,
    LOOPS = 256,
    BODY_BYTES = 64,
    HTTP_PORT = 80,
    LOG_RECORDS = 1 << 16 /* More than come between two looks of the control thread. */
};

static struct http_message message;
static struct http_expect expect;

/* What the worker has done so far. */
struct done {
    uint64_t good, bad, refused, cycles, turns, stalls, tsc;
};

static struct done read_all(const struct worker *worker)
{
    const struct record *record = worker_record(worker);
    const struct record_counters *of = &record->streams[0].counters;
    const struct worker_counters *counters = worker_counters(worker);
    struct done done = {.cycles = record_count_read(&counters->busy_cycles),
                        .turns = record_count_read(&counters->turns) -
                                 record_count_read(&counters->idle_turns),
                        .stalls = record_count_read(&counters->stalls),
                        .tsc = clock_tsc()};
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        *(outcome_is_good(i) ? &done.good : &done.bad) += record_count_read(&of->outcomes[i]);
    for (unsigned i = 0; i < RECORD_TYPE_COUNT; i++)
        done.refused += record_count_read(&record->logs[i].refused);
    return done;
}

/* At one moment, or nearly: again, if this thread was kept from its CPU in between. */
static struct done look(const struct worker *worker)
{
    struct done done;
    uint64_t begin;
    do {
        begin = clock_tsc();
        done = read_all(worker);
    } while (clock_tsc() - begin > LOOK_TICKS);
    return done;
}

static int start(struct pair *pair, bool keep_alive, struct error *err)
{
    const struct http_request_config request = {
        .target = "/", .host = "10.9.0.1", .close = !keep_alive};
    struct worker_config config = pair_config(pair);
    struct traffic_stream_config *stream = &config.traffic.streams[0];
    if (http_message_request(&message, &request, err) < 0)
        return -1;
    http_expect_init(&expect);
    *stream = traffic_stream_default(TRAFFIC_HTTP);
    stream->pattern = TRAFFIC_CLOSED;
    stream->keep_alive = keep_alive;
    stream->flows = LOOPS;
    stream->messages = &message;
    stream->message_count = 1;
    stream->expect = &expect;
    stream->targets[0] = pair->target;
    stream->target_count = 1;
    config.stall_ns = STALL_NS;
    config.capacity[RECORD_REQUESTS] = config.capacity[RECORD_CONNECTIONS] = LOG_RECORDS;
    return pair_start(pair, &config, err);
}

static void measure(struct pair *pair, struct bench *bench, char *note, size_t size)
{
    double rates[REPEATS] = {0}, busy[REPEATS] = {0}, turns[REPEATS] = {0};
    unsigned tries = 0;
    pair_wait(pair, WARM_UP_MS);
    const struct done first = look(pair->worker);
    for (; tries < TRIES && bench->count < REPEATS; tries++) {
        const struct done before = look(pair->worker);
        pair_wait(pair, REPEAT_MS);
        const struct done after = look(pair->worker);
        if (after.stalls != before.stalls || after.good == before.good)
            continue; /* Kept from the CPU: that time would count as the requests'. */
        const double good = (double)(after.good - before.good);
        const double cycles = (double)(after.cycles - before.cycles) / good;
        const double ticks = (double)(after.tsc - before.tsc);
        rates[bench->count] = good / ticks * (double)pair->clock.hz;
        turns[bench->count] = good / (double)(after.turns - before.turns);
        busy[bench->count] = 100 * (double)(after.cycles - before.cycles) / ticks;
        bench_add(bench, cycles, cycles);
    }
    const struct done last = look(pair->worker);
    snprintf(note, size,
             "%.0f a second, the worker busy for %.0f %%, %.1f in a busy turn (medians); %llu not "
             "good, %llu records refused; %u of %u repeats set apart for stalls over 100 us",
             bench_median(rates, bench->count), bench_median(busy, bench->count),
             bench_median(turns, bench->count), (unsigned long long)(last.bad - first.bad),
             (unsigned long long)(last.refused - first.refused), tries - bench->count, tries);
}

enum exit_status http_bench(struct bench *bench, bool keep_alive, int argc, char **argv)
{
    const int cpus[2] = {argc > 1 ? atoi(argv[1]) : 0, argc > 2 ? atoi(argv[2]) : 1};
    struct responder_config responder = responder_config_default();
    struct server_config *server = &responder.server;
    struct pair pair;
    struct error err = {0};
    char note[220] = "";
    server->listeners[0] = (struct server_listener){SERVER_HTTP, HTTP_PORT};
    server->listener_count = 1;
    server->http.body.size_bytes = BODY_BYTES;
    bench->note = note;
    bool good = pair_open(&pair, cpus, server, &err) == 0 && start(&pair, keep_alive, &err) == 0;
    if (good)
        measure(&pair, bench, note, sizeof(note));
    pair_close(&pair);
    http_message_free(&message);
    if (good && bench->count == 0) {
        error_set(&err, EXIT_ENVIRONMENT, 0, "no request was answered: %s", note);
        good = false;
    }
    if (!good) {
        fprintf(stderr, "%s: %s\n", bench->name, err.text);
        return EXIT_ENVIRONMENT;
    }
    bench_print(bench);
    return EXIT_MET;
}
