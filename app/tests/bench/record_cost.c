/* What recording costs a worker: a million requests a second, each recorded in full, while the
 * control thread writes them to a run directory, once a second as in a run. The value is the share
 * of the worker's cycles that goes into it; cycles are those of a request.
 *
 * Requests come in bursts of 32, as from a poll. Between two, memory is walked over that takes the
 * place of the work of a real turn in the caches. Bursts over 20 us are the machine's doing, not
 * the recording's: they are set apart, and their share is told.
 *
 * Usage: record_cost [CPU]. The logs go to TMPDIR, or /tmp, and are removed. */
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "rundir/log_writer.h"

#include "tests/bench/bench.h"

enum {
    REPEATS = 9,
    BURST = 32,
    BURSTS = 1000000 / BURST, /* A second. */
    OTHER_BYTES = 128 * 1024, /* Walked over between two bursts. */
    HOSTS = 8,
    FLOWS = 1000
};
#define STALL_NS 20000

static struct clock run_clock;

struct writing {
    struct record *record;
    struct log_writer log;
    struct error err;
    atomic_bool stop;
};

static void *write_logs(void *argument)
{
    struct writing *writing = argument;
    for (unsigned ms = 0; !atomic_load(&writing->stop); ms++) {
        usleep(1000);
        if (ms % 1000 == 0)
            log_writer_flush(&writing->log, writing->record, &writing->err);
    }
    log_writer_flush(&writing->log, writing->record, &writing->err);
    return NULL;
}

/* Due a microsecond apart, answered 50 to 150 us later; one in a thousand was not ok. */
static struct record_request make_request(uint64_t number, uint64_t now_ns, struct random *random)
{
    uint64_t rtt_ns = 50000 + random_next(random) % 100000;
    bool bad = random_next(random) % 1000 == 0;
    return (struct record_request){.due_ns = now_ns - rtt_ns,
                                   .sent_ns = now_ns - rtt_ns + 300,
                                   .first_byte_ns = now_ns,
                                   .done_ns = now_ns,
                                   .connection = (uint32_t)(number % FLOWS) + 1,
                                   .flow = (uint32_t)(number % FLOWS),
                                   .host = (uint16_t)(number % HOSTS + 1),
                                   .outcome = bad ? OUTCOME_STALLED : OUTCOME_OK,
                                   .arrival_uncertainty_ns = 200};
}

/* What a second took. */
struct taken {
    uint64_t ticks, requests; /* Without stalls. */
    uint64_t stalls;
};

static struct taken record_second(struct record *record, uint64_t *number, struct random *random)
{
    static uint8_t other[OTHER_BYTES];
    struct record_request requests[BURST];
    struct taken taken = {0};
    const uint64_t stall_ticks = run_clock.hz / (1000000000 / STALL_NS);
    uint64_t start_ns = clock_now_ns(&run_clock);
    for (uint64_t i = 0; i < BURSTS; i++) {
        uint64_t now_ns = start_ns + i * BURST * 1000;
        for (unsigned k = 0; k < BURST; k++)
            requests[k] = make_request(++*number, now_ns + k, random);
        for (unsigned at = 0; at < OTHER_BYTES; at += 64)
            other[at]++;
        while (clock_now_ns(&run_clock) < now_ns)
            continue;
        uint64_t ticks = clock_tsc();
        for (unsigned k = 0; k < BURST; k++)
            record_request_done(record, &requests[k]);
        ticks = clock_tsc() - ticks;
        if (ticks > stall_ticks) {
            taken.stalls++;
            continue;
        }
        taken.ticks += ticks;
        taken.requests += BURST;
    }
    return taken;
}

static struct record *make_record(void)
{
    struct record_config config = {.stream_count = 1};
    config.capacity[RECORD_REQUESTS] = 8 << 20;
    config.capacity[RECORD_DUES] = 1 << 20;
    config.capacity[RECORD_FOLDS] = 1 << 20;
    struct record *record = record_setup(&config);
    char name[16];
    for (unsigned i = 0; record != NULL && i < HOSTS; i++)
        record_host_id(record, name, (uint32_t)snprintf(name, sizeof(name), "pod-%u", i));
    return record;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

static uint64_t refused(const struct record *record)
{
    uint64_t sum = 0;
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        sum += record_count_read(&record->logs[type].refused);
    return sum;
}

/* All repeats, in FOLDER. False with ERR when the logs could not be written. */
static bool measure(struct bench *bench, int core, const char *folder, char note[], size_t size)
{
    struct writing writing = {.record = make_record()};
    struct random random;
    uint64_t number = 0, stalls = 0;
    pthread_t thread;
    random_seed(&random, 1);
    if (writing.record == NULL || log_writer_open(&writing.log, folder, 0, &writing.err) < 0 ||
        pthread_create(&thread, NULL, write_logs, &writing) != 0) {
        fprintf(stderr, "record_cost: %s\n", writing.err.text);
        return false;
    }
    cpu_set_t cpu; /* After the other thread was made, which runs where there is room. */
    CPU_ZERO(&cpu);
    CPU_SET(core, &cpu);
    sched_setaffinity(0, sizeof(cpu), &cpu);
    for (unsigned i = 0; i < REPEATS; i++) {
        struct taken taken = record_second(writing.record, &number, &random);
        double cycles = (double)taken.ticks / (double)taken.requests;
        bench_add(bench, 100 * cycles * 1e6 / (double)run_clock.hz, cycles);
        stalls += taken.stalls;
    }
    record_finish(writing.record);
    atomic_store(&writing.stop, true);
    pthread_join(thread, NULL);
    snprintf(note, size,
             "%.1f bytes a request to the disk; %llu records refused; stalls over %d us set apart: "
             "%.3f %% of bursts",
             (double)writing.log.file_bytes / (double)number,
             (unsigned long long)refused(writing.record), STALL_NS / 1000,
             100.0 * (double)stalls / (REPEATS * (double)BURSTS));
    bool written = writing.err.text[0] == '\0';
    if (!written)
        fprintf(stderr, "record_cost: %s\n", writing.err.text);
    log_writer_close(&writing.log, NULL);
    record_free(writing.record);
    return written;
}

int main(int argc, char **argv)
{
    char folder[200], note[200] = "";
    const char *base = getenv("TMPDIR");
    struct bench bench = {.name = "record-cost",
                          .unit = "% of worker",
                          .must = 15,
                          .aim = 5,
                          .less_is_better = true,
                          .judged = true,
                          .note = note};
    clock_start(&run_clock, 200000000);
    snprintf(folder, sizeof(folder), "%s/seamline-bench-XXXXXX", base ? base : "/tmp");
    if (mkdtemp(folder) == NULL) {
        perror("record_cost");
        return EXIT_ENVIRONMENT;
    }
    bool measured = measure(&bench, argc > 1 ? atoi(argv[1]) : 1, folder, note, sizeof(note));
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (measured)
        bench_print(&bench);
    return measured ? EXIT_MET : EXIT_ENVIRONMENT;
}
