/* truth.h - truth.jsonl: what the lab itself did, and when.
 *
 * One JSON object a line: `ns` (integer ns since the start of the lab, by CLOCK_REALTIME), `event`,
 * and members that depend on the event:
 *
 *     lab-started        start (RFC 3339 with ns: what ns counts from), profile, seed
 *     process-started    pod, node, image, pid: stamped before it is started
 *     listening          pod, protocol, local
 *     pod-ready          pod, node: right before it is published in the Pod object
 *     pod-unready        the same
 *     pod-deletion-seen  pod, node, graceSeconds
 *     prestop-begun      pod, node
 *     prestop-ended      pod, node
 *     signal-sent        pod, signal: stamped before kill()
 *     listener-closed    pod, protocol, local, reason
 *     connection-closed  pod, protocol, local, remote (as the pod sees them), reason: stamped
 *                        before close(), or before kill() where the reason is "killed"
 *     process-reaped     pod, pid, status (128 + the signal's number for one that was killed)
 *     pod-removed        pod, node: its namespace and its object are gone
 *     ingress-told       pod, backends: stamped before they are handed to nginx
 *     ingress-looked     pod, worker, backend, endpoints: written by ingress.lua
 *     ingress-reloaded   pod
 *     rule-changing      node, service, endpoints: stamped before nft is started
 *     rule-changed       the same, after nft has ended
 *     health-changed     node, service (namespace/name), localEndpoints: what the node's kube-proxy
 *                        tells balancers from now on
 *     balancer-node-in   node, service: the balancer's hop sends to it, nft has ended
 *     held-up            for (ns): a turn of the daemon, or a wait with an end, lasted so much
 *                        longer than it should (50 ms or more): the machine gave it no time
 *     balancer-node-out  node, service, reason (probe; excluded: by label, or the Node is gone)
 *
 * Reasons: exit (the pod ended at once), drained (told to drain, it closed after an answer), peer
 * (the other side closed), reset (by the other side), answered (the server closes after its answer:
 * mconnect, and HTTP with Connection: close), error, killed (SIGKILL is about to be sent).
 *
 * Lines come from several processes (the daemon and its pods) that share one file, opened for
 * appending; a write() has whole lines only. They are nearly, not strictly, in the order of their
 * stamps.
 *
 * Threads: one per struct. Memory: a line at a time.
 */
#ifndef LAB_TRUTH_H
#define LAB_TRUTH_H

#include <stdint.h>

#include "base/json.h"
#include "base/text.h"

struct truth {
    int fd;            /* Open for appending; -1: nothing is written. */
    int64_t start_ns;  /* CLOCK_REALTIME at the start of the lab, ns since 1970. */
    struct text batch; /* Lines that wait for truth_flush(). */
};

/* CLOCK_REALTIME, ns since 1970. */
int64_t truth_now_ns(void);

/* Make the file anew. 0 or -errno. */
int truth_create(struct truth *truth, const char *path, int64_t start_ns);
void truth_close(struct truth *truth);

/* Begin a line with STAMP_NS (ns since 1970); the caller adds members and ends it with truth_end(),
 * which takes it. */
cJSON *truth_begin(const struct truth *truth, int64_t stamp_ns, const char *event);
void truth_end(struct truth *truth, cJSON *line);   /* Writes it at once. */
void truth_batch(struct truth *truth, cJSON *line); /* Keeps it until truth_flush(). */
void truth_flush(struct truth *truth);

/* A whole line with up to two string members; NULL names are left out. */
void truth_log(struct truth *truth, int64_t stamp_ns, const char *event, const char *name1,
               const char *value1, const char *name2, const char *value2);

#endif
