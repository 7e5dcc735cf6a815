/* doctor_ports.h - can a run use these NIC ports, what will it have of each, do next hops answer?
 *
 * Ports are opened as a run opens them (fleet_begin(), fleet_open_nic()), and asked what they are;
 * targets become next hops as in a run (target_resolve()), which are resolved by its resolver
 * (net_resolve_all()). Then all is closed: nothing but ARP and neighbour discovery was sent.
 *
 * Threads: control only; it blocks for some seconds. The EAL starts once in a process, and so this
 * is called once.
 */
#ifndef RUN_DOCTOR_PORTS_H
#define RUN_DOCTOR_PORTS_H

#include "base/clock.h"
#include "kube/kube.h"
#include "plan/experiment.h"
#include "plan/machine.h"
#include "run/findings.h"

struct doctor_ports {
    const struct machine *machine;
    const struct experiment *experiment; /* NULL: the machine file's next hops and gateways. */
    const struct kube *kube;             /* For targets that are Services; NULL: none is known. */
    const struct clock *clock;
    const char *drivers; /* Folder of profiles. */
    const char *program; /* argv[0] for the EAL. */
};

/* 0, or -EINTR with ERR when the process is to stop, or -ENOMEM; all else is found. */
int doctor_ports(const struct doctor_ports *what, struct findings *out, struct error *err);

#endif
