#include "analyze/compare.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RUNS_WANTED_MAX = 1000
};
#define ONE_RUN "one run on each side"

/* What is compared at a time: a stream's figure on both sides. */
struct pair {
    const struct compare_side *sides[2];
    const char *stream;
    const struct compare_options *options;
};

static const char *const figure_words[COMPARE_FIGURE_COUNT] = {
#define X(id, word, unit) [COMPARE_##id] = (word),
    COMPARE_FIGURES(X)
#undef X
};
static const enum compare_unit figure_units[COMPARE_FIGURE_COUNT] = {
#define X(id, word, unit) [COMPARE_##id] = COMPARE_UNIT_##unit,
    COMPARE_FIGURES(X)
#undef X
};
static const double fractions[] = {0.5, 0.99, 0.999}; /* From COMPARE_LATENCY_P50 on. */

const char *compare_figure_word(enum compare_figure figure)
{
    return figure_words[figure];
}

enum compare_unit compare_figure_unit(enum compare_figure figure)
{
    return figure_units[figure];
}

const char *compare_verdict_word(enum compare_verdict verdict)
{
    static const char *const words[COMPARE_VERDICT_COUNT] = {"not-found", "worse", "better",
                                                             "slight", "not-judged"};
    return words[verdict];
}

struct compare_options compare_options_default(void)
{
    struct compare_options options = {.level = 0.05};
    for (unsigned i = 0; i < COMPARE_FIGURE_COUNT; i++) {
        options.thresholds[i].share = 0.05;
        options.wanted[i] = true;
    }
    return options;
}

static const struct compare_stream *stream_of(const struct compare_run *run, const char *name)
{
    for (uint32_t i = 0; i < run->stream_count; i++)
        if (strcmp(run->streams[i].name, name) == 0)
            return &run->streams[i];
    return NULL;
}

static bool all_have(const struct compare_side *side, const char *name)
{
    for (size_t i = 0; i < side->count; i++)
        if (stream_of(&side->runs[i], name) == NULL)
            return false;
    return true;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The values of the runs that have the figure, sorted, and their sums. */
static double *values_of(const struct compare_side *side, const struct compare_row *row,
                         struct compare_figure_of *out)
{
    double *values = calloc(side->count + 1, sizeof(*values));
    for (size_t i = 0; i < side->count && values != NULL; i++) {
        const struct compare_value *value =
            &stream_of(&side->runs[i], row->stream)->values[row->figure];
        if (!value->given)
            continue;
        values[out->runs++] = value->value;
        out->share.hits += value->share.hits;
        out->share.trials += value->share.trials;
    }
    if (values != NULL)
        qsort(values, out->runs, sizeof(*values), ascending);
    return values;
}

static void leave(struct compare_row *row, const char *why)
{
    row->verdict = COMPARE_NOT_JUDGED;
    snprintf(row->why, sizeof(row->why), "%s", why);
}

/* A run is one value. */
static int judge_runs(const struct pair *pair, struct compare_row *row)
{
    struct compare_figure_of *base = &row->base, *next = &row->next;
    double confidence = 1 - pair->options->level;
    double *a = values_of(pair->sides[0], row, base), *b = values_of(pair->sides[1], row, next);
    int code = a == NULL || b == NULL ? -ENOMEM : 0;

    if (code == 0 && base->runs > 0)
        base->coverage =
            significance_median(a, base->runs, confidence, &base->value, &base->interval);
    if (code == 0 && next->runs > 0)
        next->coverage =
            significance_median(b, next->runs, confidence, &next->value, &next->interval);
    if (code == 0 && base->runs > 0 && next->runs > 0) {
        row->p = significance_rank_sum(a, base->runs, b, next->runs, &row->superiority);
        code = isnan(row->p) ? -ENOMEM
                             : significance_shift(a, base->runs, b, next->runs, confidence,
                                                  &row->change, &row->change_interval);
        row->in_family = fmin(a[0], b[0]) < fmax(a[base->runs - 1], b[next->runs - 1]);
    } else if (code == 0) {
        leave(row, "a side has no run with this figure");
    }
    free(a);
    free(b);
    return code;
}

/* Of both sides together: one that lost nothing has none of its own. */
static double design_of(const struct compare_value *a, const struct compare_value *b)
{
    double hits = (double)(a->share.hits + b->share.hits);
    return hits > 0 ? ((double)a->share.hits * a->design + (double)b->share.hits * b->design) / hits
                    : 1;
}

/* So many independent hits and trials tell as much. */
static struct share effective(const struct compare_value *value, double design)
{
    struct share share = {(uint64_t)llround((double)value->share.hits / design),
                          (uint64_t)llround((double)value->share.trials / design)};
    share.hits += share.hits == 0 && value->share.hits > 0;
    share.trials = share.trials < share.hits ? share.hits : share.trials;
    return share;
}

static void judge_share(const struct compare_value *base, const struct compare_value *next,
                        double confidence, struct compare_row *row)
{
    double design = design_of(base, next);
    struct share of_base = effective(base, design), of_next = effective(next, design);
    bool counted = compare_figure_unit(row->figure) == COMPARE_UNIT_COUNT;
    double base_unit = counted ? (double)base->share.trials : 1;
    double next_unit = counted ? (double)next->share.trials : 1;
    row->base.interval = significance_share(of_base, confidence);
    row->next.interval = significance_share(of_next, confidence);
    row->base.interval.low *= base_unit;
    row->base.interval.high *= base_unit;
    row->next.interval.low *= next_unit;
    row->next.interval.high *= next_unit;
    row->change_interval = significance_difference(row->base.value, row->base.interval,
                                                   row->next.value, row->next.interval);
    row->p = significance_fisher(of_base, of_next);
    row->in_family = of_base.hits + of_next.hits > 0 &&
                     of_base.hits + of_next.hits < of_base.trials + of_next.trials;
}

static int judge_latency(const struct latency_blocks *base, const struct latency_blocks *next,
                         const struct pair *pair, struct compare_row *row)
{
    struct latency_change change;
    double fraction = fractions[row->figure - COMPARE_LATENCY_P50];
    int code;

    if (base->count == 0 || next->count == 0) {
        leave(row, "a side has no latencies by time");
        return 0;
    }
    code = latency_blocks_compare(base, next, &fraction, 1, 1 - pair->options->level, &change);
    if (code < 0)
        return code;
    row->base.interval = change.base;
    row->next.interval = change.next;
    row->change_interval = change.change;
    row->p = change.p;
    row->in_family = significance_least_p(base->count, next->count) <= pair->options->level;
    if (!row->in_family)
        leave(row, "too few seconds with answers");
    return 0;
}

/* What happened within the one run of either side. */
static int judge_within(const struct pair *pair, struct compare_row *row)
{
    const struct compare_stream *base = stream_of(&pair->sides[0]->runs[0], row->stream);
    const struct compare_stream *next = stream_of(&pair->sides[1]->runs[0], row->stream);
    const struct compare_value *a = &base->values[row->figure], *b = &next->values[row->figure];

    row->base = (struct compare_figure_of){a->value, a->bracket, 0, a->share, a->given};
    row->next = (struct compare_figure_of){b->value, b->bracket, 0, b->share, b->given};
    row->base.coverage = row->next.coverage = 1 - pair->options->level;
    row->change = b->value - a->value;
    row->superiority = row->change > 0 ? 1 : row->change < 0 ? 0 : 0.5;
    if (!a->given || !b->given) {
        leave(row, "a side has no run with this figure");
    } else if (a->share.trials > 0 && b->share.trials > 0) {
        judge_share(a, b, 1 - pair->options->level, row);
    } else if (row->figure >= COMPARE_LATENCY_P50) {
        return judge_latency(&base->blocks, &next->blocks, pair, row);
    } else {
        row->change_interval =
            (struct limits){b->bracket.low - a->bracket.high, b->bracket.high - a->bracket.low};
        leave(row, ONE_RUN);
    }
    return 0;
}

static bool matters(const struct compare_row *row, const struct compare_threshold *threshold)
{
    double change = fabs(row->change);
    return change > 0 && change >= threshold->share * fabs(row->base.value) &&
           change >= threshold->amount;
}

static void decide(struct compare_row *row, const struct compare_options *options,
                   struct comparison *out)
{
    if (row->verdict == COMPARE_NOT_JUDGED || row->adjusted > options->level)
        return;
    row->verdict = !matters(row, &options->thresholds[row->figure]) ? COMPARE_SLIGHT
                   : row->change > 0                                ? COMPARE_WORSE
                                                                    : COMPARE_BETTER;
    out->worse += row->verdict == COMPARE_WORSE;
    out->better += row->verdict == COMPARE_BETTER;
}

/* The other way round: how many runs it takes that this family could show a difference. */
static void set_power(struct comparison *out, double level)
{
    double family = out->family > 0 ? (double)out->family : 1;
    out->least_p = fmin(1, family * significance_least_p(out->base_runs, out->next_runs));
    if (!out->repeated || out->least_p <= level)
        return;
    for (out->runs_wanted = 2; out->runs_wanted < RUNS_WANTED_MAX; out->runs_wanted++)
        if (family * significance_least_p(out->runs_wanted, out->runs_wanted) <= level)
            return;
}

static int correct(struct comparison *out, const struct compare_options *options)
{
    double *p = calloc(out->row_count + 1, sizeof(*p));
    size_t k = 0;

    if (p == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < out->row_count; i++)
        if (out->rows[i].in_family)
            p[out->family++] = out->rows[i].p;
    int code = significance_holm(p, out->family);
    for (size_t i = 0; i < out->row_count && code == 0; i++) {
        struct compare_row *row = &out->rows[i];
        row->adjusted = row->in_family ? p[k++] : 1;
        decide(row, options, out);
    }
    free(p);
    set_power(out, options->level);
    return code;
}

static bool is_there(const struct compare_row *row)
{
    return row->base.runs > 0 || row->next.runs > 0;
}

static int add_stream(const struct pair *pair, struct comparison *out)
{
    for (unsigned i = 0; i < COMPARE_FIGURE_COUNT; i++) {
        struct compare_row *row = &out->rows[out->row_count];
        if (!pair->options->wanted[i])
            continue;
        *row = (struct compare_row){.figure = i, .superiority = 0.5, .p = 1, .adjusted = 1};
        snprintf(row->stream, sizeof(row->stream), "%s", pair->stream);
        int code = out->repeated ? judge_runs(pair, row) : judge_within(pair, row);
        if (code < 0)
            return code;
        out->row_count += is_there(row);
    }
    return 0;
}

int compare_sides(const struct compare_side *base, const struct compare_side *next,
                  const struct compare_options *options, struct comparison *out)
{
    struct pair pair = {.sides = {base, next}, .options = options};
    const struct compare_run *first = &base->runs[0];
    int code = 0;

    *out = (struct comparison){.base_runs = base->count,
                               .next_runs = next->count,
                               .repeated = base->count > 1 || next->count > 1,
                               .confidence = 1 - options->level};
    out->rows = calloc((size_t)first->stream_count * COMPARE_FIGURE_COUNT + 1, sizeof(*out->rows));
    if (out->rows == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < first->stream_count && code == 0; i++) {
        pair.stream = first->streams[i].name;
        if (all_have(base, pair.stream) && all_have(next, pair.stream))
            code = add_stream(&pair, out);
    }
    if (code == 0)
        code = correct(out, options);
    if (code < 0)
        comparison_free(out);
    return code;
}

void comparison_free(struct comparison *comparison)
{
    free(comparison->rows);
    *comparison = (struct comparison){0};
}
