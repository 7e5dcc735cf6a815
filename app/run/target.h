/* target.h - where a stream's packets go: addresses, port, next hops. */
#ifndef RUN_TARGET_H
#define RUN_TARGET_H

#include "base/error.h"
#include "kube/kube.h"
#include "plan/experiment.h"
#include "plan/machine.h"

enum {
    TARGET_HOPS = 64
};

struct target {
    bool sends;             /* The NIC port sends to it. Of a raw stream, one may only receive. */
    struct address address; /* Of the service; of a port that only receives: the way back. */
    uint16_t port;
    unsigned hop_count; /* At least 1. */
    struct address hops[TARGET_HOPS];
    char text[160]; /* "ctraffic://10.0.0.1:5003 by node n1", for reports. */
    char note[320]; /* Which of several addresses was taken, and out of which; "": it has one. */
};

/* Which of a Service's addresses it is: WANTED's vip, or else the first, with a note on the others.
 * 0, or -ENOENT with ERR when the Service has no such address. For target_resolve(). */
int target_choose(const struct experiment_target *wanted, const struct kube_target *found,
                  struct target *out, struct error *err);
/* Resolve the target of STREAM on PORT of MACHINE, by KUBE's caches where it is a Service (KUBE
 * NULL: static targets only), and check it against what the machine may send to. 0, -EAGAIN when
 * the cluster is not far enough (no VIP yet, no ready endpoint), or another -errno; ERR is filled
 * always. */
int target_resolve(const struct experiment *experiment, unsigned stream,
                   const struct machine *machine, const struct machine_port *port,
                   const struct kube *kube, struct target *out, struct error *err);

#endif
