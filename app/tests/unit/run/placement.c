/* What is said of where workers are, and that the kernel's own files are read right. */
#include "run/placement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/run/tree.h"

/* Eight threads of four cores on two nodes: 0-3 and 4-7, pairs next to each other; 2 to 7 are
 * isolated. */
static struct placement *machine(void)
{
    struct placement *placement = calloc(1, sizeof(*placement));
    assert_non_null(placement);
    for (int core = 0; core < PLACEMENT_CORES; core++)
        placement->cores[core] = (struct placement_core){
            .node = core < 8 ? core / 4 : -1,
            .physical = core < 8 ? core / 2 * 2 : -1,
            .isolated = core >= 2 && core < 8,
        };
    placement->control = 0;
    return placement;
}

static void add(struct placement *placement, uint32_t core, int nic_node)
{
    placement->workers[placement->worker_count++] =
        (struct placement_worker){.core = core, .nic = "north", .nic_node = nic_node};
}

static void expect(struct placement *placement, const char *said)
{
    struct text out = {0};
    placement_warn(placement, &out);
    assert_string_equal(text_str(&out), said);
    text_free(&out);
    free(placement);
}

static void nothing_is_said_of_a_good_place(void **state)
{
    struct placement *placement = machine();
    (void)state;
    add(placement, 2, 0);
    add(placement, 4, 1);
    add(placement, 6, -1); /* A virtual device is on no node. */
    expect(placement, "");
}

static void nothing_is_said_of_what_is_unknown(void **state)
{
    struct placement *placement = calloc(1, sizeof(*placement));
    (void)state;
    assert_non_null(placement);
    for (int core = 0; core < PLACEMENT_CORES; core++)
        placement->cores[core] =
            (struct placement_core){.node = -1, .physical = -1, .isolated = true};
    add(placement, 2, 0);
    add(placement, 3, 1);
    add(placement, PLACEMENT_CORES, 1);
    expect(placement, "");
}

static void another_node_is_named(void **state)
{
    struct placement *placement = machine();
    (void)state;
    add(placement, 2, 0);
    add(placement, 4, 0);
    expect(placement, "worker 1 on core 4 is on NUMA node 1, its port north on node 0: each packet "
                      "crosses between them; give it a core of node 0 (0-3) in cores.workers\n");
}

static void threads_of_one_core_are_named(void **state)
{
    struct placement *placement = machine();
    (void)state;
    placement->control = 4;
    add(placement, 2, 0);
    add(placement, 5, 1);
    add(placement, 3, 0);
    expect(placement,
           "the control thread on core 4 and worker 1 on core 5 are two threads of one physical "
           "core; move cores.control\n"
           "workers 0 and 2 on cores 2 and 3 are two threads of one physical core and share its "
           "speed; use one of them\n");
}

static void shared_cores_are_named_once(void **state)
{
    struct placement *placement = machine();
    (void)state;
    for (int core = 0; core < 8; core++)
        placement->cores[core].physical = core;
    placement->cores[3].isolated = false;
    placement->control = -1;
    placement->lab = true;
    add(placement, 0, 0);
    add(placement, 2, 0);
    add(placement, 3, 0);
    add(placement, 1, 0);
    expect(placement, "worker cores 0-1,3 are not isolated: the system, the control thread, the "
                      "lab's nodes and pods may run there too, and a worker that loses its core "
                      "stalls; boot with isolcpus=0-1,3 and name a core in cores.control\n");
    placement = machine();
    placement->control = 2;
    add(placement, 1, 0);
    expect(placement,
           "worker core 1 is not isolated: the system may run there too, and a worker that loses "
           "its core stalls; boot with isolcpus=1\n");
}

static void the_kernels_files_are_read(void **state)
{
    struct placement *placement = calloc(1, sizeof(*placement));
    char root[] = "/tmp/seamline-placement-XXXXXX", command[64];
    (void)state;
    assert_non_null(placement);
    assert_non_null(mkdtemp(root));
    tree_put(root, "devices/system/cpu/isolated", "2-3,7\n");
    tree_put(root, "devices/system/node/node0/cpulist", "0-1,4-5\n");
    tree_put(root, "devices/system/node/node1/cpulist", "2,3,6-7\n");
    tree_put(root, "devices/system/cpu/cpu4/topology/thread_siblings_list", "0,4\n");
    tree_put(root, "devices/system/cpu/cpu0/topology/thread_siblings_list", "0,4\n");
    tree_put(root, "devices/system/cpu/cpu1/topology/thread_siblings_list", "what?\n");
    placement_read(placement, root);
    static const struct placement_core expected[] = {
        {0, 0, false},  {0, -1, false}, {1, -1, true}, {1, -1, true},   {0, 0, false},
        {0, -1, false}, {1, -1, false}, {1, -1, true}, {-1, -1, false},
    };
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_int_equal(placement->cores[i].node, expected[i].node);
        assert_int_equal(placement->cores[i].physical, expected[i].physical);
        assert_int_equal(placement->cores[i].isolated, expected[i].isolated);
    }
    free(placement);
    snprintf(command, sizeof(command), "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_said_of_a_good_place),
        cmocka_unit_test(nothing_is_said_of_what_is_unknown),
        cmocka_unit_test(another_node_is_named),
        cmocka_unit_test(threads_of_one_core_are_named),
        cmocka_unit_test(shared_cores_are_named_once),
        cmocka_unit_test(the_kernels_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
