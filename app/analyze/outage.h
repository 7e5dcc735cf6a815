/* outage.h - the brackets of one outage, from its stamps.
 *
 * Service on a flow was lost at some time within the onset bracket, and was back at some time
 * within the recovery bracket:
 *
 *     onset    = [ sent of the last good request,
 *                  min(arrival of the failure signal,
 *                      sent of the first unanswered request or segment
 *                        + longest that an answer has taken on the stream) ]
 *     recovery = [ latest time at which service was known not to work:
 *                    max(onset's end, start of the last attempt that failed),
 *                  arrival of the first good answer ]
 *
 * A request that the other side received before it closed may go unanswered although it was sent
 * after the last good one: hence the RTT, and that of the whole stream, since a server that has the
 * request in hand but no core to answer it may outlast what one connection has seen. A flow that
 * never had an answer has no last good request: its onset begins with the first unanswered one, or
 * is its signal's arrival. An onset never ends after the recovery. A bracket's width is the
 * resolution of that outage, and is printed with it. An outage that was still open when the stream
 * stopped has no recovery.
 *
 * Recovery is validated by N good requests in a row on the flow, in order of due, the one that
 * ended the outage included (RFC 6412). Requests that the tester did not send, or that the end of
 * the stream cut off, neither count nor break the row; nor do slots that were blocked before the
 * recovery.
 *
 * Pure. Units: ns of run time.
 */
#ifndef ANALYZE_OUTAGE_H
#define ANALYZE_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "rundir/log_reader.h"

struct bracket {
    uint64_t from_ns;
    uint64_t to_ns;
};

struct outage {
    const struct record_outage *record; /* Borrowed from the logs. */
    struct bracket onset;
    struct bracket recovery; /* Zeros when open. */
    bool open;               /* Service was not seen to return. */
    uint64_t validated_ns; /* Arrival of the Nth good answer in a row after it; UINT64_MAX when the
                              flow had no N good ones in a row. */
    uint64_t relapse_ns; /* Not validated: due of the request that was lost before; UINT64_MAX when
                              the stream ended first. 0 when validated or open. */
    uint32_t lost;       /* Requests of the flow in it whose outcome opens windows. */
};

/* The onset bracket of RECORD; LARGEST_RTT_NS: on its stream. */
struct bracket outage_onset(const struct record_outage *record, uint64_t largest_rtt_ns);

/* Brackets of all outages of LOGS, in the logs' order. OPENS: bit mask of outcomes that open a
 * window; VALIDATE: the N above, at least 1. Lost requests are those that the recorder counted, as
 * long as OPENS are the outcomes that are a loss by default; for others they are counted anew, by
 * stamps, exact but for requests that were sent in one burst with the ones around; where not every
 * request has a record, by due time. Returns a
 * malloc'ed array of logs->outage_count (at least one element's memory), or NULL when out of
 * memory. */
struct outage *outages_make(const struct logs *logs, uint32_t opens, uint32_t validate);

#endif
