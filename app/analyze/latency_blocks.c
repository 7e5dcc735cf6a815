#include "analyze/latency_blocks.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "rundir/log_reader.h"

static const uint64_t second_ns = 1000000000;

/* The blocks of both runs, base's first, without the buckets that are empty in all. */
struct table {
    const struct latency_blocks *base, *next;
    unsigned columns;
    unsigned buckets[HISTOGRAM_BUCKETS]; /* Of each column, rising. */
    uint32_t *cells;                     /* Rows of `columns`. */
    uint64_t *sums[2];                   /* A group's count by column. */
    size_t *order;                       /* Of rows. */
};

static bool is_wanted(const struct logs_interval *interval, unsigned stream)
{
    return interval->head.stream == stream && interval->head.kind == INTERVAL_FROM_DUE;
}

static void add_interval(const struct logs *logs, const struct logs_interval *interval,
                         uint32_t counts[HISTOGRAM_BUCKETS])
{
    for (uint32_t i = 0; i < interval->buckets; i++) {
        const struct log_bucket *bucket = &logs->buckets[interval->first + i];
        if (bucket->bucket < HISTOGRAM_BUCKETS)
            counts[bucket->bucket] += bucket->count;
    }
}

/* Blocks without an answer are left out. */
static void close_gaps(struct latency_blocks *blocks)
{
    size_t kept = 0;
    for (size_t i = 0; i < blocks->count; i++) {
        uint64_t answers = 0;
        for (unsigned k = 0; k < HISTOGRAM_BUCKETS; k++)
            answers += blocks->counts[i][k];
        if (answers > 0 && kept++ < i)
            memcpy(blocks->counts[kept - 1], blocks->counts[i], sizeof(blocks->counts[i]));
    }
    blocks->count = kept;
}

int latency_blocks_make(const struct logs *logs, unsigned stream, struct latency_blocks *out)
{
    uint64_t first = UINT64_MAX, last = 0;

    *out = (struct latency_blocks){0};
    for (size_t i = 0; i < logs->interval_count; i++) {
        uint64_t second = logs->intervals[i].head.from_ns / second_ns;
        if (!is_wanted(&logs->intervals[i], stream))
            continue;
        first = second < first ? second : first;
        last = second > last ? second : last;
    }
    if (first == UINT64_MAX)
        return 0;
    uint64_t length = (last - first) / LATENCY_BLOCKS_MAX + 1;
    out->count = (size_t)((last - first) / length) + 1;
    out->counts = calloc(out->count, sizeof(*out->counts));
    if (out->counts == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < logs->interval_count; i++) {
        const struct logs_interval *interval = &logs->intervals[i];
        if (is_wanted(interval, stream))
            add_interval(logs, interval,
                         out->counts[(interval->head.from_ns / second_ns - first) / length]);
    }
    close_gaps(out);
    return 0;
}

void latency_blocks_free(struct latency_blocks *blocks)
{
    free(blocks->counts);
    *blocks = (struct latency_blocks){0};
}

static const uint32_t *row_of(const struct table *table, size_t row)
{
    return row < table->base->count ? table->base->counts[row]
                                    : table->next->counts[row - table->base->count];
}

static void close_table(struct table *table)
{
    free(table->cells);
    free(table->sums[0]);
    free(table->sums[1]);
    free(table->order);
}

static int open_table(struct table *table, const struct latency_blocks *base,
                      const struct latency_blocks *next)
{
    size_t rows = base->count + next->count;

    *table = (struct table){.base = base, .next = next};
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t sum = 0;
        for (size_t row = 0; row < rows; row++)
            sum += row_of(table, row)[i];
        if (sum > 0)
            table->buckets[table->columns++] = i;
    }
    table->cells = calloc(rows * table->columns + 1, sizeof(*table->cells));
    table->sums[0] = calloc(table->columns + 1, sizeof(*table->sums[0]));
    table->sums[1] = calloc(table->columns + 1, sizeof(*table->sums[1]));
    table->order = calloc(rows + 1, sizeof(*table->order));
    if (table->cells == NULL || table->sums[0] == NULL || table->sums[1] == NULL ||
        table->order == NULL) {
        close_table(table);
        return -ENOMEM;
    }
    for (size_t row = 0; row < rows; row++) {
        table->order[row] = row;
        for (unsigned i = 0; i < table->columns; i++)
            table->cells[row * table->columns + i] = row_of(table, row)[table->buckets[i]];
    }
    return 0;
}

static void add_row(const struct table *table, size_t row, uint64_t *sums)
{
    const uint32_t *cells = &table->cells[row * table->columns];
    for (unsigned i = 0; i < table->columns; i++)
        sums[i] += cells[i];
}

static double quantile(const struct table *table, const uint64_t *sums, double fraction)
{
    uint64_t all = 0, seen = 0;
    unsigned i = 0;
    for (unsigned k = 0; k < table->columns; k++)
        all += sums[k];
    double rank = fmax(1, ceil(fraction * (double)all * (1 - 1e-12)));
    for (; i + 1 < table->columns; i++) {
        seen += sums[i];
        if ((double)seen >= rank)
            break;
    }
    return (double)histogram_bucket_low_ns(table->buckets[i]);
}

/* The first rows of the order are base's, the others next's. */
static void divide(struct table *table)
{
    size_t rows = table->base->count + table->next->count;
    for (unsigned side = 0; side < 2; side++)
        memset(table->sums[side], 0, table->columns * sizeof(*table->sums[side]));
    for (size_t i = 0; i < rows; i++)
        add_row(table, table->order[i], table->sums[i >= table->base->count]);
}

static void shuffle(struct table *table, struct random *random)
{
    for (size_t i = table->base->count + table->next->count; i > 1; i--) {
        size_t other = (size_t)random_below(random, i), kept = table->order[i - 1];
        table->order[i - 1] = table->order[other];
        table->order[other] = kept;
    }
}

static double apart(const struct table *table, double fraction)
{
    return quantile(table, table->sums[1], fraction) - quantile(table, table->sums[0], fraction);
}

static void permute(struct table *table, const double *fractions, size_t count,
                    struct random *random, struct latency_change *out)
{
    double seen[LATENCY_BLOCKS_QUANTILES];
    divide(table);
    for (size_t i = 0; i < count; i++) {
        seen[i] = fabs(apart(table, fractions[i]));
        out[i].p = 1;
    }
    for (unsigned draw = 0; draw < LATENCY_BLOCKS_DRAWS; draw++) {
        shuffle(table, random);
        divide(table);
        for (size_t i = 0; i < count; i++)
            out[i].p += fabs(apart(table, fractions[i])) >= seen[i];
    }
    for (size_t i = 0; i < count; i++)
        out[i].p /= LATENCY_BLOCKS_DRAWS + 1;
}

static void draw_side(struct table *table, unsigned side, struct random *random)
{
    size_t first = side == 0 ? 0 : table->base->count;
    size_t count = side == 0 ? table->base->count : table->next->count;
    memset(table->sums[side], 0, table->columns * sizeof(*table->sums[side]));
    for (size_t i = 0; i < count; i++)
        add_row(table, first + (size_t)random_below(random, count), table->sums[side]);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct limits inner(double *values, double confidence)
{
    size_t cut = (size_t)((1 - confidence) / 2 * LATENCY_BLOCKS_DRAWS);
    qsort(values, LATENCY_BLOCKS_DRAWS, sizeof(*values), ascending);
    return (struct limits){values[cut], values[LATENCY_BLOCKS_DRAWS - 1 - cut]};
}

/* DRAWN: draws of base, next and their difference, for each quantile. */
static void bootstrap(struct table *table, const double *fractions, size_t count, double confidence,
                      struct random *random, double (*drawn)[3][LATENCY_BLOCKS_DRAWS],
                      struct latency_change *out)
{
    for (unsigned draw = 0; draw < LATENCY_BLOCKS_DRAWS; draw++) {
        draw_side(table, 0, random);
        draw_side(table, 1, random);
        for (size_t i = 0; i < count; i++) {
            drawn[i][0][draw] = quantile(table, table->sums[0], fractions[i]);
            drawn[i][1][draw] = quantile(table, table->sums[1], fractions[i]);
            drawn[i][2][draw] = drawn[i][1][draw] - drawn[i][0][draw];
        }
    }
    for (size_t i = 0; i < count; i++) {
        out[i].base = inner(drawn[i][0], confidence);
        out[i].next = inner(drawn[i][1], confidence);
        out[i].change = inner(drawn[i][2], confidence);
        /* A bucket stands for its values: its end is 1/128 above at most. */
        out[i].base.high *= 1 + 1.0 / 128;
        out[i].next.high *= 1 + 1.0 / 128;
    }
}

int latency_blocks_compare(const struct latency_blocks *base, const struct latency_blocks *next,
                           const double *fractions, size_t count, double confidence,
                           struct latency_change *out)
{
    struct table table;
    struct random random;
    double(*drawn)[3][LATENCY_BLOCKS_DRAWS] = calloc(count, sizeof(*drawn));

    if (drawn == NULL || open_table(&table, base, next) < 0) {
        free(drawn);
        return -ENOMEM;
    }
    random_seed(&random, 1);
    permute(&table, fractions, count, &random, out);
    bootstrap(&table, fractions, count, confidence, &random, drawn, out);
    close_table(&table);
    free(drawn);
    return 0;
}
