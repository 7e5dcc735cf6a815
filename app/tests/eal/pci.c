/* The EAL with PCI devices: it is told of those that ports name, and touches no other. The EAL
 * starts once in a process, so this is a program of its own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ethdev.h>

#include "net/net_setup.h"

#define ABSENT "0000:ff:1f.7"
#define HOSTILE "0000:00:00.0 --vdev=net_null0"

static struct net_eal_report report;

static int start(void **state)
{
    const struct net_eal_config config = {.main_core = -1,
                                          .memory = NET_MEMORY_PAGES,
                                          .memory_mib = 64,
                                          .pci = {ABSENT, HOSTILE},
                                          .pci_count = 2};
    struct error err = {0};
    (void)state;
    return net_eal_start(&config, &report, &err);
}

static int stop(void **state)
{
    (void)state;
    net_eal_stop();
    return 0;
}

static void only_named_devices_are_allowed(void **state)
{
    (void)state;
    assert_non_null(strstr(report.arguments, " -a " ABSENT " "));
    assert_non_null(strstr(report.arguments, " -a 0000:00:00.0 "));
    assert_null(strstr(report.arguments, "--vdev"));
    assert_int_equal(rte_eth_dev_count_avail(), 0);
}

/* Without an IOMMU devices take physical addresses: the bus knows, we don't. */
static void the_bus_chooses_the_kind_of_addresses(void **state)
{
    (void)state;
    assert_null(strstr(report.arguments, "--iova-mode"));
    assert_null(strstr(report.arguments, "--no-pci"));
}

static void a_port_without_its_device_is_refused(void **state)
{
    static const struct {
        const char *device;
        int code;
        const char *says;
    } rows[] = {{ABSENT, -ENODEV, "no PCI device \"" ABSENT "\" here; there are:"},
                {HOSTILE, -EINVAL, "without comma or space"}};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct net_port_config config = {
            .name = "north", .profile = "virtio-pci", .device = rows[i].device, .pool_count = 1};
        struct net_port *ports[NET_QUEUES_MAX] = {0};
        struct error err = {0};
        assert_int_equal(prefix_parse("192.0.2.64/27", &config.pools[0], NULL), 0);
        assert_int_equal(net_port_open(&config, getenv("SEAMLINE_DRIVERS"), ports, NULL, &err),
                         rows[i].code);
        assert_non_null(strstr(err.text, rows[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_named_devices_are_allowed),
        cmocka_unit_test(the_bus_chooses_the_kind_of_addresses),
        cmocka_unit_test(a_port_without_its_device_is_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
