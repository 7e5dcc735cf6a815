#include "analyze/significance.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Probabilities that differ by rounding alone are equal. */
static const double alike = 1e-9;

static double *rank_counts(const unsigned *doubled, size_t count, size_t chosen, size_t *sums);
static double exact_rank_sum(const unsigned *doubled, size_t base_count, size_t count,
                             uint64_t rank_sum);
static double near_rank_sum(size_t base_count, size_t next_count, uint64_t rank_sum, double ties);

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* By bisection: erfc is exact to the last digits, and nobody waits for this. */
double significance_normal_quantile(double probability)
{
    double low = -40, high = 40;
    for (unsigned i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (erfc(-middle / M_SQRT2) / 2 < probability)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

struct limits significance_share(struct share share, double confidence)
{
    if (share.trials == 0)
        return (struct limits){0, 1};
    double z = significance_normal_quantile((1 + confidence) / 2);
    double n = (double)share.trials, p = (double)share.hits / n;
    double middle = p + z * z / (2 * n);
    double width = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    double whole = 1 + z * z / n;
    return (struct limits){share.hits == 0 ? 0 : (middle - width) / whole,
                           share.hits == share.trials ? 1 : (middle + width) / whole};
}

struct limits significance_difference(double base, struct limits of_base, double next,
                                      struct limits of_next)
{
    return (struct limits){
        next - base - hypot(next - of_next.low, of_base.high - base),
        next - base + hypot(of_next.high - next, base - of_base.low),
    };
}

static double log_choose(uint64_t n, uint64_t k)
{
    return lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
}

double significance_fisher(struct share base, struct share next)
{
    uint64_t hits = base.hits + next.hits, all = base.trials + next.trials;
    if (base.trials == 0 || next.trials == 0 || hits == 0 || hits == all)
        return 1;
    uint64_t least = hits > next.trials ? hits - next.trials : 0;
    uint64_t most = hits < base.trials ? hits : base.trials;
    double whole = log_choose(all, hits);
    double here = log_choose(base.trials, base.hits) + log_choose(next.trials, next.hits) - whole;
    double sum = 0;
    for (uint64_t k = least; k <= most; k++) {
        double log_p = log_choose(base.trials, k) + log_choose(next.trials, hits - k) - whole;
        if (log_p <= here + 1e-7)
            sum += exp(log_p);
    }
    return fmin(1, sum);
}

/* A value and its side; ranks are of all values together. */
struct ranked {
    double value;
    bool next;
};

static int by_value(const void *a, const void *b)
{
    return ascending(&((const struct ranked *)a)->value, &((const struct ranked *)b)->value);
}

/* Twice the mid-ranks of COUNT sorted values, whole numbers; the base's sum; sum of t^3 - t over
 * groups of t equal ones. */
static void rank(const struct ranked *all, size_t count, unsigned *doubled, uint64_t *base_sum,
                 double *ties)
{
    *base_sum = 0;
    *ties = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && all[end].value <= all[i].value; end++)
            continue;
        double size = (double)(end - i);
        *ties += size * size * size - size;
        for (size_t k = i; k < end; k++) {
            doubled[k] = (unsigned)(i + end + 1);
            *base_sum += all[k].next ? 0 : doubled[k];
        }
    }
}

double significance_rank_sum(const double *base, size_t base_count, const double *next,
                             size_t next_count, double *superiority)
{
    size_t count = base_count + next_count;
    struct ranked *all = calloc(count + 1, sizeof(*all));
    unsigned *doubled = calloc(count + 1, sizeof(*doubled));
    double p = NAN, ties;
    uint64_t base_sum;

    *superiority = 0.5;
    if (all != NULL && doubled != NULL) {
        for (size_t i = 0; i < count; i++)
            all[i] =
                (struct ranked){i < base_count ? base[i] : next[i - base_count], i >= base_count};
        qsort(all, count, sizeof(*all), by_value);
        rank(all, count, doubled, &base_sum, &ties);
        if (base_count == 0 || next_count == 0) {
            p = 1;
        } else {
            double m = (double)base_count, n = (double)next_count;
            *superiority = 1 - ((double)base_sum / 2 - m * (m + 1) / 2) / (m * n);
            p = count <= SIGNIFICANCE_EXACT ? exact_rank_sum(doubled, base_count, count, base_sum)
                                            : near_rank_sum(base_count, next_count, base_sum, ties);
        }
    }
    free(all);
    free(doubled);
    return p;
}

/* In how many ways CHOSEN of COUNT doubled ranks have each sum, 0 .. *SUMS - 1. Numbers of ways are
 * doubles: of 60 values at most 1.2e17. */
static double *rank_counts(const unsigned *doubled, size_t count, size_t chosen, size_t *sums)
{
    size_t most = 1;
    for (size_t i = 0; i < count; i++)
        most += doubled[i];
    double *ways = calloc((chosen + 1) * most, sizeof(*ways));
    if (ways == NULL)
        return NULL;
    ways[0] = 1;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i < chosen ? i + 1 : chosen; k > 0; k--)
            for (size_t sum = doubled[i]; sum < most; sum++)
                ways[k * most + sum] += ways[(k - 1) * most + sum - doubled[i]];
    memmove(ways, ways + chosen * most, most * sizeof(*ways));
    *sums = most;
    return ways;
}

/* Sums as far from the middle as this one, on either side: the distribution is of the permutations
 * of these very values. */
static double exact_rank_sum(const unsigned *doubled, size_t base_count, size_t count,
                             uint64_t rank_sum)
{
    size_t sums;
    double *ways = rank_counts(doubled, count, base_count, &sums), all = 0, far = 0;
    if (ways == NULL)
        return NAN;
    double middle = (double)base_count * (double)(count + 1);
    double distance = fabs((double)rank_sum - middle);
    for (size_t i = 0; i < sums; i++) {
        all += ways[i];
        far += fabs((double)i - middle) >= distance ? ways[i] : 0;
    }
    free(ways);
    return fmin(1, far / all);
}

static double near_rank_sum(size_t base_count, size_t next_count, uint64_t rank_sum, double ties)
{
    double m = (double)base_count, n = (double)next_count, all = m + n;
    double variance = m * n / 12 * (all + 1 - ties / (all * (all - 1)));
    double distance = fabs((double)rank_sum / 2 - m * (all + 1) / 2) - 0.5;
    return variance <= 0 || distance <= 0 ? 1 : fmin(1, erfc(distance / sqrt(2 * variance)));
}

double significance_least_p(size_t base_count, size_t next_count)
{
    if (base_count == 0 || next_count == 0)
        return 1;
    return fmin(1, 2 * exp(-log_choose(base_count + next_count, base_count)));
}

/* How many of the sorted differences are outside on each side, so that at least CONFIDENCE is
 * within: the greatest k with P(U < k) <= (1 - CONFIDENCE) / 2. */
static int outside(size_t base_count, size_t next_count, double confidence, size_t *out)
{
    size_t count = base_count + next_count, sums;
    double m = (double)base_count, n = (double)next_count, tail = (1 - confidence) / 2;

    if (count > SIGNIFICANCE_EXACT) {
        double z = significance_normal_quantile(1 - tail);
        double k = floor(m * n / 2 - z * sqrt(m * n * (m + n + 1) / 12));
        *out = k > 0 ? (size_t)k : 0;
        return 0;
    }
    unsigned ranks[SIGNIFICANCE_EXACT];
    for (size_t i = 0; i < count; i++)
        ranks[i] = (unsigned)i + 1;
    double *ways = rank_counts(ranks, count, base_count, &sums), below = 0, all = 0;
    if (ways == NULL)
        return -ENOMEM;
    size_t least = base_count * (base_count + 1) / 2;
    for (size_t i = 0; i < sums; i++)
        all += ways[i];
    for (*out = 0; *out < base_count * next_count; ++*out) {
        below += ways[least + *out];
        if (below > tail * all * (1 + alike))
            break;
    }
    free(ways);
    return 0;
}

static double middle_of(const double *sorted, size_t count)
{
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

int significance_shift(const double *base, size_t base_count, const double *next, size_t next_count,
                       double confidence, double *shift, struct limits *interval)
{
    size_t count = base_count * next_count, cut;
    double *differences = calloc(count, sizeof(*differences));

    if (differences == NULL || outside(base_count, next_count, confidence, &cut) < 0) {
        free(differences);
        return -ENOMEM;
    }
    for (size_t i = 0; i < base_count; i++)
        for (size_t k = 0; k < next_count; k++)
            differences[i * next_count + k] = next[k] - base[i];
    qsort(differences, count, sizeof(*differences), ascending);
    cut = cut > 0 ? cut - 1 : 0;
    *shift = middle_of(differences, count);
    *interval = (struct limits){differences[cut], differences[count - 1 - cut]};
    free(differences);
    return 0;
}

/* P(K <= k) of COUNT throws of a coin. */
static double coin(size_t count, size_t most)
{
    double sum = 0;
    for (size_t k = 0; k <= most && k <= count; k++)
        sum += exp(log_choose(count, k) - (double)count * M_LN2);
    return sum;
}

double significance_median(const double *sorted, size_t count, double confidence, double *median,
                           struct limits *interval)
{
    size_t cut = 0;
    while (cut + 1 < (count + 1) / 2 && 1 - 2 * coin(count, cut + 1) >= confidence)
        cut++;
    *median = middle_of(sorted, count);
    *interval = (struct limits){sorted[cut], sorted[count - 1 - cut]};
    return fmax(0, 1 - 2 * coin(count, cut));
}

struct ordered {
    double p;
    size_t place;
};

static int by_p(const void *a, const void *b)
{
    return ascending(&((const struct ordered *)a)->p, &((const struct ordered *)b)->p);
}

int significance_holm(double *p, size_t count)
{
    struct ordered *order = calloc(count + 1, sizeof(*order));
    double most = 0;

    if (order == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        order[i] = (struct ordered){p[i], i};
    qsort(order, count, sizeof(*order), by_p);
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fmin(1, order[i].p * (double)(count - i)));
        p[order[i].place] = most;
    }
    free(order);
    return 0;
}
