#include "run/doctor_machine.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "base/clock.h"
#include "net/net_setup.h"
#include "run/placement.h"

#define PART "machine"
#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0"

enum {
    LINE_BYTES = 256,
    IRQS_MAX = 65536, /* Directory entries that are looked at. */
    IRQS_TOLD = 12,
    MEMORY_MIB = 512 /* Without a machine file: its default. */
};

struct look {
    const char *root;
    const struct machine *machine; /* Or NULL. */
    struct findings *out;
    struct placement *placement;
    struct core_set online, isolated;
    struct core_set used; /* The workers' cores; without a machine file the isolated, or all. */
};

static bool read_line(const struct look *look, char line[LINE_BYTES], const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void read_cores(struct look *look, bool lab);
static int nic_node(const struct look *look, const struct machine_port *port);
static void check_cores(const struct look *look);
static void check_isolation(const struct look *look);
static void check_interrupts(const struct look *look);
static void check_governors(const struct look *look);
static void check_hugepages(const struct look *look);
static void check_tsc(const struct look *look);
static void check_nodes(const struct look *look);
static void check_time(const struct look *look, const struct doctor_time *time);

struct doctor_time doctor_time_now(void)
{
    struct timex asked = {0};
    const int state = adjtimex(&asked);
    return (struct doctor_time){.known = state >= 0,
                                .synchronized = state >= 0 && state != TIME_ERROR &&
                                                (asked.status & STA_UNSYNC) == 0,
                                .max_error_us = asked.maxerror};
}

void doctor_machine(const char *root, const struct machine *machine, bool lab,
                    const struct doctor_time *time, struct findings *out)
{
    const bool short_enough = strlen(root) <= DOCTOR_ROOT_MAX;
    struct look look = {
        .root = short_enough ? root : "/nonexistent", .machine = machine, .out = out};
    look.placement = calloc(1, sizeof(*look.placement));
    if (look.placement == NULL) {
        findings_add(out, FINDING_FAIL, PART, "memory", "there is not enough to look");
        return;
    }
    read_cores(&look, lab);
    check_cores(&look);
    check_isolation(&look);
    check_interrupts(&look);
    check_governors(&look);
    check_hugepages(&look);
    check_tsc(&look);
    check_nodes(&look);
    check_time(&look, time);
    free(look.placement);
}

/* The first line of a file below the root, without its end. False: there is none. */
static bool read_line(const struct look *look, char line[LINE_BYTES], const char *format, ...)
{
    char path[PATH_MAX];
    va_list args;
    const int size = snprintf(path, sizeof(path), "%s", look->root);
    va_start(args, format);
    vsnprintf(path + size, sizeof(path) - (size_t)size, format, args);
    va_end(args);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    const bool read = fgets(line, LINE_BYTES, file) != NULL;
    fclose(file);
    if (read)
        line[strcspn(line, "\n")] = '\0';
    return read;
}

static void read_set(const struct look *look, const char *file, struct core_set *set)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/%s", look->root, file);
    core_set_read(set, path);
}

static void read_cores(struct look *look, bool lab)
{
    struct placement *placement = look->placement;
    const struct machine *machine = look->machine;
    char sysfs[PATH_MAX];
    snprintf(sysfs, sizeof(sysfs), "%s/sys", look->root);
    placement_read(placement, sysfs);
    read_set(look, "online", &look->online);
    read_set(look, "isolated", &look->isolated);
    placement->lab = lab;
    placement->control = machine != NULL ? machine->control : -1;
    look->used = core_set_count(&look->isolated) > 0 ? look->isolated : look->online;
    if (machine == NULL)
        return;
    look->used = (struct core_set){0};
    for (uint32_t p = 0; p < machine->port_count; p++) {
        const struct machine_port *port = &machine->ports[p];
        for (uint32_t q = 0; q < port->queues && placement->worker_count < PLACEMENT_WORKERS; q++) {
            const uint32_t core = machine->workers[placement->worker_count];
            placement->workers[placement->worker_count++] = (struct placement_worker){
                .core = core, .nic = port->name, .nic_node = nic_node(look, port)};
            if (core < CORE_SET_SIZE)
                look->used.has[core] = true;
        }
    }
}

/* As the device's file says; -1: it has none, or does not know. */
static int nic_node(const struct look *look, const struct machine_port *port)
{
    const char *device = port->pci != NULL ? port->pci : port->iface;
    char line[LINE_BYTES];
    if (device == NULL || strchr(device, '/') != NULL || device[0] == '.')
        return -1;
    if (!read_line(look, line,
                   port->pci != NULL ? "/sys/bus/pci/devices/%.60s/numa_node"
                                     : "/sys/class/net/%.60s/device/numa_node",
                   device))
        return -1;
    const long node = strtol(line, NULL, 10);
    return node >= 0 && node < PLACEMENT_NODES ? (int)node : -1;
}

/* ---- cores ---- */

static void refuse_core(const struct look *look, int64_t core, const char *whose,
                        const char *online)
{
    char line[LINE_BYTES];
    findings_add(look->out, FINDING_FAIL, PART, "cores",
                 "core %" PRId64 " of %s is not online: %s are", core, whose, online);
    if (read_line(look, line, "/sys/devices/system/cpu/cpu%" PRId64 "/online", core))
        findings_mend(look->out, "echo 1 > /sys/devices/system/cpu/cpu%" PRId64 "/online", core);
    else
        findings_mend(look->out, "change cores in %s", look->machine->path);
}

static bool is_online(const struct look *look, int64_t core)
{
    return core >= CORE_SET_SIZE || look->online.has[core];
}

static void check_cores(const struct look *look)
{
    const struct machine *machine = look->machine;
    struct text online = {0}, used = {0};
    unsigned refused = 0;
    core_set_print(&look->online, &online);
    core_set_print(&look->used, &used);
    if (core_set_count(&look->online) == 0) {
        findings_add(look->out, FINDING_WARN, PART, "cores",
                     "the kernel does not tell which are online");
    } else if (machine == NULL) {
        const unsigned count = core_set_count(&look->online);
        findings_add(look->out, count > 1 ? FINDING_OK : FINDING_WARN, PART, "cores",
                     "%u online: %s%s", count, text_str(&online),
                     count > 1 ? "" : "; a worker and the control thread want one each");
    } else {
        for (uint32_t i = 0; i < machine->worker_count; i++)
            if (!is_online(look, machine->workers[i]) && ++refused > 0)
                refuse_core(look, machine->workers[i], "a worker", text_str(&online));
        if (machine->control >= 0 && !is_online(look, machine->control) && ++refused > 0)
            refuse_core(look, machine->control, "the control thread", text_str(&online));
    }
    if (machine != NULL && refused == 0 && online.size > 0) {
        findings_add(look->out, FINDING_OK, PART, "cores", "workers on %s of %s", text_str(&used),
                     text_str(&online));
    }
    text_free(&online);
    text_free(&used);
}

static void check_isolation(const struct look *look)
{
    struct findings *out = look->out;
    struct text list = {0};
    const unsigned before = out->count;
    if (look->machine != NULL) {
        placement_judge(look->placement, out);
    } else if (core_set_count(&look->isolated) == 0) {
        findings_add(out, FINDING_WARN, PART, "isolation",
                     "no core is isolated: a worker that loses its core to the system stalls");
        findings_mend(out, "scripts/rack prepare -m MACHINE.json, or boot with isolcpus=CORES");
    }
    core_set_print(look->machine != NULL ? &look->used : &look->isolated, &list);
    if (out->count == before)
        findings_add(out, FINDING_OK, PART, "isolation", "%s isolated from the system's scheduler",
                     text_str(&list));
    text_free(&list);
}

/* ---- interrupts ---- */

static bool served_here(const struct look *look, const char *irq)
{
    static const char *const files[] = {"effective_affinity_list", "smp_affinity_list"};
    char line[LINE_BYTES];
    struct core_set set;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (!read_line(look, line, "/proc/irq/%.16s/%s", irq, files[i]) || line[0] == '\0')
            continue;
        core_set_parse(&set, line);
        for (unsigned core = 0; core < CORE_SET_SIZE; core++)
            if (set.has[core] && look->used.has[core])
                return true;
        return false;
    }
    return false;
}

static int by_number(const void *a, const void *b)
{
    const unsigned one = *(const unsigned *)a, other = *(const unsigned *)b;
    return one < other ? -1 : one > other;
}

/* Numbers of the interrupts that may come to the workers' cores, the least first; how many. */
static unsigned find_interrupts(const struct look *look, DIR *folder, unsigned irqs[IRQS_MAX])
{
    const struct dirent *entry;
    unsigned count = 0;
    for (unsigned i = 0; i < IRQS_MAX && (entry = readdir(folder)) != NULL; i++) {
        const char *name = entry->d_name;
        if (name[strspn(name, "0123456789")] == '\0' && strlen(name) < 9 && served_here(look, name))
            irqs[count++] = (unsigned)strtoul(name, NULL, 10);
    }
    qsort(irqs, count, sizeof(irqs[0]), by_number);
    return count;
}

/* Without a machine file only where cores were set apart for workers. */
static void check_interrupts(const struct look *look)
{
    char path[PATH_MAX];
    struct text list = {0};
    snprintf(path, sizeof(path), "%s/proc/irq", look->root);
    DIR *folder =
        look->machine != NULL || core_set_count(&look->isolated) > 0 ? opendir(path) : NULL;
    unsigned *irqs = folder != NULL ? calloc(IRQS_MAX, sizeof(*irqs)) : NULL;
    const unsigned count = irqs != NULL ? find_interrupts(look, folder, irqs) : 0;
    for (unsigned i = 0; i < count && i < IRQS_TOLD; i++)
        text_addf(&list, "%s%u", i == 0 ? "" : ", ", irqs[i]);
    if (irqs != NULL && count > 0) {
        findings_add(look->out, FINDING_WARN, PART, "interrupts",
                     "%u %s served on workers' cores, each delays what is sent then: %s%s", count,
                     count == 1 ? "is" : "are", text_str(&list), count > IRQS_TOLD ? ", ..." : "");
        findings_mend(look->out, "scripts/rack prepare -m MACHINE.json, or echo CORES > "
                                 "/proc/irq/NUMBER/smp_affinity_list");
    } else if (irqs != NULL) {
        findings_add(look->out, FINDING_OK, PART, "interrupts", "none is served on workers' cores");
    }
    free(irqs);
    if (folder != NULL)
        closedir(folder);
    text_free(&list);
}

/* ---- speed and memory ---- */

static void check_governors(const struct look *look)
{
    struct core_set slow = {0};
    struct text list = {0};
    char line[LINE_BYTES], one[32] = "";
    unsigned told = 0;
    for (unsigned core = 0; core < CORE_SET_SIZE; core++) {
        if (!look->used.has[core] ||
            !read_line(look, line, "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", core))
            continue;
        told++;
        slow.has[core] = strcmp(line, "performance") != 0;
        if (slow.has[core])
            snprintf(one, sizeof(one), "%.31s", line);
    }
    core_set_print(&slow, &list);
    if (told == 0) {
        findings_add(look->out, FINDING_OK, PART, "governor",
                     "none: the kernel does not set this machine's frequencies");
    } else if (list.size == 0) {
        findings_add(look->out, FINDING_OK, PART, "governor", "performance");
    } else {
        findings_add(look->out, FINDING_WARN, PART, "governor",
                     "%s on core%s %s: its frequency follows the load, and latencies with it", one,
                     core_set_count(&slow) > 1 ? "s" : "", text_str(&list));
        findings_mend(look->out, "cpupower -c %s frequency-set -g performance", text_str(&list));
    }
    text_free(&list);
}

static void check_hugepages(const struct look *look)
{
    const struct machine *machine = look->machine;
    const unsigned wanted = machine != NULL ? machine->memory_megabytes : MEMORY_MIB;
    const uint64_t free_mib = net_huge_free_mib(look->root);
    if (machine != NULL && machine->hugepages == MACHINE_HUGEPAGES_NO) {
        findings_add(look->out, FINDING_OK, PART, "hugepages",
                     "ordinary pages, as the machine file says");
        return;
    }
    const bool must = machine != NULL && machine->hugepages == MACHINE_HUGEPAGES_YES;
    findings_add(look->out,
                 free_mib >= wanted ? FINDING_OK
                 : must             ? FINDING_FAIL
                                    : FINDING_WARN,
                 PART, "hugepages", "%" PRIu64 " MiB free, %u needed%s", free_mib, wanted,
                 free_mib >= wanted || must ? ""
                                            : ": ordinary pages will be used, which is slower");
    if (free_mib < wanted)
        findings_mend(look->out, "echo %u > /proc/sys/vm/nr_hugepages", net_huge_pages(wanted));
}

/* ---- clocks and nodes ---- */

static void check_tsc(const struct look *look)
{
    char path[PATH_MAX], source[LINE_BYTES], usable[LINE_BYTES];
    snprintf(path, sizeof(path), "%s/proc/cpuinfo", look->root);
    const bool invariant = clock_tsc_is_invariant(path);
    const bool told = read_line(look, source, CLOCKSOURCE "/current_clocksource");
    const bool refused = told && read_line(look, usable, CLOCKSOURCE "/available_clocksource") &&
                         strstr(usable, "tsc") == NULL;
    if (!invariant) {
        findings_add(look->out, FINDING_WARN, PART, "TSC",
                     "not invariant (constant_tsc and nonstop_tsc are not both in /proc/cpuinfo): "
                     "times may be wrong by more than the bound that is printed");
        findings_mend(look->out, "in a virtual machine, let it have the host's CPU with invtsc");
    } else if (refused) {
        findings_add(look->out, FINDING_WARN, PART, "TSC",
                     "the kernel found it unsteady, and uses %.40s: times may be wrong by more "
                     "than the bound that is printed",
                     source);
        findings_mend(look->out, "journalctl -k -g clocksource says why");
    } else {
        findings_add(look->out, FINDING_OK, PART, "TSC", "invariant%s%.40s",
                     told ? "; the kernel's own clock is " : "", told ? source : "");
    }
}

static void check_nodes(const struct look *look)
{
    struct text text = {0};
    unsigned count = 0;
    for (int node = 0; node < PLACEMENT_NODES; node++) {
        struct core_set set = {0};
        for (unsigned core = 0; core < CORE_SET_SIZE; core++)
            set.has[core] = look->placement->cores[core].node == node;
        if (core_set_count(&set) == 0)
            continue;
        text_addf(&text, "%s%d has cores ", count++ == 0 ? "" : ", ", node);
        core_set_print(&set, &text);
    }
    for (uint32_t p = 0; count > 1 && look->machine != NULL && p < look->machine->port_count; p++) {
        const int node = nic_node(look, &look->machine->ports[p]);
        if (node >= 0)
            text_addf(&text, "; port %s is on %d", look->machine->ports[p].name, node);
    }
    findings_add(look->out, FINDING_OK, PART, "NUMA", "%u node%s%s%s", count > 0 ? count : 1,
                 count > 1 ? "s" : "", text.size > 0 ? ": " : "", text_str(&text));
    text_free(&text);
}

static void check_time(const struct look *look, const struct doctor_time *time)
{
    struct text bound = {0};
    if (!time->known)
        return;
    text_add_duration(&bound, time->max_error_us * 1000);
    if (time->synchronized) {
        findings_add(look->out, FINDING_OK, PART, "clock",
                     "synchronized, to %s by the kernel's bound", text_str(&bound));
    } else {
        findings_add(look->out, FINDING_WARN, PART, "clock",
                     "nothing synchronizes the system's clock: times of day, and those of several "
                     "appliances, cannot be compared");
        findings_mend(look->out, "timedatectl set-ntp true");
    }
    text_free(&bound);
}
