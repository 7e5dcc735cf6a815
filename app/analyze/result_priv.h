/* result_priv.h - the parts in which a result is made, in this order. Each fills its members of a
 * result whose meta, logs, timeline, experiment, opens and outages are there. 0 or -ENOMEM. */
#ifndef ANALYZE_RESULT_PRIV_H
#define ANALYZE_RESULT_PRIV_H

#include "analyze/result.h"

int account_streams(struct result *result);      /* account.c: streams[], windows, stalls */
int account_pods(struct result *result);         /* pods.c: pods[], attempts[], known... */
int account_causes(struct result *result);       /* cause.c: causes[] */
int account_expectations(struct result *result); /* expect.c: expectations[], verdict */

/* First event of KIND about OBJECT at or after FROM_NS; NULL when there is none. */
const struct timeline_event *timeline_find(const struct timeline *timeline, enum timeline_kind kind,
                                           const char *object, uint64_t from_ns);

/* When EVENT can have happened at the earliest. A watch tells of a change within LAG_NS, unless it
 * is broken; that an older state was seen long before says little. */
uint64_t timeline_since_ns(const struct timeline_event *event, uint64_t lag_ns);

#endif
