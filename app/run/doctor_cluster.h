/* doctor_cluster.h - can this cluster be reached, has it what a run needs, and may we do it?
 *
 * Each right is asked for by SelfSubjectAccessReview; nothing is changed. Resources are asked for
 * as the server has them: by Endpoints, where it has no EndpointSlices.
 *
 * Threads: control only; it blocks. The cluster's texts are tamed by findings_add().
 */
#ifndef RUN_DOCTOR_CLUSTER_H
#define RUN_DOCTOR_CLUSTER_H

#include "kube/rights.h"
#include "run/by_hand.h"
#include "run/findings.h"

enum {
    DOCTOR_RIGHTS_READ = 1 << KUBE_RIGHT_READ,
    DOCTOR_RIGHTS_USUAL = 1 << KUBE_RIGHT_READ | 1 << KUBE_RIGHT_CHANGE | 1 << KUBE_RIGHT_NODE,
    DOCTOR_RIGHTS_PROXY = 1 << KUBE_RIGHT_PROXY,
};

/* RIGHTS: of those above. 0, or -EINTR with ERR when the process is to stop; all else is found. */
int doctor_cluster(const struct by_hand_options *access, unsigned rights, struct findings *out,
                   struct error *err);

#endif
