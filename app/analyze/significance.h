/* significance.h - the statistics that compare.h judges by. Each is a textbook's, named here with
 * its source; docs/accuracy.md has the formulas. Pure.
 *
 * CONFIDENCE is a share such as 0.95. P-values are two-sided. Memory: malloc within a call.
 */
#ifndef ANALYZE_SIGNIFICANCE_H
#define ANALYZE_SIGNIFICANCE_H

#include <stddef.h>
#include <stdint.h>

struct limits {
    double low, high;
};

/* HITS of TRIALS: at most as many. */
struct share {
    uint64_t hits, trials;
};

/* The number that a standard normal variable does not exceed with PROBABILITY, above 0, below 1. */
double significance_normal_quantile(double probability);

/* Share of hits: E. B. Wilson, 1927, without continuity correction. 0..1 without trials. */
struct limits significance_share(struct share share, double confidence);

/* The interval of NEXT less BASE, of the interval of each: the squares of their widths add up. Of
 * shares it is method 10 of R. G. Newcombe, Statistics in Medicine 17 (1998) 873; in general, the
 * MOVER of G. Y. Zou and A. Donner, 2008. */
struct limits significance_difference(double base, struct limits of_base, double next,
                                      struct limits of_next);

/* Fisher's exact test: the probability, margins given, of all tables that are no likelier than this
 * one. 1 when a side has no trials. */
double significance_fisher(struct share base, struct share next);

/* Wilcoxon's rank sum (Mann and Whitney's U) by mid-ranks. Exact, over all ways to choose which
 * values are BASE's, ties included, up to SIGNIFICANCE_EXACT values in all; above, the normal
 * approximation with correction for ties and continuity. *SUPERIORITY: share of pairs in which the
 * next value is above the base one, halves for ties (Vargha and Delaney's A). NAN without memory;
 * 1 when a side is empty. */
enum {
    SIGNIFICANCE_EXACT = 60
};
double significance_rank_sum(const double *base, size_t base_count, const double *next,
                             size_t next_count, double *superiority);

/* The least p that significance_rank_sum() can have of so many values: all of one side above the
 * other. */
double significance_least_p(size_t base_count, size_t next_count);

/* How much higher NEXT is: the median of all differences of pairs (Hodges and Lehmann, 1963), and
 * an interval of at least CONFIDENCE from the distribution of U (P. K. Moses); of few values it is
 * that of the least and greatest difference, which has less. 0 or -ENOMEM. Both sides have values.
 */
int significance_shift(const double *base, size_t base_count, const double *next, size_t next_count,
                       double confidence, double *shift, struct limits *interval);

/* Median of sorted VALUES, with the interval of order statistics around it that has at least
 * CONFIDENCE by the binomial law, or, where none has, from the least to the greatest. Returns what
 * it has. COUNT is at least 1. */
double significance_median(const double *sorted, size_t count, double confidence, double *median,
                           struct limits *interval);

/* Holm's step-down correction (1979), in place: each value becomes the least level at which all of
 * COUNT tests together would still reject it. 0 or -ENOMEM. */
int significance_holm(double *p, size_t count);

#endif
