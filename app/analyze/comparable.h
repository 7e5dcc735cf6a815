/* comparable.h - may these runs be compared, and what has to be known of them? Pure.
 *
 * What makes figures mean something else is an objection: another plan, damage, other stamps. What
 * may only explain a difference is a warning: another machine, version, or the tester's own faults.
 * The first run of the new side is held against the first of the base, further ones against the
 * first of their own side.
 */
#ifndef ANALYZE_COMPARABLE_H
#define ANALYZE_COMPARABLE_H

#include "analyze/compare.h"

enum {
    COMPARABLE_REMARKS = 64 /* Further ones are counted. */
};

struct remark {
    bool objection;
    char text[512];
};

struct remarks {
    struct remark items[COMPARABLE_REMARKS];
    size_t count;
    size_t objections; /* Of all, those that found no room included. */
    size_t left_out;
};

/* Both sides have a run. Same texts are made once. */
void comparable_check(const struct compare_side *base, const struct compare_side *next,
                      struct remarks *out);
/* Add one of the caller's own. */
void remarks_add(struct remarks *remarks, bool objection, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
