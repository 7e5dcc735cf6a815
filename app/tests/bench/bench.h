/* bench.h - how a benchmark tells its result: one JSON object a line on standard output, which
 * scripts/bench gathers and prints as a table.
 *
 *     {"name": "workers", "value": 1.97, "unit": "times", "cycles": 61.2, "spread": 0.03,
 *      "must": 1.8, "aim": 1.95, "judged": true, "note": "..."}
 *
 * `value` and `cycles` are medians over the repeats, `spread` is (largest - smallest) / median of the
 * value. A benchmark passes no verdict itself.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>

enum {
    BENCH_REPEATS_MAX = 64
};

struct bench {
    const char *name;
    const char *unit;    /* Of the value. */
    double must, aim;    /* Of the value; 0 and 0: there is none. */
    bool less_is_better; /* The value must be at most `must`; else at least. */
    bool judged;         /* This machine can tell; else it is only printed. */
    const char *note;    /* A sentence for people; "" for none. */
    unsigned count;      /* Repeats so far. */
    double values[BENCH_REPEATS_MAX];
    double cycles[BENCH_REPEATS_MAX]; /* TSC ticks of an operation. */
};

void bench_add(struct bench *bench, double value, double cycles);
double bench_median(const double values[], unsigned count);
void bench_print(const struct bench *bench);

#endif
