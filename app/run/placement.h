/* placement.h - are the workers on cores where they can do their work undisturbed?
 *
 * What the kernel tells of cores (NUMA nodes, hyper-threads, isolation) against what the machine
 * file gives to workers and to the control thread. It finds out and says; it moves nobody.
 *
 * Threads: control only; the others are pure. Memory: the caller's. Cores above
 * PLACEMENT_CORES are unknown, and nothing is said of what is unknown. Source: Linux,
 * Documentation/admin-guide/cputopology.rst and numaperf.rst.
 */
#ifndef RUN_PLACEMENT_H
#define RUN_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "run/core_set.h"
#include "run/findings.h"

enum {
    PLACEMENT_CORES = CORE_SET_SIZE,
    PLACEMENT_NODES = 64,
    PLACEMENT_WORKERS = 64
};

struct placement_core {
    int node;      /* NUMA node; -1: unknown. */
    int physical;  /* Lowest number among the hyper-threads of its core; -1: unknown. */
    bool isolated; /* The kernel's scheduler leaves it alone. */
};

struct placement_worker {
    uint32_t core;
    const char *nic; /* Name of its NIC port. */
    int nic_node;    /* NUMA node of that; -1: none or unknown. */
};

struct placement {
    struct placement_core cores[PLACEMENT_CORES];
    uint32_t worker_count;
    struct placement_worker workers[PLACEMENT_WORKERS];
    int control; /* Core of the control thread; -1: any. */
    bool lab;    /* The pocket cluster runs on this machine. */
};

/* Fill `cores` from SYSFS ("/sys"; a test has another). What cannot be read is unknown. */
void placement_read(struct placement *placement, const char *sysfs);

/* Warn of each thing that will disturb a worker: what, and what to change. */
void placement_judge(const struct placement *placement, struct findings *out);
/* The same, a line each. */
void placement_warn(const struct placement *placement, struct text *out);

#endif
