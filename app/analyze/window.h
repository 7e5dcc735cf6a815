/* window.h - loss windows: unions of outages.
 *
 * A window of a scope (the run, a stream, a pod) is the union of the outages in that scope that
 * lost something and are closer to each other than the hold-off. It is closed only when the
 * recovery of each outage in it was validated: an outage of any flow that begins before that, or
 * within the hold-off of a recovery, belongs to the same window. A flow that relapses before its
 * recovery was validated is so in the same window again.
 *
 *     duration by time stamps  = recovery - onset, as an interval [shortest, longest]:
 *                                [recovery.from - onset.to, recovery.to - onset.from]
 *     duration by loss         = lost requests / offered rate (RFC 6201 5.2), per stream
 *
 * Pure. Memory: malloc, freed by windows_free. Units: ns of run time.
 */
#ifndef ANALYZE_WINDOW_H
#define ANALYZE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/outage.h"

enum {
    WINDOW_ALL_STREAMS = -1,
    WINDOW_ALL_HOSTS = 0,
    WINDOW_HOSTS_MAX = 32
};

struct window {
    int stream;              /* Scope; WINDOW_ALL_STREAMS. */
    uint16_t host;           /* Scope; WINDOW_ALL_HOSTS. */
    struct bracket onset;    /* Earliest and latest time of its first loss of service. */
    struct bracket recovery; /* The same of its last recovery; zeros when `open`. */
    bool open;               /* Not over when the stream stopped. */
    bool validated;          /* N good ones in a row on every flow hit. */
    uint32_t outages;        /* In it. */
    uint32_t flows;          /* Different flows hit. */
    uint64_t lost;           /* Requests lost, over all streams. */
    uint64_t lost_by_stream[RECORD_STREAMS];
    uint64_t outcomes[OUTCOME_COUNT]; /* Of the requests due within [onset.from, recovery.to] of the
                                         scope, good ones included. A pod's: those on connections
                                         to it; what was blocked without one is not, nor are ok
                                         ones where not all have a record. */
    uint16_t hosts[WINDOW_HOSTS_MAX]; /* Pods that were lost, by first onset. */
    uint32_t host_count;
    uint64_t arrival_uncertainty_ns; /* Largest of its stamps'. */
    uint64_t stall_ns;               /* The tester's own stalls within it, summed. */
    bool tester;                     /* The tester's faults could explain it. */
};

struct windows {
    struct window *items;
    size_t count;
};

struct window_scope {
    int stream;    /* WINDOW_ALL_STREAMS or an index. */
    uint16_t host; /* WINDOW_ALL_HOSTS or an id: outages of connections to that pod. */
};

/* The windows of SCOPE, by onset. OUTAGES: logs->outage_count of them, of outages_make. Those of a
 * host have no outcomes yet: see windows_count_hosts(). 0 or -ENOMEM. */
int windows_make(struct windows *windows, const struct logs *logs, const struct outage *outages,
                 struct window_scope scope, uint64_t hold_off_ns);
void windows_free(struct windows *windows);
/* The outcomes in the windows of COUNT hosts, all in one pass: OF_HOST[id], NULL where it has none.
 * 0 or -ENOMEM. */
int windows_count_hosts(struct windows *const of_host[], size_t count, const struct logs *logs);

/* Shortest and longest possible duration; 0 and UINT64_MAX where it is open. */
struct bracket window_duration(const struct window *window);
/* Middle estimate for tables: from the middle of onset to the end of recovery's bracket. For an
 * open window until END_NS. */
uint64_t window_length_ns(const struct window *window, uint64_t end_ns);

#endif
