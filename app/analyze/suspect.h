/* suspect.h - what a request could have met when it was sent, or as it ended: pods that were told
 * to end, or that were new, nodes that were cordoned, endpoints that were left.
 *
 * Pure: of the timeline and of what each pod answered. A watch tells of a change with a delay, so
 * that each of these allows for it. Times are ns of run time.
 */
#ifndef ANALYZE_SUSPECT_H
#define ANALYZE_SUSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/result.h"

/* From an event of the cluster to a loss that is laid to it. */
#define SUSPECT_REACH_NS UINT64_C(30000000000)
/* How late a watch may be. */
#define SUSPECT_TOLD_NS UINT64_C(500000000)

enum {
    SUSPECT_UNKNOWN = -1
};

typedef bool suspect_test(const struct result_pod *pod, uint64_t at_ns);

/* It had been marked deleted. */
suspect_test suspect_told;
/* Marked deleted, or gone a little, and nobody new was answered since: rules may still name it. */
suspect_test suspect_stale;
/* Marked deleted, or gone so shortly before that a proxy may not have heard. */
suspect_test suspect_upstream;
/* The same, and its containers had stopped. */
suspect_test suspect_stopped;
/* Ready, and nobody was answered yet. Rules follow the word of ready, so that who is sent there is
 * sent after it. */
suspect_test suspect_early;
/* Its containers stopped at about AT_NS, or shortly before: the API is told of that afterwards. */
suspect_test suspect_stopped_about;
/* Stale, and that. */
suspect_test suspect_just_stopped;
/* Marked deleted, and what was in it ended at about AT_NS: its containers stopped, it went, or its
 * grace was over. */
suspect_test suspect_ended_about;

/* The first pod of which that is so; NULL: none. */
const struct result_pod *suspect_first(const struct result *result, uint64_t at_ns,
                                       suspect_test *test);

/* It became ready by a readiness probe: somebody listened then. */
bool suspect_is_probed(const struct result_pod *pod);
/* SIGTERM came to it only after a preStop hook. */
bool suspect_has_hook(const struct result_pod *pod);
/* The grace that the watch told; 0: none. */
uint64_t suspect_grace_ns(const struct result_pod *pod);

/* Endpoints of SERVICE that were ready at AT_NS, by the timeline; SUSPECT_UNKNOWN when it has none
 * of them at all. *UNTIL_NS: when there may be others, the next event. */
int suspect_ready_endpoints(const struct result *result, const char *service, uint64_t at_ns,
                            uint64_t *until_ns);

/* A node that was cordoned before AT_NS and has not been made schedulable since; NULL: none. */
const struct timeline_event *suspect_cordon(const struct result *result, uint64_t at_ns);

#endif
