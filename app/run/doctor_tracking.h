/* doctor_tracking.h - is connection tracking large enough, where this machine's kernel carries the
 * traffic?
 *
 * It does for the pocket cluster, whose nodes are network namespaces here, and behind a port whose
 * device has neither hardware nor a lower device: the far end of a veth pair, or of a tap, is a
 * kernel's, mostly this one's. An entry stays for some time after its connection has ended, and
 * when there are nf_conntrack_max of them, packets of further connections are dropped:
 *
 *     entries = held connections + new ones a second * (time_wait + DOCTOR_TRACKING_FORGETS_S)
 *
 * Each network namespace counts its own entries and has a time of its own, under one limit that can
 * only be set outside of namespaces. For the pocket cluster the time is the experiment's
 * conntrackTimeWait, or the lab's; elsewhere that of the namespace in which we are. Of the nodes of
 * another cluster nothing is known, and nothing is said.
 *
 * Threads: control only. Source: Linux, Documentation/networking/nf_conntrack-sysctl.rst.
 */
#ifndef RUN_DOCTOR_TRACKING_H
#define RUN_DOCTOR_TRACKING_H

#include "plan/experiment.h"
#include "plan/machine.h"
#include "run/findings.h"

enum {
    DOCTOR_TRACKING_LAB_S = 10, /* The lab's own conntrackTimeWait (docs/lab.md). */
    DOCTOR_TRACKING_FORGETS_S =
        10 /* What has expired is in the kernel's table for up to so long. */
};

/* ROOT as of doctor_machine(). MACHINE and EXPERIMENT may be NULL; LAB: the pocket cluster is used.
 */
void doctor_tracking(const char *root, const struct machine *machine,
                     const struct experiment *experiment, bool lab, struct findings *out);

#endif
