/* What is said of a machine, by prepared trees of the kernel's files. */
#include "run/doctor_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/run/tree.h"

#define CPU "sys/devices/system/cpu/"
#define NODE "sys/devices/system/node/"
#define CLOCKSOURCE "sys/devices/system/clocksource/clocksource0/"

static const char machine_text[] =
    "{\"version\": 1, \"name\": \"rack\", \"allow\": [], \"memory\": {\"hugepages\": \"%s\"},"
    " \"ports\": [{\"name\": \"north\", \"profile\": \"pci\", \"pci\": \"0000:3b:00.0\","
    " \"clients\": [\"192.0.2.0/28\"], \"gateway\": \"192.0.2.30\", \"onLink\": "
    "[\"192.0.2.0/27\"]}],"
    " \"cores\": {\"workers\": [%d, 3], \"control\": %d}}";

struct world {
    char root[64];
    struct machine *machine; /* NULL: without one. */
    struct doctor_time time;
    struct findings findings;
};

static void put(const struct world *world, const char *file, const char *content)
{
    tree_put(world->root, file, content);
}

static void set_machine(struct world *world, const char *hugepages, int worker, int control)
{
    char text[1024];
    struct error err = {0};
    machine_free(world->machine);
    const int size = snprintf(text, sizeof(text), machine_text, hugepages, worker, control);
    if (machine_parse("rack.json", text, (size_t)size, &world->machine, &err) < 0)
        fail_msg("%s", err.text);
}

/* Four cores on two nodes, two of them isolated, the port on the second node: all is well. */
static struct world good(void)
{
    struct world world = {.root = "/tmp/seamline-doctor-XXXXXX",
                          .time = {.known = true, .synchronized = true, .max_error_us = 2500}};
    assert_non_null(mkdtemp(world.root));
    put(&world, CPU "online", "0-3\n");
    put(&world, CPU "isolated", "2-3\n");
    put(&world, CPU "cpu2/cpufreq/scaling_governor", "performance\n");
    put(&world, CPU "cpu3/cpufreq/scaling_governor", "performance\n");
    put(&world, NODE "node0/cpulist", "0-1\n");
    put(&world, NODE "node1/cpulist", "2-3\n");
    put(&world, "sys/bus/pci/devices/0000:3b:00.0/numa_node", "1\n");
    put(&world, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "256\n");
    put(&world, CLOCKSOURCE "current_clocksource", "tsc\n");
    put(&world, CLOCKSOURCE "available_clocksource", "tsc hpet acpi_pm \n");
    put(&world, "proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu constant_tsc nonstop_tsc sse\n");
    put(&world, "proc/irq/24/effective_affinity_list", "0\n");
    put(&world, "proc/irq/24/smp_affinity_list", "0-3\n");
    put(&world, "proc/irq/default_smp_affinity", "f\n");
    set_machine(&world, "auto", 2, 0);
    return world;
}

static void end(struct world *world)
{
    char command[128];
    findings_free(&world->findings);
    machine_free(world->machine);
    snprintf(command, sizeof(command), "rm -r %s", world->root);
    assert_int_equal(system(command), 0);
}

static void look(struct world *world)
{
    findings_free(&world->findings);
    doctor_machine(world->root, world->machine, false, &world->time, &world->findings);
}

/* Look, and want these lines of NAME, "ok TEXT" or "warn TEXT -> MEND", and no other. */
static void expect(struct world *world, const char *name, const char *wanted)
{
    static const char *const states[] = {"ok", "warn", "fail"};
    struct text said = {0};
    look(world);
    for (unsigned i = 0; i < world->findings.count; i++) {
        const struct finding *finding = &world->findings.items[i];
        if (strcmp(finding->name, name) != 0)
            continue;
        text_addf(&said, "%s%s %s%s%s", said.size > 0 ? "\n" : "", states[finding->state],
                  text_str(&finding->text), finding->mend.size > 0 ? " -> " : "",
                  text_str(&finding->mend));
    }
    assert_string_equal(text_str(&said), wanted);
    text_free(&said);
}

static void a_good_machine_is_ok(void **state)
{
    struct world world = good();
    struct text text = {0};
    (void)state;
    look(&world);
    findings_print(&world.findings, &text);
    assert_string_equal(
        text_str(&text),
        "machine\n"
        "  ok    cores        workers on 2-3 of 0-3\n"
        "  ok    isolation    2-3 isolated from the system's scheduler\n"
        "  ok    interrupts   none is served on workers' cores\n"
        "  ok    governor     performance\n"
        "  ok    hugepages    512 MiB free, 512 needed\n"
        "  ok    TSC          invariant; the kernel's own clock is tsc\n"
        "  ok    NUMA         2 nodes: 0 has cores 0-1, 1 has cores 2-3; port north "
        "is on 1\n"
        "  ok    clock        synchronized, to 2.5 ms by the kernel's bound\n"
        "8 ok, 0 warn, 0 fail\n");
    text_free(&text);
    end(&world);
}

static void cores_must_be_online(void **state)
{
    struct world world = good();
    (void)state;
    set_machine(&world, "auto", 7, 5);
    put(&world, CPU "cpu5/online", "0\n");
    expect(&world, "cores",
           "fail core 7 of a worker is not online: 0-3 are -> change cores in rack.json\n"
           "fail core 5 of the control thread is not online: 0-3 are -> "
           "echo 1 > /sys/devices/system/cpu/cpu5/online");
    put(&world, CPU "online", "");
    expect(&world, "cores", "warn the kernel does not tell which are online");
    end(&world);
}

static void threads_of_one_core_are_told(void **state)
{
    struct world world = good();
    (void)state;
    put(&world, CPU "cpu2/topology/thread_siblings_list", "2-3\n");
    put(&world, CPU "cpu3/topology/thread_siblings_list", "2-3\n");
    expect(&world, "cores",
           "ok workers on 2-3 of 0-3\n"
           "warn workers 0 and 1 on cores 2 and 3 are two threads of one physical core and share "
           "its speed -> use one of them");
    end(&world);
}

static void isolation_is_wanted(void **state)
{
    struct world world = good();
    (void)state;
    put(&world, CPU "isolated", "3\n");
    expect(&world, "isolation",
           "warn worker core 2 is not isolated: the system may run there too, and a worker that "
           "loses its core stalls -> boot with isolcpus=2");
    machine_free(world.machine);
    world.machine = NULL;
    expect(&world, "isolation", "ok 3 isolated from the system's scheduler");
    put(&world, CPU "isolated", "\n");
    expect(&world, "isolation",
           "warn no core is isolated: a worker that loses its core to the system stalls -> "
           "scripts/rack prepare -m MACHINE.json, or boot with isolcpus=CORES");
    expect(&world, "interrupts", ""); /* No core is a worker's. */
    end(&world);
}

static void interrupts_are_named(void **state)
{
    struct world world = good();
    char file[64];
    (void)state;
    put(&world, "proc/irq/25/smp_affinity_list", "0-3\n");
    expect(
        &world, "interrupts",
        "warn 1 is served on workers' cores, each delays what is sent then: 25 -> "
        "scripts/rack prepare -m MACHINE.json, or echo CORES > /proc/irq/NUMBER/smp_affinity_list");
    for (unsigned i = 100; i < 120; i++) {
        snprintf(file, sizeof(file), "proc/irq/%u/effective_affinity_list", i);
        put(&world, file, "3\n");
    }
    expect(
        &world, "interrupts",
        "warn 21 are served on workers' cores, each delays what is sent then: 25, 100, 101, "
        "102, 103, 104, 105, 106, 107, 108, 109, 110, ... -> "
        "scripts/rack prepare -m MACHINE.json, or echo CORES > /proc/irq/NUMBER/smp_affinity_list");
    end(&world);
}

static void the_governor_is_performance(void **state)
{
    struct world world = good();
    (void)state;
    put(&world, CPU "cpu3/cpufreq/scaling_governor", "schedutil\n");
    put(&world, CPU "cpu0/cpufreq/scaling_governor", "powersave\n");
    expect(&world, "governor",
           "warn schedutil on core 3: its frequency follows the load, and latencies with it -> "
           "cpupower -c 3 frequency-set -g performance");
    set_machine(&world, "auto", 1, 0);
    put(&world, CPU "cpu3/cpufreq/scaling_governor", "performance\n");
    expect(&world, "governor", "ok performance");
    end(&world);
}

static void hugepages_are_as_many_as_needed(void **state)
{
    struct world world = good();
    (void)state;
    put(&world, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "255\n");
    expect(&world, "hugepages",
           "warn 510 MiB free, 512 needed: ordinary pages will be used, which is slower -> "
           "echo 320 > /proc/sys/vm/nr_hugepages");
    set_machine(&world, "yes", 2, 0);
    expect(&world, "hugepages",
           "fail 510 MiB free, 512 needed -> echo 320 > /proc/sys/vm/nr_hugepages");
    put(&world, "sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n");
    expect(&world, "hugepages", "ok 1534 MiB free, 512 needed");
    set_machine(&world, "no", 2, 0);
    expect(&world, "hugepages", "ok ordinary pages, as the machine file says");
    end(&world);
}

static void the_tsc_is_invariant(void **state)
{
    struct world world = good();
    (void)state;
    put(&world, CLOCKSOURCE "current_clocksource", "hpet\n");
    put(&world, CLOCKSOURCE "available_clocksource", "hpet acpi_pm\n");
    expect(&world, "TSC",
           "warn the kernel found it unsteady, and uses hpet: times may be wrong by more than the "
           "bound that is printed -> journalctl -k -g clocksource says why");
    put(&world, "proc/cpuinfo", "flags\t\t: fpu constant_tsc sse\n");
    expect(&world, "TSC",
           "warn not invariant (constant_tsc and nonstop_tsc are not both in /proc/cpuinfo): times "
           "may be wrong by more than the bound that is printed -> in a virtual machine, let it "
           "have the host's CPU with invtsc");
    end(&world);
}

static void workers_are_on_their_ports_node(void **state)
{
    struct world world = good();
    (void)state;
    put(&world, "sys/bus/pci/devices/0000:3b:00.0/numa_node", "0\n");
    look(&world);
    assert_int_equal(world.findings.counts[FINDING_WARN], 2);
    put(&world, "sys/bus/pci/devices/0000:3b:00.0/numa_node", "-1\n");
    expect(&world, "NUMA", "ok 2 nodes: 0 has cores 0-1, 1 has cores 2-3");
    end(&world);
}

static void the_clock_is_synchronized(void **state)
{
    struct world world = good();
    (void)state;
    world.time.synchronized = false;
    expect(&world, "clock",
           "warn nothing synchronizes the system's clock: times of day, and those of several "
           "appliances, cannot be compared -> timedatectl set-ntp true");
    world.time.known = false;
    expect(&world, "clock", "");
    end(&world);
}

/* It is read, and nothing of it gets out but what is printable. */
static void hostile_files_are_harmless(void **state)
{
    struct world world = good();
    static char much[100000];
    (void)state;
    memset(much, '\033', sizeof(much) - 1);
    static const char *const files[] = {
        CPU "online",
        CPU "isolated",
        CPU "cpu2/cpufreq/scaling_governor",
        CPU "cpu3/cpufreq/scaling_governor",
        CPU "cpu2/topology/thread_siblings_list",
        NODE "node0/cpulist",
        "sys/bus/pci/devices/0000:3b:00.0/numa_node",
        "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
        CLOCKSOURCE "current_clocksource",
        CLOCKSOURCE "available_clocksource",
        "proc/cpuinfo",
        "proc/irq/24/effective_affinity_list",
        "proc/irq/99999999999999999999/effective_affinity_list",
    };
    static const char *const contents[] = {
        much,
        "",
        "\n",
        "-1\n",
        "0-99999999999999999999\n",
        "99999999999999999999999999\n",
        "2-\n",
        "flags : ",
        "%s%n",
    };
    for (size_t c = 0; c < sizeof(contents) / sizeof(contents[0]); c++) {
        struct text text = {0};
        for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++)
            put(&world, files[f], contents[c]);
        look(&world);
        findings_print(&world.findings, &text);
        assert_true(world.findings.count >= 6);
        assert_null(strchr(text_str(&text), '\033'));
        assert_true(text.size < 4096);
        text_free(&text);
    }
    end(&world);
}

static void an_empty_tree_is_no_crash(void **state)
{
    struct world world = good();
    (void)state;
    char root[sizeof(world.root)];
    memcpy(root, world.root, sizeof(root));
    strcpy(world.root, "/nonexistent");
    look(&world);
    assert_true(world.findings.count >= 6);
    memcpy(world.root, root, sizeof(root));
    end(&world);
}

static void a_root_of_any_length_is_harmless(void **state)
{
    struct world world = good();
    (void)state;
    for (size_t size = DOCTOR_ROOT_MAX; size <= 8192; size *= 2) {
        char *root = calloc(1, size + 1);
        assert_non_null(root);
        memset(root, '/', size);
        findings_free(&world.findings);
        doctor_machine(root, world.machine, false, &world.time, &world.findings);
        assert_true(world.findings.count >= 6);
        free(root);
    }
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_machine_is_ok),
        cmocka_unit_test(cores_must_be_online),
        cmocka_unit_test(threads_of_one_core_are_told),
        cmocka_unit_test(isolation_is_wanted),
        cmocka_unit_test(interrupts_are_named),
        cmocka_unit_test(the_governor_is_performance),
        cmocka_unit_test(hugepages_are_as_many_as_needed),
        cmocka_unit_test(the_tsc_is_invariant),
        cmocka_unit_test(workers_are_on_their_ports_node),
        cmocka_unit_test(the_clock_is_synchronized),
        cmocka_unit_test(hostile_files_are_harmless),
        cmocka_unit_test(an_empty_tree_is_no_crash),
        cmocka_unit_test(a_root_of_any_length_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
