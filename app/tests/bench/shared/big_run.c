#include "tests/bench/shared/big_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "rundir/log_writer.h"
#include "rundir/meta.h"
#include "rundir/rundir.h"
#include "rundir/timeline.h"

#define MS_NS UINT64_C(1000000)
#define SECOND_NS UINT64_C(1000000000)

enum {
    HELD,
    NEW,
    WORKERS = 4,
    PODS = 20,
    FLOWS = 10000 / WORKERS,           /* Of a worker. */
    REQUESTS = BIG_RUN_RATE / WORKERS, /* Of a worker, a second. */
    IN_FLIGHT = 64,                    /* Of a worker: some 250 us. */
    LOST_SLOTS = 8,                    /* Of a connection that breaks. */
    VALIDATE = 3,                      /* As the experiment has it by default. */
    PER_NEW = REQUESTS / 250,          /* Requests of held for one of new. */
    CLUMP = 48 / WORKERS,              /* Answers 503 at once. */
    REFUSED_NEW = 40 / WORKERS,        /* After a pod's end. */
    TAKEN_EVERY = REQUESTS / 4,        /* The logs are emptied. */
    REPAIRED_EVERY = 20000 - 3,        /* One in so many was sent again. */
    STALLS_EVERY = REQUESTS / 2 + 7    /* The worker stood still. */
};
static_assert(PODS * (10000 / PODS) * LOST_SLOTS + 400 * 48 + PODS * 40 == BIG_RUN_FAILURES,
              "as the header says");

#define FIRST_END_NS (10 * SECOND_NS)
#define END_EVERY_NS (2 * SECOND_NS)
#define LAST_END_NS (FIRST_END_NS + PODS * END_EVERY_NS)
#define STEP_NS (SECOND_NS / BIG_RUN_RATE * WORKERS) /* Between two requests of a worker. */

static const char experiment[] =
    "{\"version\":1,\"name\":\"big-run\","
    "\"cluster\":{\"kubeconfig\":\"lab\",\"context\":\"seamline-lab\",\"namespace\":\"seamline\","
    "\"mayChange\":[\"deployment/mserver\"]},"
    "\"target\":{\"address\":\"10.0.0.9\",\"port\":8080},"
    "\"streams\":[{\"name\":\"held\",\"protocol\":\"http\",\"connections\":10000,\"mode\":\"held\","
    "\"rate\":\"1000000/s\"},{\"name\":\"new\",\"protocol\":\"connect\",\"rate\":\"1000/s\"}],"
    "\"steps\":[{\"do\":\"start\",\"streams\":[\"held\",\"new\"]},"
    "{\"do\":\"set-image\",\"id\":\"upgrade\",\"deployment\":\"mserver\",\"image\":\"mserver:v2\"},"
    "{\"do\":\"stop\",\"streams\":[\"held\",\"new\"]}],"
    "\"windows\":{\"holdOff\":\"50ms\"},"
    "\"expect\":[{\"stream\":\"held\",\"figure\":\"brokenConnections\",\"atMost\":10000},"
    "{\"stream\":\"new\",\"figure\":\"longestWindow\",\"atMost\":\"1s\"},"
    "{\"stream\":\"held\",\"figure\":\"latencyP99\",\"atMost\":\"5ms\"}]}";

/* A connection of held, and what it is interrupted by. */
struct flow {
    uint32_t connection; /* Now. */
    uint32_t slots;      /* Lost ones that are to come. */
    uint32_t prove;      /* Good ones that are to be kept. */
    uint16_t host;
    bool open;                   /* It has an outage. */
    struct record_outage outage; /* That one. */
    uint64_t good_sent_ns, good_done_ns, opened_ns;
};

struct worker {
    struct record *record;
    struct log_writer log;
    struct random random;
    uint32_t index;
    uint64_t clump; /* Next; and how many of it were answered so. */
    uint32_t clumped;
    struct flow flows[FLOWS];
    struct record_request in_flight[IN_FLIGHT];
    uint32_t flying;
    uint32_t refused_of_pod; /* New ones, since the last end. */
    uint32_t pods_ended;
    struct record_outage outage; /* Of new; lost 0: none. */
    uint64_t new_good_ns;
};

static uint64_t end_of_pod(uint32_t pod)
{
    return FIRST_END_NS + pod * END_EVERY_NS;
}

static struct tuple tuple_of(uint32_t number)
{
    struct tuple tuple = {
        .local_port = (uint16_t)(1024 + number % 60000), .remote_port = 8080, .protocol = 6};
    address_parse("10.1.0.1", &tuple.local, NULL);
    address_parse("10.0.0.9", &tuple.remote, NULL);
    return tuple;
}

static void close_connection(struct worker *worker, uint32_t number, enum connection_end end,
                             uint64_t now_ns)
{
    const struct flow *flow = &worker->flows[number];
    record_connection_done(worker->record,
                           &(struct record_connection){.tuple = tuple_of(flow->connection),
                                                       .opened_ns = flow->opened_ns,
                                                       .connected_ns = flow->opened_ns + 90000,
                                                       .ended_ns = now_ns,
                                                       .last_good_sent_ns = flow->good_sent_ns,
                                                       .last_good_done_ns = flow->good_done_ns,
                                                       .largest_rtt_ns = 900000,
                                                       .id = flow->connection,
                                                       .flow = number,
                                                       .sent = 1000,
                                                       .received = 999,
                                                       .host = flow->host,
                                                       .stream = HELD,
                                                       .end = (uint8_t)end});
}

static void open_connection(struct worker *worker, uint32_t number, uint16_t host, uint64_t now_ns)
{
    struct flow *flow = &worker->flows[number];
    flow->connection = record_new_connection_id(worker->record);
    flow->opened_ns = now_ns;
    flow->host = host;
    record_connect_time(worker->record, HELD, now_ns + 90000, 90000);
}

/* It is reset, and its successor meets nobody at first. */
static void break_connection(struct worker *worker, uint32_t number, uint64_t now_ns)
{
    struct flow *flow = &worker->flows[number];
    close_connection(worker, number, CONNECTION_RST, now_ns);
    flow->outage = (struct record_outage){.last_good_sent_ns = flow->good_sent_ns,
                                          .last_good_done_ns = flow->good_done_ns,
                                          .signal_ns = now_ns,
                                          .first_unanswered_ns = now_ns - 100000,
                                          .first_attempt_ns = now_ns + 1000,
                                          .largest_rtt_ns = 900000,
                                          .arrival_uncertainty_ns = 500,
                                          .flow = number,
                                          .connection = flow->connection,
                                          .attempts = 2,
                                          .lost = LOST_SLOTS,
                                          .host = flow->host,
                                          .stream = HELD,
                                          .signal = CONNECTION_RST};
    flow->open = true;
    uint16_t next = (uint16_t)(flow->host + PODS);
    open_connection(worker, number, 0, now_ns + 1000);
    record_connection_done(worker->record,
                           &(struct record_connection){.tuple = tuple_of(flow->connection),
                                                       .opened_ns = now_ns + 1000,
                                                       .ended_ns = now_ns + 90000,
                                                       .id = flow->connection,
                                                       .flow = number,
                                                       .failed_connects = 1,
                                                       .stream = HELD,
                                                       .end = CONNECTION_REFUSED});
    open_connection(worker, number, next, now_ns + 60 * MS_NS);
    flow->outage.successor = flow->connection;
    flow->outage.successor_host = next;
    flow->outage.connected_ns = now_ns + 60 * MS_NS + 90000;
}

static void answer_503(struct flow *flow, const struct record_request *request)
{
    flow->open = true;
    flow->outage = (struct record_outage){.last_good_sent_ns = flow->good_sent_ns,
                                          .last_good_done_ns = flow->good_done_ns,
                                          .signal_ns = request->done_ns,
                                          .first_unanswered_ns = request->sent_ns,
                                          .largest_rtt_ns = 900000,
                                          .flow = request->flow,
                                          .connection = flow->connection,
                                          .successor = flow->connection,
                                          .lost = 1,
                                          .host = flow->host,
                                          .successor_host = flow->host,
                                          .stream = HELD,
                                          .signal = CONNECTION_BAD_ANSWER};
}

/* A good answer: it ends the outage, if there is one. */
static void answer(struct worker *worker, struct flow *flow, const struct record_request *request)
{
    if (flow->open) {
        flow->outage.recovered_sent_ns = request->sent_ns;
        flow->outage.recovered_done_ns = request->done_ns;
        flow->outage.recovery_uncertainty_ns = 500;
        record_append(worker->record, RECORD_OUTAGES, &flow->outage);
        flow->open = false;
        flow->prove = VALIDATE;
    }
    if (flow->prove > 0) {
        flow->prove--;
        record_keep(worker->record, request);
    }
    flow->good_sent_ns = request->sent_ns;
    flow->good_done_ns = request->done_ns;
}

/* Every 100 ms of the rollout the first ones that find their flow well. */
static bool is_clumped(struct worker *worker, const struct flow *flow, uint64_t due_ns)
{
    uint64_t clump = (due_ns - FIRST_END_NS) / (100 * MS_NS);
    if (due_ns < FIRST_END_NS || due_ns >= LAST_END_NS || flow->open || flow->prove > 0 ||
        flow->good_done_ns == 0)
        return false;
    if (clump < worker->clump) /* It was overtaken. */
        return false;
    if (clump > worker->clump)
        worker->clumped = 0;
    worker->clump = clump;
    return worker->clumped < CLUMP && ++worker->clumped > 0;
}

/* REQUEST, which was due and sent, is over now. */
static void end_held(struct worker *worker, struct record_request *request)
{
    struct flow *flow = &worker->flows[request->flow];
    bool breaks = flow->host != 0 && flow->host <= PODS && flow->slots == 0 &&
                  request->due_ns >=
                      end_of_pod(flow->host - 1u) + request->flow * WORKERS % 500 * (MS_NS / 10);
    if (breaks)
        flow->slots = LOST_SLOTS;
    if (flow->slots > 0) {
        request->outcome = breaks ? OUTCOME_RESET : OUTCOME_BLOCKED;
        request->connection = breaks ? flow->connection : 0;
        request->host = breaks ? flow->host : 0;
        if (breaks)
            break_connection(worker, request->flow, request->done_ns);
        else
            request->sent_ns = 0;
        request->first_byte_ns = 0;
        flow->slots--;
    } else {
        request->connection = flow->connection;
        request->host = flow->host;
        request->status = 200;
        if (is_clumped(worker, flow, request->due_ns)) {
            request->status = 503;
            request->outcome = OUTCOME_BAD_STATUS;
            answer_503(flow, request);
        } else if (request->due_ns / STEP_NS % REPAIRED_EVERY == 0) {
            request->outcome = OUTCOME_REPAIRED;
            request->retransmits = 1;
        }
    }
    if (outcome_is_good(request->outcome))
        answer(worker, flow, request);
    record_request_done(worker->record, request);
}

static void end_new(struct worker *worker, uint64_t due_ns)
{
    uint32_t ended =
        due_ns < FIRST_END_NS ? 0 : (uint32_t)((due_ns - FIRST_END_NS) / END_EVERY_NS) + 1;
    if (ended <= PODS && ended != worker->pods_ended) {
        worker->pods_ended = ended;
        worker->refused_of_pod = REFUSED_NEW;
    }
    bool refused = worker->refused_of_pod > 0;
    worker->refused_of_pod -= refused;
    struct record_request request = {.due_ns = due_ns,
                                     .sent_ns = due_ns + 300,
                                     .first_byte_ns = refused ? 0 : due_ns + 100000,
                                     .done_ns = due_ns + 100000,
                                     .connection = record_new_connection_id(worker->record),
                                     .stream = NEW,
                                     .outcome = refused ? OUTCOME_REFUSED : OUTCOME_OK};
    record_request_done(worker->record, &request);
    record_connection_done(
        worker->record,
        &(struct record_connection){.tuple = tuple_of(request.connection),
                                    .opened_ns = request.sent_ns,
                                    .connected_ns = refused ? 0 : request.done_ns,
                                    .ended_ns = request.done_ns,
                                    .id = request.connection,
                                    .stream = NEW,
                                    .end = refused ? CONNECTION_REFUSED : CONNECTION_DONE});
    if (refused && worker->outage.lost++ == 0) {
        worker->outage.last_good_sent_ns = worker->outage.last_good_done_ns = worker->new_good_ns;
        worker->outage.signal_ns = request.done_ns;
        worker->outage.first_unanswered_ns = request.sent_ns;
        worker->outage.stream = NEW;
        worker->outage.signal = CONNECTION_REFUSED;
    } else if (!refused && worker->outage.lost > 0) {
        worker->outage.recovered_sent_ns = request.sent_ns;
        worker->outage.recovered_done_ns = request.done_ns;
        worker->outage.successor = request.connection;
        record_append(worker->record, RECORD_OUTAGES, &worker->outage);
        worker->outage = (struct record_outage){0};
    }
    if (!refused)
        worker->new_good_ns = request.sent_ns;
}

static void stall(struct worker *worker, uint64_t now_ns)
{
    record_append(
        worker->record, RECORD_FAULTS,
        &(struct record_fault){
            .start_ns = now_ns, .end_ns = now_ns + 300000, .count = 1, .kind = FAULT_STALL});
}

/* Of those in flight any is the next to be over. */
static void end_one(struct worker *worker, uint64_t now_ns)
{
    uint64_t which = random_below(&worker->random, worker->flying);
    struct record_request request = worker->in_flight[which];
    worker->in_flight[which] = worker->in_flight[--worker->flying];
    request.first_byte_ns = request.done_ns = now_ns;
    request.arrival_uncertainty_ns = 500;
    end_held(worker, &request);
}

/* A step of the worker: a request is due, and another is over. */
static void step(struct worker *worker, uint64_t number)
{
    uint64_t due_ns = number * STEP_NS + worker->index * 1000;
    if (worker->flying == IN_FLIGHT)
        end_one(worker, due_ns);
    worker->in_flight[worker->flying++] =
        (struct record_request){.due_ns = due_ns,
                                .sent_ns = due_ns + 300,
                                .flow = (uint32_t)(number % FLOWS),
                                .stream = HELD};
    if (number % PER_NEW == 0)
        end_new(worker, due_ns);
    if (number % STALLS_EVERY == STALLS_EVERY - 1)
        stall(worker, due_ns);
}

static int start(struct worker *worker, const struct rundir *rundir, uint32_t index,
                 struct error *err)
{
    struct record_config config = {.worker = index, .stream_count = 2};
    config.capacity[RECORD_REQUESTS] = config.capacity[RECORD_DUES] = 1 << 18;
    config.capacity[RECORD_FOLDS] = config.capacity[RECORD_OUTAGES] = 1 << 17;
    config.capacity[RECORD_CONNECTIONS] = 1 << 17;
    config.keep[HELD] = (struct record_keep){.mode = RECORD_MODE_SAMPLED, .one_in = 10};
    *worker = (struct worker){.index = index, .record = record_setup(&config)};
    random_seed(&worker->random, index + 1);
    if (worker->record == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for the records");
    for (unsigned i = 0; i < 2 * PODS; i++) {
        char name[32];
        int size = snprintf(name, sizeof(name), "mserver-%s-%u", i < PODS ? "v1" : "v2", i % PODS);
        record_host_id(worker->record, name, (uint32_t)size);
    }
    for (uint32_t i = 0; i < FLOWS; i++)
        open_connection(worker, i, (uint16_t)(i * PODS / FLOWS + 1), index * 1000 + 1);
    return log_writer_open(&worker->log, rundir->path, index, err);
}

static int finish(struct worker *worker, uint64_t now_ns, struct error *err)
{
    while (worker->flying > 0)
        end_one(worker, now_ns);
    for (uint32_t i = 0; i < FLOWS; i++)
        close_connection(worker, i, CONNECTION_LASTING, now_ns);
    record_finish(worker->record);
    int code = log_writer_flush(&worker->log, worker->record, err);
    return code < 0 ? code : log_writer_close(&worker->log, err);
}

static void add_totals(const struct record *record, struct meta *meta)
{
    for (unsigned i = 0; i < meta->stream_count; i++) {
        const struct record_counters *counters = &record->streams[i].counters;
        struct record_log_totals *totals = &meta->streams[i].totals;
        totals->due += record_count_read(&counters->due);
        totals->done += record_count_read(&counters->done);
        for (unsigned o = 0; o < OUTCOME_COUNT; o++) {
            totals->outcomes[o] += record_count_read(&counters->outcomes[o]);
            totals->received += outcome_is_good(o) ? record_count_read(&counters->outcomes[o]) : 0;
        }
    }
    for (unsigned i = 0; i < RECORD_TYPE_COUNT; i++)
        meta->records_refused += record_count_read(&record->logs[i].refused);
}

static int run_worker(const struct rundir *rundir, uint32_t index, struct meta *meta,
                      struct error *err)
{
    struct worker *worker = malloc(sizeof(*worker));
    if (worker == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for a worker");
    int code = start(worker, rundir, index, err);
    uint64_t count = (uint64_t)BIG_RUN_SECONDS * REQUESTS;
    for (uint64_t i = 0; i < count && code == 0; i++) {
        step(worker, i);
        if (i % TAKEN_EVERY == 0)
            code = log_writer_flush(&worker->log, worker->record, err);
    }
    if (code == 0)
        code = finish(worker, BIG_RUN_SECONDS * SECOND_NS, err);
    if (worker->record != NULL)
        add_totals(worker->record, meta);
    record_free(worker->record);
    free(worker);
    return code;
}

/* ---- the cluster ---- */

static void add_event(struct rundir *rundir, enum timeline_kind kind, uint64_t at_ns,
                      const char *object, const char *node, const char *text)
{
    struct timeline_event event = {
        .kind = kind, .not_before_ns = at_ns, .not_after_ns = at_ns + 4 * MS_NS};
    snprintf(event.object, sizeof(event.object), "%s", object);
    snprintf(event.node, sizeof(event.node), "%s", node);
    snprintf(event.text, sizeof(event.text), "%s", text);
    rundir_add_event(rundir, &event, NULL);
}

static void replace_pod(struct rundir *rundir, unsigned pod)
{
    static const char service[] = "service mserver, 10.244.0.1";
    uint64_t end_ns = end_of_pod(pod);
    char old[32], new[32], node[32];
    snprintf(old, sizeof(old), "mserver-v1-%u", pod);
    snprintf(new, sizeof(new), "mserver-v2-%u", pod);
    snprintf(node, sizeof(node), "node-%u", pod % 4 + 1);
    add_event(rundir, TIMELINE_POD_CREATED, end_ns - 1500 * MS_NS, new, node, "");
    add_event(rundir, TIMELINE_POD_SCHEDULED, end_ns - 1490 * MS_NS, new, node, "");
    add_event(rundir, TIMELINE_POD_READY, end_ns - 200 * MS_NS, new, node, "");
    add_event(rundir, TIMELINE_ENDPOINT_READY, end_ns - 190 * MS_NS, new, node, service);
    add_event(rundir, TIMELINE_POD_TERMINATING, end_ns - 20 * MS_NS, old, node, "grace 30 s");
    add_event(rundir, TIMELINE_ENDPOINT_TERMINATING, end_ns - 10 * MS_NS, old, node, service);
    add_event(rundir, TIMELINE_ENDPOINT_REMOVED, end_ns + 60 * MS_NS, old, node, service);
    add_event(rundir, TIMELINE_POD_NOT_READY, end_ns + 80 * MS_NS, old, node, "");
    add_event(rundir, TIMELINE_POD_GONE, end_ns + 200 * MS_NS, old, node, "");
    add_event(rundir, TIMELINE_ROLLOUT_PROGRESS, end_ns + 210 * MS_NS, "mserver", "", "");
}

static void write_timeline(struct rundir *rundir)
{
    static const uint64_t end_ns = BIG_RUN_SECONDS * SECOND_NS;
    add_event(rundir, TIMELINE_RUN_START, 0, "", "", "");
    add_event(rundir, TIMELINE_STREAM_STEADY, SECOND_NS, "held", "", "");
    add_event(rundir, TIMELINE_STREAM_STEADY, SECOND_NS, "new", "", "");
    for (unsigned i = 0; i < PODS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "mserver-v1-%u", i);
        add_event(rundir, TIMELINE_ENDPOINT_READY, SECOND_NS / 2, name, "",
                  "service mserver, 10.244.0.1");
    }
    add_event(rundir, TIMELINE_STEP_START, 8 * SECOND_NS, "upgrade", "", "set-image");
    add_event(rundir, TIMELINE_CHANGE, 8 * SECOND_NS, "deployment/mserver", "", "");
    for (unsigned i = 0; i < PODS; i++)
        replace_pod(rundir, i);
    add_event(rundir, TIMELINE_ROLLOUT_COMPLETE, LAST_END_NS, "mserver", "", "");
    add_event(rundir, TIMELINE_STEP_END, LAST_END_NS, "upgrade", "", "");
    add_event(rundir, TIMELINE_RUN_END, end_ns - 5 * MS_NS, "", "", "");
}

static struct meta_stream make_stream(const char *name, const char *protocol, uint32_t flows,
                                      double rate_pps)
{
    struct meta_stream stream = {.flows = flows,
                                 .rate_pps = rate_pps,
                                 .timeout_ns = SECOND_NS,
                                 .connect_timeout_ns = SECOND_NS,
                                 .late_ns = SECOND_NS / 2,
                                 .started_ns = 1,
                                 .steady_ns = SECOND_NS,
                                 .stopped_ns = BIG_RUN_SECONDS * SECOND_NS};
    snprintf(stream.name, sizeof(stream.name), "%s", name);
    snprintf(stream.protocol, sizeof(stream.protocol), "%s", protocol);
    snprintf(stream.target, sizeof(stream.target), "%s://10.0.0.9:8080", protocol);
    snprintf(stream.record, sizeof(stream.record), "full");
    return stream;
}

static void make_meta(struct meta *meta)
{
    *meta = (struct meta){.version = "bench",
                          .experiment = "big-run",
                          .started = "2026-11-21T10:00:00.000000000Z",
                          .environment = "made by a benchmark",
                          .final = true,
                          .ended_ns = BIG_RUN_SECONDS * SECOND_NS,
                          .tsc_hz = 2000000000,
                          .clock_error_ns = 1500,
                          .worker_count = WORKERS,
                          .stream_count = 2,
                          .change_ns = 8 * SECOND_NS,
                          .turns = 1000000};
    meta->streams[HELD] = make_stream("held", "http", WORKERS * FLOWS, BIG_RUN_RATE);
    meta->streams[NEW] = make_stream("new", "connect", 1, 1000);
    snprintf(meta->streams[HELD].record, sizeof(meta->streams[HELD].record), "sampled");
    meta->streams[HELD].one_in = 10;
}

int big_run_write(const char *path, struct error *err)
{
    struct rundir rundir = {0};
    struct meta *meta = calloc(1, sizeof(*meta));
    int code = rundir_create(&rundir, path, "big-run", err);
    if (code < 0 || meta == NULL) {
        free(meta);
        return code < 0 ? code : -ENOMEM;
    }
    make_meta(meta);
    code = rundir_write_text(&rundir, "experiment.json", experiment, err);
    for (uint32_t i = 0; i < WORKERS && code == 0; i++)
        code = run_worker(&rundir, i, meta, err);
    write_timeline(&rundir);
    if (code == 0)
        code = meta_write(meta, rundir.path, err);
    rundir_close(&rundir);
    free(meta);
    return code;
}
