#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "base/text.h"
#include "net/net_device.h"

enum {
    DEFAULT_MEMORY_MIB = 512,
    ARGUMENTS_MAX = 24 + 2 * NET_PCI_MAX
};

/* The EAL is one a process, and so is this. */
static struct {
    bool started;        /* rte_eal_init was called. */
    bool telemetry;      /* Clients of that may come. */
    unsigned next_index; /* Of virtual devices. */
    char *arguments;     /* Its words: the EAL keeps pointers into them. */
} eal;

static int check_cores(const struct net_eal_config *config, const cpu_set_t *allowed,
                       struct error *err);
static int choose_memory(const struct net_eal_config *config, unsigned memory_mib,
                         struct net_eal_report *report, struct error *err);
static void lcores(const struct net_eal_config *config, const cpu_set_t *allowed,
                   struct text *text);
static void buses(const struct net_eal_config *config, struct text *text);
static int init(const struct net_eal_config *config, struct text *arguments, struct error *err);

bool net_eal_is_started(void)
{
    return eal.started;
}

unsigned net_eal_next_index(void)
{
    return eal.next_index++;
}

unsigned net_worker_lcore(unsigned worker)
{
    return worker + 1;
}

/* Between the look at the free hugepages and their taking by the EAL nobody else of us may take
 * them: one seamline at a time. Without the lock (no such folder, no right) the look is a guess. */
static int take_turn(void)
{
    const int fd = open("/run/lock/seamline-hugepages", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0)
        (void)flock(fd, LOCK_EX);
    return fd;
}

/* Its socket is in a folder named by the prefix, which is this process's alone: others are not
 * asked in its place, and net_eal_stop() may remove it. */
static void add_telemetry(const struct net_eal_config *config, struct net_eal_report *found,
                          struct text *text)
{
    eal.telemetry = config->telemetry;
    if (!config->telemetry) {
        text_add(text, " --no-telemetry");
        return;
    }
    snprintf(found->file_prefix, sizeof(found->file_prefix), "seamline-%d", getpid());
    text_addf(text, " --file-prefix %s", found->file_prefix);
}

static int start(const struct net_eal_config *config, const cpu_set_t *allowed,
                 struct net_eal_report *found, struct error *err)
{
    const unsigned memory_mib = config->memory_mib != 0 ? config->memory_mib : DEFAULT_MEMORY_MIB;
    int status = choose_memory(config, memory_mib, found, err);
    if (status < 0)
        return status;
    struct text arguments = {0};
    text_addf(&arguments, "%s --lcores ", config->program != NULL ? config->program : "seamline");
    lcores(config, allowed, &arguments);
    text_addf(&arguments, " -m %u", memory_mib);
    add_telemetry(config, found, &arguments);
    /* DPDK keeps its drivers from AVX-512 unless it is told not to. */
    text_add(&arguments, " --force-max-simd-bitwidth=512");
    text_add(&arguments,
             found->hugepages ? " --in-memory --single-file-segments" : " --no-huge --no-shconf");
    buses(config, &arguments);
    text_add(&arguments, config->verbose ? "" : " --log-level=*:error");
    snprintf(found->arguments, sizeof(found->arguments), "%s", text_str(&arguments));
    status = init(config, &arguments, err);
    text_free(&arguments);
    return status;
}

int net_eal_start(const struct net_eal_config *config, struct net_eal_report *report,
                  struct error *err)
{
    struct net_eal_report found = {0};
    cpu_set_t allowed;
    if (eal.started)
        return error_set(err, EXIT_ENVIRONMENT, -EALREADY, "the EAL starts once in a process");
    if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "cannot ask for this process's CPUs");
    int status = check_cores(config, &allowed, err);
    if (status < 0)
        return status;
    const int turn_fd = take_turn();
    status = start(config, &allowed, &found, err);
    if (turn_fd >= 0)
        close(turn_fd);
    if (status == 0 && report != NULL)
        *report = found;
    return status;
}

/* DPDK removes its sockets when the process ends, and never the folder. */
static void remove_telemetry(void)
{
    char pattern[PATH_MAX];
    glob_t found;
    snprintf(pattern, sizeof(pattern), "%s/*telemetry*", rte_eal_get_runtime_dir());
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
        globfree(&found);
    }
    rmdir(rte_eal_get_runtime_dir());
}

void net_eal_stop(void)
{
    rte_eal_cleanup();
    if (eal.telemetry)
        remove_telemetry();
    free(eal.arguments);
    eal.arguments = NULL;
}

uint64_t net_huge_free_mib(const char *root)
{
    glob_t found;
    uint64_t mib = 0;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/sys/kernel/mm/hugepages/hugepages-*kB", root);
    if (glob(path, 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        unsigned long long kib = 0;
        unsigned long long count = 0;
        snprintf(path, sizeof(path), "%s/free_hugepages", found.gl_pathv[i]);
        FILE *file = fopen(path, "re");
        if (file != NULL &&
            sscanf(strrchr(found.gl_pathv[i], '/'), "/hugepages-%llukB", &kib) == 1 &&
            fscanf(file, "%llu", &count) == 1)
            mib += kib * count / 1024;
        if (file != NULL)
            fclose(file);
    }
    globfree(&found);
    return mib;
}

unsigned net_huge_pages(unsigned memory_mib)
{
    return memory_mib / 2 + 64;
}

static void list_cores(const cpu_set_t *allowed, struct text *text)
{
    const char *comma = "";
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, allowed)) {
            text_addf(text, "%s%d", comma, cpu);
            comma = ",";
        }
    }
}

static bool is_allowed(int cpu, const cpu_set_t *allowed)
{
    return cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, allowed);
}

static int refuse_core(int cpu, const char *whose, const cpu_set_t *allowed, struct error *err)
{
    struct text list = {0};
    list_cores(allowed, &list);
    error_set(err, EXIT_ENVIRONMENT, -ENODEV,
              "CPU %d for %s: this process may run on %s only: change the machine file's cores",
              cpu, whose, text_str(&list));
    text_free(&list);
    return -ENODEV;
}

static int check_cores(const struct net_eal_config *config, const cpu_set_t *allowed,
                       struct error *err)
{
    if (config->worker_count > NET_WORKERS_MAX)
        return error_set(err, EXIT_USAGE, -E2BIG, "%u workers: at most %d", config->worker_count,
                         NET_WORKERS_MAX);
    if (config->main_core >= 0 && !is_allowed(config->main_core, allowed))
        return refuse_core(config->main_core, "the control thread", allowed, err);
    for (unsigned i = 0; i < config->worker_count; i++) {
        if (!is_allowed(config->worker_cores[i], allowed))
            return refuse_core(config->worker_cores[i], "a worker", allowed, err);
    }
    return 0;
}

/* Lcore 0 is the control thread, 1.. the workers. */
static void lcores(const struct net_eal_config *config, const cpu_set_t *allowed, struct text *text)
{
    if (config->main_core >= 0) {
        text_addf(text, "0@%d", config->main_core);
    } else {
        text_add(text, "0@(");
        list_cores(allowed, text);
        text_add(text, ")");
    }
    for (unsigned i = 0; i < config->worker_count; i++)
        text_addf(text, ",%u@%d", net_worker_lcore(i), config->worker_cores[i]);
}

static int choose_memory(const struct net_eal_config *config, unsigned memory_mib,
                         struct net_eal_report *report, struct error *err)
{
    const uint64_t free_mib = net_huge_free_mib("");
    report->hugepages = config->memory != NET_MEMORY_PAGES && free_mib >= memory_mib;
    if (report->hugepages || config->memory == NET_MEMORY_PAGES)
        return 0;
    if (config->memory == NET_MEMORY_HUGE)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM,
                         "%llu MiB in free hugepages, %u needed: "
                         "echo %u > /proc/sys/vm/nr_hugepages, as root, or ask for ordinary pages",
                         (unsigned long long)free_mib, memory_mib, net_huge_pages(memory_mib));
    snprintf(report->note, sizeof(report->note),
             "ordinary pages: %llu MiB in free hugepages, %u needed (slower; "
             "echo %u > /proc/sys/vm/nr_hugepages, as root)",
             (unsigned long long)free_mib, memory_mib, net_huge_pages(memory_mib));
    return 0;
}

/* The PCI bus is searched for our devices alone: the EAL takes all that it may, also those that
 * another process drives. It finds out which addresses they can take: physical ones without an
 * IOMMU. What is no address is refused where the port is opened. */
static void buses(const struct net_eal_config *config, struct text *text)
{
    if (config->pci_count == 0)
        text_add(text, " --iova-mode=va --no-pci");
    for (unsigned i = 0; i < config->pci_count && i < NET_PCI_MAX; i++) {
        const char *address = config->pci[i];
        const bool good = address[strspn(address, "0123456789abcdefABCDEF:.")] == '\0';
        text_addf(text, " -a %s", good && address[0] != '\0' ? address : "0000:00:00.0");
    }
}

/* Split ARGUMENTS at spaces, in place, and start. */
static int init(const struct net_eal_config *config, struct text *arguments, struct error *err)
{
    char *argv[ARGUMENTS_MAX] = {0};
    int argc = 0;
    if (arguments->failed)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    eal.arguments = strdup(text_str(arguments));
    char *place = NULL;
    for (char *word = eal.arguments != NULL ? strtok_r(eal.arguments, " ", &place) : NULL;
         word != NULL && argc < ARGUMENTS_MAX - 1; word = strtok_r(NULL, " ", &place))
        argv[argc++] = word;

    struct net_capture capture = {.saved_fd = -1};
    char said[256];
    if (!config->verbose)
        net_capture_begin(&capture);
    eal.started = true;
    const int status = rte_eal_init(argc, argv);
    const int code = status < 0 ? -rte_errno : 0;
    net_capture_end(&capture, said, sizeof(said));
    if (status >= 0)
        return 0;
    return error_set(err, EXIT_ENVIRONMENT, code != 0 ? code : -EIO,
                     "DPDK's EAL did not start (%s)%s%s; its command line was: %s", strerror(-code),
                     said[0] != '\0' ? ": " : "", said, text_str(arguments));
}
