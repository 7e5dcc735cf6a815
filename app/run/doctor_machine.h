/* doctor_machine.h - is this machine fit to measure on? Cores, their isolation and governor,
 * interrupts, hugepages, TSC, NUMA nodes, the system's clock.
 *
 * All but the last is read from files of the kernel, below a root that a test can set. What a file
 * says is believed as far as it can be parsed; what cannot be read is unknown, and nothing is said
 * of it, or that it is unknown.
 *
 * With a machine file it is about its workers' cores, without one about those that are isolated, or
 * all. Where a run would judge (placement.h, net_huge_free_mib(), clock_tsc_is_invariant()), the
 * same function does.
 *
 * Threads: control only. Source: Linux, Documentation/admin-guide/cputopology.rst,
 * admin-guide/pm/cpufreq.rst, core-api/irq/irq-affinity.rst.
 */
#ifndef RUN_DOCTOR_MACHINE_H
#define RUN_DOCTOR_MACHINE_H

#include "plan/machine.h"
#include "run/findings.h"

/* What the kernel tells of the system's clock: it has no file. */
struct doctor_time {
    bool known;           /* It could be asked. */
    bool synchronized;    /* Something steers it. */
    int64_t max_error_us; /* The kernel's bound, when it is. */
};

/* By adjtimex(2). */
struct doctor_time doctor_time_now(void);

enum {
    DOCTOR_ROOT_MAX = 1024 /* Bytes of a root. */
};

/* ROOT is what stands before "/sys" and "/proc", "" for this machine's; a longer one than
 * DOCTOR_ROOT_MAX is a root below which there is nothing. MACHINE may be NULL; LAB: the pocket
 * cluster is to run here, too. */
void doctor_machine(const char *root, const struct machine *machine, bool lab,
                    const struct doctor_time *time, struct findings *out);

#endif
