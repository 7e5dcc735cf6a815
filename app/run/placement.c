#include "run/placement.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A core list of the kernel's, "0-3,8": bit by bit. */
struct core_set {
    bool has[PLACEMENT_CORES];
};

static void read_list(const char *sysfs, const char *file, struct core_set *set);
static bool parse_list(const char *text, struct core_set *set);
static void print_list(const struct core_set *set, struct text *out);
static void warn_node(const struct placement *placement, uint32_t index, struct text *out);
static void warn_siblings(const struct placement *placement, struct text *out);
static void warn_shared(const struct placement *placement, struct text *out);
static struct placement_core core_at(const struct placement *placement, int64_t core);

void placement_read(struct placement *placement, const char *sysfs)
{
    struct core_set set;
    char file[64];
    read_list(sysfs, "cpu/isolated", &set);
    for (unsigned core = 0; core < PLACEMENT_CORES; core++)
        placement->cores[core] =
            (struct placement_core){.node = -1, .physical = -1, .isolated = set.has[core]};
    for (unsigned node = 0; node < PLACEMENT_NODES; node++) {
        snprintf(file, sizeof(file), "node/node%u/cpulist", node);
        read_list(sysfs, file, &set);
        for (unsigned core = 0; core < PLACEMENT_CORES; core++)
            if (set.has[core])
                placement->cores[core].node = (int)node;
    }
    for (unsigned core = 0; core < PLACEMENT_CORES; core++) {
        snprintf(file, sizeof(file), "cpu/cpu%u/topology/thread_siblings_list", core);
        read_list(sysfs, file, &set);
        for (unsigned other = PLACEMENT_CORES; other-- > 0;)
            if (set.has[other])
                placement->cores[core].physical = (int)other;
    }
}

void placement_warn(const struct placement *placement, struct text *out)
{
    for (uint32_t i = 0; i < placement->worker_count; i++)
        warn_node(placement, i, out);
    warn_siblings(placement, out);
    warn_shared(placement, out);
}

/* The set in FILE of SYSFS; empty when there is no such file, or no list in it. */
static void read_list(const char *sysfs, const char *file, struct core_set *set)
{
    char path[PATH_MAX], line[1024] = "";
    memset(set, 0, sizeof(*set));
    snprintf(path, sizeof(path), "%s/devices/system/%s", sysfs, file);
    FILE *from = fopen(path, "re");
    if (from == NULL)
        return;
    if (fgets(line, sizeof(line), from) == NULL || !parse_list(line, set))
        memset(set, 0, sizeof(*set));
    fclose(from);
}

static bool parse_list(const char *text, struct core_set *set)
{
    while (*text != '\0' && *text != '\n') {
        char *end;
        unsigned long first = strtoul(text, &end, 10);
        if (end == text)
            return false;
        unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        for (unsigned long core = first; core <= last && core < PLACEMENT_CORES; core++)
            set->has[core] = true;
        text = *end == ',' ? end + 1 : end;
        if (text == end && *end != '\0' && *end != '\n')
            return false;
    }
    return true;
}

static void print_list(const struct core_set *set, struct text *out)
{
    const char *comma = "";
    for (unsigned core = 0; core < PLACEMENT_CORES; core++) {
        unsigned last = core;
        if (!set->has[core])
            continue;
        while (last + 1 < PLACEMENT_CORES && set->has[last + 1])
            last++;
        text_addf(out, last == core ? "%s%u" : "%s%u-%u", comma, core, last);
        comma = ",";
        core = last;
    }
}

/* What is known of CORE, which may be -1 or beyond all that are known. */
static struct placement_core core_at(const struct placement *placement, int64_t core)
{
    if (core < 0 || core >= PLACEMENT_CORES)
        return (struct placement_core){.node = -1, .physical = -1};
    return placement->cores[core];
}

static void warn_node(const struct placement *placement, uint32_t index, struct text *out)
{
    const struct placement_worker *worker = &placement->workers[index];
    const int node = core_at(placement, worker->core).node;
    struct core_set set = {0};
    if (node < 0 || worker->nic_node < 0 || node == worker->nic_node)
        return;
    for (unsigned core = 0; core < PLACEMENT_CORES; core++)
        set.has[core] = placement->cores[core].node == worker->nic_node;
    text_addf(
        out,
        "worker %u on core %u is on NUMA node %d, its port %s on node %d: each packet crosses "
        "between them; give it a core of node %d (",
        index, worker->core, node, worker->nic, worker->nic_node, worker->nic_node);
    print_list(&set, out);
    text_add(out, ") in cores.workers\n");
}

static void warn_siblings(const struct placement *placement, struct text *out)
{
    const int control = core_at(placement, placement->control).physical;
    for (uint32_t i = 0; i < placement->worker_count; i++) {
        const uint32_t core = placement->workers[i].core;
        const int physical = core_at(placement, core).physical;
        if (physical < 0)
            continue;
        for (uint32_t j = 0; j < i; j++)
            if (core_at(placement, placement->workers[j].core).physical == physical)
                text_addf(out,
                          "workers %u and %u on cores %u and %u are two threads of one physical "
                          "core and share its speed: use one of them\n",
                          j, i, placement->workers[j].core, core);
        if (control == physical)
            text_addf(out,
                      "the control thread on core %d and worker %u on core %u are two threads of "
                      "one physical core: move cores.control\n",
                      placement->control, i, core);
    }
}

static void warn_shared(const struct placement *placement, struct text *out)
{
    struct core_set shared = {0};
    unsigned count = 0;
    for (uint32_t i = 0; i < placement->worker_count; i++) {
        const uint32_t core = placement->workers[i].core;
        if (core >= PLACEMENT_CORES || placement->cores[core].isolated)
            continue;
        shared.has[core] = true;
        count++;
    }
    if (count == 0)
        return;
    text_addf(out, "worker %s ", count == 1 ? "core" : "cores");
    print_list(&shared, out);
    text_addf(out,
              " %s not isolated: the system%s%s may run there too, and a worker that loses its "
              "core stalls; boot with isolcpus=",
              count == 1 ? "is" : "are", placement->control < 0 ? ", the control thread" : "",
              placement->lab ? ", the lab's nodes and pods" : "");
    print_list(&shared, out);
    text_addf(out, "%s\n", placement->control < 0 ? " and name a core in cores.control" : "");
}
