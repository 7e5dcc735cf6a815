/* What memory an open, quiet connection takes in a client worker: what a worker with 2 N of them
 * has more than one with N, over N. All is in it: tcp, traffic, tables, timers, and the shares that
 * it has in what is lent to those that are awake or have a request under way. Usage: conn_bytes.
 *
 * Judged is what a worker takes for a held stream. Beside it what it takes with room for these
 * connections alone: none for those that are still being closed when their flow has another.
 *
 * It is measured with several N, for some tables have sizes of powers of two. */
#include <stdio.h>

#include "base/error.h"

#include "tests/bench/bench.h"
#include "tests/bench/shared/quiet.h"

static const uint32_t counts[] = {200000, 256000, 320000, 400000};

static int measure(struct bench *bench, bool exact, struct error *err)
{
    struct quiet one, two;
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        const uint32_t count = counts[i];
        if (quiet_hold(count, exact, &one, err) < 0 || quiet_hold(2 * count, exact, &two, err) < 0)
            return -1;
        if (one.connections != count || two.connections != 2 * count)
            return error_set(err, EXIT_NOT_MET, -1, "%u of %u connections were held",
                             one.connections + two.connections, 3 * count);
        bench_add(bench, (double)(int64_t)(two.bytes - one.bytes) / count, two.ticks);
    }
    return 0;
}

int main(void)
{
    struct bench all = {.name = "conn-bytes",
                        .unit = "bytes",
                        .must = 192,
                        .aim = 96,
                        .less_is_better = true,
                        .judged = true,
                        .note = "cycles are those to open one"};
    struct bench exact = {
        .name = "conn-bytes-exact", .unit = "bytes", .note = "room for those connections alone"};
    struct error err = {0};
    if (quiet_start(&err) < 0 || measure(&all, false, &err) < 0 ||
        measure(&exact, true, &err) < 0) {
        fprintf(stderr, "conn_bytes: %s\n", err.text);
        return EXIT_ENVIRONMENT;
    }
    bench_print(&all);
    bench_print(&exact);
    quiet_stop();
    return EXIT_MET;
}
