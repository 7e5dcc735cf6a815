#include "tests/bench/bench.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_add(struct bench *bench, double value, double cycles)
{
    assert(bench->count < BENCH_REPEATS_MAX);
    bench->values[bench->count] = value;
    bench->cycles[bench->count++] = cycles;
}

double bench_median(const double values[], unsigned count)
{
    double sorted[BENCH_REPEATS_MAX];
    if (count == 0)
        return 0;
    memcpy(sorted, values, count * sizeof(values[0]));
    qsort(sorted, count, sizeof(sorted[0]), by_value);
    return count % 2 != 0 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static double spread(const double values[], unsigned count)
{
    double median = bench_median(values, count), least = median, most = median;
    for (unsigned i = 0; i < count; i++) {
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    return median == 0 ? 0 : (most - least) / median;
}

void bench_print(const struct bench *bench)
{
    printf("{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", \"cycles\": %.6g, "
           "\"spread\": %.4g, ",
           bench->name, bench_median(bench->values, bench->count), bench->unit,
           bench_median(bench->cycles, bench->count), spread(bench->values, bench->count));
    if (bench->must != 0 || bench->aim != 0)
        printf("\"must\": %g, \"aim\": %g, \"lessIsBetter\": %s, ", bench->must, bench->aim,
               bench->less_is_better ? "true" : "false");
    printf("\"judged\": %s, \"note\": \"%s\"}\n", bench->judged ? "true" : "false", bench->note);
    fflush(stdout);
}
