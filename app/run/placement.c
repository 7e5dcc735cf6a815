#include "run/placement.h"

#include <limits.h>
#include <stdio.h>

#include "run/core_set.h"

#define PART "machine"

static void read_set(const char *sysfs, const char *file, struct core_set *set);
static void judge_node(const struct placement *placement, uint32_t index, struct findings *out);
static void judge_siblings(const struct placement *placement, struct findings *out);
static void judge_shared(const struct placement *placement, struct findings *out);
static struct placement_core core_at(const struct placement *placement, int64_t core);

void placement_read(struct placement *placement, const char *sysfs)
{
    struct core_set set;
    char file[64];
    read_set(sysfs, "cpu/isolated", &set);
    for (unsigned core = 0; core < PLACEMENT_CORES; core++)
        placement->cores[core] =
            (struct placement_core){.node = -1, .physical = -1, .isolated = set.has[core]};
    for (unsigned node = 0; node < PLACEMENT_NODES; node++) {
        snprintf(file, sizeof(file), "node/node%u/cpulist", node);
        read_set(sysfs, file, &set);
        for (unsigned core = 0; core < PLACEMENT_CORES; core++)
            if (set.has[core])
                placement->cores[core].node = (int)node;
    }
    for (unsigned core = 0; core < PLACEMENT_CORES; core++) {
        snprintf(file, sizeof(file), "cpu/cpu%u/topology/thread_siblings_list", core);
        read_set(sysfs, file, &set);
        for (unsigned other = PLACEMENT_CORES; other-- > 0;)
            if (set.has[other])
                placement->cores[core].physical = (int)other;
    }
}

void placement_judge(const struct placement *placement, struct findings *out)
{
    for (uint32_t i = 0; i < placement->worker_count; i++)
        judge_node(placement, i, out);
    judge_siblings(placement, out);
    judge_shared(placement, out);
}

void placement_warn(const struct placement *placement, struct text *out)
{
    struct findings findings = {0};
    placement_judge(placement, &findings);
    findings_lines(&findings, out);
    findings_free(&findings);
}

static void read_set(const char *sysfs, const char *file, struct core_set *set)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/devices/system/%s", sysfs, file);
    core_set_read(set, path);
}

/* What is known of CORE, which may be -1 or beyond all that are known. */
static struct placement_core core_at(const struct placement *placement, int64_t core)
{
    if (core < 0 || core >= PLACEMENT_CORES)
        return (struct placement_core){.node = -1, .physical = -1};
    return placement->cores[core];
}

static void judge_node(const struct placement *placement, uint32_t index, struct findings *out)
{
    const struct placement_worker *worker = &placement->workers[index];
    const int node = core_at(placement, worker->core).node;
    struct core_set set = {0};
    struct text list = {0};
    if (node < 0 || worker->nic_node < 0 || node == worker->nic_node)
        return;
    for (unsigned core = 0; core < PLACEMENT_CORES; core++)
        set.has[core] = placement->cores[core].node == worker->nic_node;
    core_set_print(&set, &list);
    findings_add(out, FINDING_WARN, PART, "NUMA",
                 "worker %u on core %u is on NUMA node %d, its port %s on node %d: each packet "
                 "crosses between them",
                 index, worker->core, node, worker->nic, worker->nic_node);
    findings_mend(out, "give it a core of node %d (%s) in cores.workers", worker->nic_node,
                  text_str(&list));
    text_free(&list);
}

static void judge_siblings(const struct placement *placement, struct findings *out)
{
    const int control = core_at(placement, placement->control).physical;
    for (uint32_t i = 0; i < placement->worker_count; i++) {
        const uint32_t core = placement->workers[i].core;
        const int physical = core_at(placement, core).physical;
        if (physical < 0)
            continue;
        for (uint32_t j = 0; j < i; j++) {
            if (core_at(placement, placement->workers[j].core).physical != physical)
                continue;
            findings_add(out, FINDING_WARN, PART, "cores",
                         "workers %u and %u on cores %u and %u are two threads of one physical "
                         "core and share its speed",
                         j, i, placement->workers[j].core, core);
            findings_mend(out, "use one of them");
        }
        if (control != physical)
            continue;
        findings_add(out, FINDING_WARN, PART, "cores",
                     "the control thread on core %d and worker %u on core %u are two threads of "
                     "one physical core",
                     placement->control, i, core);
        findings_mend(out, "move cores.control");
    }
}

static void judge_shared(const struct placement *placement, struct findings *out)
{
    struct core_set shared = {0};
    struct text list = {0};
    for (uint32_t i = 0; i < placement->worker_count; i++) {
        const uint32_t core = placement->workers[i].core;
        if (core < PLACEMENT_CORES && !placement->cores[core].isolated)
            shared.has[core] = true;
    }
    const unsigned count = core_set_count(&shared);
    if (count == 0)
        return;
    core_set_print(&shared, &list);
    findings_add(out, FINDING_WARN, PART, "isolation",
                 "worker %s %s %s not isolated: the system%s%s may run there too, and a worker "
                 "that loses its core stalls",
                 count == 1 ? "core" : "cores", text_str(&list), count == 1 ? "is" : "are",
                 placement->control < 0 ? ", the control thread" : "",
                 placement->lab ? ", the lab's nodes and pods" : "");
    findings_mend(out, "boot with isolcpus=%s%s", text_str(&list),
                  placement->control < 0 ? " and name a core in cores.control" : "");
    text_free(&list);
}
